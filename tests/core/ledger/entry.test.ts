import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sameBytes, utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { type AuditEntry, entryBytes, parseEntry, withOrigin } from '../../../src/core/ledger/entry.ts'
import { type EntryKind, entryKinds, isEntryKind } from '../../../src/core/ledger/entry-kinds.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { RefusalCode } from '../../../src/core/refusal/registry.ts'
import { ENTRY } from './entry-sample.ts'

const ORIGIN = { gateway: 'g', sequence: 7, kind: 'entry', item: 'ab'.repeat(32), head: 'cd'.repeat(32) } as const

describe('audit entries', () => {
  test('an entry reads back as itself, with and without an origin', () => {
    for (const entry of [ENTRY, withOrigin(ENTRY, ORIGIN)]) {
      assert.deepEqual(parseEntry(orThrow(entryBytes(entry)), 'e'), entry)
    }
  })

  test('every kind is explained in a sentence, and only those are kinds', () => {
    for (const meaning of Object.values(entryKinds)) assert.match(meaning, /^[A-Z].{10,120}\.$/)
    assert(isEntryKind('campaign-halted'))
    assert(!isEntryKind('constructor') && !isEntryKind('campaign'))
  })

  const json = (change: object): Uint8Array => canonicalJson({ ...ENTRY, ...change } as unknown as Json)
  const rows: [name: string, bytes: Uint8Array, code: RefusalCode][] = [
    ['nothing', new Uint8Array(0), 'entry-malformed'],
    ['no JSON', utf8('{"v":1'), 'entry-malformed'],
    ['an unknown version', json({ v: 2 }), 'entry-version-newer'],
    ['an unknown kind', json({ kind: 'coffee-made' }), 'entry-kind-unknown'],
    ['a kind that is a builtin', json({ kind: 'toString' }), 'entry-kind-unknown'],
    ['a kind that is a number', json({ kind: 4 }), 'entry-malformed'],
    ['an unknown name', json({ mood: 'good' }), 'entry-malformed'],
    ['an unknown actor', json({ actor: { kind: 'ghost', id: 'x' } }), 'entry-malformed'],
    ['an unknown clock', json({ clock: 'sundial' }), 'entry-malformed'],
    ['a sequence of nothing', json({ origin: { ...ORIGIN, sequence: 0 } }), 'entry-malformed'],
    ['a detail that is a list', json({ detail: [1] }), 'entry-malformed'],
    ['a detail too deep', json({ detail: JSON.parse(`${'{"a":'.repeat(12)}1${'}'.repeat(12)}`) }), 'entry-malformed'],
    ['a space between', utf8(new TextDecoder().decode(json({})).replace(',', ', ')), 'entry-not-canonical'],
    ['a number spelt oddly', utf8(new TextDecoder().decode(json({})).replace('60000', '6e4')), 'entry-not-canonical'],
    ['a text that would be written otherwise', json({ detail: { cause: ' probe cells' } }), 'entry-not-canonical'],
    [
      'attack: two names of a detail of which one would be written',
      json({ detail: { '': 1, '\ufeff': 2 } }),
      'entry-not-canonical',
    ],
    ['too many bytes', new Uint8Array(64 * 1024 + 1).fill(32), 'entry-too-large'],
  ]
  for (const [name, bytes, code] of rows) {
    test(`${name} is refused`, () => {
      const refused = parseEntry(bytes, 'entry 3')
      assert(isRefusal(refused))
      // A strict reader may already refuse an odd spelling: then it is malformed.
      if (name === 'a number spelt oddly') assert(['entry-not-canonical', 'entry-malformed'].includes(refused.code))
      else assert.equal(refused.code, code)
    })
  }

  test('attack: a name that is given twice', () => {
    const text = new TextDecoder().decode(json({}))
    const refused = parseEntry(utf8(text.replace('"v":1', '"v":1,"v":1')), 'e')
    assert(isRefusal(refused))
    assert.equal(refused.code, 'entry-malformed')
  })

  test('an odd text from outside does not stop the log', () => {
    const bytes = orThrow(
      entryBytes({ ...ENTRY, detail: { error: 'two\nlines \ud800\u0000', 'odd\nname': [`${'x'.repeat(9000)}`] } }),
    )
    const entry = orThrow(parseEntry(bytes, 'e'))
    assert.equal(entry.detail.error, 'two lines \ufffd')
    assert.deepEqual(Object.keys(entry.detail), ['error', 'odd name'])
    const named = orThrow(entryBytes({ ...ENTRY, detail: JSON.parse('{"__proto__":1}') }))
    assert.deepEqual(orThrow(parseEntry(named, 'e')).detail, { proto: 1 })
  })

  test('an entry that is too large is refused, not cut', () => {
    const detail = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, 'x'.repeat(3900)]))
    const refused = entryBytes({ ...ENTRY, detail })
    assert(isRefusal(refused))
    assert.equal(refused.code, 'entry-too-large')
  })

  test('whatever is written can be read, and bytes have one entry', () => {
    const detail = fc.dictionary(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.oneof(
        fc.maxSafeInteger(),
        fc.string({ unit: 'binary' }),
        fc.boolean(),
        fc.constant(null),
        fc.array(fc.string()),
      ),
      { maxKeys: 6, noNullPrototype: true },
    )
    const kind = fc.constantFrom(...(Object.keys(entryKinds) as EntryKind[]))
    fc.assert(
      fc.property(detail, kind, fc.nat(), (detail, kind, at) => {
        const bytes = orThrow(entryBytes({ ...ENTRY, kind, at: instant(at), detail }))
        const entry = orThrow(parseEntry(bytes, 'e'))
        assert.deepEqual(orThrow(entryBytes(entry)), bytes)
      }),
    )
  })

  test('whatever is read would be written the same, and nothing else is read', () => {
    const word = fc.string({ unit: fc.constantFrom(' ', 'a', 'é', '\u00a0', '\u2028', '"', '\\', '\t'), maxLength: 4 })
    const { tree: detail } = fc.letrec(tie => ({
      tree: fc.dictionary(word, fc.oneof(word, fc.integer(), fc.array(word, { maxLength: 3 }), tie('tree')), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    }))
    fc.assert(
      fc.property(detail, fc.boolean(), (detail, canonical) => {
        const value = { ...ENTRY, detail } as unknown as Json
        const bytes = canonical ? canonicalJson(value) : utf8(JSON.stringify(value))
        const entry = parseEntry(bytes, 'e')
        const written = entryBytes(value as unknown as AuditEntry)
        const isSame = !isRefusal(written) && sameBytes(written, bytes)
        assert.equal(!isRefusal(entry), isSame)
      }),
      { numRuns: 400 },
    )
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sameBytes, utf8 } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, inCanonicalOrder, type Json, JsonFault } from '../../../src/core/encoding/canonical-json.ts'
import { readJson, readSpelledJson } from '../../../src/core/encoding/strict-json.ts'

const MAX = 1 << 20
/** A space in front: such a document is never a plain one, so the strict reader judges it alone. */
const strictly = (text: string): Json | JsonFault => readJson(utf8(` ${text}`), MAX)
const quickly = (text: string): Json | JsonFault => readJson(utf8(text), MAX)

function agree(text: string): void {
  const [quick, strict] = [quickly(text), strictly(text)]
  if (strict instanceof JsonFault) assert.ok(quick instanceof JsonFault, text)
  else {
    assert.deepEqual(quick, strict, text)
    assert.equal(JSON.stringify(quick), JSON.stringify(strict), 'in the same order')
  }
}

describe('plain documents', () => {
  const rows: Record<string, string> = {
    'attack: a name twice': '{"a":1,"a":2}',
    'attack: a name twice, once escaped': '{"a":1,"\\u0061":2}',
    'attack: half of a surrogate pair': '"\\ud800"',
    'attack: a member that is no member to everybody': '{"__proto__":{"a":1}}',
    'attack: the same, deep inside': '[{"a":{"__proto__":[]}}]',
    'attack: a fraction': '{"a":1.5}',
    'attack: a number beyond the safe ones': '{"a":9007199254740993}',
    'attack: a large number in full': '100000000000000000000',
    'attack: minus nothing': '[-0]',
    'attack: too many levels': `${'['.repeat(33)}${']'.repeat(33)}`,
    'attack: far too many levels': `${'['.repeat(60_000)}${']'.repeat(60_000)}`,
    'as many levels as are allowed': `${'['.repeat(32)}${']'.repeat(32)}`,
    'names that are numbers, out of order': '{"b":1,"2":1,"1":1}',
    'names that are numbers, in order': '{"1":1,"2":1,"b":1}',
    'escapes of the usual kind': '{"pem":"a\\nb\\"c\\\\"}',
    'an unusual escape': '"\\/"',
    'white space': '{ "a": 1 }',
    'something behind the end': '{} {}',
    nothing: '',
  }
  for (const [name, text] of Object.entries(rows)) {
    test(`${name}: as the strict reader judges`, () => {
      agree(text)
      if (name.startsWith('attack:')) assert.ok(quickly(text) instanceof JsonFault, 'refused')
    })
  }

  test('any document, as it is written and with a piece of it changed', () => {
    const pieces = fc.constantFrom(
      '"',
      '\\',
      '\\u',
      ',',
      ':',
      '{',
      '}',
      '[',
      ']',
      '0',
      '-',
      '.',
      'e',
      ' ',
      '"a":1,',
      'é',
    )
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.nat(3), pieces, (value, at, gone, piece) => {
        const text = JSON.stringify(value)
        agree(text)
        const place = at % (text.length + 1)
        const changed = text.slice(0, place) + piece + text.slice(place + gone)
        if (changed.isWellFormed()) agree(changed)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('canonical spelling', () => {
  const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>(tie => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.maxSafeInteger(),
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.string({ unit: 'binary', maxLength: 4 }).filter(name => name !== '__proto__'),
        tie('value'),
        { maxKeys: 5, noNullPrototype: true },
      ),
    ),
  })).value

  test('is the same in whatever order the members came, and said of the right documents', () => {
    fc.assert(
      fc.property(value, document => {
        const bytes = canonicalJson(document)
        assert.deepEqual(canonicalJson(inCanonicalOrder(document)), bytes)
        for (const written of [
          bytes,
          utf8(JSON.stringify(document)),
          utf8(JSON.stringify(inCanonicalOrder(document))),
        ]) {
          const read = readSpelledJson(written, MAX)
          const strict = readJson(written, MAX)
          if (strict instanceof JsonFault) assert.ok(read instanceof JsonFault)
          else {
            assert.ok(!(read instanceof JsonFault))
            assert.deepEqual(read.value, strict)
            assert.equal(read.canonical, sameBytes(canonicalJson(strict), written))
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('names with surrogates stand where their code points do, not where UTF-16 has them', () => {
    const [first, last] = ['\uff61', '\u{1f600}']
    assert.ok(last < first, 'by UTF-16')
    const document = { [last]: 1, [first]: 2 }
    assert.equal(new TextDecoder().decode(canonicalJson(document)), `{"${first}":2,"${last}":1}`)
    const read = readSpelledJson(utf8(`{"${last}":1,"${first}":2}`), MAX)
    assert.ok(!(read instanceof JsonFault) && !read.canonical)
  })
})

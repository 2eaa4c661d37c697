import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sameBytes } from '../../../src/core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../../../src/core/encoding/canonical-json.ts'
import { changesOf } from '../../../src/core/encoding/json-changes.ts'

describe('changes between two documents', () => {
  const rows: [name: string, before: Json | undefined, after: Json | undefined, told: string[]][] = [
    ['none', { a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, []],
    ['a member', { a: 1 }, { a: 2 }, ['a: 1 → 2']],
    ['a member that came', { a: 1 }, { a: 1, b: 2 }, ['b: undefined → 2']],
    ['a member that went', { a: 1, b: 2 }, { a: 1 }, ['b: 2 → undefined']],
    ['deep inside', { a: { b: { c: { d: 1 } } } }, { a: { b: { c: { d: 2 } } } }, ['a.b.c.d: 1 → 2']],
    ['a list, as a whole', { a: [1, 2] }, { a: [2, 1] }, ['a: [1,2] → [2,1]']],
    [
      'one target of several',
      { t: { x: { l: 1 } } },
      { t: { x: { l: 1 }, y: { l: 2 } } },
      ['t.y: undefined → {"l":2}'],
    ],
    ['everything, against nothing', {}, { v: 1, t: { x: { l: 1 } } }, ['t.x: undefined → {"l":1}', 'v: undefined → 1']],
    ['an object that is empty', {}, { t: {} }, ['t: undefined → {}']],
    ['null is a value', { a: null }, {}, ['a: null → undefined']],
    ['a member called __proto__', {}, JSON.parse('{"__proto__": 1}'), ['__proto__: undefined → 1']],
    ['an object in the place of a list', { a: {} }, { a: [] }, ['a: {} → []']],
  ]
  for (const [name, before, after, told] of rows) {
    test(name, () => {
      const texts = changesOf(before, after).map(
        change => `${change.path.join('.')}: ${JSON.stringify(change.before)} → ${JSON.stringify(change.after)}`,
      )
      assert.deepEqual(texts, told)
    })
  }

  test('property: there are none exactly when the bytes that would be signed are the same', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).filter(value => isWritable(value as Json)) as fc.Arbitrary<Json>
    fc.assert(
      fc.property(json, json, (a, b) => {
        assert.deepEqual(changesOf(a, a), [])
        assert.equal(changesOf(a, b).length === 0, sameBytes(canonicalJson(a), canonicalJson(b)))
      }),
      { seed: 41, numRuns: 500 },
    )
  })
})

/** Canonical JSON has whole numbers and well-formed texts only. */
function isWritable(value: Json): boolean {
  try {
    canonicalJson(value)
    return true
  } catch {
    return false
  }
}

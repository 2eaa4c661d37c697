import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, type Json, JsonFault } from '../../../src/core/encoding/canonical-json.ts'
import { MAX_DEPTH, readJson, writeJson } from '../../../src/core/encoding/strict-json.ts'

const read = (text: string, limit = 1 << 20): Json | JsonFault => readJson(new TextEncoder().encode(text), limit)
const fault = (text: string): string => {
  const answer = read(text)
  return answer instanceof JsonFault ? answer.message : `no fault: ${JSON.stringify(answer)}`
}

describe('readJson', () => {
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['attack: duplicate JSON keys', '{"a":1,"a":1}', /"a" twice/],
    ['attack: duplicate JSON keys, one of them escaped', '{"a":1,"\\u0061":2}', /"a" twice/],
    ['attack: a key named __proto__', '{"__proto__":{"admin":true}}', /__proto__/],
    ['attack: deep nesting of lists', '['.repeat(1_000_000), /levels/],
    ['attack: deep nesting of objects', '{"a":'.repeat(100_000), /levels/],
    ['a fraction', '1.0', /not whole/],
    ['an exponent', '1e3', /not whole/],
    ['a leading zero', '01', /not whole/],
    ['minus zero', '-0', /safe integers/],
    ['an integer that is not safe', '9007199254740993', /safe integers/],
    ['half of a surrogate pair', '"\\ud800"', /surrogate/],
    ['a control character in a string', '"a\nb"', /control character/],
    ['a string without an end', '"abc', /without an end/],
    ['a string that ends in its escape', '"abc\\', /without an end/],
    ['an unknown escape', '"\\x41"', /escape/],
    ['a trailing comma', '[1,]', /not JSON/],
    ['a missing colon', '{"a" 1}', /colon/],
    ['two documents', '1 2', /after the end/],
    ['nothing', '', /not JSON/],
    ['a byte order mark', '\ufeff{}', /not JSON/],
    ['a word of its own', 'NaN', /not JSON/],
    ['a single quote', "'a'", /not JSON/],
  ]
  for (const [name, text, message] of refused) test(name, () => assert.match(fault(text), message))

  test('refuses what is longer than the limit, and bytes that are not UTF-8', () => {
    assert.ok(read('{}', 2) instanceof Object && !(read('{}', 2) instanceof JsonFault))
    assert.ok(read('{} ', 2) instanceof JsonFault)
    assert.ok(readJson(Uint8Array.of(0x22, 0xff, 0x22), 10) instanceof JsonFault)
  })

  test(`takes exactly ${MAX_DEPTH} levels`, () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    assert.ok(!(read(nested(MAX_DEPTH)) instanceof JsonFault))
    assert.ok(read(nested(MAX_DEPTH + 1)) instanceof JsonFault)
  })

  const value = fc.letrec<{ json: Json }>(tie => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger().map(number => (Object.is(number, -0) ? 0 : number)),
      fc.string({ unit: 'grapheme' }),
      fc.array(tie('json'), { maxLength: 5 }),
      fc
        .array(
          fc.tuple(
            fc.string().filter(name => name !== '__proto__'),
            tie('json'),
          ),
          { maxLength: 5 },
        )
        .map(entries => Object.fromEntries(entries) as Json),
    ),
  })).json

  test('reads what is written, with and without white space', () => {
    fc.assert(
      fc.property(value, json => {
        assert.deepEqual(readJson(writeJson(json), 1 << 20), json)
        assert.deepEqual(read(JSON.stringify(json, null, '\t')), json)
      }),
    )
  })

  test('reads no text in another way than JSON.parse does', () => {
    const text = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0a1-. \ntrue'), maxLength: 24 })
    fc.assert(
      fc.property(text, input => {
        const answer = read(input)
        if (!(answer instanceof JsonFault)) assert.deepEqual(answer, JSON.parse(input))
      }),
      { numRuns: 2000 },
    )
  })

  test('canonical JSON is one spelling: it reads back to the same bytes', () => {
    fc.assert(
      fc.property(value, json => {
        const canonical = canonicalJson(json)
        const again = readJson(canonical, 1 << 20)
        // Canonical JSON does not escape control characters: such a text is signed, but never sent in that form.
        if (!(again instanceof JsonFault)) assert.deepEqual(canonicalJson(again), canonical)
        else assert.match(again.message, /control character/)
      }),
    )
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CsvReader, type CsvRecord, csvField } from '../../../src/core/encoding/csv.ts'

const read = (text: string, pieces = [text.length]): CsvRecord[] => {
  const reader = new CsvReader({ fields: 5, fieldLength: 20 })
  const records: CsvRecord[] = []
  let at = 0
  for (const piece of [...pieces, text.length]) {
    records.push(...reader.push(text.slice(at, at + piece)))
    at += piece
  }
  return [...records, ...reader.end()]
}
const OPEN = 'quotes that nothing closes on their line'
const good = (line: number, ...fields: string[]): CsvRecord => ({ line, fields })
const bad = (line: number, fault: string): CsvRecord => ({ line, fault })

describe('CSV (RFC 4180)', () => {
  const rows: [name: string, text: string, records: CsvRecord[]][] = [
    ['lines that end with CRLF', 'a,b\r\nc,d\r\n', [good(1, 'a', 'b'), good(2, 'c', 'd')]],
    ['lines that end with LF', 'a,b\nc,d\n', [good(1, 'a', 'b'), good(2, 'c', 'd')]],
    ['a last line without an end', 'a,b\r\nc,d', [good(1, 'a', 'b'), good(2, 'c', 'd')]],
    ['empty fields', ',\r\n,,x', [good(1, '', ''), good(2, '', '', 'x')]],
    ['spaces, which are part of a field', ' a , b', [good(1, ' a ', ' b')]],
    ['quoted fields', '"a","b, c","d ""e"""', [good(1, 'a', 'b, c', 'd "e"')]],
    [
      'attack: a quote that nothing closes swallows no line behind its own',
      'a,"b\r\nc,d\r\ne,"f"\r\n"g\nh\n',
      [bad(1, OPEN), good(2, 'c', 'd'), good(3, 'e', 'f'), bad(4, OPEN), good(5, 'h')],
    ],
    ['an empty quoted field', '"",a', [good(1, '', 'a')]],
    ['a byte order mark', '\ufeffa,b', [good(1, 'a', 'b')]],
    ['no record for an empty line', 'a\n\nb\n\n', [good(1, 'a'), good(3, 'b')]],
    [
      'a fault for a quote in a plain field, and goes on behind its line',
      'a"b,c\nd',
      [bad(1, 'a double quote inside a field that is not quoted'), good(2, 'd')],
    ],
    ['a fault for text behind a closing quote', '"a"b\nc', [bad(1, 'text behind a closing quote'), good(2, 'c')]],
    ['a fault for a lone carriage return', 'a\rb\nc', [bad(1, 'a carriage return without a line feed'), good(2, 'c')]],
    ['a fault for quotes that nothing closes before the end', 'a\n"b', [good(1, 'a'), bad(2, OPEN)]],
    ['a fault for too many fields', '1,2,3,4,5,6\na', [bad(1, 'more than 5 fields'), good(2, 'a')]],
    [
      'a fault for a field that is too long',
      `${'x'.repeat(21)}\na`,
      [bad(1, 'a field of more than 20 characters'), good(2, 'a')],
    ],
    ['nothing in nothing', '', []],
  ]
  for (const [name, text, records] of rows) {
    test(`reads ${name}, whole or in pieces`, () => {
      assert.deepEqual(read(text), records)
      assert.deepEqual(
        read(
          text,
          Array.from({ length: text.length }, () => 1),
        ),
        records,
        'one character at a time',
      )
    })
  }

  test('what is written by the rules comes back, however it is cut', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', ' ', 'é'), maxLength: 8 })
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(table, fc.array(fc.nat(7)), (lines, pieces) => {
        const text = lines.map(fields => fields.map(csvField).join(',')).join('\r\n')
        const records = read(text, pieces)
        assert.deepEqual(
          records.map(record => ('fields' in record ? record.fields : record.fault)),
          lines,
        )
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})

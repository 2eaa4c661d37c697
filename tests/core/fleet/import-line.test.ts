import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { instant } from '../../../src/core/encoding/units.ts'
import { readImportHeader, readImportLine } from '../../../src/core/fleet/import-line.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const NOW = instant(5)
const HEADER = 'site,region,controller,class,hardware,version,cabinet,rack,labels'.split(',')
const header = orThrow(readImportHeader(HEADER))
const GOOD = ['quay', 'nl', 'bms-1', 'bms', 'r1', '4.1.0', 'C1', 'Rack 1', 'spare critical']
const row = {
  site: 'quay',
  region: 'nl',
  id: 'bms-1',
  class: 'bms',
  hardware: 'r1',
  cabinet: 'C1',
  rack: 'Rack 1',
  labels: ['critical', 'spare'],
  claim: { version: '4.1.0', at: 5 },
}

describe('a list of controllers', () => {
  test('has a header in any order, with the columns that there are', () => {
    const few = orThrow(readImportHeader([' Hardware', 'class', 'controller', 'REGION', 'site ']))
    assert.deepEqual(few, ['hardware', 'class', 'controller', 'region', 'site'])
    const read = orThrow(readImportLine(few, ['r1', 'bms', 'bms-1', 'nl', 'quay'], 2, NOW))
    assert.deepEqual(read, { ...row, cabinet: null, rack: null, labels: [], claim: null })
  })

  const headers: [fields: string, actual: RegExp][] = [
    ['', /""/],
    ['site,region,controller,class', /no hardware/],
    ['site,region,controller,class,hardware,colour', /"colour"/],
    ['site,region,controller,class,hardware,Site', /site twice/],
    ['quay,nl,bms-1,bms,r1', /"quay"/],
  ]
  for (const [fields, actual] of headers) {
    test(`the header "${fields}" is refused: import-header-malformed`, () => {
      const refusal = readImportHeader(fields.split(','))
      assert.ok(isRefusal(refusal) && refusal.code === 'import-header-malformed')
      assert.match(refusal.actual, actual)
    })
  }

  test('has a controller on each line', () => {
    assert.deepEqual(orThrow(readImportLine(header, GOOD, 2, NOW)), row)
  })

  const lines: [at: number, value: string, expected: RegExp][] = [
    [0, '', /name .* in site/],
    [0, 'Quay', /in site/],
    [1, 'the north', /in region/],
    [2, '../bms', /in controller/],
    [3, '', /in class/],
    [4, 'r 1', /in hardware/],
    [5, '4.1', /in version/],
    [6, 'x'.repeat(65), /in cabinet/],
    [7, 'a\u0007b', /in rack/],
    [8, 'Critical', /in labels/],
    [8, Array.from({ length: 33 }, (_, n) => `l${n}`).join(' '), /32 labels in labels/],
  ]
  for (const [at, value, expected] of lines) {
    test(`"${value.slice(0, 20)}" in ${HEADER[at]} is refused with the line: import-line-malformed`, () => {
      const refusal = readImportLine(header, GOOD.with(at, value), 17, NOW)
      assert.ok(isRefusal(refusal), JSON.stringify(refusal))
      assert.deepEqual([refusal.code, refusal.subject], ['import-line-malformed', 'line 17'])
      assert.match(refusal.expected, expected)
    })
  }

  test('a line of another length is refused', () => {
    for (const fields of [GOOD.slice(1), [...GOOD, 'x'], []]) {
      const refusal = readImportLine(header, fields, 3, NOW)
      assert.ok(isRefusal(refusal) && refusal.actual === String(fields.length))
    }
  })

  test('whatever stands on a line gives a controller or a refusal', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 10 }), fields => {
        const read = readImportLine(header, fields, 2, NOW)
        assert.ok(isRefusal(read) || read.site.length > 0)
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})

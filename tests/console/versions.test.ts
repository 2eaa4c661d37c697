import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { versionGrid } from '../../console/picture/version-grid.ts'
import type { ReleaseView } from '../../src/wire/fleet-views.ts'
import type { VersionsView } from '../../src/wire/inventory-views.ts'

type Count = VersionsView['versions'][number]

const count = (name: string, version: string, controllers: number, said: Count['said'] = 'attested'): Count => ({
  class: name,
  version,
  said: version === '' ? 'nothing' : said,
  controllers,
})

const release = (name: string, version: string): ReleaseView => ({
  path: `${name}/${version}/envelope.suit`,
  class: name,
  version,
  sequence: 1,
  counter: 1,
  hardware: [],
  sha256: '',
  length: 1,
})

describe('versions', () => {
  test('count by class, in the order of versions, with the newest release as the baseline', () => {
    const fleet = [
      count('pcs', '1.9.0', 1),
      count('pcs', '', 1),
      count('bms', '1.9.0', 2000),
      count('bms', '1.10.0', 900),
      count('bms', '1.10.0', 100, 'claimed'),
    ]
    const { columns, rows } = versionGrid(fleet, [release('bms', '1.9.0'), release('bms', '1.10.0')])
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['1.9.0', '1.10.0', 'unknown'],
    )
    assert.deepEqual(
      rows.map(row => [row.class, row.baseline, row.total, row.off]),
      [
        ['bms', '1.10.0', 3000, 2000],
        ['pcs', '1.9.0', 2, 0],
      ],
    )
    assert.deepEqual(
      rows.map(row => row.cells.map(cell => `${cell.count} ${cell.kind} ${cell.claimed}`)),
      [
        ['2000 off 0', '1000 baseline 100', '0 unknown 0'],
        ['1 baseline 0', '0 off 0', '1 unknown 0'],
      ],
    )
    assert.equal(rows[0]?.cells[0]?.share, 2 / 3)
  })

  test('what records claim is no baseline: nobody has attested it', () => {
    const { rows } = versionGrid([count('bms', '1.0.0', 3), count('bms', '9.0.0', 1, 'claimed')], [])
    assert.equal(rows[0]?.baseline, '1.0.0')
  })

  test('a release that nobody runs yet leaves everybody behind it', () => {
    const { rows } = versionGrid([count('bms', '1.0.0', 1)], [release('bms', '2.0.0')])
    assert.deepEqual(
      rows[0]?.cells.map(({ kind }) => kind),
      ['off'],
    )
  })

  test('many versions: the old ones share a column, and nobody is lost', () => {
    const fleet = Array.from({ length: 12 }, (_, at) => count('bms', `1.${at}.0`, at + 1))
    const { columns, rows } = versionGrid(fleet, [])
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['older', '1.6.0', '1.7.0', '1.8.0', '1.9.0', '1.10.0', '1.11.0'],
    )
    assert.equal(
      rows[0]?.cells.reduce((sum, cell) => sum + cell.count, 0),
      78,
    )
  })

  test('nothing of nothing', () => assert.deepEqual(versionGrid([], []), { columns: [], rows: [] }))
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { DIFFERENCES } from '../core/trust/differential/differences.ts'
import { ATTACKS } from '../core/trust/differential/steps.ts'
import { exists, namedIn, rowsOf } from './named-tests.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'trust.md'), 'utf8')
const rows = rowsOf(page)

describe('docs/trust.md', () => {
  for (const { heading, cells } of rows.filter(row => /^(?:TUF|Uptane) \d/.test(row.heading))) {
    test(`${heading}, ${cells[0]}: the tests that show it are there`, () => {
      const tests = namedIn(cells.at(-1) as string)
      assert.ok(tests.length > 0, 'a test')
      for (const one of tests) {
        // The tests of the listed differences are made from their table.
        const planted = DIFFERENCES.some(({ name }) => one.title === `differ as listed: ${name}`)
        assert.ok(planted || exists(one), `${one.file} has no test called ${one.title}`)
      }
    })
  }

  test('has many rows of both standards', () => {
    const of = (name: string) => rows.filter(({ heading }) => heading.startsWith(name)).length
    assert.ok(of('TUF') >= 30 && of('Uptane') >= 20, `${of('TUF')} and ${of('Uptane')}`)
  })

  test('lists the differences from tuf-js that there are, with reasons', () => {
    const told = rows.filter(({ heading }) => heading === 'Compared with tuf-js').map(({ cells }) => cells)
    assert.deepEqual(
      told.map(([name]) => name),
      DIFFERENCES.map(({ name }) => name),
    )
    for (const cells of told) assert.ok(cells.length === 4 && cells.every(cell => cell.length > 1), String(cells[0]))
  })

  test('says in how many ways repositories are attacked', () => {
    assert.match(page, new RegExp(`one of ${Object.keys(ATTACKS).length} ways`))
  })
})

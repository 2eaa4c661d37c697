import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { describe, test } from 'node:test'
import { GUARDS } from '../../scripts/guard-list.ts'
import { exists, type Named, namedIn, rowsOf } from './named-tests.ts'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8')
const rows = rowsOf(page).filter(({ heading }) => /^(?:What a stolen key|What a position|Attacks)/.test(heading))
const named = rows.map(({ cells }) => ({ what: cells[0] as string, tests: namedIn(cells.at(-1) as string) }))

/** What must have a named test. */
const ATTACKS = [
  'eavesdrop',
  'drop request',
  'slow retrieval',
  'freeze',
  'partial bundle',
  'endless data',
  'rollback',
  'fast-forward',
  'mix and match',
  'arbitrary software',
  'wrong device class',
  'altered manifest with intact payload',
  'replayed report',
  'duplicate controller id',
  'cached delegation after its delegator changed',
  'one key under two key ids',
  'integer-like role names reordered',
  'oversized or deeply nested metadata',
  'duplicate JSON or CBOR keys',
  "each repository's keys stolen alone",
  'drill: two of three repositories',
  'drill: a delegated key',
  'drill: the online keys',
  'drill: a device key',
  'drill: the site CA',
]

describe('docs/threat-model.md', () => {
  test('has its three tables, and a row for every attack that must have one', () => {
    assert.ok(rows.length > 50, `${rows.length} rows`)
    const first = rows.filter(({ heading }) => heading.startsWith('Attacks')).map(({ cells }) => cells[0])
    assert.deepEqual(first.slice(0, ATTACKS.length), ATTACKS)
  })

  for (const { what, tests } of named) {
    test(`${what}: its tests are there, one of them is an attack, and guards turn their files red`, () => {
      assert.ok(
        tests.some(({ title }) => title.startsWith('attack: ')),
        'an attack',
      )
      for (const one of tests) {
        assert.ok(exists(one), `${one.file} has no test called ${one.title}`)
        assert.ok(
          GUARDS.some(guard => matchesGlob(one.file, guard.tests)),
          `no guard is missed by ${one.file}`,
        )
      }
    })
  }

  test('leaves no test of a theft out', () => {
    const told = new Set(named.flatMap(({ tests }) => tests.map(({ file, title }) => `${file}: ${title}`)))
    const untold: string[] = []
    for (const file of globSync('tests/threats/*.test.ts', { cwd: root })) {
      const text = readFileSync(join(root, file), 'utf8')
      for (const [, , title] of text.matchAll(/\bit\((['"`])(.+?)\1,/g)) {
        if (!told.has(`${file}: ${title}`)) untold.push(`${file}: ${title}`)
      }
    }
    assert.deepEqual(untold, [])
  })
})

describe('the reader of named tests', () => {
  const here: Named = { file: 'tests/docs/threats.test.ts', title: 'leaves no test of a theft out' }

  test('finds what is there, in the file or in a table that it takes its tests from, and nothing else', () => {
    assert.equal(exists(here), true)
    assert.equal(exists({ ...here, title: 'leaves a test of a theft' + ' out' }), false)
    const title = 'attack: freeze, metadata that has expired'
    assert.equal(exists({ file: 'tests/flows/relay.test.ts', title }), true)
  })

  test('reads rows and cells', () => {
    const table = [
      '## A',
      '| x | y |',
      '|---|---|',
      '| one | `tests/a.test.ts`: b c<br>`tests/d.test.ts`: e |',
      '',
      'text',
    ]
    assert.deepEqual(rowsOf(table.join('\n')), [
      { heading: 'A', cells: ['one', '`tests/a.test.ts`: b c<br>`tests/d.test.ts`: e'] },
    ])
    assert.deepEqual(namedIn('`tests/a.test.ts`: b c<br>`tests/d.test.ts`: e, or not'), [
      { file: 'tests/a.test.ts', title: 'b c' },
      { file: 'tests/d.test.ts', title: 'e, or not' },
    ])
    assert.deepEqual(namedIn('nothing'), [])
  })
})

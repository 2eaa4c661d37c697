import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { instant } from '../../../../src/core/encoding/units.ts'
import { parseUtc } from '../../../../src/core/encoding/utc-time.ts'
import type { AuditEntry } from '../../../../src/core/ledger/entry.ts'
import { parsePeriod, type Query, queryJson, queryShape } from '../../../../src/core/ledger/pack/query.ts'
import { type Cited, select } from '../../../../src/core/ledger/pack/selection.ts'
import { campaignEntries, RELEASE } from '../../../worlds/evidence-log.ts'

const ENTRIES = campaignEntries({ sites: 2, controllers: 2, months: 2 })
const all = (entries: readonly AuditEntry[]) => entries.map((entry, index) => [index, entry] as const)
const cite = (query: Query, entries: readonly AuditEntry[] = ENTRIES): Cited[] => select(query, all(entries))
const at = (text: string) => parseUtc(text) ?? assert.fail(text)
const kindsOf = (cited: readonly Cited[], why: Cited['why']): string[] =>
  [...new Set(cited.filter(one => one.why === why).map(({ entry }) => entry.kind))].sort()

describe('select', () => {
  test('without a question the whole log is asked for', () => {
    const cited = cite({})
    assert.equal(cited.length, ENTRIES.length)
    assert.ok(cited.every(({ why }) => why === 'asked'))
  })

  test('of a site: its events, the plans of its campaigns, its releases, and the server', () => {
    const cited = cite({ sites: ['harbour-1'] })
    assert.ok(cited.every(({ entry }) => entry.site === undefined || entry.site === 'harbour-1'))
    assert.deepEqual(kindsOf(cited, 'campaign'), [
      'approval-signed',
      'campaign-approved',
      'campaign-created',
      'campaign-done',
      'campaign-started',
      'wave-opened',
      'wave-passed',
    ])
    assert.deepEqual(kindsOf(cited, 'release'), ['release-published'])
    assert.deepEqual(kindsOf(cited, 'server'), ['access-granted', 'access-refused', 'log-opened'])
  })

  test('of a change request: its campaigns, also entries that do not bear it themselves', () => {
    const cited = cite({ changeRequest: 'CHG-202602' })
    const reports = cited.filter(({ entry }) => entry.kind === 'controller-report')
    assert.equal(reports.length, 4)
    assert.ok(reports.every(({ entry, why }) => entry.changeRequest === undefined && why === 'asked'))
    assert.ok(cited.every(({ entry }) => entry.campaign === undefined || entry.campaign === 'spring-2'))
    assert.deepEqual(kindsOf(cited, 'server'), [])
  })

  test('of a release: what was done with it, and not with another', () => {
    const other = 'ab'.repeat(32)
    const entries = ENTRIES.map(entry =>
      entry.kind === 'controller-assigned' && entry.controller === 'bms-2' ? { ...entry, release: other } : entry,
    )
    const cited = cite({ release: RELEASE }, entries).filter(({ why }) => why === 'asked')
    assert.ok(cited.some(({ entry }) => entry.kind === 'controller-confirmed'))
    assert.ok(cited.every(({ entry }) => entry.controller !== 'bms-2'))
  })

  test('a period begins with its first moment and ends before its last one', () => {
    const from = ENTRIES[10]?.at ?? instant(0)
    const to = ENTRIES[14]?.at ?? instant(0)
    const asked = cite({ from, to }).filter(({ why }) => why === 'asked')
    assert.deepEqual(
      asked.map(({ index }) => index),
      [10, 11, 12, 13],
    )
  })

  test('the plan and the approvals of a campaign come along, however long before', () => {
    const cited = cite({ from: at('2026-04-01T06:10:00Z'), sites: ['harbour-2'] })
    const before = cited.filter(({ entry }) => entry.at < at('2026-04-01T06:10:00Z'))
    assert.ok(before.length > 0)
    assert.ok(before.every(({ why }) => why === 'campaign' || why === 'release'))
  })

  test('law: selecting from the cited events alone cites the same ones for the same reasons', () => {
    const moment = fc.integer({ min: 0, max: ENTRIES.length - 1 }).map(index => ENTRIES[index]?.at ?? instant(0))
    const query: fc.Arbitrary<Query> = fc.record(
      {
        sites: fc.constantFrom(['harbour-1'], ['harbour-1', 'harbour-2'], ['nowhere']),
        from: moment,
        to: moment,
        changeRequest: fc.constantFrom('CHG-202601', 'CHG-202602', 'none'),
        release: fc.constantFrom(RELEASE, 'ab'.repeat(32)),
      },
      { requiredKeys: [] },
    )
    const assigned = fc.array(fc.boolean(), { minLength: ENTRIES.length, maxLength: ENTRIES.length })
    fc.assert(
      fc.property(query, assigned, (asked, others) => {
        // Some turns are for another release, and some entries name none.
        const entries = ENTRIES.map(
          (entry, index): AuditEntry =>
            entry.kind === 'controller-assigned' && others[index] === true
              ? { ...entry, release: 'ab'.repeat(32) }
              : entry,
        )
        const cited = cite(asked, entries)
        assert.deepEqual(
          select(
            asked,
            cited.map(({ index, entry }) => [index, entry] as const),
          ),
          cited,
        )
      }),
      { numRuns: 200 },
    )
  })
})

describe('a period', () => {
  const rows: readonly (readonly [written: string, read: Query | null])[] = [
    ['2026-01-01/2026-01-31', { from: at('2026-01-01T00:00:00Z'), to: at('2026-02-01T00:00:00Z') }],
    ['2024-02-29/2024-02-29', { from: at('2024-02-29T00:00:00Z'), to: at('2024-03-01T00:00:00Z') }],
    ['2026-01-01T06:00:00Z/2026-01-01T07:00:00Z', { from: at('2026-01-01T06:00:00Z'), to: at('2026-01-01T07:00:00Z') }],
    ['2026-01-01/', { from: at('2026-01-01T00:00:00Z') }],
    ['/2026-01-01', { to: at('2026-01-02T00:00:00Z') }],
    ['2026-02-01/2026-01-01', null],
    ['2026-02-30/2026-03-01', null],
    ['2026-01-01', null],
    ['/', null],
    ['a/b', null],
    ['2026-01-01/2026-01-02/2026-01-03', null],
    ['2026-01-01T06:00:00+01:00/', null],
  ]
  for (const [written, read] of rows) {
    test(`${written}: ${read === null ? 'is none' : 'is one'}`, () => {
      assert.deepEqual(parsePeriod(written), read)
      if (read !== null) assert.deepEqual(queryShape(queryJson(read), ''), read)
    })
  }
})

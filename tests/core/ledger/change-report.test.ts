import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../../src/core/encoding/units.ts'
import { type Change, changeReport, changeReportCsv } from '../../../src/core/ledger/change-report.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'

const T0 = Date.UTC(2026, 2, 1, 1)
const OEM = 'ab'.repeat(32)
const PERSON = { kind: 'person', id: 'ines' } as const

/** An entry of campaign `spring`, so many seconds after its beginning. */
const entry = (seconds: number, kind: AuditEntry['kind'], more: Partial<AuditEntry> = {}): AuditEntry => ({
  v: 1,
  kind,
  at: instant(T0 + seconds * 1000),
  clock: 'synchronised',
  actor: { kind: 'fleet', id: 'north' },
  campaign: 'spring',
  detail: {},
  ...more,
})
const of = (controller: string) => ({ site: 'hall', controller, release: OEM })
const report = (seconds: number, controller: string, detail: AuditEntry['detail']): AuditEntry => {
  const { campaign: _, ...plain } = entry(seconds, 'controller-report', { site: 'hall', controller, detail })
  return plain
}
const assigned = (seconds: number, controller: string) =>
  entry(seconds, 'controller-assigned', {
    ...of(controller),
    detail: { from: '1.0.0', path: 'ups/1.1.0/envelope.suit', wave: 0 },
  })
const created = entry(0, 'campaign-created', {
  actor: PERSON,
  changeRequest: 'CHG-7',
  detail: { title: 'Patch', criticality: 'security', sha256: 'cd'.repeat(32) },
})
const OURS = { assignment: 'spring/abababababababab/1', slot: 'b', counter: 2 }

const LOG: readonly AuditEntry[] = [
  created,
  entry(1, 'approval-signed', { actor: { ...PERSON, id: 'omar', key: 'aabbccdd' } }),
  entry(1, 'campaign-approved', { actor: { ...PERSON, id: 'omar', key: 'aabbccdd' } }),
  entry(2, 'campaign-started', { actor: PERSON }),
  assigned(3, 'ups-1'),
  assigned(3, 'ups-2'),
  entry(4, 'activation-granted', of('ups-1')),
  report(5, 'ups-1', { ...OURS, event: 'boot', version: '1.1.0', sequence: 4 }),
  report(6, 'ups-1', { ...OURS, event: 'confirmed', version: '1.1.0', sequence: 5 }),
  entry(6, 'controller-confirmed', { ...of('ups-1'), detail: { report: 5 } }),
  entry(7, 'activation-granted', of('ups-2')),
  report(8, 'ups-2', { ...OURS, event: 'reverted', version: '1.0.0', slot: 'a', counter: 1, sequence: 9 }),
  entry(8, 'controller-failed', { ...of('ups-2'), detail: { result: 'reverted', report: 9 } }),
  report(9, 'ups-1', { event: 'boot', version: '9.9.9', sequence: 6 }),
  report(9, 'ups-1', {
    ...OURS,
    assignment: 'summer/abababababababab/1',
    event: 'boot',
    version: '9.9.9',
    sequence: 7,
  }),
  entry(10, 'campaign-done'),
]

const change = (log: readonly AuditEntry[], controller: string): Change | undefined =>
  changeReport(log, 'spring')?.changes.find(one => one.controller === controller)

describe('the change report of a campaign', () => {
  it('says who asked, who allowed it, and what became of each controller', () => {
    const told = changeReport(LOG, 'spring')
    assert(told !== null)
    const { changes, ...heads } = told
    assert.deepEqual(heads, {
      campaign: 'spring',
      changeRequest: 'CHG-7',
      title: 'Patch',
      criticality: 'security',
      plan: 'cd'.repeat(32),
      created: { at: T0, by: 'ines', key: null },
      approvals: [{ at: T0 + 1000, by: 'omar', key: 'aabbccdd' }],
      approved: T0 + 1000,
      started: { at: T0 + 2000, by: 'ines', key: null },
      ended: { at: T0 + 10_000, how: 'done', reason: null },
      clocks: ['synchronised'],
    })
    const common = { site: 'hall', from: '1.0.0', wanted: '1.1.0', release: OEM, ordered: T0 + 3000, attempts: 1 }
    assert.deepEqual(changes, [
      {
        ...common,
        ...{ controller: 'ups-1', now: '1.1.0', granted: T0 + 4000, ended: T0 + 6000, outcome: 'confirmed', why: null },
        ...{ report: 5, slot: 'b', counter: 2 },
      },
      {
        ...common,
        ...{
          controller: 'ups-2',
          now: '1.0.0',
          granted: T0 + 7000,
          ended: T0 + 8000,
          outcome: 'failed',
          why: 'reverted',
        },
        ...{ report: 9, slot: 'a', counter: 1 },
      },
    ])
  })
  it('follows a controller over a second attempt, a late recovery, and a halt', () => {
    const again = [...LOG.slice(0, -1), assigned(20, 'ups-2')]
    const { outcome, attempts, from, ordered, ended } = change(again, 'ups-2') as Change
    assert.deepEqual([outcome, attempts, from, ordered, ended], ['open', 2, '1.0.0', T0 + 3000, null])
    const late = [
      ...LOG,
      report(30, 'ups-2', { ...OURS, event: 'confirmed', version: '1.1.0', sequence: 10 }),
      entry(30, 'controller-recovered', of('ups-2')),
    ]
    const recovered = change(late, 'ups-2') as Change
    assert.deepEqual(
      [recovered.outcome, recovered.now, recovered.why, recovered.report],
      ['confirmed', '1.1.0', null, 10],
    )
    const halted = [...LOG.slice(0, 6), entry(5, 'campaign-halted', { detail: { by: 'person', reason: 'storm' } })]
    assert.equal(change(halted, 'ups-1')?.outcome, 'taken-back')
    assert.deepEqual(changeReport(halted, 'spring')?.ended, { at: T0 + 5000, how: 'halted', reason: 'storm' })
  })
  it('says why one failed: by its code where it has one', () => {
    const refused = entry(8, 'controller-failed', {
      ...of('ups-2'),
      detail: { result: 'refused', report: 9, code: 'image-too-large' },
    })
    assert.equal(change([...LOG.slice(0, 12), refused], 'ups-2')?.why, 'image-too-large')
  })
  it('knows no campaign that the log does not tell of, and takes nothing from another', () => {
    assert.equal(changeReport(LOG, 'summer'), null)
    const other = { ...assigned(5, 'ups-3'), campaign: 'summer' }
    assert.equal(change([...LOG, other], 'ups-3'), undefined)
  })
})

describe('the change report as CSV', () => {
  it('has a line for each controller, times in UTC, nothing where nothing is', () => {
    const report = changeReport([...LOG.slice(0, 6)], 'spring')
    assert(report !== null)
    const [head, first, ...rest] = changeReportCsv(report).split('\r\n')
    const heads = head?.split(',') ?? []
    const cells = first?.split(',') ?? []
    assert.equal(cells.length, heads.length)
    const cell = (name: string) => cells[heads.indexOf(name)]
    assert.deepEqual(['change request', 'approved by', 'controller', 'ordered', 'granted', 'outcome'].map(cell), [
      'CHG-7',
      'omar',
      'ups-1',
      '2026-03-01T01:00:03Z',
      '',
      'open',
    ])
    assert.deepEqual(rest.length, 2, 'another controller, and the end of the last line')
  })
  it('attack: a text that a spreadsheet would reckon with stays a text, and quotes hold', () => {
    const log = [{ ...created, changeRequest: '=HYPERLINK("http://x","CHG, 1")' }, ...LOG.slice(1)]
    const report = changeReport(log, 'spring')
    assert(report !== null)
    const line = changeReportCsv(report).split('\r\n')[1] ?? ''
    assert.ok(line.startsWith(`spring,"'=HYPERLINK(""http://x"",""CHG, 1"")",`), line)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import type { AuditEntry, EntryOrigin } from '../../../src/core/ledger/entry.ts'
import { headsOf, noOrigins, passOver, type SequenceBreak, unjudgedIn } from '../../../src/core/ledger/origins.ts'
import { MAX_STRETCHES, MAX_UNJUDGED, PassedOver, type Unjudged } from '../../../src/core/ledger/passed-over.ts'
import { takeOrigin } from '../../../src/core/ledger/take-origin.ts'
import { crypto, STEPS, type Step, toldLog } from './told-log.ts'

/** What sites told is judged again behind entries that are not at hand, and never called judged where it is not. */

const step = fc.record({
  what: fc.constantFrom(...STEPS),
  site: fc.nat(1),
  device: fc.nat(1),
  n: fc.integer({ min: 1, max: 4 }),
})
const script = fc.array(step, { minLength: 4, maxLength: 40 })
/** Where stretches begin and end: each is a share of the log. */
const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 })

type Found = { code: string; index: number }
type Judged = {
  findings: Found[]
  breaks: readonly SequenceBreak[]
  heads: ReturnType<typeof headsOf>
  unjudged: readonly Unjudged[]
  stretches: readonly { from: number; to: number }[]
}

function judge(
  entries: readonly AuditEntry[],
  isAway: (index: number) => boolean = () => false,
  signatures = true,
): Judged {
  const so = noOrigins(signatures)
  const findings: Found[] = []
  for (const [index, entry] of entries.entries()) {
    if (isAway(index)) passOver(so, index)
    else findings.push(...takeOrigin(crypto, so, entry, index).map(({ code }) => ({ code, index })))
  }
  const heads = headsOf(so)
  return { findings, breaks: so.breaks, heads, unjudged: unjudgedIn(so).kept, stretches: so.passed.stretches }
}

const awayIn = (size: number, shares: readonly number[]) => {
  const at = shares.map(share => Math.floor(share * size)).sort((a, b) => a - b)
  return (index: number): boolean => at.filter(start => start <= index).length % 2 === 1
}

/** What somebody who has the key of the log does to it. */
const LIES: Record<string, (entries: readonly AuditEntry[], at: number) => AuditEntry[]> = {
  'takes an entry out': (entries, at) => entries.toSpliced(at, 1),
  'puts an entry in twice': (entries, at) => entries.toSpliced(at, 0, entries[at] as AuditEntry),
  'puts an entry further on': (entries, at) => [
    ...entries.slice(0, at),
    ...entries.slice(at + 1, at + 3),
    entries[at] as AuditEntry,
    ...entries.slice(at + 3),
  ],
  'keeps silent about breaks': (entries, at) => entries.with(at, changed(entries[at] as AuditEntry, { breaks: [] })),
  'says a break that is none': (entries, at) =>
    entries.with(at, changed(entries[at] as AuditEntry, { breaks: [{ code: 'history-gap', from: 1, to: 900 }] })),
  'changes a signature': (entries, at) =>
    entries.with(at, changed(entries[at] as AuditEntry, { sig: '00'.repeat(32) })),
  'changes what an entry says': (entries, at) => entries.with(at, changed(entries[at] as AuditEntry, { n: 77 })),
}
const changed = (entry: AuditEntry, detail: JsonObject): AuditEntry => ({
  ...entry,
  detail: { ...entry.detail, ...detail },
})

const sequencesOf = ({ origin, site, controller }: AuditEntry): string[] => [
  ...(origin === undefined ? [] : [`${origin.gateway}/`]),
  ...(site === undefined || controller === undefined ? [] : [`${site}/${controller}`]),
]
const nameOf = ({ site, controller }: Unjudged): string => `${site}/${controller ?? ''}`

describe('behind entries that are not at hand', () => {
  it('a log that says what breaks stays without findings, whatever is passed over; its breaks are those of the entries at hand', () => {
    fc.assert(
      fc.property(script, shares, fc.boolean(), (steps, shares, signatures) => {
        const log = toldLog(steps as Step[])
        const isAway = awayIn(log.length, shares)
        const whole = judge(log, undefined, signatures)
        assert.deepEqual(whole.findings, [])
        assert.deepEqual([whole.unjudged, whole.stretches], [[], []])
        const part = judge(log, isAway, signatures)
        assert.deepEqual(part.findings, [])
        const atHand = (one: SequenceBreak): boolean => !isAway(one.entry)
        assert.deepEqual(
          part.breaks.filter(one => one.code !== 'history-withheld'),
          whole.breaks.filter(atHand).filter(one => one.code !== 'history-withheld'),
        )
        // One that was mended in what was passed over is still open for who has not read that.
        for (const one of whole.breaks.filter(atHand)) assert.ok(part.breaks.some(other => other.entry === one.entry))
      }),
      { numRuns: 400 },
    )
  })

  it('the heads of gateways are those of the whole log, or left out and said not to be judged', () => {
    fc.assert(
      fc.property(script, shares, (steps, shares) => {
        const log = toldLog(steps as Step[])
        const [whole, part] = [judge(log), judge(log, awayIn(log.length, shares))]
        for (const [gateway, head] of Object.entries(part.heads)) assert.deepEqual(head, whole.heads[gateway])
        for (const { site, controller, again } of part.unjudged) {
          if (controller === null) assert.equal(Object.hasOwn(part.heads, site), again !== null)
        }
      }),
    )
  })

  it('attack: whatever is wrong with a sequence is found, or the sequence is named as not judged', () => {
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(script, shares, fc.constantFrom(...Object.keys(LIES)), fc.nat(), (steps, shares, lie, place) => {
        const honest = toldLog(steps as Step[])
        const log = (LIES[lie] as (typeof LIES)[string])(honest, place % honest.length)
        const isAway = awayIn(log.length, shares)
        const [whole, part] = [judge(log), judge(log, isAway)]
        if (whole.findings.length === 0) return assert.deepEqual(part.findings, [])
        if (part.findings.length > 0) seen.set(lie, (seen.get(lie) ?? 0) + 1)
        const named = new Set(part.unjudged.map(nameOf))
        for (const { code, index } of whole.findings) {
          const isFound = part.findings.length > 0
          const isSaid = isAway(index) || sequencesOf(log[index] as AuditEntry).some(name => named.has(name))
          assert.ok(isFound || isSaid, `${lie}: ${code} in entry ${index}`)
        }
      }),
      { numRuns: 600, seed: 6 },
    )
    // With a seed of its own, so that each of them is among those that were tried.
    for (const lie of Object.keys(LIES)) assert.ok((seen.get(lie) ?? 0) > 0, `${lie}: never found behind a stretch`)
  })

  it('attack: what is wrong with a sequence that was taken up again is found at the same entry as with the archive', () => {
    fc.assert(
      fc.property(script, script, fc.constantFrom(...Object.keys(LIES)), fc.nat(), (first, then, lie, place) => {
        // Behind the stretch each sequence is taken up: its gateway says something, each controller tells and reports.
        const taking = [0, 1].flatMap(site => [
          ...[0, 1].flatMap(device =>
            (['register', 'tell', 'report', 'tell', 'report'] as const).map(what => ({ what, site, device, n: 1 })),
          ),
          { what: 'own' as const, site, device: 0, n: 1 },
        ])
        const away = toldLog(first as Step[]).length
        const before = toldLog([...first, ...taking] as Step[]).length
        const honest = toldLog([...first, ...taking, ...then] as Step[])
        const at = before + (place % Math.max(1, honest.length - before))
        if (at >= honest.length) return
        const log = (LIES[lie] as (typeof LIES)[string])(honest, at)
        const [whole, part] = [judge(log), judge(log, index => index < away)]
        const isIn = (list: readonly Found[], one: Found): boolean =>
          list.some(({ code, index }) => code === one.code && index === one.index)
        assert.ok(part.findings.every(one => isIn(whole.findings, one)))
        // Whether it was said in what was passed over that decisions were withheld is the one thing that stays in doubt, and counted.
        for (const one of whole.findings.filter(one => !isIn(part.findings, one))) {
          const names = sequencesOf(log[one.index] as AuditEntry)
          assert.equal(one.code, 'log-break-unsaid')
          assert.ok(
            part.unjudged.some(other => names.includes(nameOf(other)) && other.doubtful > 1),
            `in entry ${one.index}`,
          )
        }
        assert.deepEqual(part.stretches, away === 0 ? [] : [{ from: 0, to: away - 1 }])
      }),
      { numRuns: 600 },
    )
  })

  const own = { what: 'own', site: 0, device: 0, n: 1 } as const
  const tell = { what: 'tell', site: 0, device: 0, n: 2 } as const
  const report = { what: 'report', site: 0, device: 0, n: 1 } as const
  type Row = { name: string; log: AuditEntry[]; away: number[]; codes: string[]; unjudged: Unjudged[] }
  const quay = { site: 'quay', controller: null, doubtful: 0 }
  const c0 = { site: 'quay', controller: 'c0', doubtful: 0 }
  // Without the entry of the registration.
  const owns = toldLog(Array.from({ length: 8 }, () => own)).slice(1)
  // The first entry is that of the registration.
  const tells = toldLog([tell, tell, tell, tell, tell])
  const withSequence = (entry: AuditEntry, sequence: number): AuditEntry => ({
    ...entry,
    origin: { ...(entry.origin as EntryOrigin), sequence },
  })
  const rows: Row[] = [
    {
      name: 'a gateway is taken up again, and the numbers between are said',
      log: owns,
      away: [2, 3, 5],
      codes: [],
      unjudged: [{ ...quay, again: 6, numbers: { count: 3, from: 3, to: 6 } }],
    },
    {
      name: 'a gateway of which nothing was in what was passed over is judged whole',
      log: [...owns.slice(0, 4), ...toldLog([{ ...own, site: 1 }]).slice(1), ...owns.slice(4)],
      away: [4],
      codes: [],
      unjudged: [],
    },
    {
      name: 'attack: a gap behind what was passed over',
      log: owns.toSpliced(6, 1),
      away: [2],
      codes: ['log-origin-gap in 6'],
      unjudged: [{ ...quay, again: 3, numbers: { count: 1, from: 3, to: 3 } }],
    },
    {
      name: 'attack: entries in another order behind it',
      log: [...owns.slice(0, 5), owns[6] as AuditEntry, owns[5] as AuditEntry, ...owns.slice(7)],
      away: [2],
      codes: ['log-origin-gap in 5', 'log-origin-repeated in 6'],
      unjudged: [{ ...quay, again: 3, numbers: { count: 1, from: 3, to: 3 } }],
    },
    {
      name: 'attack: an entry from in front of it comes again behind it',
      log: [...owns.slice(0, 4), owns[1] as AuditEntry, ...owns.slice(4)],
      away: [2],
      codes: ['log-origin-repeated in 4'],
      unjudged: [{ ...quay, again: 3, numbers: { count: 1, from: 3, to: 3 } }],
    },
    {
      name: 'attack: another head behind the last number that was known',
      log: owns.with(2, withSequence(owns[3] as AuditEntry, 2)),
      away: [1],
      codes: ['log-origin-forked in 2', 'log-origin-gap in 3'],
      unjudged: [],
    },
    {
      name: 'attack: an entry that its gateway did not sign is the first one behind it',
      log: owns.with(4, changed(owns[4] as AuditEntry, { n: 9 })),
      away: [2, 3],
      codes: ['log-origin-forked in 4'],
      unjudged: [{ ...quay, again: 4, numbers: { count: 2, from: 3, to: 4 } }],
    },
    {
      name: 'a gateway of which nothing comes any more is not said to be judged',
      log: owns,
      away: [6, 7],
      codes: [],
      unjudged: [{ ...quay, again: null, numbers: null }],
    },
    {
      name: 'a history is taken up again, and the decisions between are said',
      log: tells,
      away: [2],
      codes: [],
      unjudged: [
        { ...quay, again: 3, numbers: { count: 1, from: 2, to: 2 } },
        { ...c0, again: 3, numbers: { count: 2, from: 3, to: 4 } },
      ],
    },
    {
      name: 'a history that goes on by the digest of what was told before has nothing that is not judged',
      log: [...tells.slice(0, 3), ...toldLog([{ ...own, site: 1 }]).slice(1), ...tells.slice(3)],
      away: [3],
      codes: [],
      unjudged: [],
    },
    {
      name: 'a signature by a key that may have been registered in what was passed over is in doubt',
      log: tells,
      away: [0],
      codes: [],
      unjudged: [{ ...c0, again: 1, numbers: null, doubtful: 5 }],
    },
    {
      name: 'attack: a signature that does not hold, behind one that does',
      log: tells.with(5, changed(tells[5] as AuditEntry, { sig: '00'.repeat(32) })),
      away: [2],
      codes: ['log-origin-forked in 5', 'history-signature-invalid in 5'],
      unjudged: [
        { ...quay, again: 3, numbers: { count: 1, from: 2, to: 2 } },
        { ...c0, again: 3, numbers: { count: 2, from: 3, to: 4 } },
      ],
    },
    {
      name: 'attack: a statement from in front of it comes again behind it',
      log: [...tells.slice(0, 4), { ...(tells[1] as AuditEntry), origin: undefined as never }],
      away: [3],
      codes: ['history-replayed in 4'],
      unjudged: [
        { ...quay, again: null, numbers: null },
        { ...c0, again: null, numbers: null },
      ],
    },
    {
      name: 'whether a report attests more than was told is in doubt until the history is taken up',
      log: toldLog([tell, report, tell, report, tell, report, report]),
      away: [3],
      codes: [],
      unjudged: [
        { ...quay, again: 4, numbers: { count: 1, from: 3, to: 3 } },
        { ...c0, again: 5, numbers: { count: 2, from: 3, to: 4 }, doubtful: 1 },
      ],
    },
  ]
  for (const { name, log, away, codes, unjudged } of rows) {
    it(name, () => {
      const entries = log.map(({ origin, ...rest }) => (origin === undefined ? rest : { ...rest, origin }))
      const { findings, unjudged: found } = judge(entries, index => away.includes(index))
      assert.deepEqual(
        findings.map(({ code, index }) => `${code} in ${index}`),
        codes,
      )
      assert.deepEqual(found, unjudged)
    })
  }

  it('attack: a range of nothing that a fleet says it lost puts no other head in the place of the one that is known', () => {
    const head = '00'.repeat(32)
    const said = {
      ...toldLog([{ ...own, what: 'forget' }])[1],
      detail: { lost: { from: 4, to: 3, head } },
    } as AuditEntry
    assert.deepEqual(judge([...owns.slice(0, 3), said, ...owns.slice(3)]).findings, [])
  })

  it('keeps so many stretches and sequences, and counts the rest', () => {
    const passed = new PassedOver()
    for (let at = 0; at < 2 * (MAX_STRETCHES + 5); at += 2) passed.add(at)
    assert.deepEqual([passed.stretches.length, passed.count, passed.entries], [MAX_STRETCHES, 105, 105])
    for (let n = 0; n < MAX_UNJUDGED + 3; n += 1) passed.doubts({ site: 'quay', controller: `c${n}` })
    const { kept, more } = passed.unjudged([{ site: 'quay', controller: null }])
    assert.deepEqual([kept.length, more, kept[0]?.controller], [MAX_UNJUDGED, 4, null])
  })
})

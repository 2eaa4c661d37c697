import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import {
  atLeast,
  decideHealth,
  type HealthState,
  openHealth,
  type Readings,
} from '../../../src/core/slot/health-machine.ts'
import {
  decideInstall,
  type InstallEvent,
  type InstallState,
  keptChunks,
} from '../../../src/core/slot/install-machine.ts'
import { faultOf } from '../../../src/core/slot/layout.ts'
import { SMALL } from '../../sim/bench-board.ts'

const SPEC = { windowMillis: 8_000, probes: ['ems', 'cells'] }
const PASS: Readings = { ems: 'pass', cells: 'pass' }

/** Plays rounds of [milliseconds since the start, readings]. */
function play(rounds: readonly (readonly [number, Readings])[], spec = SPEC): HealthState {
  return rounds.reduce<HealthState>(
    (state, [at, readings]) => decideHealth(state, { kind: 'readings', now: instant(at), readings }),
    openHealth(spec, instant(0)),
  )
}

const every = (millis: number, until: number, readings: (at: number) => Readings) =>
  Array.from({ length: until / millis }, (_, index) => [(index + 1) * millis, readings((index + 1) * millis)] as const)

describe('the least that a device asks of every trial', () => {
  const rows = [
    ['a release that asks for more', { windowMillis: 9, probes: ['a'] }, { windowMillis: 5, probes: [] }, 9, ['a']],
    ['one that asks for nothing', { windowMillis: 1, probes: [] }, { windowMillis: 5, probes: ['b'] }, 5, ['b']],
    [
      'one that asks for other probes',
      { windowMillis: 9, probes: ['a'] },
      { windowMillis: 5, probes: ['b'] },
      9,
      ['a', 'b'],
    ],
    ['one that asks for the same', { windowMillis: 5, probes: ['b'] }, { windowMillis: 5, probes: ['b'] }, 5, ['b']],
  ] as const
  for (const [name, asked, least, windowMillis, probes] of rows) {
    it(`holds for ${name}`, () => assert.deepEqual(atLeast(asked, least), { windowMillis, probes }))
  }
})

describe('the health window', () => {
  type Row = { name: string; rounds: readonly (readonly [number, Readings])[]; at: string; cause?: string }
  const rows: Row[] = [
    { name: 'passes throughout', rounds: every(1_000, 8_000, () => PASS), at: 'healthy' },
    { name: 'is not over early', rounds: every(1_000, 7_000, () => PASS), at: 'watching' },
    {
      name: 'forgives links that come back',
      rounds: every(1_000, 8_000, at => (at <= 2_000 ? { ...PASS, ems: 'fail' } : PASS)),
      at: 'healthy',
    },
    {
      name: 'ends at a later failure',
      rounds: every(1_000, 3_000, at => (at === 3_000 ? { ...PASS, ems: 'fail' } : PASS)),
      at: 'unhealthy',
      cause: 'probe-failed ems',
    },
    {
      name: 'fails a silent probe',
      rounds: every(1_000, 8_000, () => ({ ems: 'pass' })),
      at: 'unhealthy',
      cause: 'probe-silent cells',
    },
    {
      name: 'fails a probe that fell silent',
      rounds: every(1_000, 8_000, at => (at > 4_000 ? { ems: 'pass' } : PASS)),
      at: 'unhealthy',
      cause: 'probe-silent cells',
    },
    {
      name: 'counts no time by a clock that says no number',
      rounds: [...every(1_000, 4_000, () => PASS), [Number.NaN, PASS], ...every(1_000, 4_000, () => PASS)],
      at: 'watching',
    },
    {
      name: 'does not believe a leap of the clock',
      rounds: [
        [1_000, PASS],
        [900_000, PASS],
      ],
      at: 'watching',
    },
    {
      name: 'counts a clock set back as no time',
      rounds: [...every(1_000, 4_000, () => PASS), [-90_000, PASS], [-89_000, PASS]],
      at: 'watching',
    },
    {
      name: 'does not ask foreign probes',
      rounds: every(1_000, 8_000, () => ({ ...PASS, other: 'fail', constructor: 'fail' }) as unknown as Readings),
      at: 'healthy',
    },
  ]
  for (const { name, rounds, at, cause } of rows) {
    it(name, () => {
      const state = play(rounds)
      assert.equal(state.at, at)
      if (state.at === 'unhealthy') assert.equal(state.cause, cause)
    })
  }

  it('is final', () => {
    const healthy = play(every(1_000, 8_000, () => PASS))
    assert.equal(decideHealth(healthy, { kind: 'readings', now: instant(9_000), readings: { ems: 'fail' } }), healthy)
    const unhealthy = play([...every(1_000, 3_000, () => ({ ...PASS, ems: 'fail' as const }))])
    assert.equal(unhealthy.at, 'unhealthy')
    assert.equal(decideHealth(unhealthy, { kind: 'time', now: instant(99_000) }), unhealthy)
  })

  it('fails by time alone', () => {
    let state = openHealth(SPEC, instant(0))
    for (let at = 1_000; at <= 8_000; at += 1_000) state = decideHealth(state, { kind: 'time', now: instant(at) })
    assert.deepEqual(state, { at: 'unhealthy', cause: 'probe-silent ems' })
  })
})

describe('an installation', () => {
  const preparing: InstallState = { at: 'preparing', slot: 'b', total: 10 }
  const receiving: InstallState = { at: 'receiving', slot: 'b', received: 4, total: 10 }
  const complete: InstallState = { at: 'complete', slot: 'b', total: 10 }
  const staged: InstallState = { at: 'staged', slot: 'b', total: 10 }
  const spoilt: InstallState = { at: 'spoilt', slot: 'b', total: 10 }
  const prepared = (kept: number): InstallEvent => ({ kind: 'prepared', kept })
  const piece = (offset: number, length: number): InstallEvent => ({ kind: 'piece', offset, length })
  const finish: InstallEvent = { kind: 'finish' }
  const rows: [InstallState, InstallEvent, string, string][] = [
    [preparing, prepared(0), 'receiving', ''],
    [preparing, prepared(4), 'receiving', ''],
    [preparing, piece(0, 1), 'install-closed', ''],
    [preparing, finish, 'install-incomplete', ''],
    [receiving, piece(4, 2), 'receiving', 'program'],
    [receiving, piece(4, 6), 'complete', 'program'],
    [receiving, piece(4, 7), 'install-too-long', ''],
    [receiving, piece(3, 1), 'install-out-of-order', ''],
    [receiving, finish, 'install-incomplete', ''],
    [complete, piece(10, 1), 'install-too-long', ''],
    [complete, piece(10, 0), 'complete', ''],
    [complete, finish, 'complete', 'verify'],
    [receiving, { kind: 'damaged', back: 2 }, 'receiving', ''],
    [complete, { kind: 'damaged', back: 8 }, 'receiving', ''],
    [complete, { kind: 'verified' }, 'staged', 'commit'],
    [complete, { kind: 'rejected' }, 'spoilt', 'spoil'],
    [staged, finish, 'staged', ''],
    [staged, piece(10, 0), 'install-closed', ''],
    [spoilt, finish, 'install-closed', ''],
    [spoilt, piece(0, 1), 'install-closed', ''],
  ]
  for (const [state, event, outcome, effects] of rows) {
    it(`${state.at}, ${JSON.stringify(event)}: ${outcome}`, () => {
      const decision = decideInstall(state, event)
      if (isRefusal(decision)) assert.equal(decision.code, outcome)
      else {
        assert.equal(decision.next.at, outcome)
        assert.equal(decision.effects.join(' '), effects)
      }
    })
  }

  it('keeps the chunks that verify, the last of them only when something was written behind it', () => {
    assert.equal(keptChunks(0, false), 0)
    assert.equal(keptChunks(0, true), 0)
    assert.equal(keptChunks(1, false), 0)
    assert.equal(keptChunks(3, false), 2)
    assert.equal(keptChunks(3, true), 3)
  })
})

describe('a geometry', () => {
  it('is checked before a flash is made of it', () => {
    assert.equal(faultOf(SMALL), null)
    assert.match(faultOf({ ...SMALL, record: { size: 1_024, sector: 1_024 } }) ?? '', /too few records/)
    assert.match(faultOf({ ...SMALL, slot: { size: 1_000, sector: 512 } }) ?? '', /multiple/)
    assert.match(faultOf({ ...SMALL, history: { size: 1_024, sector: 1_024 } }) ?? '', /two sectors/)
    assert.match(faultOf({ ...SMALL, imageOffset: 100 }) ?? '', /imageOffset/)
    assert.match(faultOf({ ...SMALL, imageOffset: 6 * 1024 }) ?? '', /no room/)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Instant, instant, millis } from '../../../src/core/encoding/units.ts'
import { decideRound, type Round, type RoundEvent } from '../../../src/core/ledger/witness-round.ts'

const patience = millis(1000)
const at = (now: number): Instant => instant(now)
const head = (size: number, now: number, foreign = false): RoundEvent => {
  return { kind: 'head', size, now: at(now), patience, foreign }
}
const gathering = (size: number, short = false): Round => ({ at: 'gathering', size, since: at(100), short })
const enough: Round = { at: 'enough', size: 5, since: at(100) }
const START: RoundEvent = { kind: 'start' }
const ENOUGH: RoundEvent = { kind: 'enough', now: at(500) }

describe('a checkpoint on its way to the witnesses', () => {
  for (const [name, round, event, next, effects] of [
    ['an empty log has none', { at: 'idle' }, head(0, 100), { at: 'idle' }, []],
    ['the first one is taken', { at: 'idle' }, head(5, 100), gathering(5), ['take']],
    ['it stays the one under way while the log grows', gathering(5), head(9, 1099), gathering(5), []],
    [
      'when its time is up, people are told, and the newest is taken',
      gathering(5),
      head(9, 1100),
      { ...gathering(9, true), since: at(1100) },
      ['take', 'alarm'],
    ],
    ['they are told once', gathering(5, true), head(9, 1100), { ...gathering(9, true), since: at(1100) }, ['take']],
    [
      'attack: a clock that is set back does not make it wait for ever',
      gathering(5),
      head(9, 99),
      { ...gathering(9, true), since: at(99) },
      ['take', 'alarm'],
    ],
    ['with enough signatures it is through', gathering(5), ENOUGH, { ...enough, since: at(500) }, []],
    ['that ends the alarm', gathering(5, true), ENOUGH, { ...enough, since: at(500) }, ['clear']],
    ['a log that stands still is asked for no more', enough, head(5, 9000), enough, []],
    ['one that grew is', enough, head(6, 9000), { ...gathering(6), since: at(9000) }, ['take']],
    [
      'attack: behind a start the same is asked for again: the store may be an older copy',
      enough,
      START,
      { at: 'idle' },
      [],
    ],
    [
      'one of a key that signs the log no more is let go of, and is nobody’s fault',
      gathering(5),
      head(6, 200, true),
      { ...gathering(6), since: at(200) },
      ['take'],
    ],
    ['what was under way goes on', gathering(5, true), START, gathering(5, true), []],
  ] as const) {
    test(name, () => assert.deepEqual(decideRound(round, event), { next, effects }))
  }

  test('whatever comes, an alarm and its end take turns, and there is one for every time that is up', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('head' as const), size: fc.nat(20), step: fc.nat(1500) }),
      fc.constant({ kind: 'enough' as const }),
      fc.constant({ kind: 'start' as const }),
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), events => {
        let round: Round = { at: 'idle' }
        let now = 0
        let alarmed = false
        for (const one of events) {
          now += 'step' in one ? one.step : 1
          const given: RoundEvent =
            one.kind === 'head' ? head(one.size, now) : one.kind === 'enough' ? { kind: 'enough', now: at(now) } : START
          const { next, effects }: ReturnType<typeof decideRound> = decideRound(round, given)
          if (effects.includes('alarm')) {
            assert.equal(alarmed, false)
            alarmed = true
          }
          if (effects.includes('clear')) {
            assert.equal(alarmed, true)
            alarmed = false
          }
          assert.equal(next.at === 'gathering' && next.short, alarmed)
          round = next
        }
      }),
      { seed: 38 },
    )
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Book } from '../../../src/core/campaign/book.ts'
import { type RolloutEvent, readRollout, writeRollout } from '../../../src/core/campaign/rollout-state.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { Figures } from '../../../src/core/trust/figures.ts'
import { HOUR, T0 } from './plans.ts'
import { settingOf } from './rollouts.ts'

/** Gates that compare what updated controllers tell of themselves with what the others tell. */

const at = (hours: number) => instant(T0 + hours * HOUR)
const gate = (without: 'fail' | 'pass') => ({
  minSuccessPercent: 100,
  maxFailures: 0,
  health: [{ figure: 'alarms', maxPercent: 200, margin: 10, minControllers: 2, without }],
})
const tells = (hours: number, controller: string, figures: Figures, reported = hours): RolloutEvent => ({
  kind: 'heard',
  now: at(hours),
  reportedAt: at(reported),
  site: 'harbour',
  controller,
  figures,
})
const confirms = (hours: number, controller: string): RolloutEvent => ({
  kind: 'outcome',
  now: at(hours),
  site: 'harbour',
  controller,
  report: 1,
  result: 'confirmed',
})

/** Two controllers in the canary (c0, c1), three that wait (c2 to c4); the canary soaks from hour 1 to hour 2. */
function soaking(without: 'fail' | 'pass' = 'fail'): Book {
  const { plan, seats } = settingOf([2, 3], {}, gate(without))
  const open = {
    ...plan,
    waves: plan.waves.map((wave, index) => (index === 0 ? wave : { ...wave, gate: gate('pass') })),
  }
  const book = new Book(open, seats)
  const events: RolloutEvent[] = [
    { kind: 'approve', now: at(0) },
    { kind: 'start', now: at(0) },
    confirms(1, 'c0'),
    confirms(1, 'c1'),
  ]
  for (const event of events) orThrow(book.run(event))
  assert.equal(book.head.state.at, 'soaking')
  return book
}

/** Each tells a figure twice, half an hour apart: by how much it rose in between. */
function heard(book: Book, rises: Readonly<Record<string, number>>, start = 1000): void {
  for (const [controller, rise] of Object.entries(rises)) {
    orThrow(book.run(tells(1.2, controller, { alarms: start, restarts: 3 })))
    orThrow(book.run(tells(1.7, controller, { alarms: start + rise, restarts: 9 })))
  }
}
const judged = (book: Book): string => {
  orThrow(book.run({ kind: 'tick', now: at(2.5) }))
  return book.head.state.at
}

describe('health against a control group', () => {
  // 1 in half an hour of one of two controllers is a rate of 1,000 in 1,000 hours.
  const rows: [what: string, rises: Record<string, number>, state: string][] = [
    ['as many alarms as the others', { c0: 1, c1: 1, c2: 1, c3: 1 }, 'running'],
    ['twice as many, which is allowed', { c0: 2, c1: 2, c2: 1, c3: 1 }, 'running'],
    ['three times as many', { c0: 3, c1: 3, c2: 1, c3: 1 }, 'paused'],
    ['one among others that are silent', { c0: 1, c1: 0, c2: 0, c3: 0 }, 'paused'],
    ['all of them quiet', { c0: 0, c1: 0, c2: 0, c3: 0 }, 'running'],
    ['only one of the canary was heard', { c0: 0, c2: 0, c3: 0 }, 'paused'],
    ['only one of the others was heard', { c0: 0, c1: 0, c2: 0 }, 'paused'],
  ]
  for (const [what, rises, state] of rows) {
    test(what, () => {
      const book = soaking()
      heard(book, rises)
      assert.equal(judged(book), state)
    })
  }

  test('too little to compare is said, and passes only where the plan says so', () => {
    const shut = soaking('fail')
    assert.equal(judged(shut), 'paused')
    assert.match(shut.head.state.at === 'paused' ? shut.head.state.reason : '', /does not let that pass/)
    const refused = shut.run({ kind: 'resume', now: at(3) })
    assert.equal(isRefusal(refused) && refused.code, 'campaign-gate-closed')
    const open = soaking('pass')
    const decision = orThrow(open.run({ kind: 'tick', now: at(2.5) }))
    assert.equal(open.head.state.at, 'running')
    const passed = decision.effects.find(effect => effect.do === 'note' && effect.kind === 'wave-passed')
    assert.match(JSON.stringify(passed), /the plan lets that pass/)
  })

  test('a count that fell has begun again, and a figure that is told once is not counted', () => {
    const book = soaking()
    orThrow(book.run(tells(1.2, 'c0', { alarms: 900 })))
    orThrow(book.run(tells(1.7, 'c0', { alarms: 4 })))
    orThrow(book.run(tells(1.2, 'c1', { alarms: 900 })))
    assert.deepEqual(book.head.heard?.figures.alarms?.treated, { controllers: 1, rose: 4, millis: HOUR / 2 })
  })

  test('a figure that is told later than another one counts like it, over its own time', () => {
    const book = soaking()
    const rows: [hours: number, figures: Figures][] = [
      [1.1, { restarts: 1 }],
      [1.2, { alarms: 5 }],
      [1.4, { restarts: 2 }],
      [1.6, { restarts: 2, alarms: 7 }],
    ]
    for (const [hours, figures] of rows) orThrow(book.run(tells(hours, 'c0', figures)))
    const { treated } = book.head.heard?.figures.alarms ?? assert.fail('nothing was heard')
    assert.deepEqual([treated.controllers, treated.rose, Math.round(treated.millis / 60_000)], [1, 2, 24])
  })

  test('attack: a clock that stands puts no rise into the others’ rate', () => {
    const book = soaking()
    for (const [hours, alarms] of [
      [1.2, 0],
      [1.4, 900],
      [1.6, 1800],
    ] as const) {
      orThrow(book.run(tells(hours, 'c2', { alarms }, -500_000)))
    }
    assert.equal(book.head.heard?.figures.alarms?.control.controllers ?? 0, 0)
    // What it rose by counts as soon as its clock has a time to count it over.
    orThrow(book.run(tells(1.8, 'c2', { alarms: 1900 })))
    const { control } = book.head.heard?.figures.alarms ?? assert.fail('nothing was heard')
    assert.deepEqual([control.controllers, control.rose], [1, 1900])
  })

  test('a gate that did not pass for want of figures opens by those that come while it is paused', () => {
    const book = soaking('fail')
    assert.equal(judged(book), 'paused')
    for (const controller of ['c0', 'c1', 'c2', 'c3']) {
      orThrow(book.run(tells(3, controller, { alarms: 1 })))
      orThrow(book.run(tells(5, controller, { alarms: 1 })))
    }
    orThrow(book.run({ kind: 'resume', now: at(6) }))
    orThrow(book.run({ kind: 'tick', now: at(6) }))
    assert.deepEqual([book.head.state.at, 'wave' in book.head.state && book.head.state.wave], ['running', 1])
  })

  test('sums that have become larger than a number holds exactly keep their rate, and read back', () => {
    const book = soaking()
    const huge = { controllers: 4, rose: 2 ** 51, millis: 2 ** 52 - 1 }
    book.head = { ...book.head, heard: { ...book.head.heard!, figures: { alarms: { treated: huge, control: huge } } } }
    orThrow(book.run(tells(1.2, 'c0', { alarms: 0 })))
    orThrow(book.run(tells(1.7, 'c0', { alarms: 2 ** 52 })))
    const { treated } = book.head.heard?.figures.alarms ?? assert.fail('nothing was heard')
    assert(Math.abs(treated.rose / treated.millis - 1.5) < 1e-6)
    assert.deepEqual(readRollout(writeRollout(book.head), 'spring'), book.head)
    orThrow(book.run(tells(1.9, 'c0', { alarms: Number.MAX_SAFE_INTEGER })))
    assert.deepEqual(readRollout(writeRollout(book.head), 'spring'), book.head)
  })

  test('attack: a controller whose clock runs ahead, or stood at zero, weighs no more than the time since the wave opened', () => {
    const book = soaking()
    orThrow(book.run(tells(1.5, 'c0', { alarms: 0 }, -500_000)))
    orThrow(book.run(tells(1.6, 'c0', { alarms: 1 }, 500_000)))
    orThrow(book.run(tells(1.5, 'c2', { alarms: 0 }, -500_000)))
    orThrow(book.run(tells(1.6, 'c2', { alarms: 1 }, 500_000)))
    const { treated, control } = book.head.heard?.figures.alarms ?? assert.fail('nothing was heard')
    assert(treated.millis <= 0.6 * HOUR + 1, 'since it confirmed')
    assert(control.millis <= 1.6 * HOUR + 1, 'since the wave opened')
  })

  test('what is kept of a gate does not depend on how many told how often', () => {
    const report = fc.record({ controller: fc.nat(4), rise: fc.nat(5), minutes: fc.integer({ min: 1, max: 5 }) })
    fc.assert(
      fc.property(fc.array(report, { maxLength: 60 }), reports => {
        const book = soaking()
        let now = 1
        const counts = new Map<string, number[]>()
        for (const { controller, rise, minutes } of reports) {
          now += minutes / 100
          if (now >= 2) break
          const name = `c${controller}`
          const told = counts.get(name) ?? []
          told.push((told.at(-1) ?? 7) + rise)
          counts.set(name, told)
          orThrow(book.run(tells(now, name, { alarms: told.at(-1)! })))
        }
        const sum = (names: string[]) => {
          const all = names
            .flatMap(name => (counts.has(name) ? [counts.get(name)!] : []))
            .filter(({ length }) => length > 1)
          return { controllers: all.length, rose: all.reduce((total, told) => total + told.at(-1)! - told[0]!, 0) }
        }
        const { treated, control } = book.head.heard?.figures.alarms ?? {}
        const seen = (of: typeof treated) => ({ controllers: of?.controllers ?? 0, rose: of?.rose ?? 0 })
        assert.deepEqual([seen(treated), seen(control)], [sum(['c0', 'c1']), sum(['c2', 'c3', 'c4'])])
      }),
      { numRuns: 60 },
    )
  })
})

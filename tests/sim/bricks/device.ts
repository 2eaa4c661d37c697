import assert from 'node:assert/strict'
import { applicationWith } from '../../../sim/controller/application.ts'
import type { SimController } from '../../../sim/controller/sim-controller.ts'
import type { FlashFault } from '../../../sim/flash/faults.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { ResetCause } from '../../../src/core/slot/slot.ts'
import { arm } from '../../../src/flows/install.ts'
import type { Release } from '../../../src/flows/release.ts'
import { type Bench, settle, stage, update, V2 } from '../bench-board.ts'
import { cutAt, type Moment, momentAfter, operationsOf, runs } from '../interrupting.ts'

export const CUTS: readonly FlashFault[] = [
  { cut: 'before' },
  { cut: 'inside', share: 0.5 },
  { cut: 'inside', share: 0.5, weak: true },
  { cut: 'inside', share: 0.97, weak: true },
  { cut: 'after' },
]
export const CAUSES: readonly ResetCause[] = ['power-on', 'power-loss', 'watchdog', 'software']
const DIGEST = V2.facts.imageDigest
export const unhealthy = applicationWith({ [DIGEST]: { is: 'unhealthy' } })
export const hanging = applicationWith({ [DIGEST]: { is: 'hanging' } })

export const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')
export const offered = (controller: SimController, wanted: Pick<Release, 'envelope'>, update = 'again'): string =>
  codeOf(controller.begin({ envelope: wanted.envelope, update }))

/** Each operation of a piece of work, cut in each way. `where` names the case, so that it can be found again. */
export function eachCut(
  moment: Moment,
  work: (on: Bench) => void,
  judge: (on: Bench, where: string, at: number) => void,
  cuts: readonly FlashFault[] = CUTS,
): void {
  const on = moment()
  const operations = operationsOf(on, () => work(on)).length
  for (let at = 0; at < operations; at += 1) {
    for (const [number, fault] of cuts.entries()) {
      const where = `operation ${at}, ${JSON.stringify(fault)}, seed ${at * 100 + number + 1}`
      const again = moment(at * 100 + number + 1)
      assert.ok(
        cutAt(again, at, fault, () => work(again)),
        `${where}: the cut came`,
      )
      judge(again, where, at)
    }
  }
}

/** Goes on with an update until it stands; a device that goes round in a circle fails the test. */
export function finish(on: Bench, wanted: Release, where: string): void {
  for (let step = 0; step < 12; step += 1) {
    if (on.controller.running()?.trial === true) settle(on)
    else if (on.controller.running()?.facts.version === wanted.facts.version) return
    else update(on, wanted)
  }
  assert.fail(`${where}: the update ends`)
}

const toTrial = (on: Bench): void => {
  stage(on.controller, V2)
  orThrow(on.controller.activate())
}

/** Lets the trial pass or fail, resets included, until nothing is on trial. */
export function settled(on: Bench, where: string): string {
  for (let step = 0; step < 30 && on.controller.running()?.trial === true; step += 1) settle(on)
  return runs(on, where)
}

export const fresh = momentAfter(() => {})
export const staged = momentAfter(on => stage(on.controller, V2))
export const onTrial = momentAfter(toTrial)
export const confirmed = momentAfter(on => update(on, V2))
/** Armed, and not restarted yet. */
const armed: Moment = seed => {
  const on = staged(seed)
  orThrow(arm(on.controller.board, on.clock.now()))
  return on
}

/** One moment for each state of the record. */
export const MOMENTS = [
  ['stable', fresh],
  ['candidate', staged],
  ['armed', armed],
  ['trial', onTrial],
] as const

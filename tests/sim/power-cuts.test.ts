import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { applicationWith, healthyApplication } from '../../sim/controller/application.ts'
import type { FlashFault, FlashOperation } from '../../sim/flash/faults.ts'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { history, verify } from '../../src/flows/boot.ts'
import { type Bench, bench, rememberingOpen, settle, stage, V2 } from './bench-board.ts'

/** Every way in which one operation is cut. */
const FAULTS: readonly FlashFault[] = [
  { cut: 'before' },
  { cut: 'after' },
  ...[0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.999].flatMap(share => [
    { cut: 'inside', share } as const,
    { cut: 'inside', share, weak: true } as const,
  ]),
]

/** A cut in the n-th operation from now. `fired` says whether it came. */
function plan(on: Bench, index: number, fault: FlashFault): { fired: boolean } {
  const done = { fired: false }
  const start = on.controller.flash.operations
  on.controller.flash.faults = (operation: FlashOperation) => {
    allowed(on, operation)
    if (done.fired || operation.index - start !== index) return null
    done.fired = true
    return fault
  }
  return done
}

/** Writes touch only the inactive slot, the record blocks and the history. */
function allowed(on: Bench, operation: FlashOperation): void {
  const running = on.controller.running()
  assert.notEqual(operation.area, running?.slot, 'a write to the slot that runs')
}

const confirmed = (on: Bench): boolean =>
  on.controller.running()?.facts.version === '2.0.0' && on.controller.running()?.trial === false

/** What a site does until the update is confirmed: power, stage, activate, wait. Ends by itself; a loop is a failure. */
function drive(on: Bench): void {
  for (let step = 0; step < 40 && !confirmed(on); step += 1) {
    try {
      if (on.controller.at === 'off') {
        on.controller.powerUp('power-loss')
        sound(on)
      } else if (on.controller.running()?.trial === true) settle(on)
      else {
        stage(on.controller, V2)
        orThrow(on.controller.activate())
      }
    } catch (error) {
      if (!(error instanceof PowerLost)) throw error
    }
  }
  assert.ok(confirmed(on), 'the update converges')
}

/** What holds after every boot. */
function sound(on: Bench): void {
  const running = on.controller.running()
  assert.ok(running !== null, 'something runs')
  assert.notEqual(running.slot, 'golden', 'cuts alone never lead to golden')
  const image = verify(on.controller.board, running.slot)
  assert.ok(!isRefusal(image), 'what runs verifies')
  const counter = on.controller.element.counter()
  assert.ok(running.facts.counter >= counter, 'at or above the counter')
  if (running.facts.version === '1.0.0') assert.equal(counter, 1, 'the counter never exceeds a confirmed image')
}

/** Each decision is in the history exactly once, or shows as torn: a gap in the numbers has a torn cell to it. */
function accounted(on: Bench): void {
  const { entries, torn } = history(on.controller.board)
  const first = entries[0]?.decision as number
  const last = entries.at(-1)?.decision as number
  assert.equal(new Set(entries.map(entry => entry.decision)).size, entries.length, 'no decision is there twice')
  assert.ok(last - first + 1 - entries.length <= torn, 'no decision is missing without a trace')
  assert.match(entries.at(-1)?.event ?? '', /^(confirmed|boot)$/)
}

const on = bench({ open: rememberingOpen() })
const flash = on.controller.flash.snapshot()
const element = on.controller.element.snapshot()

function afresh(seed: number): void {
  on.controller.flash.faults = () => null
  on.controller.flash.restore(flash, seed)
  on.controller.element.restore(element)
  on.controller.powerUp('software')
}

function operationsOfAnUpdate(): number {
  afresh(1)
  const before = on.controller.flash.operations
  drive(on)
  return on.controller.flash.operations - before
}

describe('a cut of power during an update', () => {
  it('at every flash operation, before, inside and after: a verified image runs, the update converges', t => {
    const operations = operationsOfAnUpdate()
    let cuts = 0
    for (let index = 0; index < operations; index += 1) {
      for (const [number, fault] of FAULTS.entries()) {
        afresh(index * 100 + number + 1)
        const done = plan(on, index, fault)
        drive(on)
        assert.ok(done.fired, `the fault at operation ${index} fired`)
        assert.equal(on.controller.element.counter(), 2)
        accounted(on)
        cuts += 1
      }
    }
    t.diagnostic(`${cuts} single cuts over ${operations} operations`)
    assert.ok(operations >= 15 && cuts === operations * FAULTS.length)
  })

  it('and again during the recovery from it', t => {
    const operations = operationsOfAnUpdate()
    const hard = FAULTS.filter(fault => fault.cut === 'inside' && (fault.share === 0.5 || fault.share > 0.9))
    let cuts = 0
    for (let index = 0; index < operations; index += 1) {
      for (let second = 0; second < 5; second += 1) {
        for (const [number, fault] of hard.entries()) {
          afresh(index * 1_000 + second * 100 + number + 1)
          plan(on, index, fault)
          try {
            stage(on.controller, V2)
            orThrow(on.controller.activate())
            settle(on)
          } catch (error) {
            if (!(error instanceof PowerLost)) throw error
          }
          const again = plan(on, second, hard[(number + 1) % hard.length] as FlashFault)
          drive(on)
          if (again.fired) cuts += 1
          assert.equal(on.controller.element.counter(), 2)
          accounted(on)
        }
      }
    }
    t.diagnostic(`${cuts} double cuts`)
    assert.ok(cuts > operations)
  })

  it('at every flash operation of an update that fails: the old image runs, the version is remembered', t => {
    on.controller.application = applicationWith({ [V2.facts.imageDigest]: { is: 'unhealthy' } })
    const refused = (): boolean => {
      const again = on.controller.begin({ envelope: V2.envelope, update: 'again' })
      return isRefusal(again) && again.code === 'version-failed-before'
    }
    const attempt = (): void => {
      for (let step = 0; step < 40; step += 1) {
        try {
          if (on.controller.at === 'off') {
            on.controller.powerUp('power-loss')
            sound(on)
          }
          if (on.controller.running()?.trial === true) settle(on)
          else if (refused()) return
          else {
            stage(on.controller, V2)
            orThrow(on.controller.activate())
          }
        } catch (error) {
          if (!(error instanceof PowerLost)) throw error
        }
      }
      assert.fail('the update does not end')
    }
    afresh(1)
    const before = on.controller.flash.operations
    attempt()
    const operations = on.controller.flash.operations - before
    for (let index = 0; index < operations; index += 1) {
      for (const [number, fault] of FAULTS.entries()) {
        afresh(index * 100 + number + 1)
        const done = plan(on, index, fault)
        attempt()
        assert.ok(done.fired, `the fault at operation ${index} fired`)
        assert.equal(on.controller.running()?.facts.version, '1.0.0')
        assert.equal(on.controller.running()?.trial, false)
        assert.equal(on.controller.element.counter(), 1)
      }
    }
    on.controller.application = healthyApplication
    t.diagnostic(`${operations * FAULTS.length} single cuts over ${operations} operations`)
  })

  it('a confirmation that was observed stands', () => {
    afresh(1)
    drive(on)
    for (const [number, fault] of FAULTS.entries()) {
      for (let index = 0; index < 3; index += 1) {
        on.controller.flash.faults = () => null
        on.controller.powerUp('power-loss')
        on.controller.powerCut()
        const done = plan(on, index, fault)
        assert.throws(() => on.controller.powerUp('power-loss'), PowerLost, `${number}/${index}`)
        assert.ok(done.fired)
        on.controller.powerUp('power-loss')
        assert.ok(confirmed(on))
      }
    }
  })
})

describe('a cut and one rotten slot', () => {
  it('leaves at least golden', () => {
    const operations = operationsOfAnUpdate()
    for (const rotten of ['a', 'b'] as const) {
      for (let index = 0; index < operations; index += 1) {
        afresh(index + 1)
        plan(on, index, { cut: 'inside', share: 0.6, weak: true })
        try {
          stage(on.controller, V2)
          orThrow(on.controller.activate())
          settle(on)
        } catch (error) {
          if (!(error instanceof PowerLost)) throw error
        }
        on.controller.flash.faults = () => null
        on.controller.flash.rot(rotten, on.controller.board.device.imageOffset + 77, 0xa5)
        const outcome = on.controller.powerUp('power-loss')
        assert.equal(outcome.at, 'running')
        const running = on.controller.running()
        assert.ok(running !== null && !isRefusal(verify(on.controller.board, running.slot)))
        if (running.slot !== 'golden') assert.ok(running.facts.counter >= on.controller.element.counter())
      }
    }
  })
})

import assert from 'node:assert/strict'
import { seeded } from '../../../sim/clock/random.ts'
import type { FlashFault } from '../../../sim/flash/faults.ts'
import { HttpsClient } from '../../../src/adapters/link-https/client.ts'
import { BackOff } from '../../../src/apps/agent/link/back-off.ts'
import { Reporter } from '../../../src/apps/agent/link/reporter.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import type { HistoryEntry } from '../../../src/core/slot/history.ts'
import { NO_KEY_CHANGE } from '../../../src/core/slot/key-change.ts'
import { peekSequence, RECORD_BYTES } from '../../../src/core/slot/record.ts'
import { readMemory } from '../../../src/flows/remember.ts'
import { type Bench, imageOf, release, settle, update, V2, V3 } from '../bench-board.ts'
import { cutAt, runs } from '../interrupting.ts'
import { CAUSES, CUTS, confirmed, eachCut, finish, fresh, offered, onTrial, staged, unhealthy } from './device.ts'
import type { BrickName } from './known-bricks.ts'

/** Programs zeros over the last quarter of a record. */
function zeroQuarter(on: Bench, which: 'newest' | 'all'): void {
  const { flash } = on.controller
  const records = (['record0', 'record1'] as const).flatMap(area =>
    Array.from({ length: flash.size(area) / RECORD_BYTES }, (_, index) => {
      const sequence = peekSequence(flash.read(area, index * RECORD_BYTES, RECORD_BYTES) as Uint8Array)
      return { area, offset: index * RECORD_BYTES, sequence: sequence ?? -1 }
    }),
  )
  records.sort((one, two) => two.sequence - one.sequence)
  const quarter = RECORD_BYTES / 4
  for (const { area, offset } of which === 'newest' ? records.slice(0, 1) : records) {
    flash.program(area, offset + RECORD_BYTES - quarter, new Uint8Array(quarter))
  }
}

/** A gateway that answers nobody, until it listens. */
class DeafGateway extends HttpsClient {
  listens = false
  heard = 0
  readonly onCall: () => void

  constructor(onCall: () => void) {
    super('https://gateway.invalid', { ca: '', cert: '', key: '' })
    this.onCall = onCall
  }

  override async call(): ReturnType<HttpsClient['call']> {
    this.onCall()
    if (!this.listens) return refuse('not-reachable', this.origin, 'an answer', 'none')
    this.heard += 1
    return { status: 200, headers: {}, body: new Uint8Array(0) }
  }
}

/** The bricks of RAUC, Nerves, Mender and others. Each replay ends on a verified image, or throws. */
export const OTHERS: Readonly<Record<Exclude<BrickName, `mcuboot ${string}`>, () => void | Promise<void>>> = {
  'rauc #683': () => {
    const storm = (on: Bench, losses: number): void => {
      for (let loss = 0; loss < losses; loss += 1) {
        // Every other one comes in the middle of the boot, the rest before the application has done anything.
        const fault = CUTS[loss % CUTS.length] as FlashFault
        if (loss % 2 === 0) cutAt(on, loss % 5, fault, () => on.controller.powerUp('power-loss'))
        else on.controller.powerUp('power-loss')
        on.controller.powerCut()
      }
      on.controller.powerUp('power-loss')
    }
    const stable = confirmed()
    storm(stable, 120)
    assert.equal(runs(stable, 'confirmed'), 'b 2.0.0')
    const trial = onTrial()
    storm(trial, 120)
    assert.equal(runs(trial, 'on trial'), 'a 1.0.0', 'spent, and gone back')
    storm(trial, 120)
    assert.equal(runs(trial, 'gone back'), 'a 1.0.0')
    const waiting = staged()
    storm(waiting, 120)
    assert.equal(runs(waiting, 'with a candidate'), 'a 1.0.0', 'a black-out starts no trial')
  },

  'rauc #643': () => {
    const on = confirmed()
    const random = seeded(643)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    for (let reset = 0; reset < 400; reset += 1) {
      const [cause, fault, at] = [pick(CAUSES), pick(CUTS), Math.floor(random() * 8)]
      const where = `reset ${reset}: ${cause}, ${JSON.stringify(fault)} at ${at}`
      // A reset that is not a loss of power leaves no operation half done.
      const kind = cause === 'power-loss' || cause === 'power-on' ? fault : ({ cut: 'after' } as const)
      if (cutAt(on, at, kind, () => on.controller.powerUp(cause))) on.controller.powerUp('power-loss')
      assert.equal(runs(on, where), 'b 2.0.0', where)
      assert.deepEqual(
        readMemory(on.controller.board)?.state,
        { at: 'stable', active: 'b', floor: 2, keys: NO_KEY_CHANGE },
        where,
      )
    }
  },

  'nerves_runtime #375': () => {
    eachCut(
      fresh,
      on => update(on, V2),
      (on, where) => {
        on.controller.flash.powerUp()
        zeroQuarter(on, 'newest')
        on.controller.powerUp('power-loss')
        runs(on, where)
        const { cause } = on.controller.history().at(-1) as HistoryEntry
        assert.notEqual(cause, 'no record', `${where}: the record before it counts`)
        finish(on, V2, where)
        assert.equal(on.controller.element.counter(), 2, where)
      },
      [{ cut: 'after' }],
    )
    const on = confirmed()
    zeroQuarter(on, 'all')
    on.controller.powerUp('power-loss')
    assert.equal(runs(on, 'no record left'), 'b 2.0.0 trial')
    assert.equal(settle(on).at, 'confirmed')
    on.controller.powerUp('power-loss')
    assert.equal(runs(on, 'a record again'), 'b 2.0.0')
  },

  'mender PR 823': async () => {
    const on = onTrial()
    let calls = 0
    const gateway = new DeafGateway(() => {
      calls += 1
      // A spontaneous reboot while the report waits, too.
      if (calls % 2 === 0) on.controller.powerUp('watchdog')
      if (calls === 6) gateway.listens = true
    })
    const reporter = new Reporter({
      site: 'harbour',
      controller: { element: on.controller.element, status: () => on.controller.status(), history: () => [] },
      client: gateway,
      clock: on.clock,
      backOff: new (class extends BackOff {
        override next(): number {
          return 0
        }
      })(seeded(1)),
      stop: new AbortController().signal,
      note: () => assert.equal(runs(on, 'while nobody listens'), 'b 2.0.0'),
    })
    assert.equal(settle(on).at, 'confirmed')
    reporter.say({ event: 'confirmed' })
    await reporter.delivered()
    assert.equal(calls, 6, 'it was tried until somebody listened')
    assert.equal(gateway.heard, 1)
    assert.equal(runs(on, 'told at last'), 'b 2.0.0')
    assert.equal(on.controller.element.counter(), 2)
    assert.deepEqual(
      on.controller.history().filter(({ event }) => event === 'reverted' || event === 'fallback'),
      [],
    )
    gateway.close()
  },

  'a rolled-back version reinstalled for ever': async () => {
    const on = onTrial()
    on.controller.application = unhealthy
    settle(on)
    assert.equal(runs(on, 'rolled back'), 'a 1.0.0')
    const newNumber = await release('2.0.1', 21, { counter: 2, image: V2.image })
    const newBytes = await release('2.0.2', 20, { counter: 2, image: imageOf(77, 2_000) })
    for (let day = 0; day < 100; day += 1) {
      const before = on.controller.flash.operations
      assert.equal(offered(on.controller, V2, `update-${day}`), 'version-failed-before')
      assert.equal(offered(on.controller, newNumber), 'version-failed-before', 'the same image under a new number')
      assert.equal(offered(on.controller, newBytes), 'version-failed-before', 'another image under the same number')
      assert.equal(on.controller.flash.operations, before, 'no byte is written for it')
      on.controller.powerUp(CAUSES[day % CAUSES.length])
      assert.equal(runs(on, `day ${day}`), 'a 1.0.0')
    }
    update(on, V3)
    assert.equal(runs(on, 'a newer version'), 'b 3.0.0')
  },
}

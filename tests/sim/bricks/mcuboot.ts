import assert from 'node:assert/strict'
import { healthyApplication } from '../../../sim/controller/application.ts'
import type { FlashFault } from '../../../sim/flash/faults.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { SLOT_HEADER_BYTES } from '../../../src/core/slot/layout.ts'
import { readMemory } from '../../../src/flows/remember.ts'
import { type Bench, SMALL, settle, update, V2, V3, WINDOW } from '../bench-board.ts'
import { cutAt, operationsOf, runs } from '../interrupting.ts'
import {
  CAUSES,
  codeOf,
  eachCut,
  finish,
  fresh,
  hanging,
  MOMENTS,
  offered,
  onTrial,
  settled,
  staged,
  unhealthy,
} from './device.ts'
import type { BrickName } from './known-bricks.ts'

const slotBytes = (on: Bench, slot: 'a' | 'b'): Uint8Array =>
  (on.controller.flash.read(slot, 0, SMALL.slot.size) as Uint8Array).slice()

/** Every sector of slot b answers nothing, and takes nothing. */
function kill(on: Bench): void {
  const { flash } = on.controller
  flash.wearOut('b')
  for (let at = 0; at < flash.size('b'); at += flash.sector('b')) flash.eccFault('b', at)
}

/** The bricks of MCUboot. Each replay ends on a verified image, or throws. */
export const MCUBOOT: Readonly<Record<Extract<BrickName, `mcuboot ${string}`>, () => void>> = {
  'mcuboot #829': () => {
    const events = new Set(
      fresh()
        .controller.history()
        .map(entry => entry.event),
    )
    assert.deepEqual([...events], ['manufactured', 'boot'], 'no update was ever made here')
    eachCut(
      fresh,
      on => update(on, V2),
      (on, where) => {
        on.controller.powerUp('power-loss')
        assert.match(runs(on, where), /^(a 1\.0\.0|b 2\.0\.0 trial|b 2\.0\.0)$/, where)
        finish(on, V2, where)
        assert.equal(on.controller.element.counter(), 2, where)
      },
    )
  },

  'mcuboot #1588': () => {
    const before = slotBytes(fresh(), 'a')
    eachCut(
      fresh,
      on => update(on, V2),
      (on, where) => {
        on.controller.flash.powerUp()
        assert.deepEqual(slotBytes(on, 'a'), before, `${where}: nothing of the running image moved`)
        on.controller.powerUp('power-loss')
        runs(on, where)
        assert.deepEqual(slotBytes(on, 'a'), before, `${where}: nor did the boot move it`)
      },
    )
  },

  'mcuboot #1966': () => {
    const revert = (on: Bench): void => {
      on.controller.application = unhealthy
      assert.equal(settle(on).at, 'reverted')
    }
    const on = onTrial()
    for (const [at, length] of operationsOf(on, () => revert(on)).entries()) {
      for (let byte = 0; byte < length; byte += 1) {
        const where = `operation ${at}, byte ${byte} of ${length}`
        const again = onTrial(at * 10_000 + byte + 1)
        cutAt(again, at, { cut: 'inside', share: byte / length, weak: byte % 2 === 1 }, () => revert(again))
        again.controller.powerUp('power-loss')
        assert.equal(settled(again, where), 'a 1.0.0', where)
        assert.equal(offered(again.controller, V2), 'version-failed-before', where)
      }
    }
    assert.equal(offered(on.controller, V3), 'no refusal', 'and a later version is taken')
  },

  'mcuboot #2282': () => {
    eachCut(
      staged,
      on => orThrow(on.controller.activate()),
      (on, where) => {
        on.controller.application = unhealthy
        on.controller.powerUp('power-loss')
        if (on.controller.running()?.trial === false) orThrow(on.controller.activate())
        assert.equal(runs(on, where), 'b 2.0.0 trial', where)
        assert.equal(on.controller.element.counter(), 1, `${where}: the resumed trial raised nothing`)
        assert.equal(settled(on, where), 'a 1.0.0', `${where}: the way back is open`)
        assert.equal(on.controller.element.counter(), 1, where)
      },
    )
  },

  'mcuboot #2549': () => {
    const on = onTrial()
    on.controller.application = hanging
    for (let round = 0; round < 40 && on.controller.running()?.trial === true; round += 1) {
      assert.equal(on.controller.element.counter(), 1, 'no trial raises the counter')
      on.clock.advance(WINDOW)
      on.controller.tick()
    }
    assert.equal(runs(on, 'after a trial that hung'), 'a 1.0.0')
    const good = onTrial()
    good.controller.application = healthyApplication
    assert.equal(settle(good).at, 'confirmed')
    assert.equal(good.controller.element.counter(), 2, 'the confirmation raised it, and no boot was needed')
  },

  'mcuboot #2219': () => {
    for (const [name, moment] of MOMENTS) {
      const on = moment()
      on.controller.powerCut()
      on.controller.flash.powerUp()
      assert.equal(readMemory(on.controller.board)?.state.at, name)
      kill(on)
      for (const cause of CAUSES) {
        on.controller.powerUp(cause)
        assert.equal(runs(on, `${name}, ${cause}`), 'a 1.0.0')
      }
      const attempt = (): string => {
        const steps = [
          () => on.controller.begin({ envelope: V3.envelope, update: 'u' }),
          () => on.controller.write(0, V3.image),
          () => on.controller.finish(),
        ]
        return codeOf(steps.map(step => step()).find(isRefusal))
      }
      assert.notEqual(attempt(), 'no refusal', `${name}: the update is refused`)
      assert.equal(readMemory(on.controller.board)?.state.at, 'stable')
      on.controller.powerUp('power-loss')
      assert.equal(runs(on, `${name}, after the refusal`), 'a 1.0.0')
    }
  },

  'mcuboot #2845': () => {
    const boots = (on: Bench, where: string): void => {
      for (const cause of CAUSES) {
        on.controller.powerUp(cause)
        assert.equal(runs(on, where), 'a 1.0.0', where)
      }
      finish(on, V2, where)
    }
    const used = SMALL.imageOffset + V2.image.length
    for (let sector = 0; sector < used; sector += SMALL.slot.sector) {
      for (const part of [0, 0.3, 0.7, 1]) {
        const on = fresh(sector + 1)
        orThrow(on.controller.begin({ envelope: V2.envelope, update: 'update-2.0.0' }))
        orThrow(on.controller.write(0, V2.image.subarray(0, Math.floor(V2.image.length * part))))
        on.controller.flash.eccFault('b', sector)
        boots(on, `sector at ${sector}, ${part} of the download`)
      }
      // The envelope ends before the image starts: nothing of what is between is looked at.
      if (sector >= SLOT_HEADER_BYTES + V2.envelope.length && sector < SMALL.imageOffset) continue
      for (const [name, moment] of MOMENTS) {
        if (name !== 'armed' && name !== 'trial') continue
        const on = moment()
        on.controller.flash.eccFault('b', sector)
        boots(on, `sector at ${sector}, ${name}`)
      }
    }
  },

  'mcuboot #2811': () => {
    const keeps = (on: Bench, what: string): void => {
      const slots = [slotBytes(on, 'a'), slotBytes(on, 'b')]
      const runsNow = runs(on, what)
      for (let reset = 0; reset < 100; reset += 1) {
        on.controller.powerUp(CAUSES[reset % CAUSES.length])
        assert.equal(runs(on, `${what}, reset ${reset}`), runsNow)
      }
      assert.deepEqual([slotBytes(on, 'a'), slotBytes(on, 'b')], slots, `${what}: no reset wrote to a slot`)
    }
    const rescued = fresh()
    rescued.controller.flash.rot('a', SMALL.imageOffset + 3)
    rescued.controller.powerUp()
    assert.equal(rescued.controller.running()?.slot, 'golden')
    update(rescued, V2)
    keeps(rescued, 'installed by golden')

    const forgetful = fresh()
    for (const area of ['record0', 'record1'] as const) forgetful.controller.flash.eccFault(area, 0)
    forgetful.controller.powerUp()
    assert.equal(runs(forgetful, 'without a record'), 'a 1.0.0 trial')
    assert.equal(settle(forgetful).at, 'confirmed')
    keeps(forgetful, 'found without a record')

    // Nobody confirms it: it is given up, and it is still there, whole.
    const silent = fresh()
    const before = slotBytes(silent, 'a')
    for (const area of ['record0', 'record1'] as const) silent.controller.flash.eccFault(area, 0)
    for (let reset = 0; reset < 10; reset += 1) silent.controller.powerUp('watchdog')
    assert.equal(silent.controller.running()?.slot, 'golden')
    assert.deepEqual(slotBytes(silent, 'a'), before)
  },

  'mcuboot #2644': () => {
    const revert = (on: Bench): void => {
      on.controller.application = unhealthy
      settle(on)
    }
    const clean: readonly FlashFault[] = [{ cut: 'before' }, { cut: 'after' }]
    eachCut(
      onTrial,
      revert,
      (on, where) => {
        for (let second = 0; second < 6; second += 1) {
          cutAt(on, second, second % 2 === 0 ? { cut: 'after' } : { cut: 'before' }, () =>
            on.controller.powerUp('watchdog'),
          )
        }
        on.controller.powerUp('watchdog')
        assert.equal(settled(on, where), 'a 1.0.0', where)
        for (const cause of CAUSES) {
          on.controller.powerUp(cause)
          assert.equal(runs(on, where), 'a 1.0.0', `${where}: and no later reset brings the failed one back`)
        }
        assert.equal(readMemory(on.controller.board)?.slots.b.state, 'failed', where)
      },
      clean,
    )
  },
}

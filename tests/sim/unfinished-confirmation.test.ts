import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { ElementCommand } from '../../sim/secure-element/sim-element.ts'
import type { Transition } from '../../src/core/firmware/release-facts.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Release } from '../../src/flows/release.ts'
import { type Bench, bench, KID, NEXT_KID, nextSigner, release, settle, stage, update, V2, V3 } from './bench-board.ts'
import { runs } from './interrupting.ts'

const ADD: Transition = { kind: 'add', kid: NEXT_KID, alg: 'ecdsa-p256', spki: nextSigner.key.spki.toHex() }
const ADDS = await release('2.0.0', 20, { transition: ADD })
const RETIRES = await release('3.0.0', 30, {
  transition: { kind: 'retire', kid: KID },
  counter: 2,
  signer: nextSigner,
  kid: NEXT_KID,
})
const BY_OLD = await release('4.0.0', 40, { counter: 2 })
const BY_NEW = await release('4.0.1', 41, { counter: 2, signer: nextSigner, kid: NEXT_KID })
const BELOW = await release('2.5.0', 25, { counter: 1 })

const keys = ({ controller }: Bench): string[] => controller.element.anchors().map(({ kid }) => kid)
const last = ({ controller }: Bench): string => {
  const { event, cause } = controller.history().at(-1) ?? { event: 'none', cause: '' }
  return `${event}: ${cause}`
}

/**
 * The image of the last release is confirmed, but the power goes before the element does `command`; at the next boot
 * the counter cannot be read, so golden runs, and another release is staged and armed. The next reset is the first one
 * that could finish the confirmation.
 */
function armedUnfinished(releases: readonly [...Release[], Release], command: ElementCommand, wanted: Release): Bench {
  const on = bench()
  const { controller } = on
  for (const before of releases.slice(0, -1)) update(on, before)
  stage(controller, releases.at(-1) as Release)
  orThrow(controller.activate())
  controller.element.faults = asked => (asked === command ? 'before' : null)
  assert.throws(() => settle(on), PowerLost)
  controller.element.faults = () => null
  Object.defineProperty(controller.element, 'counter', { value: () => null, configurable: true })
  controller.powerUp('power-loss')
  Reflect.deleteProperty(controller.element, 'counter')
  assert.equal(controller.running()?.slot, 'golden')
  stage(controller, wanted)
  return on
}

const failTrial = ({ controller }: Bench): void => {
  for (const _ of [1, 2, 3]) controller.powerUp('watchdog')
}

describe('an update that is armed before the last confirmation is finished', () => {
  it('raises the floor before the trial: a trial that fails does not take it along', () => {
    const on = armedUnfinished([V2], 'raise', V3)
    assert.equal(on.controller.element.counter(), 1)
    orThrow(on.controller.activate())
    assert.equal(runs(on, 'armed'), 'a 3.0.0 trial', 'in the same power-up')
    assert.equal(on.controller.element.counter(), 2)
    failTrial(on)
    assert.equal(runs(on, 'failed'), 'b 2.0.0')
    assert.equal(on.controller.element.counter(), 2)
  })

  it('adds the key before the trial: a trial that fails does not take it along', () => {
    const on = armedUnfinished([ADDS], 'add-anchor', BY_OLD)
    orThrow(on.controller.activate())
    assert.equal(runs(on, 'armed'), 'a 4.0.0 trial')
    assert.deepEqual(keys(on), [KID, NEXT_KID])
    failTrial(on)
    assert.equal(runs(on, 'failed'), 'b 2.0.0')
    assert.deepEqual(keys(on), [KID, NEXT_KID])
  })

  it('retires the old key before the trial of an image under the new one', () => {
    const on = armedUnfinished([ADDS, RETIRES], 'revoke-anchor', BY_NEW)
    orThrow(on.controller.activate())
    assert.equal(runs(on, 'armed'), 'b 4.0.1 trial')
    assert.deepEqual(keys(on), [NEXT_KID])
  })

  it('attack: what only the retired key has signed is not tried', () => {
    const on = armedUnfinished([ADDS, RETIRES], 'revoke-anchor', BY_OLD)
    orThrow(on.controller.activate())
    assert.equal(runs(on, 'armed'), 'a 3.0.0')
    assert.equal(last(on), 'dropped: envelope-signers-unknown; boot a')
    assert.deepEqual(keys(on), [NEXT_KID])
  })

  it('attack: what is below the floor that was still to be raised is not tried', () => {
    const on = armedUnfinished([V2], 'raise', BELOW)
    orThrow(on.controller.activate())
    assert.equal(runs(on, 'armed'), 'b 2.0.0')
    assert.equal(last(on), 'dropped: release-below-floor; boot b')
    assert.equal(on.controller.element.counter(), 2)
  })

  for (const fault of ['before', 'after'] as const) {
    it(`goes on behind a cut ${fault} the element has raised the counter`, () => {
      const on = armedUnfinished([V2], 'raise', V3)
      on.controller.element.faults = () => fault
      assert.throws(() => on.controller.activate(), PowerLost)
      on.controller.element.faults = () => null
      on.controller.powerUp('power-loss')
      assert.equal(runs(on, 'the next boot'), 'a 3.0.0 trial')
      assert.equal(on.controller.element.counter(), 2)
    })
  }

  it('is tried although the element never raises its counter: it is told three times, and no boot waits for it', () => {
    const on = armedUnfinished([V2], 'raise', V3)
    let told = 0
    on.controller.element.raise = () => {
      told += 1
      return false
    }
    orThrow(on.controller.activate())
    assert.equal(runs(on, 'armed'), 'a 3.0.0 trial')
    assert.equal(told, 3)
    assert.equal(settle(on).at, 'confirmed')
    on.controller.powerUp()
    assert.equal(runs(on, 'the next boot'), 'a 3.0.0')
  })

  for (const fault of ['refused', 'lost'] as const) {
    it(`goes on when a command is ${fault} twice, and the floor stands when the trial fails`, () => {
      const on = armedUnfinished([V2], 'raise', V3)
      let told = 0
      on.controller.element.faults = () => {
        told += 1
        return told <= 2 ? fault : null
      }
      orThrow(on.controller.activate())
      assert.equal(runs(on, 'armed'), 'a 3.0.0 trial')
      assert.equal(on.controller.element.counter(), 2)
      failTrial(on)
      assert.equal(runs(on, 'failed'), 'b 2.0.0')
      assert.equal(on.controller.element.counter(), 2)
    })
  }

  it('raises nothing in a boot that could not write its record again', () => {
    const on = armedUnfinished([V2], 'raise', V3)
    const { controller } = on
    controller.element.faults = () => 'before'
    assert.throws(() => controller.activate(), PowerLost)
    controller.element.faults = () => null
    controller.flash.wearOut('record0')
    controller.flash.wearOut('record1')
    controller.powerUp('power-loss')
    assert.equal(runs(on, 'worn'), 'b 2.0.0')
    assert.equal(controller.element.counter(), 1)
  })
})

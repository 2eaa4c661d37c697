import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { settle, stage, V2 } from './bench-board.ts'
import { cutAt, momentAfter } from './interrupting.ts'

const SEEDS = 120
/** Writes of a boot, erases included, at most. */
const WRITES = 6

describe('a record that was cut at its last bits, and reads now whole, now torn', () => {
  it('is as good as none, or stands: what the history tells of it is so at the next boot too', () => {
    const onTrial = momentAfter(on => {
      stage(on.controller, V2)
      orThrow(on.controller.activate())
    })
    let told = 0
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      for (let second = 0; second < WRITES; second += 1) {
        const on = onTrial(seed)
        const { controller } = on
        assert.ok(cutAt(on, 0, { cut: 'inside', share: 0.999, weak: true }, () => settle(on)))
        // The boot that may have read it as whole loses its power too, behind one of its own writes.
        cutAt(on, second, { cut: 'after' }, () => controller.powerUp('power-loss'))
        controller.flash.powerUp()
        const isTold = controller.history().some(({ event }) => event === 'confirmed')
        controller.powerUp('power-loss')
        if (!isTold) continue
        told += 1
        const { facts, trial } = controller.running() ?? {}
        assert.deepEqual([facts?.version, trial], ['2.0.0', false], `seed ${seed}, write ${second}`)
      }
    }
    assert.ok(told >= 5 && told <= SEEDS, `${told}: both kinds have been seen`)
  })
})

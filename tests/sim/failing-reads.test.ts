import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReadFault } from '../../sim/flash/faults.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { bootUp } from '../../src/flows/boot.ts'
import { type Bench, bench, update, V2, V3 } from './bench-board.ts'

const runs = ({ controller }: Bench, now = 1_800_000_000_000): string => {
  const outcome = bootUp(controller.board, 'software', instant(now))
  return outcome.at === 'halted' ? 'halted' : `${outcome.running.slot} ${outcome.running.facts.version}`
}

/** Two updates on, so that both slots, both record blocks and the history are in use. */
function used(): Bench {
  const on = bench()
  update(on, V2)
  update(on, V3)
  return on
}

describe('a read that fails once', () => {
  const faults: readonly ReadFault[] = [{ read: 'ecc-once' }, { read: 'flipped', at: 3, mask: 0x10 }]
  for (const fault of faults) {
    it(`does not cost the image that runs: ${fault.read}, at each read of a slot`, () => {
      const on = used()
      let reads = 0
      const strike = (wanted: number) => {
        reads = 0
        on.controller.flash.readFaults = ({ area }) => {
          if (area !== 'a' && area !== 'b') return null
          reads += 1
          return reads === wanted ? fault : null
        }
      }
      strike(0)
      assert.equal(runs(on), 'a 3.0.0')
      const all = reads
      assert.ok(all >= 3, 'header, envelope and image')
      for (let wanted = 1; wanted <= all; wanted += 1) {
        strike(wanted)
        assert.equal(runs(on), 'a 3.0.0', `read ${wanted} of ${all}`)
        assert.ok(reads > all, 'the fault struck, and the slot was looked at again')
      }
    })
  }
})

describe('a clock that says what no clock says', () => {
  for (const now of [-1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER]) {
    it(`is no reason not to boot: ${now}`, () => {
      const on = used()
      const outcome = bootUp(on.controller.board, 'power-on', now as ReturnType<typeof instant>)
      assert.equal(outcome.at, 'running')
      const { at, event } = on.controller.history().at(-1) ?? {}
      assert.deepEqual([at, event], [now === Number.MAX_SAFE_INTEGER ? now : 0, 'boot'])
    })
  }
})

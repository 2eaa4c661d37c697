import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReadFault } from '../../sim/flash/faults.ts'
import { watchGolden } from '../../src/apps/agent/golden.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { bootUp, wouldLeaveGolden } from '../../src/flows/boot.ts'
import { type Bench, bench, release, SMALL, stage, update, V2, V3 } from './bench-board.ts'

const V4 = await release('4.0.0', 40, { counter: 2 })

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

describe('golden, once more', () => {
  const golden = (): Bench => {
    const on = used()
    on.controller.flash.readFaults = ({ area }) => (area === 'a' || area === 'b' ? { read: 'ecc-once' } : null)
    assert.equal(runs(on), 'golden 0.9.0')
    return on
  }

  it('would give way as soon as a slot reads well again, and tells so without a write', () => {
    const on = golden()
    const { operations } = on.controller.flash
    assert.equal(wouldLeaveGolden(on.controller.board), false)
    on.controller.flash.readFaults = () => null
    assert.equal(wouldLeaveGolden(on.controller.board), true)
    assert.equal(on.controller.flash.operations, operations)
    assert.equal(runs(on), 'a 3.0.0')
  })

  it('would not give way to a candidate that the site has not armed', () => {
    const on = used()
    on.controller.flash.rot('a', SMALL.imageOffset)
    on.controller.flash.rot('b', SMALL.imageOffset)
    on.controller.powerUp()
    assert.equal(on.controller.running()?.slot, 'golden')
    stage(on.controller, V4)
    assert.equal(wouldLeaveGolden(on.controller.board), false)
  })

  it('looks again and again, and restarts once', async () => {
    const on = golden()
    const { controller } = on
    let [reads, restarts] = [0, 0]
    const stop = new AbortController()
    const restart = (): void => {
      restarts += 1
    }
    controller.flash.readFaults = ({ area }) => {
      if (area === 'a') reads += 1
      return reads < 3 && (area === 'a' || area === 'b') ? { read: 'ecc-once' } : null
    }
    await watchGolden(controller.board, { stop: stop.signal, restart, everyMillis: 1 })
    assert.equal(restarts, 1)
    controller.flash.readFaults = ({ area }) => (area === 'a' || area === 'b' ? { read: 'ecc-once' } : null)
    const watching = watchGolden(controller.board, {
      stop: stop.signal,
      restart,
      everyMillis: 1,
    })
    stop.abort()
    await watching
    assert.equal(restarts, 1, 'nothing after it was stopped')
  })
})

describe('a record block of which one read goes wrong', () => {
  /** The newest record is alone in its block: an older one stands in the other. */
  const alone = (): Bench => {
    const on = used()
    for (let boots = 0; boots < 8; boots += 1) {
      runs(on)
      const blocks = (['record0', 'record1'] as const).map(area => on.controller.flash.cells(area))
      if (blocks.some(cells => cells.subarray(512).every(byte => byte === 0xff))) return on
    }
    throw new Error('no block was ever begun')
  }
  for (const at of [2, 16, 300, 500]) {
    it(`is not erased: byte ${at} of the newest record`, () => {
      for (let wanted = 1; ; wanted += 1) {
        const on = alone()
        const erased: string[] = []
        on.controller.flash.faults = ({ kind, area }) => {
          if (kind === 'erase') erased.push(area)
          return null
        }
        let reads = 0
        on.controller.flash.readFaults = ({ area, length }) => {
          if (area !== 'record0' && area !== 'record1') return null
          reads += 1
          return reads === wanted && at < length ? { read: 'flipped', at, mask: 0x10 } : null
        }
        assert.equal(runs(on), 'a 3.0.0')
        if (reads < wanted) break
        on.controller.flash.readFaults = () => null
        assert.equal(runs(on), 'a 3.0.0')
        assert.ok(!erased.some(area => area.startsWith('record')), `read ${wanted}: ${erased}`)
      }
    })
  }

  it('is not erased for one that cannot be read any more', () => {
    const on = alone()
    const { flash } = on.controller
    const newest = flash
      .cells('record0')
      .subarray(512)
      .every(byte => byte === 0xff)
      ? 'record0'
      : 'record1'
    const erased: string[] = []
    // The block of the newest record breaks as the next one is read back.
    let broken = false
    flash.faults = ({ kind, area }) => {
      if (kind === 'erase') erased.push(area)
      if (kind === 'program' && area === newest && !broken) {
        broken = true
        flash.eccFault(newest, 0)
      }
      return null
    }
    assert.equal(runs(on), 'a 3.0.0')
    assert.deepEqual(
      erased.filter(area => area.startsWith('record')),
      [newest],
    )
    assert.equal(runs(on), 'a 3.0.0')
  })
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

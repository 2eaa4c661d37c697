import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DEFAULT_GEOMETRY } from '../../sim/controller/sim-controller.ts'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { DumpScan } from '../../src/core/slot/dump.ts'
import { findImage, type ReadDump } from '../../src/core/slot/dump-image.ts'
import { type DumpView, viewDump } from '../../src/core/slot/dump-view.ts'
import { history, readMemory } from '../../src/flows/remember.ts'
import {
  ANCHORS,
  type Bench,
  bench,
  rememberingOpen,
  SMALL,
  settle,
  stage,
  update,
  type V1,
  V2,
  V3,
} from './bench-board.ts'

/** The flash of a controller as a technician dumps it: no geometry, no names of areas. */
function dump({ controller }: Bench, authenticated: boolean): DumpView {
  const key = { mac: controller.element.mac.bind(controller.element), equal: nodeCrypto.equal }
  const scan = new DumpScan(authenticated ? key : null)
  scan.push(controller.flash.snapshot())
  return orThrow(viewDump([{ file: 'flash.bin', finds: scan.end() }], authenticated, ANCHORS, nodeCrypto))
}

/** The dump says what the device would say of itself. */
function agrees(on: Bench, seen: DumpView): void {
  const { entries, torn } = history(on.controller.board)
  const told = seen.history.filter(line => line.from === 'history')
  assert.deepEqual(
    told.map(({ from: _, authentic: __, ...entry }) => entry),
    entries,
  )
  assert.deepEqual(seen.newest?.record.memory ?? null, readMemory(on.controller.board))
  assert.ok(seen.torn <= torn, `${seen.torn} torn cells, and the device counts ${torn}`)
}

describe('a dump of a controller', () => {
  it('says what the device says, with the key and without, and verifies the envelopes', () => {
    const on = bench()
    update(on, V2)
    stage(on.controller, V3)
    for (const authenticated of [true, false]) {
      const seen = dump(on, authenticated)
      agrees(on, seen)
      assert.deepEqual(seen.running, { slot: 'b', version: V2.facts.version, trial: false })
      assert.deepEqual(
        seen.slots.map(({ facts, noted, signed }) => [(facts as typeof V1.facts).version, noted, signed]),
        [
          ['3.0.0', ['a'], [ANCHORS[0]?.kid]],
          ['2.0.0', ['b'], [ANCHORS[0]?.kid]],
          ['0.9.0', [], [ANCHORS[0]?.kid]],
        ],
      )
    }
  })

  it('says that golden runs, or nothing', () => {
    const on = bench()
    on.controller.flash.rot('a', on.controller.board.device.imageOffset)
    on.controller.powerUp()
    assert.equal(dump(on, true).running?.slot, 'golden')
    on.controller.flash.rot('golden', on.controller.board.device.imageOffset)
    on.controller.powerUp()
    assert.equal(dump(on, true).running?.slot, 'none')
  })

  it('finds each image without being told where it begins, and counts the chunks that hold', () => {
    for (const geometry of [SMALL, DEFAULT_GEOMETRY]) {
      const on = bench({ geometry })
      update(on, V2)
      const { controller } = on
      orThrow(controller.begin({ envelope: V3.envelope, update: 'u' }))
      orThrow(controller.write(0, V3.image.subarray(0, 1600)))
      controller.flash.rot('b', geometry.imageOffset + 600)
      const flash = controller.flash.snapshot()
      const read: ReadDump = (offset, length) =>
        offset + length <= flash.length ? flash.subarray(offset, offset + length) : null
      const found = dump(on, false).slots.map(({ offset, header, facts }) => {
        const image = findImage(read, offset, 16 + header.envelopeBytes, orThrow(facts), nodeCrypto)
        return [orThrow(facts).version, image === null ? null : image.offset - offset, image?.good, image?.chunks]
      })
      assert.deepEqual(found, [
        ['3.0.0', geometry.imageOffset, 3, 6],
        ['2.0.0', geometry.imageOffset, 5, 6],
        ['0.9.0', geometry.imageOffset, 6, 6],
      ])
    }
  })

  it('agrees with the device after a cut at every operation of an update, before and after the next boot', () => {
    const open = rememberingOpen()
    let cuts = 0
    for (let index = 0; ; index += 1) {
      const on = bench({ open })
      const start = on.controller.flash.operations
      let fired = false
      on.controller.flash.faults = ({ index: at }) => {
        fired ||= at - start === index
        return at - start === index ? { cut: 'inside', share: 0.6 } : null
      }
      try {
        stage(on.controller, V2)
        orThrow(on.controller.activate())
        settle(on)
      } catch (error) {
        if (!(error instanceof PowerLost)) throw error
      }
      if (!fired) break
      cuts += 1
      on.controller.flash.faults = () => null
      on.controller.flash.powerUp()
      agrees(on, dump(on, true))
      on.controller.powerUp('power-loss')
      agrees(on, dump(on, true))
    }
    assert.ok(cuts > 10, `${cuts} cuts`)
  })
})

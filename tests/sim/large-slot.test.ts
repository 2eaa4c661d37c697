import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Geometry } from '../../src/core/slot/layout.ts'
import { imageOf, release, SMALL, settle, stage } from './bench-board.ts'
import { FAULTS, PatchBench } from './patch-cuts.ts'

const MIB = 1 << 20
const CHUNK = 64 * 1024
const LARGE: Geometry = {
  ...SMALL,
  slot: { size: 3 * MIB, sector: CHUNK },
  golden: { size: 2 * CHUNK, sector: CHUNK },
  imageOffset: CHUNK,
}

/** What lies in the slot, and reaches into each of its mebibytes. */
const BEFORE = await release('2.0.0', 20, { counter: 2, image: imageOf(7, 2.5 * MIB), chunkBytes: CHUNK })
const WANTED = await release('3.0.0', 30, { counter: 2, image: imageOf(8, 100_000), chunkBytes: CHUNK })

describe('a slot that is erased in several steps', () => {
  it('survives a cut in and between each of them, for another release and for the one that lay there', () => {
    const board = new PatchBench(
      ({ controller }) => {
        stage(controller, BEFORE, CHUNK)
        orThrow(controller.withdraw())
      },
      { geometry: LARGE },
    )
    const kinds: string[] = []
    const { controller } = board.back()
    controller.flash.faults = ({ kind, area }) => {
      kinds.push(`${kind} ${area}`)
      return null
    }
    stage(controller, WANTED, CHUNK)
    const WRITES = 5
    const wipe = 'erase b'
    assert.deepEqual(kinds.slice(0, WRITES), [wipe, wipe, wipe, 'program b', 'program b'])
    for (const fault of FAULTS) {
      for (let write = 0; write < WRITES; write += 1) {
        board.back()
        assert.ok(board.cut(write, fault, () => stage(board.on.controller, WANTED, CHUNK)))
        const after = board.moment()
        for (const next of [WANTED, BEFORE]) {
          const where = `${JSON.stringify(fault)} at write ${write}, then ${next.facts.version}`
          const { controller } = board.back(after, write + 1)
          assert.equal(`${controller.running()?.slot} ${controller.running()?.facts.version}`, 'a 1.0.0', where)
          stage(controller, next, CHUNK)
          const found = controller.flash.read('b', LARGE.imageOffset, next.image.length)
          assert.ok(found !== null && Buffer.compare(found, next.image) === 0, where)
          orThrow(controller.activate())
          settle(board.on)
          assert.equal(controller.running()?.facts.version, next.facts.version, where)
        }
      }
    }
  })
})

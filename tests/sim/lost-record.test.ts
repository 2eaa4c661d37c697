import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { encodeSlotHeader, SLOT_HEADER_BYTES } from '../../src/core/slot/layout.ts'
import { peekSequence, RECORD_BYTES } from '../../src/core/slot/record.ts'
import { readMemory } from '../../src/flows/remember.ts'
import { type Bench, bench, release, SMALL, settle, stage, update, V1, V2 } from './bench-board.ts'
import { codeOf } from './bricks/device.ts'
import { runs } from './interrupting.ts'

const SAME_FLOOR = await release('1.5.0', 15)

/** The newest record rots, while the device runs: the one before it is the newest now. */
function loseNewestRecord({ controller: { flash } }: Bench): void {
  const places = (['record0', 'record1'] as const).flatMap(area =>
    Array.from({ length: flash.size(area) / RECORD_BYTES }, (_, index) => ({ area, offset: index * RECORD_BYTES })),
  )
  const numbered = places.map(place => ({
    ...place,
    sequence: peekSequence(flash.read(place.area, place.offset, RECORD_BYTES) as Uint8Array) ?? -1,
  }))
  const newest = numbered.reduce((one, two) => (two.sequence > one.sequence ? two : one))
  flash.rot(newest.area, newest.offset + 60)
}

describe('a device whose record is lost while it runs', () => {
  it('confirms nothing that the record does not have on trial, and says so', () => {
    const on = bench()
    stage(on.controller, V2)
    orThrow(on.controller.activate())
    loseNewestRecord(on)
    assert.equal(readMemory(on.controller.board)?.state.at, 'armed')
    const tick = settle(on)
    assert.equal(tick.at === 'refused' && tick.refusal.code, 'not-in-trial')
    assert.equal(on.controller.element.counter(), 1)
    on.controller.powerUp('power-loss')
    assert.equal(runs(on, 'the next boot'), 'b 2.0.0 trial')
    assert.equal(settle(on).at, 'confirmed')
  })

  it('confirms no other image than the one that the record has on trial', () => {
    const on = bench()
    const { flash } = on.controller
    // Somebody slips a validly signed image into the active slot: it runs on trial, and then its record is lost.
    flash.erase('a', 0, flash.size('a'))
    flash.program('a', 0, encodeSlotHeader({ envelopeBytes: V2.envelope.length, imageBytes: V2.image.length }))
    flash.program('a', SLOT_HEADER_BYTES, V2.envelope)
    flash.program('a', SMALL.imageOffset, V2.image)
    on.controller.powerUp('software')
    assert.equal(runs(on, 'slipped in'), 'a 2.0.0 trial')
    loseNewestRecord(on)
    const memory = readMemory(on.controller.board)
    assert.deepEqual([memory?.state.at, memory?.slots.a.version], ['stable', '1.0.0'])
    const tick = settle(on)
    assert.equal(tick.at === 'refused' && tick.refusal.code, 'not-in-trial')
    assert.equal(on.controller.element.counter(), 1)
  })

  it('never installs over the slot that runs, whatever the record names', () => {
    const on = bench()
    update(on, SAME_FLOOR)
    on.controller.flash.rot('b', SMALL.imageOffset + 9)
    for (const area of ['record0', 'record1'] as const) on.controller.flash.wearOut(area)
    on.controller.powerUp()
    assert.equal(runs(on, 'the fallback'), 'a 1.0.0')
    const state = readMemory(on.controller.board)?.state
    assert.equal(state?.at === 'stable' && state.active, 'b', 'the record could not follow')
    assert.equal(codeOf(on.controller.begin({ envelope: V2.envelope, update: 'u' })), 'boot-record-not-written')
    on.controller.powerUp()
    assert.equal(runs(on, 'the next boot'), `a ${V1.facts.version}`)
  })
})

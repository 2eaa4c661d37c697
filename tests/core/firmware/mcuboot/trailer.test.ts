import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  mcubootSlot,
  type SlotBuild,
  trailerBytes,
  USUAL_BUILD,
} from '../../../../src/core/firmware/mcuboot/trailer.ts'
import { orThrow } from '../../../../src/core/refusal/refusal.ts'
import { codeOf, make, publicKey } from './images.ts'
import { bootLoader, swapType } from './plain-reader.ts'

const whole = make()
const SLOT = 8192
const build = (change: Partial<SlotBuild> = {}): SlotBuild => ({ slotBytes: SLOT, ...USUAL_BUILD, ...change })

describe('a slot for a programmer', () => {
  for (const writeBytes of [1, 2, 4, 8, 16, 32]) {
    const flag = Math.max(8, writeBytes)
    const mark = writeBytes === 32 ? 32 : 16
    it(`of flash with a write unit of ${writeBytes}: tried, or there to stay, and the image as it was`, () => {
      for (const sectors of [null, 16]) {
        for (const confirmed of [false, true]) {
          const slot = orThrow(mcubootSlot(whole, build({ writeBytes, sectors }), confirmed))
          assert.equal(slot.length, SLOT)
          assert.equal(swapType(slot, flag), confirmed && sectors !== null ? 'permanent' : 'test')
          const verdict = bootLoader(slot, publicKey)
          assert.ok(verdict.boots && verdict.length === whole.length)
          const rest = slot.subarray(whole.length, SLOT - 16)
          const written = rest.filter(byte => byte !== 0xff)
          assert.equal(written.length, confirmed && sectors !== null ? 1 : 0, 'nothing else is programmed')
        }
      }
    })

    it(`of flash with a write unit of ${writeBytes}: no image reaches into the trailer`, () => {
      assert.equal(trailerBytes(build({ writeBytes, sectors: null })), mark + 2 * flag)
      assert.equal(trailerBytes(build({ writeBytes, sectors: 128 })), mark + 4 * flag + 384 * writeBytes)
      const room = SLOT - trailerBytes(build({ writeBytes, sectors: 16 }))
      const fits = (length: number): string =>
        codeOf(mcubootSlot(new Uint8Array(length), build({ writeBytes, sectors: 16 }), false))
      assert.deepEqual([fits(room), fits(room + 1)], ['none', 'image-too-large'])
    })
  }

  const wrong: readonly [name: string, change: Partial<SlotBuild>, code: string][] = [
    ['a write unit of 3', { writeBytes: 3 }, 'mcuboot-fact-invalid'],
    ['a write unit of 64', { writeBytes: 64 }, 'mcuboot-fact-invalid'],
    ['no sectors', { sectors: 0 }, 'mcuboot-fact-invalid'],
    ['a slot that ends within a flag', { slotBytes: SLOT + 4 }, 'mcuboot-fact-invalid'],
    ['a slot smaller than its trailer', { slotBytes: 1024 }, 'image-too-large'],
  ]
  for (const [name, change, code] of wrong) {
    it(`is not written for ${name}`, () => assert.equal(codeOf(mcubootSlot(whole, build(change), false)), code))
  }
})

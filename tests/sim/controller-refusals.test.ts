import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimController } from '../../sim/controller/sim-controller.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { encodeSlotHeader } from '../../src/core/slot/layout.ts'
import { readMemory } from '../../src/flows/remember.ts'
import { bench, foreignSigner, GOLDEN, imageOf, release, SMALL, stage, V2, V3 } from './bench-board.ts'

const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : `no refusal: ${JSON.stringify(value)}`)
const version = (controller: SimController): string =>
  `${controller.running()?.slot} ${controller.running()?.facts.version}`
const offer = (wanted: { envelope: Uint8Array }) => ({ envelope: wanted.envelope, update: 'u' })

describe('what a controller refuses before the first byte', () => {
  type Case = { name: string; code: string; make: () => Promise<{ envelope: Uint8Array }>; limit?: number }
  const cases: Case[] = [
    { name: 'another class', code: 'release-wrong-class', make: () => release('2.0.0', 20, { class: 'pcs' }) },
    {
      name: 'another hardware',
      code: 'release-wrong-hardware',
      make: () => release('2.0.0', 20, { hardware: ['rev-z'] }),
    },
    {
      name: 'an image larger than the slot',
      code: 'release-larger-than-slot',
      make: () => release('2.0.0', 20, { image: imageOf(1, 4_097) }),
    },
    {
      name: 'attack: rollback below the counter',
      code: 'release-below-floor',
      make: () => release('2.0.0', 20, { counter: 0 }),
    },
    { name: 'attack: an older version', code: 'release-not-newer', make: () => release('0.5.0', 20) },
    {
      name: 'a bootloader out of range',
      code: 'release-bootloader-unsuited',
      make: () => release('2.0.0', 20, { bootloader: { min: 4, max: 9 } }),
    },
    {
      name: 'a counter beyond the fuses',
      code: 'counter-headroom-spent',
      make: () => release('2.0.0', 20, { counter: 9 }),
      limit: 8,
    },
    { name: 'attack: unsigned image', code: 'envelope-unsigned', make: () => release('2.0.0', 20, { signer: null }) },
    {
      name: 'attack: signed by somebody else',
      code: 'envelope-signature-invalid',
      make: () => release('2.0.0', 20, { signer: foreignSigner }),
    },
  ]
  for (const { name, code, make, limit } of cases) {
    it(name, async () => {
      const { controller } = bench(limit === undefined ? {} : { counterLimit: limit })
      const before = controller.flash.operations
      assert.equal(codeOf(controller.begin(offer(await make()))), code)
      assert.equal(controller.flash.operations, before, 'nothing was erased')
    })
  }

  it('anything during a trial: the other slot is the way back', () => {
    const { controller } = bench()
    stage(controller, V2)
    orThrow(controller.activate())
    assert.equal(codeOf(controller.begin(offer(V3))), 'trial-in-progress')
  })

  it('pieces that do not join, too many bytes, and an early finish', () => {
    const { controller } = bench()
    assert.equal(codeOf(controller.write(0, V2.image)), 'install-closed')
    orThrow(controller.begin(offer(V2)))
    assert.equal(codeOf(controller.write(5, V2.image)), 'install-out-of-order')
    assert.equal(codeOf(controller.write(0, new Uint8Array(V2.image.length + 1))), 'install-too-long')
    assert.equal(codeOf(controller.finish()), 'install-incomplete')
  })

  it('attack: another image under a valid envelope is found at its first chunk, and erased', () => {
    const { controller } = bench()
    const installation = orThrow(controller.begin(offer(V2)))
    assert.equal(codeOf(controller.write(0, imageOf(99, V2.image.length))), 'install-chunk-damaged')
    assert.equal(installation.offset, 0)
    assert.equal(codeOf(controller.finish()), 'install-incomplete')
    orThrow(controller.write(0, V2.image))
    orThrow(controller.finish())
  })

  it('attack: corrupted chunk', () => {
    const { controller } = bench()
    const installation = orThrow(controller.begin(offer(V2)))
    const spoilt = V2.image.with(1_100, (V2.image[1_100] as number) ^ 1)
    const refusal = controller.write(0, spoilt)
    assert.equal(codeOf(refusal), 'install-chunk-damaged')
    assert.match(refusal?.subject ?? '', /chunk 3 of 6/)
    assert.equal(installation.offset, 1_024, 'what came before it stays')
    orThrow(controller.write(1_024, V2.image.subarray(1_024)))
    orThrow(controller.finish())
  })

  it('what changed in flash behind its chunk is found from flash, and never a candidate', () => {
    const { controller } = bench()
    orThrow(controller.begin(offer(V2)))
    orThrow(controller.write(0, V2.image))
    controller.flash.rot('b', SMALL.imageOffset + 70)
    assert.equal(codeOf(controller.finish()), 'slot-image-damaged')
    assert.equal(readMemory(controller.board)?.state.at, 'stable')
    assert.equal(codeOf(controller.finish()), 'install-closed')
    assert.equal(orThrow(controller.begin(offer(V2))).offset, 0, 'nothing of it is resumed')
  })
})

describe('what a controller does not boot', () => {
  const plant = (controller: SimController, slot: 'a' | 'b', wanted: { envelope: Uint8Array; image: Uint8Array }) => {
    controller.flash.erase(slot, 0, SMALL.slot.size)
    controller.flash.program(
      slot,
      0,
      encodeSlotHeader({ envelopeBytes: wanted.envelope.length, imageBytes: wanted.image.length }),
    )
    controller.flash.program(slot, 16, wanted.envelope)
    controller.flash.program(slot, SMALL.imageOffset, wanted.image)
  }
  type Case = { name: string; make: () => Promise<{ envelope: Uint8Array; image: Uint8Array }> }
  const cases: Case[] = [
    { name: 'attack: unsigned image', make: () => release('2.0.0', 20, { signer: null }) },
    { name: 'attack: signed by somebody else', make: () => release('2.0.0', 20, { signer: foreignSigner }) },
    { name: 'attack: rollback below counter', make: () => release('0.5.0', 5, { counter: 0 }) },
    { name: 'attack: another class', make: () => release('2.0.0', 20, { class: 'pcs' }) },
    { name: 'attack: another hardware', make: () => release('2.0.0', 20, { hardware: ['rev-z'] }) },
    { name: 'attack: tampered slot', make: async () => ({ envelope: V2.envelope, image: V2.image.with(9, 0) }) },
    {
      name: 'attack: longer than its envelope',
      make: async () => ({ envelope: V2.envelope, image: Uint8Array.from([...V2.image, 1]) }),
    },
  ]
  for (const { name, make } of cases) {
    it(name, async () => {
      const { controller } = bench()
      plant(controller, 'a', await make())
      controller.powerUp()
      assert.equal(controller.running()?.slot, 'golden')
      assert.equal(controller.running()?.facts.version, GOLDEN.facts.version)
    })
  }

  it('attack: a validly signed image slipped into the active slot runs as a trial, not as confirmed', () => {
    const { controller } = bench()
    plant(controller, 'a', V3)
    controller.powerUp()
    assert.equal(version(controller), 'a 3.0.0')
    assert.equal(orThrow(controller.status()).state, 'trial')
    assert.equal(controller.element.counter(), 1)
  })

  it('attack: a forged record is not read', () => {
    const { controller } = bench()
    stage(controller, V2)
    const block = controller.flash.read('record0', 0, 512)?.slice() as Uint8Array
    block[5] = 3 // armed
    block[20] = 1 // a sequence above every other
    controller.flash.erase('record1', 0, 2048)
    controller.flash.program('record1', 0, block)
    controller.powerUp()
    assert.equal(version(controller), 'a 1.0.0')
  })
})

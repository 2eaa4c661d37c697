import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { writeRow } from '../../src/core/delta/journal.ts'
import { HEADER_BYTES } from '../../src/core/delta/patch.ts'
import type { Encryption } from '../../src/core/firmware/encryption.ts'
import { SEALED_HEAD_BYTES, sealPatch } from '../../src/core/firmware/patch-encryption.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { Geometry } from '../../src/core/slot/layout.ts'
import { contentKeyWith } from '../../src/flows/encrypt.ts'
import { memoryWrappingKey, TOOLS, wrapOf } from '../worlds/wrapping.ts'
import { bench, imageOf, release, SMALL, stage, V1 } from './bench-board.ts'
import {
  changed,
  cutEverywhere,
  JOURNALED,
  MEMORY,
  NEXT,
  PATCH,
  PatchBench,
  patchBetween,
  patched,
  stageByPatch,
} from './patch-cuts.ts'

const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')

/** A board on which an update begins; what `write` refuses of a patch, and whether a byte of the image was written by then. */
function refusedOf(
  { bytes, ref }: typeof PATCH,
  { memory = MEMORY, prepare = (): void => {} }: { memory?: number; prepare?: (board: PatchBench) => void } = {},
): readonly [code: string, isWritten: boolean] {
  const board = new PatchBench()
  prepare(board)
  const { controller } = board.back(board.moment())
  orThrow(controller.begin({ envelope: NEXT.envelope, update: 'u' }))
  let isWritten = false
  controller.flash.faults = ({ area }) => {
    isWritten ||= area === 'b'
    return null
  }
  const receiver = controller.beginPatch(ref, memory)
  if (isRefusal(receiver)) return [receiver.code, isWritten]
  let refusal: Refusal | null = null
  while (refusal === null && receiver.offset < receiver.total) {
    const at = receiver.offset
    refusal = receiver.write(at, bytes.subarray(at, at + 90))
  }
  return [codeOf(refusal), isWritten]
}

/** The patch with some of its bytes changed; its digest is that of what it is then. */
const with_ = (change: (bytes: Uint8Array) => void): typeof PATCH => {
  const bytes = PATCH.bytes.slice()
  change(bytes)
  return patched(bytes, PATCH.ref.base)
}

describe('an update by a patch', () => {
  it('comes to its end, from the patch alone', () => {
    const board = new PatchBench()
    board.back()
    assert.equal(board.comesThrough(NEXT, PATCH, 'no cut'), PATCH.bytes.length)
    assert.ok(PATCH.bytes.length < NEXT.image.length / 2)
  })

  it('survives a cut at every write, and a second one behind it, whatever becomes of the journal', t => {
    const { runs, resumed } = cutEverywhere((first, second) => (first + second) % 4 === 0)
    t.diagnostic(`${runs} updates came to their end, ${resumed} of them from the middle of the patch`)
    assert.ok(runs > 800 && resumed > 400, `${runs}, ${resumed}`)
  })

  it('makes a group of images from a group', async () => {
    const geometry: Geometry = { ...JOURNALED, parts: [{ size: 4096, sector: 1024 }] }
    const pair = (version: string, sequence: number, image: Uint8Array, more: Uint8Array) =>
      release(version, sequence, { image, further: [{ name: 'afe', image: more }] })
    const one = await pair('1.0.0', 10, V1.image, imageOf(110, 1_300))
    const two = await pair('2.0.0', 20, changed(V1.image, 6), changed(imageOf(110, 1_300), 7))
    const device = { ...bench().controller.board.device, components: ['app', 'afe'] }
    const on = bench({ geometry, device }, one)
    stageByPatch(on, two, patchBetween(one.image, two.image))
    orThrow(on.controller.activate())
    assert.equal(on.controller.running()?.facts.version, '2.0.0')
    assert.deepEqual(on.controller.flash.read('b1', 0, 1_300)?.slice(), two.image.slice(2_700))
  })

  it('is decrypted as it comes, of an encrypted release, and survives a cut at every write', async () => {
    const board = new PatchBench()
    const { element } = board.on.controller
    const wrap = await wrapOf(SECRET, OPERATOR, element.decryptionKey)
    const sealed = { ...patched(await sealedPatch(SECRET), PATCH.ref.base), wrap }
    board.back()
    board.comesThrough(SECRET, sealed, 'no cut')
    let cuts = 0
    for (let write = 0; ; write += 1) {
      board.back()
      if (!board.cut(write, { cut: 'inside', share: 0.5 }, () => stageByPatch(board.on, SECRET, sealed))) break
      board.back(board.moment())
      board.comesThrough(SECRET, sealed, `a cut at write ${write}`)
      cuts += 1
    }
    assert.ok(cuts > 8, `${cuts}`)
  })

  it('attack: of an encrypted release, a patch in the clear, and one whose segment was changed', async () => {
    const bytes = await sealedPatch(SECRET)
    const other = bytes.slice()
    other[SEALED_HEAD_BYTES + 3] = (other[SEALED_HEAD_BYTES + 3] as number) ^ 1
    for (const [wrong, code] of [
      [PATCH.bytes, 'patch-malformed'],
      [other, 'payload-segment-refused'],
      [bytes.slice(0, -1), 'patch-malformed'],
    ] as const) {
      const { controller } = new PatchBench().back()
      const wrap = await wrapOf(SECRET, OPERATOR, controller.element.decryptionKey)
      orThrow(controller.begin({ envelope: SECRET.envelope, update: 'u', wrap }))
      const receiver = orThrow(controller.beginPatch(patched(wrong, PATCH.ref.base).ref, MEMORY))
      assert.equal(codeOf(receiver.write(0, wrong)), code)
    }
  })

  it('is made from nothing as well, on any board', () => {
    const board = new PatchBench(on => stage(on.controller, V1OTHER))
    board.back()
    stageByPatch(board.on, NEXT, patchBetween(new Uint8Array(0), NEXT.image))
    orThrow(board.on.controller.activate())
    assert.equal(board.on.controller.running()?.facts.version, '2.0.0')
  })

  it('begins at its beginning on a board without a journal, and passes over what flash holds', () => {
    const board = new PatchBench(() => {}, { geometry: SMALL })
    board.back()
    assert.ok(board.cut(6, { cut: 'after' }, () => stageByPatch(board.on, NEXT, PATCH)))
    board.back(board.moment())
    const kept = orThrow(board.on.controller.begin({ envelope: NEXT.envelope, update: 'update-2.0.0' })).offset
    assert.ok(kept >= 512, `${kept}`)
    const erased: number[] = []
    board.on.controller.flash.faults = ({ area, offset }) => {
      if (area === 'b') erased.push(offset)
      return null
    }
    assert.equal(board.comesThrough(NEXT, PATCH, 'no journal'), PATCH.bytes.length)
    assert.ok(Math.min(...erased) >= kept, 'what flash holds is not written again')
  })

  it('believes a journal nothing: rows of another patch, and rows that mislead', () => {
    const digest = (hex: string) => Uint8Array.fromHex(hex)
    const own = digest(PATCH.ref.sha256)
    const rows = {
      'of another patch': writeRow(nodeCrypto, digest('ab'.repeat(32)), {
        written: 512,
        offset: 200,
        next: own.slice(0, 16),
      }),
      'with another next block': writeRow(nodeCrypto, own, { written: 512, offset: 400, next: own.slice(0, 16) }),
      'beyond the patch': writeRow(nodeCrypto, own, { written: 512, offset: 2 ** 32 - 1, next: own.slice(0, 16) }),
      'beyond the image': writeRow(nodeCrypto, own, { written: 2 ** 32 - 1, offset: 400, next: own.slice(0, 16) }),
    }
    for (const [name, row] of Object.entries(rows)) {
      const board = new PatchBench()
      board.back()
      assert.ok(board.cut(9, { cut: 'after' }, () => stageByPatch(board.on, NEXT, PATCH)))
      const { controller } = board.back(board.moment())
      controller.flash.erase('journal', 0, controller.flash.size('journal'))
      controller.flash.program('journal', 64, row)
      board.comesThrough(NEXT, PATCH, name)
    }
  })

  it('attack: a patch for another base is refused before the first write', () => {
    const other = patchBetween(imageOf(3, 2_700), NEXT.image)
    assert.deepEqual(refusedOf(other), ['patch-base-differs', false])
    // Said to be for this base, and made for another one.
    assert.deepEqual(refusedOf({ ...other, ref: { ...other.ref, base: PATCH.ref.base } }), [
      'patch-base-differs',
      false,
    ])
  })

  it('attack: what runs has rotted since it was booted: the base is held against its digest from flash, before the first write', () => {
    const rot = (board: PatchBench): void => {
      const { beginPatch } = board.on.controller
      board.on.controller.beginPatch = (...given) => {
        board.on.controller.flash.rot('a', 2_048 + 1_300)
        return beginPatch.apply(board.on.controller, given)
      }
    }
    assert.deepEqual(refusedOf(PATCH, { prepare: rot }), ['patch-base-differs', false])
  })

  it('attack: a patch that needs more memory than there is is refused, whatever the offer says', () => {
    const least = PATCH.ref.memory
    assert.deepEqual(refusedOf(PATCH, { memory: least - 1 }), ['patch-memory-refused', false])
    const lying = { ...PATCH, ref: { ...PATCH.ref, memory: 1 } }
    assert.deepEqual(refusedOf(lying, { memory: least - 1 }), ['patch-memory-refused', false])
    assert.deepEqual(refusedOf(lying, { memory: least }), ['no refusal', true])
  })

  it('attack: a patch that makes another image is refused before the first write', () => {
    const other = patchBetween(V1.image, changed(V1.image, 77))
    assert.deepEqual(refusedOf(other), ['patch-target-differs', false])
    // Said to make this one: the release names each chunk of it.
    const lying = other.bytes.slice()
    lying.set(PATCH.bytes.subarray(60, 92), 60)
    assert.deepEqual(refusedOf(patched(lying, PATCH.ref.base)), ['install-chunk-damaged', true])
  })

  it('attack: a block that is not the one that the block before names', () => {
    const altered = with_(bytes => {
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
    })
    assert.equal(refusedOf(altered)[0], 'patch-altered')
    const first = with_(bytes => {
      bytes[HEADER_BYTES + 30] = (bytes[HEADER_BYTES + 30] as number) ^ 1
    })
    assert.deepEqual(refusedOf(first), ['patch-altered', false])
  })

  it('refuses a patch that ends too early, or says of a block that it is longer than any', () => {
    const short = PATCH.bytes.slice(0, -1)
    assert.equal(refusedOf(patched(short, PATCH.ref.base))[0], 'patch-malformed')
    const long = with_(bytes => new DataView(bytes.buffer).setUint32(HEADER_BYTES, 0xffff_ffff, true))
    assert.deepEqual(refusedOf(long), ['patch-malformed', false])
    const more = patched(Uint8Array.from([...PATCH.bytes, 0, 0]), PATCH.ref.base)
    assert.equal(refusedOf(more)[0], 'patch-malformed')
  })
})

const OPERATOR = memoryWrappingKey()
const SEGMENT = 1024
const SECRET = await release('2.0.0', 20, {
  counter: 2,
  image: NEXT.image,
  encrypt: { keys: [OPERATOR.spki], segmentBytes: SEGMENT, cipher: nodeCipher },
})

/** The patch of a release, encrypted under a key that follows from its content key. */
async function sealedPatch({ contentKeys, facts }: typeof SECRET): Promise<Uint8Array> {
  const key = orThrow(await contentKeyWith(contentKeys, facts.encryption as Encryption, OPERATOR, TOOLS, 'test'))
  return sealPatch(PATCH.bytes, { base: PATCH.ref.base, target: facts.imageDigest }, SEGMENT, key, TOOLS)
}

const V1OTHER = await release('1.5.0', 15, { image: imageOf(99, 2_000) })

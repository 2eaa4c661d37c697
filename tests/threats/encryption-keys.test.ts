import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimController } from '../../sim/controller/sim-controller.ts'
import { nodeCipher as cipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { type Decryption, decryptionOf, decryptPayload } from '../../src/flows/decrypt.ts'
import { contentKeyWith } from '../../src/flows/encrypt.ts'
import type { Release } from '../../src/flows/release.ts'
import { bench, foreignSigner, imageOf, release, stage } from '../sim/bench-board.ts'
import { memoryWrappingKey, TOOLS, wrapOf } from '../worlds/wrapping.ts'
import { codeOf } from './bench.ts'

const OPERATOR = memoryWrappingKey()
const SEGMENT = 1024
const IMAGE = imageOf(70, 3_300)
const secret = (version: string, sequence: number, image = IMAGE): Promise<Release> =>
  release(version, sequence, { counter: 2, image, encrypt: { keys: [OPERATOR.spki], segmentBytes: SEGMENT, cipher } })

/** Whether any 24 bytes of the image stand in some bytes. */
function leaks(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes)
  for (let at = 0; at + 24 <= IMAGE.length; at += 24) if (text.includes(IMAGE.subarray(at, at + 24))) return true
  return false
}

/** The image in the clear, as whoever can use a controller's element gets it. */
function read({ board }: SimController, { facts, payload }: Release, wrap: Uint8Array): Uint8Array | string {
  const decryption = decryptionOf(board, facts, wrap)
  if (isRefusal(decryption)) return decryption.code
  const out: number[] = []
  const sink = {
    get offset() {
      return out.length
    },
    take: (_: number, piece: Uint8Array) => {
      out.push(...piece)
      return null
    },
  }
  const refusal = (decryption as Decryption).write(0, payload, sink, 'thief')
  return refusal === null ? Uint8Array.from(out) : refusal.code
}

describe('keys that an encrypted release is read with', () => {
  it('attack: eavesdrop: who copies all that is between the maker and the flash reads nothing of the image', async () => {
    const { controller } = bench()
    const made = await secret('4.0.0', 40)
    const wrap = await wrapOf(made, OPERATOR, controller.element.decryptionKey)
    for (const bytes of [made.envelope, made.payload, wrap, ...made.contentKeys]) assert.equal(leaks(bytes), false)
    // With a controller of their own, they have a key, and it is another one.
    assert.equal(read(bench().controller, made, wrap), 'wrap-for-another-key')
    stage(controller, made, 700, wrap)
    assert.equal(leaks(controller.flash.cells('b').slice()), true, 'the search finds it where it has to be')
  })

  it("the thief of one controller's decryption key can read the releases that are wrapped for it", async () => {
    const { controller } = bench()
    const made = await secret('4.0.0', 40)
    const wrap = await wrapOf(made, OPERATOR, controller.element.decryptionKey)
    assert.deepEqual(read(controller, made, wrap), IMAGE, 'which is the same content key for every controller')
  })

  it('attack: a stolen decryption key opens no wrap of another controller, and puts nothing into a slot', async () => {
    const [thief, other] = [bench().controller, bench().controller]
    const made = await secret('4.0.0', 40)
    const next = await secret('4.1.0', 41)
    assert.equal(read(thief, next, await wrapOf(next, OPERATOR, other.element.decryptionKey)), 'wrap-for-another-key')
    // The content key is known now; what is encrypted under it by somebody else still needs the maker's signature.
    const wrap = await wrapOf(made, OPERATOR, other.element.decryptionKey)
    const forged = await release('5.0.0', 50, { counter: 2, image: imageOf(71, 3_300), signer: foreignSigner })
    assert.equal(codeOf(other.begin({ envelope: forged.envelope, update: 'u', wrap })), 'envelope-signature-invalid')
  })

  it('attack: a stolen decryption key is worth nothing for what is encrypted after the controller has another', async () => {
    const [stolen, replaced] = [bench().controller, bench().controller]
    const next = await secret('4.1.0', 41)
    const wrap = await wrapOf(next, OPERATOR, replaced.element.decryptionKey)
    assert.equal(read(stolen, next, wrap), 'wrap-for-another-key')
    assert.deepEqual(read(replaced, next, wrap), IMAGE)
  })

  it('the thief of the wrapping key can read every release that was encrypted to it', async () => {
    const { contentKeys, facts, payload } = await secret('4.0.0', 40)
    const encryption = facts.encryption!
    const key = orThrow(await contentKeyWith(contentKeys, encryption, OPERATOR, TOOLS, 'thief'))
    assert.deepEqual(orThrow(decryptPayload({ ...facts, encryption }, payload, key, cipher)), IMAGE)
  })

  it('attack: a stolen wrapping key signs nothing, and reads nothing that is encrypted to the one after it', async () => {
    const after = memoryWrappingKey()
    const encrypt = { keys: [after.spki], segmentBytes: SEGMENT, cipher }
    const made = await release('4.2.0', 42, { counter: 2, image: IMAGE, encrypt })
    const opened = await contentKeyWith(made.contentKeys, made.facts.encryption!, OPERATOR, { cipher, crypto }, 'thief')
    assert.equal(codeOf(opened), 'content-key-not-for-us')
    const own = await release('5.0.0', 50, {
      counter: 2,
      encrypt: { ...encrypt, keys: [OPERATOR.spki] },
      signer: foreignSigner,
    })
    const { controller } = bench()
    const wrap = await wrapOf(own, OPERATOR, controller.element.decryptionKey)
    assert.equal(codeOf(controller.begin({ envelope: own.envelope, update: 'u', wrap })), 'envelope-signature-invalid')
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCipher } from '../../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { TAG_BYTES } from '../../../src/core/encoding/cipher.ts'
import { agreesWithTarget, areImagesOf, isPayloadOf } from '../../../src/core/firmware/acceptance.ts'
import {
  carriedBy,
  decryptSegment,
  encryptPayload,
  keyCheckOf,
  parseEncryption,
  SEGMENT_LIMITS,
  type Segment,
  sealedBytes,
  segmentAt,
  segmentContext,
} from '../../../src/core/firmware/encryption.ts'
import { parseFacts } from '../../../src/core/firmware/facts.ts'
import { type ReleaseFacts, releaseTarget } from '../../../src/core/firmware/release-facts.ts'
import { authorManifest } from '../../../src/core/firmware/suit-author.ts'
import { readManifest } from '../../../src/core/firmware/suit-read.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { Decryption, decryptPayload } from '../../../src/flows/decrypt.ts'
import { TOOLS } from '../../worlds/wrapping.ts'
import { FACTS, IMAGE } from './signing.ts'

const codeOf = (value: unknown): string | null => (isRefusal(value) ? value.code : null)
const KEY = new Uint8Array(32).fill(7)

/** The facts of the tests with a payload of that many bytes, encrypted. */
function encrypted(length: number, segmentBytes = 1024) {
  const image = new Uint8Array(length).map((_, index) => (index * 31 + (index >> 8)) & 0xff)
  const imageDigest = nodeCrypto.sha256(image).toHex()
  const { ciphertext, encryption } = encryptPayload(image, imageDigest, segmentBytes, KEY, TOOLS)
  const facts = { ...FACTS, imageSize: length, imageDigest, encryption } satisfies ReleaseFacts
  return { image, ciphertext, facts }
}

const TWO = encrypted(2500)
const segments = [0, 1024, 2048].map(at => segmentAt(TWO.facts, at))
const sealedOf = ({ sealedAt, length }: Segment): Uint8Array =>
  TWO.ciphertext.subarray(sealedAt, sealedAt + length + TAG_BYTES)
const open = (segment: Segment, sealed: Uint8Array, facts = TWO.facts): Uint8Array | null =>
  decryptSegment(nodeCipher, KEY, segmentContext(facts), segment, sealed)

describe('an encrypted payload', () => {
  it('is its segments, each a tag longer, one behind the other', () => {
    assert.deepEqual(segments, [
      { index: 0, at: 0, length: 1024, sealedAt: 0, last: false },
      { index: 1, at: 1024, length: 1024, sealedAt: 1040, last: false },
      { index: 2, at: 2048, length: 452, sealedAt: 2080, last: true },
    ])
    assert.equal(TWO.ciphertext.length, sealedBytes(2500, 1024))
    for (const segment of segments) {
      const { at, length } = segment
      assert.deepEqual(open(segment, sealedOf(segment)), TWO.image.slice(at, at + length))
    }
  })

  it('holds each byte of its known form: nonce and extra data', () => {
    const nonces: string[] = []
    const context: string[] = []
    const watching = {
      ...nodeCipher,
      encrypt: (...args: Parameters<typeof nodeCipher.encrypt>) => {
        nonces.push(args[1].toHex())
        context.push(args[2].toHex())
        return nodeCipher.encrypt(...args)
      },
    }
    encryptPayload(TWO.image, '11'.repeat(32), 1024, KEY, { ...TOOLS, cipher: watching })
    assert.deepEqual(nonces, ['000000000000000000000000', '000000000000000000000100', '000000000000000000000201'])
    // ["Encrypt", << {1: 3} >>, << [digest, 2500, 1024] >>]
    const image = `835820${'11'.repeat(32)}1909c4190400`
    assert.deepEqual(context, new Array(3).fill(`8367456e637279707443a10103582${'9'}${image}`))
  })

  it('attack: a segment in another place', () => {
    assert.equal(open(segments[0] as Segment, sealedOf(segments[1] as Segment)), null)
    assert.equal(open(segments[1] as Segment, sealedOf(segments[0] as Segment)), null)
  })

  it('attack: an end that is not the end', () => {
    assert.equal(open({ ...(segments[1] as Segment), last: true }, sealedOf(segments[1] as Segment)), null)
    assert.equal(open({ ...(segments[2] as Segment), last: false }, sealedOf(segments[2] as Segment)), null)
  })

  it('attack: a segment of another image under the same key', () => {
    const [first] = segments as [Segment]
    assert.equal(open(first, sealedOf(first), { ...TWO.facts, imageDigest: '22'.repeat(32) }), null)
    assert.equal(open(first, sealedOf(first), { ...TWO.facts, imageSize: 2501 }), null)
  })

  it('comes out whole, however it is cut on its way, and from wherever it is gone on from', () => {
    const lengths = fc.constantFrom(1, 1023, 1024, 1025, 4096, 5000)
    fc.assert(
      fc.property(
        lengths,
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }),
        fc.nat(),
        (length, cuts, start) => {
          const { image, ciphertext, facts } = encrypted(length)
          let offset = start % length
          const out: Uint8Array = image.slice()
          out.fill(0, offset)
          const sink = {
            get offset() {
              return offset
            },
            take: (at: number, piece: Uint8Array): Refusal | null => {
              assert.equal(at, offset)
              out.set(piece, at)
              offset += piece.length
              return null
            },
          }
          const decryption = new Decryption(facts, KEY.slice(), nodeCipher)
          for (let turn = 0; offset < length; turn += 1) {
            const from = decryption.offset(offset)
            const piece = ciphertext.subarray(from, from + (cuts[turn % cuts.length] as number))
            assert.equal(decryption.write(from, piece, sink, 'test'), null)
          }
          assert.deepEqual(out, image)
          assert.equal(decryption.offset(offset), ciphertext.length)
        },
      ),
      { seed: 20, numRuns: 60 },
    )
  })

  it('is decrypted with a buffer of one segment: below 64 KiB with its plaintext, whatever the size', () => {
    const { ciphertext, facts, image } = encrypted(1_000_000, SEGMENT_LIMITS.maxBytes)
    let [offset, most] = [0, 0]
    const counting = {
      ...nodeCipher,
      decrypt: (...args: Parameters<typeof nodeCipher.decrypt>) => {
        const plain = nodeCipher.decrypt(...args)
        most = Math.max(most, args[3].buffer.byteLength + (plain?.buffer.byteLength ?? 0))
        return plain
      },
    }
    const hash = nodeCrypto.sha256Stream()
    const sink = {
      get offset() {
        return offset
      },
      take: (_: number, piece: Uint8Array): null => {
        hash.update(piece)
        offset += piece.length
        return null
      },
    }
    // Handed over whole: what is held is still a segment.
    assert.equal(new Decryption(facts, KEY.slice(), counting).write(0, ciphertext, sink, 'test'), null)
    assert.equal(hash.digest().toHex(), nodeCrypto.sha256(image).toHex())
    assert.ok(most > 0 && most <= 64 * 1024, `${most} bytes`)
  })

  it('is decrypted whole by whoever has room', () => {
    assert.deepEqual(decryptPayload(TWO.facts, TWO.ciphertext, KEY, nodeCipher), TWO.image)
    assert.equal(codeOf(decryptPayload(TWO.facts, TWO.ciphertext.slice(1), KEY, nodeCipher)), 'image-size-mismatch')
    const other = TWO.ciphertext.with(1500, 0).with(1501, 0)
    assert.equal(codeOf(decryptPayload(TWO.facts, other, KEY, nodeCipher)), 'payload-segment-refused')
  })
})

describe('what a manifest says of the encryption', () => {
  const facts: ReleaseFacts = orThrow(
    parseFacts({ ...FACTS, encryption: encryptPayload(IMAGE, FACTS.imageDigest, 4096, KEY, TOOLS).encryption }, 'test'),
  )
  const { ciphertext } = encryptPayload(IMAGE, FACTS.imageDigest, 4096, KEY, TOOLS)

  it('is read back as it was written', () => {
    assert.deepEqual(readManifest(authorManifest(facts), 'test'), facts)
    assert.equal(facts.encryption?.keyCheck, keyCheckOf(KEY, nodeCrypto))
  })

  it('names the ciphertext as what travels, and the image as what runs', () => {
    assert.equal(isPayloadOf(facts, ciphertext, nodeCrypto), null)
    assert.equal(codeOf(isPayloadOf(facts, IMAGE, nodeCrypto)), 'image-size-mismatch')
    assert.equal(codeOf(isPayloadOf(facts, ciphertext.with(9, 1), nodeCrypto)), 'image-digest-mismatch')
    assert.equal(areImagesOf(facts, IMAGE, nodeCrypto), null)
    assert.equal(codeOf(areImagesOf(facts, ciphertext, nodeCrypto)), 'image-size-mismatch')
    assert.equal(carriedBy(facts).length, IMAGE.length + TAG_BYTES)
  })

  it('attack: metadata that says the release is not encrypted, or is', () => {
    const wrap = new Uint8Array(9)
    const target = releaseTarget(facts, 'a/1/payload.bin', [wrap])
    assert.equal(agreesWithTarget(facts, target), null)
    const { encrypted: _, ...plain } = target
    const other = { ...target, encrypted: { image: '00'.repeat(32), contentKeys: ['AAAA'] } }
    assert.equal(agreesWithTarget(facts, other)?.code, 'release-metadata-disagrees')
    assert.equal(agreesWithTarget(facts, plain)?.code, 'release-metadata-disagrees')
    const clear = {
      ...releaseTarget(FACTS, 'a/1/payload.bin'),
      encrypted: { image: FACTS.imageDigest, contentKeys: ['AAAA'] },
    }
    assert.equal(agreesWithTarget(FACTS, clear)?.code, 'release-metadata-disagrees')
  })

  it('is refused in another form', () => {
    const good = facts.encryption
    for (const change of [
      { segmentBytes: 1000 },
      { segmentBytes: 512 },
      { segmentBytes: 32_768 },
      { segmentBytes: '4096' },
      { digest: '00' },
      { keyCheck: null },
    ]) {
      assert.equal(parseEncryption({ ...good, ...change }), undefined)
      assert.equal(codeOf(parseFacts({ ...facts, encryption: { ...good, ...change } }, 'test')), 'release-fact-invalid')
    }
    assert.equal(parseEncryption('yes'), undefined)
    assert.equal(parseEncryption(null), null)
  })
})

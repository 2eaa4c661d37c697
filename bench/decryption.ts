import { createDecipheriv, createHash } from 'node:crypto'
import { nodeCipher } from '../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../src/adapters/crypto-node.ts'
import { toHex } from '../src/core/encoding/bytes.ts'
import { type Cipher, TAG_BYTES } from '../src/core/encoding/cipher.ts'
import { type Encryption, encryptPayload, SEGMENT_LIMITS } from '../src/core/firmware/encryption.ts'
import type { ReleaseFacts } from '../src/core/firmware/release-facts.ts'
import { Decryption } from '../src/flows/decrypt.ts'
import { type Figure, median, plainLine, RUNS, ratioLine } from './figure.ts'
import { imageOf } from './site-world.ts'

const MIB = 1024 * 1024
const PAYLOAD_BYTES = { full: 16 * MIB, tiny: 256 * 1024 } as const
const ROUNDS = { full: 15, tiny: 1 } as const
/** What comes off a TLS connection at a time. */
const PIECE = 16 * 1024

/**
 * What decrypting on its way costs: a payload of 16 MiB in pieces off a connection through `Decryption`, as an installation
 * does it, each plaintext hashed where it goes. Against bare OpenSSL: the same bytes through one AES-256-GCM decipher and one
 * SHA-256, piece by piece, with one tag at the end and nothing held back.
 *
 * What bounds it: a new cipher context, extra data and a tag for every 16 KiB (about 10 µs), and the copy and the
 * zeros that a segment that is held back costs. Larger segments would cost less and hold more.
 */
export const decryption: Figure = {
  name: 'decryption',
  title: 'Streamed decryption of a 16 MiB payload',
  against: 'bare AES-256-GCM and SHA-256 of the same bytes, in one stream without segments',
  async run({ scale, say }) {
    const payload = imageOf(7, PAYLOAD_BYTES[scale])
    const imageDigest = toHex(nodeCrypto.sha256(payload))
    const key = nodeCipher.random(32)
    const tools = { cipher: nodeCipher, crypto: nodeCrypto }
    const { ciphertext, encryption } = encryptPayload(payload, imageDigest, SEGMENT_LIMITS.usualBytes, key, tools)
    const facts = { imageSize: payload.length, imageDigest, encryption } as ReleaseFacts & { encryption: Encryption }
    let held = 0
    const counting: Cipher = {
      ...nodeCipher,
      decrypt: (...args) => {
        const plain = nodeCipher.decrypt(...args)
        held = Math.max(held, args[3].buffer.byteLength + (plain?.buffer.byteLength ?? 0))
        return plain
      },
    }
    streamed(facts, key, ciphertext, counting)
    const nonce = new Uint8Array(12).fill(1)
    const whole = nodeCipher.encrypt(key, nonce, new Uint8Array(0), payload)
    const runs = Array.from({ length: RUNS[scale] }, (_, at) => {
      say(`run ${at + 1}`)
      const times: [number[], number[]] = [[], []]
      for (let round = 0; round < ROUNDS[scale]; round += 1) {
        const both = [
          () => times[0].push(millis(() => streamed(facts, key, ciphertext, nodeCipher))),
          () => times[1].push(millis(() => bare(key, nonce, whole, imageDigest))),
        ]
        for (const one of round % 2 === 0 ? both : both.toReversed()) one()
      }
      const rate = (all: readonly number[]): number => payload.length / MIB / (median(all) / 1000)
      return { measured: rate(times[0]), yardstick: rate(times[1]) }
    })
    const lines = [
      ratioLine('decrypted and hashed', 'MiB/s', runs, { bound: 'at least', ratio: 0.5 }),
      plainLine(
        'held at a time, ciphertext and plaintext',
        'KiB',
        runs.map(() => held / 1024),
      ),
    ]
    const bounds = [
      `A tag for each ${SEGMENT_LIMITS.usualBytes / 1024} KiB, and what is held back until it has held, cost the difference. What is held does not grow with the payload.`,
    ]
    return { lines, bounds }
  },
}

function streamed(
  facts: ReleaseFacts & { encryption: Encryption },
  key: Uint8Array,
  ciphertext: Uint8Array,
  by: Cipher,
): void {
  const hash = createHash('sha256')
  let offset = 0
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
  const work = new Decryption(facts, key, by)
  for (let at = 0; at < ciphertext.length; at += PIECE) {
    const refusal = work.write(at, ciphertext.subarray(at, at + PIECE), sink, 'the bench')
    if (refusal !== null) throw new Error(refusal.code)
  }
  if (hash.digest('hex') !== facts.imageDigest) throw new Error('another image')
}

function bare(key: Uint8Array, nonce: Uint8Array, whole: Uint8Array, digest: string): void {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAuthTag(whole.subarray(-TAG_BYTES))
  const hash = createHash('sha256')
  for (let at = 0; at < whole.length - TAG_BYTES; at += PIECE) {
    hash.update(decipher.update(whole.subarray(at, Math.min(at + PIECE, whole.length - TAG_BYTES))))
  }
  decipher.final()
  if (hash.digest('hex') !== digest) throw new Error('another image')
}

function millis(work: () => void): number {
  const started = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - started) / 1e6
}

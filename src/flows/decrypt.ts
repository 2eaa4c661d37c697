import { concat } from '../core/encoding/bytes.ts'
import { type Cipher, TAG_BYTES } from '../core/encoding/cipher.ts'
import { readWrap } from '../core/encoding/cose-recipient.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import {
  carriedBy,
  decryptSegment,
  type Encryption,
  openContentKey,
  refuseStranger,
  type Segment,
  type SegmentFacts,
  sealedBytes,
  segmentAt,
  segmentContext,
} from '../core/firmware/encryption.ts'
import { type Between, patchKey, type SealedHead, sealedFacts } from '../core/firmware/patch-encryption.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { SecureElement } from '../core/slot/hardware.ts'

/** A controller's means to decrypt: the element that holds its key, and the ciphers. */
export type Decrypting = {
  readonly element: Pick<SecureElement, 'decryptionKey' | 'agree'>
  readonly cipher: Cipher
  readonly crypto: Crypto
}

/** The facts of an encrypted release. */
type EncryptedFacts = ReleaseFacts & { readonly encryption: Encryption }

/**
 * What decrypts the payload of a release as it comes; null for one that travels as it is. All that the wrap can be wrong in
 * is found here, before a byte of the payload is asked for. Refuses `wrap-missing`, `controller-without-decryption-key`,
 * `wrap-malformed`, `wrap-for-another-key`, `element-cannot-agree`, `wrap-not-opened`, `content-key-mismatch`.
 */
export function decryptionOf(
  board: Decrypting,
  facts: ReleaseFacts,
  wrap: Uint8Array | undefined,
): Decryption | null | Refusal {
  const { encryption } = facts
  if (encryption === null) return null
  const subject = `release ${facts.class} ${facts.version}`
  const { element, crypto } = board
  const own = element.decryptionKey
  if (own === null) return refuse('controller-without-decryption-key', subject, 'a decryption key', 'none')
  if (wrap === undefined) return refuse('wrap-missing', subject, 'a wrap of its content key', 'none')
  const read = readWrap(wrap, subject)
  if (isRefusal(read)) return read
  const stranger = refuseStranger(read, own, crypto, subject)
  if (stranger !== null) return stranger
  const secret = element.agree(read.point)
  if (secret === null) return refuse('element-cannot-agree', subject, 'the secret of the two keys', 'no answer')
  const key = openContentKey(read, secret, encryption, board, subject)
  secret.fill(0)
  return isRefusal(key) ? key : new Decryption({ ...facts, encryption }, key, board.cipher)
}

/** Where the plaintext goes: the offset of the byte that is wanted next, and who takes it. */
export type Sink = { readonly offset: number; take(offset: number, piece: Uint8Array): Refusal | null }

/**
 * Decrypts a payload as it comes, a segment at a time: what it holds is one segment of ciphertext, and nothing of a segment
 * is handed on before its tag has held. It goes wherever the sink goes: back to a chunk that flash did not keep, or on from
 * where an earlier attempt got to.
 */
export class Decryption {
  /** Bytes of the ciphertext. */
  readonly total: number
  readonly #facts: SegmentFacts
  readonly #key: Uint8Array
  readonly #cipher: Cipher
  readonly #context: Uint8Array
  readonly #buffer: Uint8Array
  #held = 0

  constructor(facts: SegmentFacts, key: Uint8Array, cipher: Cipher) {
    this.total = sealedBytes(facts.imageSize, facts.encryption.segmentBytes)
    this.#facts = facts
    this.#key = key
    this.#cipher = cipher
    this.#context = segmentContext(facts)
    this.#buffer = new Uint8Array(facts.encryption.segmentBytes + TAG_BYTES)
  }

  /** The offset of the byte of ciphertext that is wanted next, for a sink that wants the plaintext from `plain` on. */
  offset(plain: number): number {
    if (plain === this.#facts.imageSize) return this.total
    return segmentAt(this.#facts, plain).sealedAt + this.#held
  }

  /**
   * Takes the next piece of ciphertext, of any length. Refuses `install-out-of-order`, `install-too-long`,
   * `payload-segment-refused` (that segment is wanted again from its start), and what the sink refuses.
   */
  write(offset: number, piece: Uint8Array, sink: Sink, subject: string): Refusal | null {
    const wanted = this.offset(sink.offset)
    if (offset !== wanted) return refuse('install-out-of-order', subject, `offset ${wanted}`, `offset ${offset}`)
    if (offset + piece.length > this.total) {
      return refuse('install-too-long', subject, `${this.total} bytes`, `at least ${offset + piece.length} bytes`)
    }
    for (let done = 0; done < piece.length; ) {
      const segment = segmentAt(this.#facts, sink.offset)
      const sealed = segment.length + TAG_BYTES
      const part = piece.subarray(done, done + sealed - this.#held)
      this.#buffer.set(part, this.#held)
      this.#held += part.length
      done += part.length
      if (this.#held < sealed) break
      this.#held = 0
      const refusal = this.#handOn(segment, this.#buffer.subarray(0, sealed), sink, subject)
      if (refusal !== null) return refusal
      // A sink that goes on elsewhere has no use for the rest: `offset` says where.
      if (sink.offset !== segment.at + segment.length) break
    }
    return null
  }

  /**
   * What decrypts a patch of this release as it comes: `total` and offsets count from behind the patch's head
   * (core/firmware/patch-encryption.ts).
   */
  patch(between: Between, head: SealedHead, crypto: Pick<Crypto, 'hmacSha256'>): Decryption {
    return new Decryption(sealedFacts(head), patchKey(this.#key, between, head, crypto), this.#cipher)
  }

  /** The content key is of no more use. */
  forget(): void {
    this.#key.fill(0)
  }

  #handOn(segment: Segment, sealed: Uint8Array, sink: Sink, subject: string): Refusal | null {
    const plain = decryptSegment(this.#cipher, this.#key, this.#context, segment, sealed)
    if (plain === null) return segmentRefused(segment, subject)
    // The sink may want a segment from its middle on: chunks in flash have sizes of their own.
    const refusal = sink.take(sink.offset, plain.subarray(sink.offset - segment.at))
    plain.fill(0)
    return refusal
  }
}

/**
 * The whole payload in the clear, for whoever has the content key and room for it. The bytes are not compared with the
 * image's digest. Refuses `payload-segment-refused`, `image-size-mismatch`.
 */
export function decryptPayload(
  facts: EncryptedFacts,
  ciphertext: Uint8Array,
  key: Uint8Array,
  cipher: Cipher,
): Uint8Array | Refusal {
  const subject = `payload of ${facts.class} ${facts.version}`
  const { length } = carriedBy(facts)
  if (ciphertext.length !== length) {
    return refuse('image-size-mismatch', subject, `${length} bytes`, `${ciphertext.length} bytes`)
  }
  const context = segmentContext(facts)
  const parts: Uint8Array[] = []
  for (let at = 0; at < facts.imageSize; at += facts.encryption.segmentBytes) {
    const segment = segmentAt(facts, at)
    const sealed = ciphertext.subarray(segment.sealedAt, segment.sealedAt + segment.length + TAG_BYTES)
    const plain = decryptSegment(cipher, key, context, segment, sealed)
    if (plain === null) return segmentRefused(segment, subject)
    parts.push(plain)
  }
  return concat(...parts)
}

const segmentRefused = ({ index, last, sealedAt }: Segment, subject: string): Refusal =>
  refuse(
    'payload-segment-refused',
    `${subject}, segment ${index + 1}${last ? ' (the last)' : ''}`,
    'ciphertext of this place in this image',
    `something else from byte ${sealedAt} on`,
  )

import { sameBytes } from '../../../src/core/encoding/bytes.ts'
import { type Cbor, CborFault, decodeCbor, describe, Tagged } from '../../../src/core/encoding/cbor.ts'
import type { Crypto } from '../../../src/core/encoding/crypto.ts'
import { wrappedSha256 } from '../../../src/core/firmware/suit-author.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { ENVELOPE, ENVELOPE_TAG, SHA256_ALG } from './labels.ts'
import { LIMITS } from './limits.ts'
import { isRefused, type Refused, stop } from './refusal.ts'

/** A SUIT_Digest: what is measured, and by which algorithm (a COSE algorithm identifier). */
export type Digest = { readonly alg: number; readonly bytes: Uint8Array }

/** An envelope taken apart. Nothing in it is verified, and the manifest has not been looked into. */
export type Outer = {
  readonly tagged: boolean
  /** The SUIT_Digest in its bytes: what every authentication block signs. */
  readonly signed: Uint8Array
  readonly digest: Digest
  readonly blocks: readonly Uint8Array[]
  readonly manifest: Uint8Array
  /** Parts that were cut off the manifest, by their label. */
  readonly severed: ReadonlyMap<number, Uint8Array>
  /** Integrated payloads, by the URI that fetches them. */
  readonly payloads: ReadonlyMap<string, Uint8Array>
  /** Members that no draft read here knows. */
  readonly strangers: readonly number[]
}

const SUBJECT = 'envelope'
const CLAUSE = 'draft-ietf-suit-manifest-34 §8.2'
const SEVERABLE = [16, 20, 23]

/**
 * Takes an envelope of any author apart, size first, with the tag or without it (an envelope inside another message has
 * none). Refuses `envelope-too-large`, `envelope-malformed`, `envelope-ambiguous` and `suit-limit`.
 */
export function takeOut(bytes: Uint8Array): Outer | Refused {
  const outer = read(bytes, LIMITS.envelopeBytes, SUBJECT)
  if (isRefused(outer)) return outer
  const tagged = outer instanceof Tagged && outer.tag === ENVELOPE_TAG
  const members = tagged ? (outer as Tagged).value : outer
  if (!(members instanceof Map)) return malformed(`a map, under tag ${ENVELOPE_TAG} or bare`, describe(outer))
  const severed = new Map<number, Uint8Array>()
  const payloads = new Map<string, Uint8Array>()
  const strangers: number[] = []
  for (const [label, item] of members as ReadonlyMap<number | string, Cbor>) {
    if (!(item instanceof Uint8Array)) return malformed(`byte strings for members`, `${describe(item)} at ${label}`)
    if (typeof label === 'string') payloads.set(label, item)
    else if (SEVERABLE.includes(label)) severed.set(label, item)
    else if (label !== 2 && label !== 3) strangers.push(label)
  }
  if (payloads.size > LIMITS.payloads) return tooMany('integrated payloads', LIMITS.payloads, payloads.size)
  const manifest = members.get(3)
  const wrapper = members.get(2)
  if (!(manifest instanceof Uint8Array)) return malformed('a manifest (3)', describe(manifest))
  if (!(wrapper instanceof Uint8Array)) return malformed('an authentication wrapper (2)', describe(wrapper))
  if (manifest.length > LIMITS.manifestBytes) return tooMany('bytes of manifest', LIMITS.manifestBytes, manifest.length)
  const authentication = readWrapper(wrapper)
  if (isRefused(authentication)) return authentication
  return { tagged, ...authentication, manifest, severed, payloads, strangers }
}

function readWrapper(bytes: Uint8Array): Pick<Outer, 'signed' | 'digest' | 'blocks'> | Refused {
  const items = read(bytes, LIMITS.envelopeBytes, `${SUBJECT}, authentication wrapper`)
  if (isRefused(items)) return items
  const [signed, ...blocks] = Array.isArray(items) ? (items as readonly Cbor[]) : []
  const whole = blocks.every(block => block instanceof Uint8Array)
  if (!(signed instanceof Uint8Array) || !whole) return malformed('a digest and signatures in bytes', describe(items))
  if (blocks.length > LIMITS.blocks) return tooMany('authentication blocks', LIMITS.blocks, blocks.length)
  const item = read(signed, LIMITS.envelopeBytes, `${SUBJECT}, digest`)
  if (isRefused(item)) return item
  const digest = readDigest(item)
  if (digest === null) return malformed('a digest: algorithm and bytes', describe(item))
  return { signed, digest, blocks: blocks as readonly Uint8Array[] }
}

/** A SUIT_Digest of a parsed item; null when it is none (draft-ietf-suit-manifest-34 §10). */
export function readDigest(item: Cbor | undefined): Digest | null {
  const [alg, bytes, ...more] = Array.isArray(item) ? (item as readonly Cbor[]) : []
  return typeof alg === 'number' && bytes instanceof Uint8Array && more.length === 0 ? { alg, bytes } : null
}

/**
 * Whether a part, in its byte string, is the one that a digest names. Refuses `suit-digest-unknown`, and `code` when it is
 * another.
 */
export function isNamed(
  part: Uint8Array,
  { alg, bytes }: Digest,
  where: string,
  code: 'envelope-digest-mismatch' | 'suit-severed-mismatch',
  crypto: Crypto,
): Refused | null {
  if (alg !== SHA256_ALG) return stop('suit-digest-unknown', where, `SHA-256 (${SHA256_ALG})`, String(alg))
  const digest = wrappedSha256(part, crypto)
  if (sameBytes(digest, bytes)) return null
  const [expected, actual] = [bytes.toHex().slice(0, 64), digest.toHex()]
  return code === 'envelope-digest-mismatch'
    ? refuse(code, where, expected, actual)
    : stop(code, where, expected, actual)
}

/** The members that this processor has no use for. Refuses `envelope-member-not-allowed`. */
export function membersAllowed({ strangers }: Outer): Refused | null {
  if (strangers.length === 0) return null
  const names = strangers.map(label => ENVELOPE.get(label) ?? String(label))
  const expected = 'authentication, manifest, severed parts and integrated payloads'
  return refuse('envelope-member-not-allowed', SUBJECT, expected, names.join(', ').slice(0, 80), CLAUSE)
}

function read(bytes: Uint8Array, maxBytes: number, where: string): Cbor | Refused {
  const item = decodeCbor(bytes, maxBytes)
  if (!(item instanceof CborFault)) return item
  if (item.kind === 'too-large') return refuse('envelope-too-large', where, `at most ${maxBytes} bytes`, item.message)
  const code = item.kind === 'ambiguous' ? 'envelope-ambiguous' : 'envelope-malformed'
  return refuse(code, where, 'deterministic CBOR', item.message, 'RFC 8949 §4.2.1')
}

const tooMany = (what: string, limit: number, count: number): Refused =>
  stop('suit-limit', SUBJECT, `at most ${limit} ${what}`, String(count))

const malformed = (expected: string, actual: string): Refused =>
  refuse('envelope-malformed', SUBJECT, expected, actual, CLAUSE)

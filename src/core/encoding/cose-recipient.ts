import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { concat, sameBytes } from './bytes.ts'
import { type Cbor, decodeCbor, describe, encodeCbor } from './cbor.ts'
import { type Cipher, isP256Spki, KEY_BYTES } from './cipher.ts'
import type { Crypto } from './crypto.ts'

/**
 * A wrap: a content key for one recipient, as a COSE_recipient (RFC 9052 §5.1) by ECDH-ES + A256KW with P-256 and HKDF
 * with SHA-256 (RFC 9053 §5.2, §6.4). Narrowed to one spelling:
 *
 *     [ << {1: -31} >>,                                      ECDH-ES + A256KW
 *       {4: key id, -1: {1: 2, -1: 1, -2: x, -3: y}},        whom it is for; the ephemeral key
 *       wrapped key ]                                        RFC 3394, 40 bytes
 *
 * A wrap is authentic only by where it stands (signed metadata), and by the key that it opens to.
 */

const ALG = 1
const KID = 4
const EPHEMERAL = -1
const ECDH_ES_A256KW = -31
const A256KW = -5
const EC2_KEY = { type: 1, curve: -1, x: -2, y: -3 } as const
const EC2 = 2
const P256 = 1
const COORDINATE_BYTES = 32
const WRAPPED_BYTES = KEY_BYTES + 8
const PROTECTED = encodeCbor(new Map([[ALG, ECDH_ES_A256KW]]))

/** Bytes in a wrap, at most: there is little that could be longer. */
export const MAX_WRAP_BYTES = 256

/** A wrap as it was read. `recipient` is the id of the key that it is for, `point` the ephemeral key's. */
export type Wrap = { readonly recipient: Uint8Array; readonly point: Uint8Array; readonly wrapped: Uint8Array }

/** The id of a key that content keys are wrapped for: SHA-256 of its SubjectPublicKeyInfo. */
export function recipientId(spki: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(spki)
}

/**
 * Wraps a content key for the holder of a P-256 key (SubjectPublicKeyInfo). Each wrap has an ephemeral key of its own.
 * Refuses `decryption-key-malformed`.
 */
export function wrapFor(
  spki: Uint8Array,
  key: Uint8Array,
  { cipher, crypto }: { readonly cipher: Cipher; readonly crypto: Crypto },
  subject: string,
): Uint8Array | Refusal {
  const agreed = isP256Spki(spki) ? cipher.agreeOnce(spki) : null
  if (agreed === null) {
    return refuse('decryption-key-malformed', subject, 'a P-256 key (SubjectPublicKeyInfo)', 'something else')
  }
  const wrapping = keyEncryptionKey(agreed.secret, crypto)
  const wrapped = cipher.wrapKey(wrapping, key)
  agreed.secret.fill(0)
  wrapping.fill(0)
  const ephemeral = new Map<number, Cbor>([
    [EC2_KEY.type, EC2],
    [EC2_KEY.curve, P256],
    [EC2_KEY.x, agreed.point.subarray(1, 1 + COORDINATE_BYTES)],
    [EC2_KEY.y, agreed.point.subarray(1 + COORDINATE_BYTES)],
  ])
  const headers = new Map<number, Cbor>([
    [KID, recipientId(spki, crypto)],
    [EPHEMERAL, ephemeral],
  ])
  return encodeCbor([PROTECTED, headers, wrapped])
}

/** Reads a wrap; opens nothing. Refuses `wrap-malformed`. */
export function readWrap(bytes: Uint8Array, subject: string): Wrap | Refusal {
  const malformed = (expected: string, item: Cbor | undefined | Error): Refusal =>
    refuse('wrap-malformed', subject, expected, item instanceof Error ? item.message : describe(item), 'RFC 9053 §6.4')
  const item = decodeCbor(bytes, MAX_WRAP_BYTES)
  const parts = Array.isArray(item) ? (item as readonly Cbor[]) : []
  if (parts.length !== 3) return malformed('an array of three', item)
  const [header, unprotected, wrapped] = parts
  if (!(header instanceof Uint8Array) || !sameBytes(header, PROTECTED)) {
    return malformed(`the algorithm ECDH-ES + A256KW (${ECDH_ES_A256KW}) and no other header`, header)
  }
  const headers = members(unprotected, [KID, EPHEMERAL])
  const recipient = headers?.get(KID)
  if (!(recipient instanceof Uint8Array) || recipient.length !== 32) return malformed('a key id of 32 bytes', recipient)
  const ephemeral = members(headers?.get(EPHEMERAL), Object.values(EC2_KEY))
  const [x, y] = [ephemeral?.get(EC2_KEY.x), ephemeral?.get(EC2_KEY.y)]
  const onP256 = ephemeral?.get(EC2_KEY.type) === EC2 && ephemeral.get(EC2_KEY.curve) === P256
  if (!onP256 || !isCoordinate(x) || !isCoordinate(y)) return malformed('an ephemeral P-256 key', unprotected)
  if (!(wrapped instanceof Uint8Array) || wrapped.length !== WRAPPED_BYTES) {
    return malformed(`a wrapped key of ${WRAPPED_BYTES} bytes`, wrapped)
  }
  return { recipient, point: concat(Uint8Array.of(4), x, y), wrapped }
}

/**
 * The content key of a wrap, from the secret that the recipient's private key and `wrap.point` come to. Refuses
 * `wrap-not-opened`: it was altered, or made for another key under this one's id.
 */
export function openWrap(
  { wrapped }: Wrap,
  secret: Uint8Array,
  { cipher, crypto }: { readonly cipher: Cipher; readonly crypto: Crypto },
  subject: string,
): Uint8Array | Refusal {
  const wrapping = keyEncryptionKey(secret, crypto)
  const key = cipher.unwrapKey(wrapping, wrapped)
  wrapping.fill(0)
  return (
    key ?? refuse('wrap-not-opened', subject, 'a wrap that this key opens', 'one that it does not', 'RFC 3394 §2.2.3')
  )
}

/**
 * The key that wraps: HKDF with SHA-256 and no salt (RFC 5869) over the shared secret, with the COSE_KDF_Context of
 * RFC 9053 §5.2: no word about the parties, 256 bits, the protected header.
 */
export function keyEncryptionKey(secret: Uint8Array, crypto: Crypto): Uint8Array {
  const nobody = [null, null, null]
  const context = encodeCbor([A256KW, nobody, nobody, [8 * KEY_BYTES, PROTECTED]])
  const extracted = crypto.hmacSha256(new Uint8Array(32), secret)
  return crypto.hmacSha256(extracted, concat(context, Uint8Array.of(1)))
}

/** A map with exactly these labels, or null. */
function members(item: Cbor | undefined, labels: readonly number[]): ReadonlyMap<number | string, Cbor> | null {
  return item instanceof Map && item.size === labels.length && labels.every(label => item.has(label)) ? item : null
}

const isCoordinate = (item: Cbor | undefined): item is Uint8Array =>
  item instanceof Uint8Array && item.length === COORDINATE_BYTES

/** Wraps of one content key, one behind the other: what lies beside a release. At most `MAX_WRAPS`. */
export const MAX_WRAPS = 8
export const MAX_WRAPS_BYTES = MAX_WRAPS * (MAX_WRAP_BYTES + 4)

export const writeWraps = (wraps: readonly Uint8Array[]): Uint8Array => encodeCbor(wraps)

/** Reads them, each in its form. Refuses `wrap-malformed`. */
export function readWraps(bytes: Uint8Array, subject: string): readonly Uint8Array[] | Refusal {
  const item = decodeCbor(bytes, MAX_WRAPS_BYTES)
  const wraps = Array.isArray(item) ? (item as readonly Cbor[]) : []
  if (wraps.length < 1 || wraps.length > MAX_WRAPS || !wraps.every(wrap => wrap instanceof Uint8Array)) {
    return refuse('wrap-malformed', subject, `1 to ${MAX_WRAPS} wraps`, describe(item))
  }
  for (const wrap of wraps) {
    const read = readWrap(wrap, subject)
    if (isRefusal(read)) return read
  }
  return wraps.map(wrap => wrap.slice())
}

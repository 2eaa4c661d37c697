import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Cbor, type CborMap, decodeCbor, describe, encodeCbor, Tagged } from './cbor.ts'
import type { KeyAlgorithm } from './crypto.ts'

/**
 * COSE_Sign1 with a detached payload (RFC 9052 §4.2, §4.4), narrowed: the protected header holds exactly the algorithm
 * and the key id, the unprotected header is empty, and there are no critical headers.
 */

const COSE_SIGN1_TAG = 18
const ALG = 1
const CRIT = 2
const KID = 4

/** A key id in a header: a SHA-256 of 32 bytes at most. */
export const MAX_KID_BYTES = 32
/** Above the largest signature known (ML-DSA-65: 3309 bytes), headers included. */
export const MAX_SIGN1_BYTES = 4096

/**
 * COSE algorithm identifiers that are read, each with the one kind of key that it is for: ESP256, ESP384 and Ed25519
 * (RFC 9864), their older names ES256, ES384 and EdDSA (RFC 9053, here with these curves only), and ML-DSA-65.
 */
const ALGORITHMS: ReadonlyMap<number, KeyAlgorithm> = new Map<number, KeyAlgorithm>([
  [-7, 'ecdsa-p256'],
  [-9, 'ecdsa-p256'],
  [-35, 'ecdsa-p384'],
  [-51, 'ecdsa-p384'],
  [-8, 'ed25519'],
  [-19, 'ed25519'],
  [-49, 'ml-dsa-65'],
])

/** The identifier that is written for a kind of key: the fully specified one (RFC 9864). */
const WRITTEN: Partial<Record<KeyAlgorithm, number>> = {
  'ecdsa-p256': -9,
  'ecdsa-p384': -51,
  ed25519: -19,
  'ml-dsa-65': -49,
}

/** A signature as it was read. `protectedHeader` is the bytes that were signed. */
export type Sign1 = {
  readonly protectedHeader: Uint8Array
  readonly alg: KeyAlgorithm
  readonly kid: Uint8Array
  readonly signature: Uint8Array
}

/** The protected header for a kind of key, or null when COSE signatures are not made with that kind here (RSA). */
export function protectedHeader(alg: KeyAlgorithm, kid: Uint8Array): Uint8Array | null {
  const identifier = WRITTEN[alg]
  if (identifier === undefined) return null
  return encodeCbor(
    new Map<number, Cbor>([
      [ALG, identifier],
      [KID, kid],
    ]),
  )
}

/** The bytes that a COSE_Sign1 signature covers: the Sig_structure with empty external data (RFC 9052 §4.4). */
export function sigStructure(header: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeCbor(['Signature1', header, new Uint8Array(0), payload])
}

/** The tagged COSE_Sign1, payload detached. */
export function writeSign1(header: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeCbor(new Tagged(COSE_SIGN1_TAG, [header, new Map(), null, signature]))
}

/**
 * Reads a COSE_Sign1; verifies nothing. Refuses `signature-malformed`, `signature-header-not-allowed` (critical headers
 * and every header but algorithm and key id) and `signature-algorithm-unknown`.
 */
export function readSign1(bytes: Uint8Array, subject: string): Sign1 | Refusal {
  const block = readBlock(bytes, subject)
  if (isRefusal(block)) return block
  const { unprotected, kid, ...rest } = block
  if (unprotected.size > 0) return headerRefused(subject, 'an empty unprotected header', [...unprotected.keys()])
  const read = readKid(kid, subject)
  return isRefusal(read) ? read : { ...rest, kid: read }
}

/** A signature by another author's hand: whose it is may be left to the verifier. */
export type OpenSign1 = Omit<Sign1, 'kid'> & { readonly kid: Uint8Array | null }

/**
 * Reads a COSE_Sign1 of the wider form that other authors write: the key id may be left out, and may stand in the
 * unprotected header, where nobody signed it: it names a key to try, and says nothing. All else is as in `readSign1`.
 */
export function readOpenSign1(bytes: Uint8Array, subject: string): OpenSign1 | Refusal {
  const block = readBlock(bytes, subject)
  if (isRefusal(block)) return block
  const { unprotected, kid, ...rest } = block
  const strangers = [...unprotected.keys()].filter(label => label !== KID)
  if (strangers.length > 0) return headerRefused(subject, 'kid (4) at most in the unprotected header', strangers)
  const hint = unprotected.get(KID)
  // RFC 9052 §3: a label stands in one of the two headers.
  if (kid !== undefined && hint !== undefined) return malformed(subject, 'one key id', 'one in each header')
  const named = kid ?? hint
  if (named === undefined) return { ...rest, kid: null }
  const read = readKid(named, subject)
  return isRefusal(read) ? read : { ...rest, kid: read }
}

type Block = Omit<Sign1, 'kid'> & { readonly kid: Cbor | undefined; readonly unprotected: CborMap }

function readBlock(bytes: Uint8Array, subject: string): Block | Refusal {
  const item = decodeCbor(bytes, MAX_SIGN1_BYTES)
  const parts = item instanceof Tagged && item.tag === COSE_SIGN1_TAG ? item.value : null
  if (!Array.isArray(parts) || parts.length !== 4) return malformed(subject, 'a tagged array of four', describe(item))
  const [header, unprotected, payload, signature] = parts as readonly Cbor[]
  if (!(header instanceof Uint8Array)) return malformed(subject, 'a protected header in bytes', describe(header))
  if (!(unprotected instanceof Map)) return malformed(subject, 'an unprotected header', describe(unprotected))
  if (payload !== null) return malformed(subject, 'a detached payload (null)', describe(payload))
  if (!(signature instanceof Uint8Array) || signature.length === 0) {
    return malformed(subject, 'a signature in bytes', describe(signature))
  }
  const fields = readHeader(header, subject)
  return isRefusal(fields) ? fields : { protectedHeader: header, ...fields, signature, unprotected }
}

function readHeader(bytes: Uint8Array, subject: string): { alg: KeyAlgorithm; kid: Cbor | undefined } | Refusal {
  const header = decodeCbor(bytes, MAX_SIGN1_BYTES)
  if (!(header instanceof Map)) return malformed(subject, 'a map in the protected header', describe(header))
  const strangers = [...header.keys()].filter(label => label !== ALG && label !== KID)
  if (strangers.length > 0) return headerRefused(subject, 'the headers alg (1) and kid (4) only', strangers)
  const alg = header.get(ALG)
  const known = typeof alg === 'number' ? ALGORITHMS.get(alg) : undefined
  if (known === undefined) {
    const names = [...ALGORITHMS.keys()].join(', ')
    return refuse('signature-algorithm-unknown', subject, `one of ${names}`, String(alg), 'RFC 9864 §2')
  }
  return { alg: known, kid: header.get(KID) }
}

function readKid(kid: Cbor | undefined, subject: string): Uint8Array | Refusal {
  if (kid instanceof Uint8Array && kid.length > 0 && kid.length <= MAX_KID_BYTES) return kid
  return malformed(subject, `a key id of 1 to ${MAX_KID_BYTES} bytes`, describe(kid))
}

const malformed = (subject: string, expected: string, actual: string): Refusal =>
  refuse('signature-malformed', subject, expected, actual, 'RFC 9052 §4.2')

function headerRefused(subject: string, expected: string, labels: readonly (number | string)[]): Refusal {
  const names = labels.map(label => (label === CRIT ? 'crit (2)' : JSON.stringify(label)))
  return refuse('signature-header-not-allowed', subject, expected, names.join(', ').slice(0, 80), 'RFC 9052 §3.1')
}

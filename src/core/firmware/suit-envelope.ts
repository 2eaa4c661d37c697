import { sameBytes } from '../encoding/bytes.ts'
import { type Cbor, CborFault, decodeCbor, describe, encodeCbor, Tagged } from '../encoding/cbor.ts'
import { MAX_SIGN1_BYTES, protectedHeader, readSign1, type Sign1, sigStructure, writeSign1 } from '../encoding/cose.ts'
import type { Crypto, KeyAlgorithm } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { suitDigest, wrappedSha256 } from './suit-author.ts'
import { ENVELOPE, ENVELOPE_TAG } from './suit-labels.ts'

/** The largest envelope that is read, in bytes: manifest and signatures; the payload travels beside it. */
export const MAX_ENVELOPE_BYTES = 16 * 1024
/** Authentication blocks in one envelope. */
export const MAX_SIGNATURES = 8

/** What a signer signs, and the header that must go into the envelope with the signature. */
export type SigningInput = { readonly protectedHeader: Uint8Array; readonly message: Uint8Array }
/** A signature and the header that it was made under. */
export type HeaderAndSignature = { readonly protectedHeader: Uint8Array; readonly signature: Uint8Array }

/** An envelope taken apart, with its digest checked and no signature checked. */
export type OpenedParts = {
  readonly manifest: Uint8Array
  readonly digest: Uint8Array
  readonly signatures: readonly Sign1[]
}

/**
 * The bytes to be signed for a manifest by the key `kid` (lower-case hex) of kind `alg`; ECDSA signatures are in the
 * form `p1363`. Refuses `signature-algorithm-unknown` for a kind that COSE signatures are not made with here.
 */
export function signingInput(
  manifest: Uint8Array,
  alg: KeyAlgorithm,
  kid: string,
  crypto: Crypto,
): SigningInput | Refusal {
  const header = protectedHeader(alg, Uint8Array.fromHex(kid))
  if (header === null) {
    return refuse('signature-algorithm-unknown', `key ${kid.slice(0, 16)}`, 'an ECDSA, Ed25519 or ML-DSA-65 key', alg)
  }
  return { protectedHeader: header, message: sigStructure(header, suitDigest(wrappedSha256(manifest, crypto))) }
}

/** The envelope of a manifest and its signatures, none for a release that has not been signed yet. */
export function assembleEnvelope(
  manifest: Uint8Array,
  signatures: readonly HeaderAndSignature[],
  crypto: Crypto,
): Uint8Array {
  const blocks = signatures.map(({ protectedHeader, signature }) => writeSign1(protectedHeader, signature))
  const authentication = encodeCbor([suitDigest(wrappedSha256(manifest, crypto)), ...blocks])
  return encodeCbor(
    new Tagged(
      ENVELOPE_TAG,
      new Map<number, Cbor>([
        [ENVELOPE.authentication, authentication],
        [ENVELOPE.manifest, manifest],
      ]),
    ),
  )
}

/**
 * Takes an envelope apart: size, shape, that the digest in the authentication wrapper is the manifest's, and the shape
 * of each signature. The manifest is not read: nothing inside it is looked at before its signature holds.
 *
 * Refuses `envelope-too-large`, `envelope-malformed`, `envelope-ambiguous`, `envelope-member-not-allowed`,
 * `envelope-digest-mismatch`, `envelope-signature-repeated` and the codes of `readSign1`.
 */
export function takeApart(bytes: Uint8Array, crypto: Crypto, subject: string): OpenedParts | Refusal {
  const outer = read(bytes, MAX_ENVELOPE_BYTES, subject)
  if (isRefusal(outer)) return outer
  const members = outer instanceof Tagged && outer.tag === ENVELOPE_TAG ? outer.value : null
  if (!(members instanceof Map)) return malformed(subject, `a map under tag ${ENVELOPE_TAG}`, describe(outer))
  const strangers = [...members.keys()].filter(label => !Object.values<unknown>(ENVELOPE).includes(label))
  if (strangers.length > 0) {
    const actual = strangers.join(', ').slice(0, 80)
    return refuse('envelope-member-not-allowed', subject, 'the members 2 and 3 only', actual, CLAUSE)
  }
  const wrapper = members.get(ENVELOPE.authentication)
  const manifest = members.get(ENVELOPE.manifest)
  if (!(manifest instanceof Uint8Array)) return malformed(subject, 'a manifest', describe(manifest))
  if (!(wrapper instanceof Uint8Array)) return malformed(subject, 'an authentication wrapper', describe(wrapper))
  const authentication = read(wrapper, MAX_ENVELOPE_BYTES, `${subject}, authentication wrapper`)
  if (isRefusal(authentication)) return authentication
  const [named, ...blocks] = Array.isArray(authentication) ? (authentication as readonly Cbor[]) : []
  if (!(named instanceof Uint8Array) || blocks.length > MAX_SIGNATURES) {
    return malformed(subject, `a digest and at most ${MAX_SIGNATURES} signatures`, describe(authentication))
  }
  const digest = wrappedSha256(manifest, crypto)
  if (!sameBytes(named, suitDigest(digest))) {
    return refuse('envelope-digest-mismatch', subject, `SHA-256 ${digest.toHex()}`, named.toHex().slice(0, 80), CLAUSE)
  }
  const signatures = readBlocks(blocks, subject)
  return isRefusal(signatures) ? signatures : { manifest: manifest.slice(), digest, signatures }
}

function readBlocks(blocks: readonly Cbor[], subject: string): readonly Sign1[] | Refusal {
  const signatures: Sign1[] = []
  for (const [index, block] of blocks.entries()) {
    const where = `${subject}, signature ${index + 1}`
    if (!(block instanceof Uint8Array)) return malformed(where, `at most ${MAX_SIGN1_BYTES} bytes`, describe(block))
    const signature = readSign1(block, where)
    if (isRefusal(signature)) return signature
    if (signatures.some(other => sameBytes(other.kid, signature.kid))) {
      return refuse('envelope-signature-repeated', where, 'each key once', `key ${signature.kid.toHex()} again`)
    }
    signatures.push(signature)
  }
  return signatures
}

function read(bytes: Uint8Array, maxBytes: number, subject: string): Cbor | Refusal {
  const item = decodeCbor(bytes, maxBytes)
  if (!(item instanceof CborFault)) return item
  if (item.kind === 'too-large') {
    return refuse('envelope-too-large', subject, `at most ${maxBytes} bytes`, item.message)
  }
  const code = item.kind === 'ambiguous' ? 'envelope-ambiguous' : 'envelope-malformed'
  return refuse(code, subject, 'deterministic CBOR', item.message, 'RFC 8949 §4.2.1')
}

const CLAUSE = 'draft-ietf-suit-manifest-34 §8.2'

const malformed = (subject: string, expected: string, actual: string): Refusal =>
  refuse('envelope-malformed', subject, expected, actual, CLAUSE)

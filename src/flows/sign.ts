import type { Crypto } from '../core/encoding/crypto.ts'
import { isPayloadOf } from '../core/firmware/acceptance.ts'
import {
  assembleEnvelope,
  MAX_ENVELOPE_BYTES,
  MAX_SIGNATURES,
  type OpenedParts,
  type SigningInput,
  signingInput,
  takeApart,
} from '../core/firmware/suit-envelope.ts'
import { type Anchor, type Envelope, inspectEnvelope, openEnvelope } from '../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { Signer } from './ports.ts'

/** An envelope with one signature more. `development` is true when the key can be copied: say so loudly. */
export type Signed = { readonly envelope: Uint8Array; readonly kid: string; readonly development: boolean }

/**
 * Adds one signature to an envelope; the manifest's bytes and the signatures that are there stay as they are. `kid` is
 * the signer's key id in lower-case hex. A signer signs only what it can read: the manifest is read first. The new
 * signature is checked before it is handed out, so that a faulty token never yields a release that no device accepts.
 * Nothing is durable on return: writing is the caller's.
 *
 * Refuses `envelope-already-signed`, `envelope-signatures-full`, `signer-faulty`, `signature-algorithm-unknown`, what
 * the signer refuses, and the codes of `inspectEnvelope`.
 */
export async function signEnvelope(
  envelope: Uint8Array,
  kid: string,
  ports: { readonly crypto: Crypto; readonly signer: Signer },
): Promise<Signed | Refusal> {
  const { crypto, signer } = ports
  const by = { kid, key: signer.key }
  const open = signable(envelope, by, crypto)
  if (isRefusal(open)) return open
  const signature = await signer.sign(open.input.message, 'p1363')
  if (isRefusal(signature)) return signature
  const signed = addSignature(envelope, by, signature, ports)
  return isRefusal(signed) ? signed : { ...signed, development: signer.development }
}

/**
 * Adds a signature that was made elsewhere, over the bytes that `signingInput` gives for this envelope and this key; it
 * must hold. Refuses as `signEnvelope`, but for the signer.
 */
export function addSignature(
  envelope: Uint8Array,
  by: Anchor,
  signature: Uint8Array,
  { crypto }: { readonly crypto: Crypto },
): Omit<Signed, 'development'> | Refusal {
  const open = signable(envelope, by, crypto)
  if (isRefusal(open)) return open
  const { parts, input } = open
  const { kid, key } = by
  if (!crypto.verify(key, input.message, signature, 'p1363')) {
    return refuse('signer-faulty', `key ${kid.slice(0, 16)}`, 'a signature over the manifest', 'one that does not hold')
  }
  const added = { protectedHeader: input.protectedHeader, signature }
  const signed = assembleEnvelope(parts.manifest, [...parts.signatures, added], crypto)
  if (signed.length > MAX_ENVELOPE_BYTES) {
    // Signatures of ML-DSA-65 fill it before their number does: 3309 bytes each.
    const expected = `at most ${MAX_ENVELOPE_BYTES} bytes with the signature`
    return refuse('envelope-signatures-full', 'envelope', expected, `${signed.length}`)
  }
  const readBack = takeApart(signed, crypto, 'signed envelope')
  return isRefusal(readBack) ? readBack : { envelope: signed, kid }
}

/** An envelope that a key has yet to sign, and what it would sign. */
function signable(
  envelope: Uint8Array,
  { kid, key }: Anchor,
  crypto: Crypto,
): { readonly parts: OpenedParts; readonly input: SigningInput } | Refusal {
  const seen = inspectEnvelope(envelope, crypto)
  if (isRefusal(seen)) return seen
  const parts = takeApart(envelope, crypto, 'envelope')
  if (isRefusal(parts)) return parts
  if (seen.claimedSigners.includes(kid)) {
    return refuse('envelope-already-signed', 'envelope', 'no signature by this key', `key ${kid.slice(0, 16)}`)
  }
  if (parts.signatures.length >= MAX_SIGNATURES) {
    return refuse('envelope-signatures-full', 'envelope', `fewer than ${MAX_SIGNATURES} signatures`, 'as many')
  }
  const input = signingInput(parts.manifest, key.alg, kid, crypto)
  return isRefusal(input) ? input : { parts, input }
}

/**
 * Verifies a release whole: the signatures of `threshold` anchors, and the payload's length and digest as it travels: of an
 * encrypted release all that can be said without its content key. Refuses the codes
 * of `openEnvelope` and of `isPayloadOf`.
 */
export function verifyRelease(
  release: { readonly envelope: Uint8Array; readonly payload: Uint8Array },
  anchors: readonly Anchor[],
  threshold: number,
  ports: { readonly crypto: Crypto },
): Envelope | Refusal {
  const opened = openEnvelope(release.envelope, anchors, ports.crypto, threshold)
  if (isRefusal(opened)) return opened
  return isPayloadOf(opened.facts, release.payload, ports.crypto) ?? opened
}

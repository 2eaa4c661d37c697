import { type Sign1, sigStructure } from '../encoding/cose.ts'
import type { Crypto, PublicKey } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import type { ReleaseFacts } from './release-facts.ts'
import { suitDigest } from './suit-author.ts'
import { takeApart } from './suit-envelope.ts'
import { readManifest } from './suit-read.ts'

/** A public key that the verifier was made with or was given by verified metadata. `kid` is its key id in hex. */
export type Anchor = { readonly kid: string; readonly key: PublicKey }

/** A verified envelope. `signers` are the kids of the anchors whose signatures held, each once. */
export type Envelope = {
  readonly facts: ReleaseFacts
  /** The manifest's bytes exactly as they were signed. */
  readonly manifest: Uint8Array
  /** SHA-256 of the manifest in its byte string, in lower-case hex: what is signed (`wrappedSha256`). */
  readonly manifestDigest: string
  readonly signers: readonly string[]
}

/** The type of `openEnvelope`: what a boot chain asks for, so that it can be tested without one. */
export type OpenEnvelope = (
  bytes: Uint8Array,
  anchors: readonly Anchor[],
  crypto: Crypto,
  threshold?: number,
) => Envelope | Refusal

const SUBJECT = 'envelope'

/**
 * Verifies an envelope and reads its facts: at least `threshold` different anchors have signed the manifest's original
 * bytes. The algorithm comes from the anchor, never from the message. Keys are counted by their material, so one key
 * under two key ids counts once; a signature by a key that is no anchor counts for nothing; a signature in the name of
 * an anchor that does not hold refuses the whole envelope. The manifest is read only after the signatures hold.
 *
 * Refuses `envelope-unsigned`, `envelope-signers-unknown`, `envelope-signature-invalid`,
 * `envelope-below-threshold`, and the codes of `takeApart` and `readManifest`. Throws for a threshold below 1: a bug.
 */
export const openEnvelope: OpenEnvelope = (bytes, anchors, crypto, threshold = 1) => {
  if (!Number.isSafeInteger(threshold) || threshold < 1) throw new RangeError(`a threshold of ${threshold}`)
  const parts = takeApart(bytes, crypto, SUBJECT)
  if (isRefusal(parts)) return parts
  if (parts.signatures.length === 0) return refuse('envelope-unsigned', SUBJECT, 'a signature', 'none')
  const payload = suitDigest(parts.digest)
  const signers = new Map<string, string>()
  for (const signature of parts.signatures) {
    const kid = signature.kid.toHex()
    const anchor = anchors.find(candidate => candidate.kid === kid)
    if (anchor === undefined) continue
    const refusal = verifySignature(signature, anchor, payload, crypto)
    if (refusal !== null) return refusal
    signers.set(`${anchor.key.alg} ${anchor.key.spki.toHex()}`, kid)
  }
  if (signers.size === 0) {
    const named = parts.signatures.map(({ kid }) => kid.toHex().slice(0, 16)).join(', ')
    return refuse('envelope-signers-unknown', SUBJECT, 'a signature by a key that is trusted here', `keys ${named}`)
  }
  if (signers.size < threshold) {
    return refuse('envelope-below-threshold', SUBJECT, `${threshold} different trusted keys`, String(signers.size))
  }
  const facts = readManifest(parts.manifest, 'manifest')
  if (isRefusal(facts)) return facts
  return { facts, manifest: parts.manifest, manifestDigest: parts.digest.toHex(), signers: [...signers.values()] }
}

function verifySignature(signature: Sign1, anchor: Anchor, payload: Uint8Array, crypto: Crypto): Refusal | null {
  const who = `signature by key ${anchor.kid.slice(0, 16)}`
  if (signature.alg !== anchor.key.alg) {
    return refuse('envelope-signature-invalid', who, `an ${anchor.key.alg} signature`, `one marked ${signature.alg}`)
  }
  const message = sigStructure(signature.protectedHeader, payload)
  if (crypto.verify(anchor.key, message, signature.signature, 'p1363')) return null
  return refuse('envelope-signature-invalid', who, 'a signature over this manifest', 'one that does not hold')
}

/** What an envelope says of itself, believed by nobody yet. The name of the type is the warning. */
export type UnverifiedEnvelope = {
  readonly verified: false
  readonly facts: ReleaseFacts
  readonly manifest: Uint8Array
  readonly manifestDigest: string
  /** The key ids that the signatures name, in lower-case hex. */
  readonly claimedSigners: readonly string[]
}

/**
 * Reads an envelope without verifying any signature, for people to look at and for a signer to sign. Nothing may be
 * installed, offered or believed on the strength of it. Refuses what `takeApart` and `readManifest` refuse.
 */
export function inspectEnvelope(bytes: Uint8Array, crypto: Crypto): UnverifiedEnvelope | Refusal {
  const parts = takeApart(bytes, crypto, SUBJECT)
  if (isRefusal(parts)) return parts
  const facts = readManifest(parts.manifest, 'manifest')
  if (isRefusal(facts)) return facts
  const claimedSigners = parts.signatures.map(({ kid }) => kid.toHex())
  return { verified: false, facts, manifest: parts.manifest, manifestDigest: parts.digest.toHex(), claimedSigners }
}

import type { Crypto, PublicKey } from '../encoding/crypto.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { ReleaseFacts } from './release-facts.ts'

/** A public key that the verifier was made with or was given by verified metadata. `kid` is its key id in hex. */
export type Anchor = { readonly kid: string; readonly key: PublicKey }

/** A verified envelope. `signers` are the kids of the anchors whose signatures held, each once. */
export type Envelope = {
  readonly facts: ReleaseFacts
  /** The manifest's bytes exactly as they were signed. */
  readonly manifest: Uint8Array
  /** SHA-256 of the manifest's bytes, in lower-case hex: what is signed. */
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

/** The largest envelope that is read, in bytes: manifest and signatures; the payload travels beside it. */
export const MAX_ENVELOPE_BYTES = 16 * 1024

/** Verifies an envelope (real body follows: the signature is published first so that others can build against it). */
export const openEnvelope: OpenEnvelope = () => {
  throw new Error('openEnvelope is not written yet')
}

import { concat, sameBytes, toBase64Url, toHex, utf8 } from '../encoding/bytes.ts'
import { JsonFault } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { derToP1363, isLowP256, lowP256, P256_WIDTH, p1363ToDer } from '../encoding/ecdsa-form.ts'
import { readForeignJson } from '../encoding/strict-json.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import type { Passkey } from './passkey.ts'

/**
 * What an authenticator answers when a page asks it to sign (WebAuthn Level 3 §5.2.2), as the signature of a document: the
 * authenticator has not signed the document but `authenticatorData` and the digest of `clientDataJSON`, which names the
 * challenge, which is the digest of the document.
 */
export type Assertion = {
  readonly authenticatorData: Uint8Array
  readonly clientDataJSON: Uint8Array
  /** ECDSA on P-256 in DER (§6.5.5). */
  readonly signature: Uint8Array
}

/** Digest of the RP id, flags, counter (§6.1). Neither a key nor extensions stand behind them: we ask for none. */
const AUTHENTICATOR_BYTES = 37
/** Type, challenge, an origin, and room for what browsers add. */
const MAX_CLIENT_BYTES = 2048
/** A sequence of two integers of 33 bytes. */
const MAX_SIGNATURE_BYTES = 72
const MIN_SIGNATURE_BYTES = 8
/** The most bytes of an assertion as it stands among the signatures of a document. */
export const MAX_ASSERTION_BYTES = 2 + AUTHENTICATOR_BYTES + 2 + MAX_CLIENT_BYTES + MAX_SIGNATURE_BYTES

/** Flags of the authenticator data (§6.1). */
const FLAG = { present: 0x01, verified: 0x04, eligible: 0x08, backedUp: 0x10, key: 0x40, extensions: 0x80 } as const

/** Said in front of the document, so that its digest is the challenge of nothing else. */
const DOMAIN = utf8('voltseal approval by passkey, version 1\n')

/** The challenge for a document: SHA-256, 32 bytes. `message` is what a key in a file would sign (`signableBytes`). */
export function challengeFor(message: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.sha256(concat(DOMAIN, message))
}

/**
 * An assertion as it stands among the signatures: length in two bytes and authenticator data, length in two bytes and client
 * data, and the signature up to the end. Half of all authenticators' signatures have a high s: it is exchanged for the low
 * one here, which is as valid, so that each signature has one spelling only. Null for what no verifier would take.
 */
export function writeAssertion({ authenticatorData, clientDataJSON, signature }: Assertion): Uint8Array | null {
  const raw = derToP1363(signature, P256_WIDTH)
  if (raw === null || authenticatorData.length !== AUTHENTICATOR_BYTES || clientDataJSON.length > MAX_CLIENT_BYTES)
    return null
  return concat(sized(authenticatorData), sized(clientDataJSON), p1363ToDer(lowP256(raw)))
}

const sized = (bytes: Uint8Array): Uint8Array => concat(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes)

/** Takes an assertion apart. Says nothing about what is in it but the signature's form. Refuses `assertion-malformed`. */
export function readAssertion(bytes: Uint8Array, subject: string): Assertion | Refusal {
  if (bytes.length > MAX_ASSERTION_BYTES)
    return malformed(subject, `at most ${MAX_ASSERTION_BYTES} bytes`, `${bytes.length}`)
  const first = part(bytes, 0)
  const second = first === null ? null : part(bytes, first.end)
  if (first === null || second === null)
    return malformed(subject, 'two parts with their lengths, and a signature', 'less')
  const [authenticatorData, clientDataJSON, signature] = [first.part, second.part, bytes.subarray(second.end)]
  if (authenticatorData.length !== AUTHENTICATOR_BYTES) {
    const expected = `${AUTHENTICATOR_BYTES} bytes of authenticator data, without extensions`
    return malformed(subject, expected, `${authenticatorData.length}`, 'WebAuthn Level 3 §6.1')
  }
  if (clientDataJSON.length > MAX_CLIENT_BYTES) {
    return malformed(subject, `at most ${MAX_CLIENT_BYTES} bytes of client data`, `${clientDataJSON.length}`)
  }
  const fits = signature.length >= MIN_SIGNATURE_BYTES && signature.length <= MAX_SIGNATURE_BYTES
  const raw = fits ? derToP1363(signature, P256_WIDTH) : null
  if (raw === null || !isLowP256(raw)) {
    const actual = raw === null ? `${signature.length} bytes that are none` : 'one with a high s'
    return malformed(subject, 'an ECDSA signature in DER with a low s', actual, 'WebAuthn Level 3 §6.5.5')
  }
  return { authenticatorData, clientDataJSON, signature }
}

function part(bytes: Uint8Array, at: number): { readonly part: Uint8Array; readonly end: number } | null {
  if (bytes.length < at + 2) return null
  const end = at + 2 + (bytes[at]! << 8) + bytes[at + 1]!
  return end > bytes.length ? null : { part: bytes.subarray(at + 2, end), end }
}

/**
 * Whether an assertion is this key's signature over a document (WebAuthn Level 3 §7.2, what of it concerns a relying party
 * that keeps nothing): the browser says that a page of the key's origin asked for a signature over this very document, in no
 * frame of another site; the authenticator says that it was asked for the key's RP id, that somebody was there, and that it
 * knew who; and it has signed all of this. Null when it is; refuses `assertion-malformed`, `assertion-wrong-type`,
 * `assertion-wrong-challenge`, `assertion-wrong-origin`, `assertion-cross-origin`, `assertion-wrong-rp`,
 * `assertion-user-not-verified`, `assertion-signature-invalid`.
 */
export function checkAssertion(
  key: Passkey,
  message: Uint8Array,
  bytes: Uint8Array,
  subject: string,
  crypto: Crypto,
): Refusal | null {
  const assertion = readAssertion(bytes, subject)
  if (isRefusal(assertion)) return assertion
  const { authenticatorData, clientDataJSON, signature } = assertion
  return (
    checkClient(key, clientDataJSON, toBase64Url(challengeFor(message, crypto)), subject) ??
    checkAuthenticator(key, authenticatorData, subject, crypto) ??
    checkSignature(key, concat(authenticatorData, crypto.sha256(clientDataJSON)), signature, subject, crypto)
  )
}

function checkSignature(
  { spki }: Passkey,
  signed: Uint8Array,
  signature: Uint8Array,
  subject: string,
  crypto: Crypto,
): Refusal | null {
  if (crypto.verify({ alg: 'ecdsa-p256', spki }, signed, signature, 'der')) return null
  const actual = 'one that does not hold'
  return refuse('assertion-signature-invalid', subject, 'a signature by this passkey', actual, 'WebAuthn Level 3 §7.2')
}

/** The browser's half (§5.8.1). Members that are not known here say nothing: browsers add some so that nobody compares texts. */
function checkClient({ origin }: Passkey, bytes: Uint8Array, challenge: string, subject: string): Refusal | null {
  const json = readForeignJson(bytes, MAX_CLIENT_BYTES)
  if (json instanceof JsonFault) return malformed(subject, 'client data in strict JSON', json.message)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return malformed(subject, 'client data as an object', 'something else')
  }
  const said = (name: string): unknown =>
    Object.hasOwn(json, name) ? (json as Record<string, unknown>)[name] : undefined
  if (said('type') !== 'webauthn.get') {
    return refuse('assertion-wrong-type', subject, 'webauthn.get', text(said('type')), 'WebAuthn Level 3 §7.2')
  }
  if (said('challenge') !== challenge) {
    return refuse('assertion-wrong-challenge', subject, challenge, text(said('challenge')), 'WebAuthn Level 3 §7.2')
  }
  if (said('origin') !== origin) {
    return refuse('assertion-wrong-origin', subject, origin, text(said('origin')), 'WebAuthn Level 3 §7.2')
  }
  // Browsers of before Level 2 leave it out; none leaves it out in a frame of another site.
  const crossOrigin = said('crossOrigin')
  if ((crossOrigin === undefined || crossOrigin === false) && said('topOrigin') === undefined) return null
  const actual = `crossOrigin ${text(crossOrigin)}, topOrigin ${text(said('topOrigin'))}`
  return refuse('assertion-cross-origin', subject, 'a page of its own', actual, 'WebAuthn Level 3 §7.2')
}

/** The authenticator's half (§6.1). */
function checkAuthenticator({ rpId }: Passkey, bytes: Uint8Array, subject: string, crypto: Crypto): Refusal | null {
  const asked = bytes.subarray(0, 32)
  if (!sameBytes(asked, crypto.sha256(utf8(rpId)))) {
    const expected = `the digest of ${rpId}`
    return refuse('assertion-wrong-rp', subject, expected, toHex(asked), 'WebAuthn Level 3 §7.2')
  }
  const flags = bytes[32]!
  const has = (flag: number): boolean => (flags & flag) !== 0
  if (!has(FLAG.present) || !has(FLAG.verified)) {
    const actual = has(FLAG.present) ? 'somebody, whom it did not ask who they are' : 'nobody'
    return refuse('assertion-user-not-verified', subject, 'a user who was verified', actual, 'WebAuthn Level 3 §7.2')
  }
  // §6.3.3: neither stands in an assertion that asks for no extension; and what cannot be backed up is not backed up.
  if (has(FLAG.key) || has(FLAG.extensions) || (has(FLAG.backedUp) && !has(FLAG.eligible))) {
    return malformed(subject, 'flags of an assertion', `0x${toHex(Uint8Array.of(flags))}`, 'WebAuthn Level 3 §6.1')
  }
  return null
}

const text = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 100))

const malformed = (subject: string, expected: string, actual: string, clause?: string): Refusal =>
  refuse('assertion-malformed', subject, expected, actual, clause)

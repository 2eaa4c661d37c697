import { concat, fromBase64, toBase64, utf8 } from '../../encoding/bytes.ts'
import { JsonFault } from '../../encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../../encoding/crypto.ts'
import { line, list, Misfit, text, then } from '../../encoding/shape.ts'
import { readForeignJson, writeJson } from '../../encoding/strict-json.ts'
import { type Refusal, refuse } from '../../refusal/refusal.ts'
import { open } from '../open-shape.ts'

/** Signed statements: the envelope of DSSE 1.0.2 (secure-systems-lab/dsse), in its JSON form. */

/** The most bytes of an envelope, payload and signatures in it. */
export const MAX_DSSE_BYTES = 1024 * 1024
/** The most signatures of an envelope. */
export const MAX_DSSE_SIGNATURES = 16

/** A signature. `keyid` is a hint of the signer, which nobody has verified; null when there is none. */
export type DsseSignature = { readonly keyid: string | null; readonly sig: Uint8Array }

/** An envelope as it was read: nothing in it is verified. `payload` are the bytes that were signed. */
export type Dsse = {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signatures: readonly DsseSignature[]
}

/** Base64, or base64url, with padding: a writer may use either (DSSE 1.0.2, envelope.md). */
const base64 = then(text('base64', /^[A-Za-z0-9+/_-]*={0,2}$/), (value, at) => {
  const bytes = fromBase64(value.replaceAll('-', '+').replaceAll('_', '/'))
  return bytes ?? new Misfit(at, 'base64 with its padding', 'something else')
})

const envelope = open({
  payloadType: text('a type in visible characters', /^[\x21-\x7e]{1,256}$/),
  payload: base64,
  signatures: list(open({ sig: base64 }, { keyid: line(256, 0) }), 0, MAX_DSSE_SIGNATURES),
})

/** Reads an envelope, size first; verifies nothing. Refuses `dsse-malformed`. */
export function readDsse(bytes: Uint8Array, subject: string): Dsse | Refusal {
  const json = readForeignJson(bytes, MAX_DSSE_BYTES)
  if (json instanceof JsonFault) {
    return refuse('dsse-malformed', subject, `strict JSON of at most ${MAX_DSSE_BYTES} bytes`, json.message)
  }
  const read = envelope(json, '')
  if (read instanceof Misfit) {
    return refuse('dsse-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`, 'DSSE 1.0.2')
  }
  const signatures = read.signatures.map(({ keyid, sig }) => ({ keyid: keyid || null, sig }))
  return { payloadType: read.payloadType, payload: read.payload, signatures }
}

/** The bytes that a signature is over: the pre-authentication encoding of type and payload (DSSE 1.0.2, protocol.md). */
export function preAuthentication(payloadType: string, payload: Uint8Array): Uint8Array {
  return concat(utf8(`DSSEv1 ${utf8(payloadType).length} ${payloadType} ${payload.length} `), payload)
}

/** The envelope as a file. */
export function writeDsse({ payloadType, payload, signatures }: Dsse): Uint8Array {
  return writeJson({
    payloadType,
    payload: toBase64(payload),
    signatures: signatures.map(({ keyid, sig }) => ({ ...(keyid === null ? {} : { keyid }), sig: toBase64(sig) })),
  })
}

/** A key that may sign statements. `kid` is its key id in hex. */
export type StatementKey = { readonly kid: string; readonly key: PublicKey }

/**
 * The ids of the keys whose signature holds, each once, in the order of `keys`. The hint of a signature is not asked: each
 * signature is tried with each key, which is at most sixteen times the number of keys. ECDSA signatures count in either
 * form: DSSE leaves it open, and both are in use.
 */
export function dsseSigners(
  { payloadType, payload, signatures }: Dsse,
  keys: readonly StatementKey[],
  crypto: Crypto,
): string[] {
  const message = preAuthentication(payloadType, payload)
  const holds = (key: PublicKey, sig: Uint8Array): boolean =>
    crypto.verify(key, message, sig, 'der') || (isEcdsa(key) && crypto.verify(key, message, sig, 'p1363'))
  return keys.filter(({ key }) => signatures.some(({ sig }) => holds(key, sig))).map(({ kid }) => kid)
}

const isEcdsa = ({ alg }: PublicKey): boolean => alg === 'ecdsa-p256' || alg === 'ecdsa-p384'

import { fromBase64, fromBase64Url, toBase64 } from '../encoding/bytes.ts'
import { type Json, JsonFault } from '../encoding/canonical-json.ts'
import { isP256Spki } from '../encoding/cipher.ts'
import { exactly, Misfit, object, type Shape, text, word } from '../encoding/shape.ts'
import { readJson, writeJson } from '../encoding/strict-json.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'

/**
 * A key in somebody's authenticator that a browser asks for signatures (WebAuthn Level 3, ES256: RFC 9053 §2.1). It is no
 * `PublicKey`: what it signs is never the document itself, so nothing that takes a `PublicKey` can take one, and who
 * verifies with a `RoleKey` goes through `holds` (signatures.ts). `rpId` and `origin` say to which site's pages the
 * authenticator answers; `credentialId` says to the browser which of its credentials is meant, in base64url.
 */
export type Passkey = {
  readonly alg: 'webauthn-es256'
  /** P-256, SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array
  readonly rpId: string
  readonly origin: string
  readonly credentialId: string
}

/** A credential id has at most 1023 bytes (WebAuthn Level 3 §4). */
const CREDENTIAL = /^[A-Za-z0-9_-]{2,1364}$/
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const HOST = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`)
const ORIGIN = /^(https?):\/\/([a-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?$/

/**
 * Whether these are an RP id and an origin as browsers write them: a host name in lower case that is no address, and an
 * origin at it or below it, by HTTPS; by HTTP at `localhost` alone, where browsers count it as secure (WebAuthn Level 3
 * §5.1.3, HTML's "registrable domain suffix"). The default port is not written.
 */
export function isWebOrigin(origin: string, rpId: string): boolean {
  const [, scheme, host = '', port] = ORIGIN.exec(origin) ?? []
  if (scheme === undefined || !HOST.test(rpId) || !HOST.test(host) || /^[0-9.]+$/.test(rpId)) return false
  if (host !== rpId && !host.endsWith(`.${rpId}`)) return false
  if (scheme === 'http' && rpId !== 'localhost') return false
  // One label (`com`) is a suffix that many share, unless it is the host's whole name.
  if (!rpId.includes('.') && host !== rpId) return false
  return port === undefined || (Number(port) <= 65_535 && port !== (scheme === 'https' ? '443' : '80'))
}

/** A passkey of its parts, or null when they are none: another curve, another spelling, an origin that is not the RP id's. */
export function passkeyOf(parts: Omit<Passkey, 'alg'>): Passkey | null {
  const { spki, rpId, origin, credentialId } = parts
  const fits = isP256Spki(spki) && isWebOrigin(origin, rpId) && isCredentialId(credentialId)
  return fits ? { alg: 'webauthn-es256', spki, rpId, origin, credentialId } : null
}

/** One spelling: what is decoded and written again is the same text. */
const isCredentialId = (written: string): boolean => CREDENTIAL.test(written) && fromBase64Url(written) !== null

/** The most bytes of a passkey's file. */
export const MAX_PASSKEY_FILE = 4096

const base64: Shape<Uint8Array> = (value, at) =>
  (typeof value === 'string' ? fromBase64(value) : null) ?? new Misfit(at, 'bytes in base64', 'something else')

const fileShape = object({
  kind: word('voltseal-passkey'),
  format: exactly(1),
  rpId: text('a host name', HOST),
  origin: text('an origin', ORIGIN),
  credentialId: text('a credential id in base64url', CREDENTIAL),
  publicKey: base64,
})

/** The public part of a passkey as a file: what the console hands out, and ceremonies take in. */
export function writePasskey({ spki, rpId, origin, credentialId }: Passkey): Uint8Array {
  const file: Json = { kind: 'voltseal-passkey', format: 1, rpId, origin, credentialId, publicKey: toBase64(spki) }
  return writeJson(file)
}

/** Reads a passkey's file. Refuses `key-malformed`. */
export function readPasskey(bytes: Uint8Array, subject: string): Passkey | Refusal {
  const expected = 'a passkey as the console hands it out'
  const json = readJson(bytes, MAX_PASSKEY_FILE)
  if (json instanceof JsonFault) return refuse('key-malformed', subject, expected, json.message)
  const read = fileShape(json, '')
  if (read instanceof Misfit)
    return refuse('key-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
  const { publicKey: spki, rpId, origin, credentialId } = read
  const passkey = passkeyOf({ spki, rpId, origin, credentialId })
  return passkey ?? refuse('key-malformed', subject, 'a P-256 key, and an origin at its RP id', `${origin} for ${rpId}`)
}

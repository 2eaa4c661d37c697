import { concat, fromBase64, fromHex, toBase64, toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, KeyAlgorithm, PublicKey } from '../encoding/crypto.ts'

/** The algorithms that sign repository metadata. RSA is not among them: its keys have more than one encoding. */
export type TrustAlgorithm = Extract<KeyAlgorithm, 'ed25519' | 'ecdsa-p256' | 'ecdsa-p384' | 'ml-dsa-65'>

/** A key as TUF metadata writes it (TUF 1.0.34 §4.2): Ed25519 in hex, the others as SubjectPublicKeyInfo in PEM. */
export type TufKey = {
  readonly keytype: string
  readonly scheme: string
  readonly keyval: { readonly public: string }
}

type Form = {
  readonly keytype: string
  readonly scheme: string
  /** What every SubjectPublicKeyInfo of the algorithm begins with, in hex, and its whole length in bytes. */
  readonly prefix: string
  readonly length: number
  readonly encoding: 'hex' | 'pem'
}

/** One row for each algorithm: fixed prefixes, so that a key has one spelling only and counts once. */
const FORMS: Readonly<Record<TrustAlgorithm, Form>> = {
  // RFC 8410 §4
  ed25519: { keytype: 'ed25519', scheme: 'ed25519', prefix: '302a300506032b6570032100', length: 44, encoding: 'hex' },
  // RFC 5480 §2; the last byte of the prefix says that the point is not compressed.
  'ecdsa-p256': {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    prefix: '3059301306072a8648ce3d020106082a8648ce3d03010703420004',
    length: 91,
    encoding: 'pem',
  },
  'ecdsa-p384': {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp384',
    prefix: '3076301006072a8648ce3d020106052b8104002203620004',
    length: 120,
    encoding: 'pem',
  },
  // RFC 9881 §4. TUF 1.0.34 names no scheme for it: this name is ours.
  'ml-dsa-65': {
    keytype: 'ml-dsa',
    scheme: 'ml-dsa-65',
    prefix: '308207b2300b0609608648016503040312038207a100',
    length: 1974,
    encoding: 'pem',
  },
}

/**
 * The key object of a public key. Throws for an algorithm or an encoding that metadata cannot carry: the caller checks
 * with `canSignMetadata` first.
 */
export function keyObject(key: PublicKey): TufKey {
  if (!canSignMetadata(key)) throw new Error(`not a key for metadata: ${key.alg}`)
  const form = FORMS[key.alg as TrustAlgorithm]
  const text = form.encoding === 'pem' ? pem(key.spki) : toHex(key.spki.slice(form.prefix.length / 2))
  return { keytype: form.keytype, scheme: form.scheme, keyval: { public: text } }
}

/** Whether a public key is of an algorithm, and in the encoding, that metadata carries. */
export function canSignMetadata(key: PublicKey): boolean {
  const form = Object.hasOwn(FORMS, key.alg) ? FORMS[key.alg as TrustAlgorithm] : null
  return form !== null && fits(form, key.spki)
}

/** The public key of a key object, or null when its kind is not known here: such a key counts for nothing. */
export function publicKeyOf(key: TufKey): PublicKey | null {
  for (const [alg, form] of Object.entries(FORMS) as [TrustAlgorithm, Form][]) {
    if (form.scheme !== key.scheme || (form.keytype !== key.keytype && form.scheme !== key.keytype)) continue
    const spki = form.encoding === 'pem' ? unpem(key.keyval.public) : unhex(form, key.keyval.public)
    return spki !== null && fits(form, spki) ? { alg, spki } : null
  }
  return null
}

/** The key id: SHA-256, in hex, of the canonical JSON of the whole key object (TUF 1.0.34 §4.2.1). */
export function keyIdOf(object: JsonObject, crypto: Crypto): string {
  return toHex(crypto.sha256(canonicalJson(object)))
}

/** The key id of a public key in the spelling that `keyObject` writes. */
export function keyId(key: PublicKey, crypto: Crypto): string {
  return keyIdOf(keyObject(key) as unknown as Record<string, Json>, crypto)
}

/** What tells two keys apart, whatever they are called: algorithm and encoded key. */
export function keyMaterial(key: PublicKey): string {
  return `${key.alg} ${toBase64(key.spki)}`
}

const fits = (form: Form, spki: Uint8Array): boolean =>
  spki.length === form.length && toHex(spki.slice(0, form.prefix.length / 2)) === form.prefix

function unhex(form: Form, text: string): Uint8Array | null {
  const raw = fromHex(text)
  return raw === null ? null : concat(fromHex(form.prefix) as Uint8Array, raw)
}

const BEGIN = '-----BEGIN PUBLIC KEY-----'
const END = '-----END PUBLIC KEY-----'
const MAX_PEM = 8192

/** PEM (RFC 7468): lines of 64 characters and a final line feed. */
function pem(der: Uint8Array): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? []
  return `${[BEGIN, ...lines, END].join('\n')}\n`
}

function unpem(text: string): Uint8Array | null {
  if (text.length > MAX_PEM) return null
  const lines = text.trim().split(/\r?\n/)
  if (lines.length < 3 || lines[0] !== BEGIN || lines.at(-1) !== END) return null
  return fromBase64(lines.slice(1, -1).join(''))
}

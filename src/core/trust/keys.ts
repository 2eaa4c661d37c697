import { concat, fromBase64, fromHex, toBase64, toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, KeyAlgorithm, PublicKey } from '../encoding/crypto.ts'
import { type Passkey, passkeyOf } from './passkey.ts'
import { isRsaKey } from './rsa-key.ts'

/** The algorithms that sign repository metadata. */
export type TrustAlgorithm = KeyAlgorithm

/** A key that a role may name: one that signs documents, or one that signs for a browser (`holds` verifies with either). */
export type RoleKey = PublicKey | Passkey

/**
 * A key as TUF metadata writes it (TUF 1.0.34 §4.2): Ed25519 in hex, the others as SubjectPublicKeyInfo in PEM. The last
 * three members are a passkey's, whose kind and scheme are ours: TUF 1.0.34 names none.
 */
export type TufKey = {
  readonly keytype: string
  readonly scheme: string
  readonly keyval: {
    readonly public: string
    readonly rpId?: string
    readonly origin?: string
    readonly credentialId?: string
  }
}

const PASSKEY = { keytype: 'webauthn', scheme: 'webauthn-es256' } as const

export const isPasskey = (key: RoleKey): key is Passkey => key.alg === 'webauthn-es256'

type Form = {
  readonly keytype: string
  readonly scheme: string
  readonly encoding: 'hex' | 'pem'
  /** What every SubjectPublicKeyInfo of the algorithm begins with, in hex, and its whole length in bytes. */
  readonly spki: { readonly prefix: string; readonly length: number } | 'rsa'
}

/** One row for each algorithm: each key has one spelling only, and counts once. */
const FORMS: Readonly<Record<TrustAlgorithm, Form>> = {
  // RFC 8410 §4
  ed25519: {
    keytype: 'ed25519',
    scheme: 'ed25519',
    encoding: 'hex',
    spki: { prefix: '302a300506032b6570032100', length: 44 },
  },
  // RFC 5480 §2; the last byte of the prefix says that the point is not compressed.
  'ecdsa-p256': {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    encoding: 'pem',
    spki: { prefix: '3059301306072a8648ce3d020106082a8648ce3d03010703420004', length: 91 },
  },
  'ecdsa-p384': {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp384',
    encoding: 'pem',
    spki: { prefix: '3076301006072a8648ce3d020106052b8104002203620004', length: 120 },
  },
  'rsa-pss': { keytype: 'rsa', scheme: 'rsassa-pss-sha256', encoding: 'pem', spki: 'rsa' },
  'rsa-pkcs1': { keytype: 'rsa', scheme: 'rsa-pkcs1v15-sha256', encoding: 'pem', spki: 'rsa' },
  // RFC 9881 §4. TUF 1.0.34 names no scheme for it: this name is ours.
  'ml-dsa-65': {
    keytype: 'ml-dsa',
    scheme: 'ml-dsa-65',
    encoding: 'pem',
    spki: { prefix: '308207b2300b0609608648016503040312038207a100', length: 1974 },
  },
}

/**
 * The key object of a public key. Throws for an algorithm or an encoding that metadata cannot carry: the caller checks
 * with `canSignMetadata` first.
 */
export function keyObject(key: RoleKey): TufKey {
  if (isPasskey(key)) {
    const { spki, rpId, origin, credentialId } = key
    return { ...PASSKEY, keyval: { public: pem(spki), rpId, origin, credentialId } }
  }
  if (!canSignMetadata(key)) throw new Error(`not a key for metadata: ${key.alg}`)
  const form = FORMS[key.alg as TrustAlgorithm]
  const text =
    form.spki === 'rsa' || form.encoding === 'pem' ? pem(key.spki) : toHex(key.spki.slice(bytesIn(form.spki)))
  return { keytype: form.keytype, scheme: form.scheme, keyval: { public: text } }
}

/** Whether a public key is of an algorithm, and in the encoding, that metadata carries. */
export function canSignMetadata(key: PublicKey): boolean {
  const form = Object.hasOwn(FORMS, key.alg) ? FORMS[key.alg as TrustAlgorithm] : null
  return form !== null && fits(form, key.spki)
}

/** The public key of a key object, or null when its kind is not known here: such a key counts for nothing. */
export function publicKeyOf(key: TufKey): RoleKey | null {
  if (key.keytype === PASSKEY.keytype && key.scheme === PASSKEY.scheme) {
    const { public: text, rpId = '', origin = '', credentialId = '' } = key.keyval
    const spki = unpem(text)
    return spki === null ? null : passkeyOf({ spki, rpId, origin, credentialId })
  }
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
export function keyId(key: RoleKey, crypto: Crypto): string {
  return keyIdOf(keyObject(key) as unknown as Record<string, Json>, crypto)
}

/**
 * What tells two keys apart, whatever they are called: the encoded key. Not the algorithm: who holds an RSA key signs with
 * either padding. Nor where a passkey is used: whoever has it has one key.
 */
export function keyMaterial(key: RoleKey): string {
  return toBase64(key.spki)
}

const bytesIn = ({ prefix }: { readonly prefix: string }): number => prefix.length / 2

function fits({ spki: wanted }: Form, spki: Uint8Array): boolean {
  if (wanted === 'rsa') return isRsaKey(spki)
  return spki.length === wanted.length && toHex(spki.slice(0, bytesIn(wanted))) === wanted.prefix
}

function unhex({ spki }: Form, text: string): Uint8Array | null {
  const raw = fromHex(text)
  return raw === null || spki === 'rsa' ? null : concat(fromHex(spki.prefix) as Uint8Array, raw)
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

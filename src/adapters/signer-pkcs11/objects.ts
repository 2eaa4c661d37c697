import { createPublicKey, type JsonWebKeyInput, type KeyObject, X509Certificate } from 'node:crypto'
import type { KeyAlgorithm, PublicKey } from '../../core/encoding/crypto.ts'
import type { Pkcs11Uri } from '../../core/encoding/pkcs11-uri.ts'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { algorithmOf } from '../openssl.ts'
import { CKA, CKK, CKO } from './constants.ts'
import { rvOf } from './fault.ts'
import type { Attribute, Handle } from './library.ts'
import { numberOf, type OpenToken } from './token.ts'

/** A private key in a token, and what the token says of it. */
export type PrivateKeyObject = {
  readonly handle: Handle
  readonly label: string
  readonly id: Uint8Array
  readonly kind: number
  /** It may sign. */
  readonly signs: boolean
  /** It never leaves the token, neither in the clear nor wrapped: sensitive, and not extractable. */
  readonly stays: boolean
  /** It wants the PIN before each signature. */
  readonly alwaysAuthenticate: boolean
}

/** More objects of one name than this are not looked at. */
const MAX_OBJECTS = 256

/** The handles of objects that fit a template. Throws what the module answers. */
export function findObjects({ library, session }: OpenToken, template: readonly Attribute[]): Handle[] {
  library.C_FindObjectsInit(session, template)
  try {
    return library.C_FindObjects(session, MAX_OBJECTS)
  } finally {
    library.C_FindObjectsFinal(session)
  }
}

/** An attribute's bytes, or null when the object has none of that type, or does not give it. */
export function attribute({ library, session }: OpenToken, object: Handle, type: number): Buffer | null {
  try {
    return library.C_GetAttributeValue(session, object, [{ type }])[0]?.value ?? null
  } catch (error) {
    // Sensitive, of another type, not kept: a module says so with a value of its own each.
    const name = rvOf(error)?.name ?? ''
    if (name.startsWith('CKR_ATTRIBUTE_')) return null
    throw error
  }
}

/** What objects of a class are looked for by: the label and the id of the reference, as far as it gives them. */
export function templateOf(kind: number, uri: Pick<Pkcs11Uri, 'object' | 'id'>): Attribute[] {
  return [
    { type: CKA.class, value: kind },
    ...(uri.object === undefined ? [] : [{ type: CKA.label, value: Buffer.from(uri.object, 'utf8') }]),
    ...(uri.id === undefined ? [] : [{ type: CKA.id, value: Buffer.from(uri.id) }]),
  ]
}

export function readPrivateKey(token: OpenToken, handle: Handle): PrivateKeyObject {
  const flag = (type: number): boolean | null => {
    const value = attribute(token, handle, type)
    return value === null || value.length === 0 ? null : value[0] !== 0
  }
  const kind = attribute(token, handle, CKA.keyType)
  return {
    handle,
    label: attribute(token, handle, CKA.label)?.toString('utf8') ?? '',
    id: new Uint8Array(attribute(token, handle, CKA.id) ?? []),
    kind: kind === null ? -1 : numberOf(kind),
    signs: flag(CKA.sign) !== false,
    // What a token does not say is not believed of it.
    stays: flag(CKA.sensitive) === true && flag(CKA.extractable) === false,
    alwaysAuthenticate: flag(CKA.alwaysAuthenticate) === true,
  }
}

/**
 * The one private key that a reference names. Refuses `token-key-missing`, `token-key-ambiguous` and
 * `token-key-not-for-signing`. Throws what the module answers.
 */
export function findPrivateKey(token: OpenToken, uri: Pkcs11Uri): PrivateKeyObject | Refusal {
  const handles = findObjects(token, templateOf(CKO.privateKey, uri))
  const [handle] = handles
  if (handle === undefined) {
    return refuse('token-key-missing', token.shown, 'a private key of that name', `none in ${token.name.label}`)
  }
  if (handles.length > 1) {
    const ids = handles.map(one => `id=${attribute(token, one, CKA.id)?.toString('hex') || 'none'}`)
    return refuse('token-key-ambiguous', token.shown, 'one private key', ids.slice(0, 4).join(', '))
  }
  const key = readPrivateKey(token, handle)
  return key.signs ? key : refuse('token-key-not-for-signing', token.shown, 'CKA_SIGN true', 'false')
}

/**
 * The public half of a private key: from the public key object of the same id, or from a certificate; of the same label
 * where the key has no id. Whether it is the other half is seen by a signature, and only by one. Refuses
 * `token-public-key-missing`, `token-key-ambiguous`, `key-algorithm-unsupported`.
 */
export function publicKeyOf(token: OpenToken, key: PrivateKeyObject): PublicKey | Refusal {
  const sought = key.id.length > 0 ? { id: key.id } : { object: key.label }
  const found = new Map<string, PublicKey>()
  let unread = 0
  for (const kind of [CKO.publicKey, CKO.certificate]) {
    for (const handle of findObjects(token, templateOf(kind, sought))) {
      const parsed = kind === CKO.publicKey ? parsePublicKey(token, handle) : parseCertificate(token, handle)
      const alg = parsed === null ? null : algorithmOf(parsed)
      if (parsed === null || alg === null) unread += 1
      else found.set(spkiOf(parsed).toBase64(), { alg, spki: spkiOf(parsed) })
    }
    if (found.size > 0) break
  }
  if (found.size > 1)
    return refuse('token-key-ambiguous', token.shown, 'one public key', `${found.size} different ones`)
  const [one] = found.values()
  const expected = 'ECDSA on P-256 or P-384, Ed25519, or RSA of 2048 to 8192 bits'
  if (one === undefined) {
    return unread > 0
      ? refuse('key-algorithm-unsupported', token.shown, expected, 'another kind')
      : refuse('token-public-key-missing', token.shown, 'a public key or a certificate beside it', 'neither')
  }
  return KIND_OF[one.alg] === key.kind
    ? one
    : refuse(
        'key-algorithm-unsupported',
        token.shown,
        expected,
        `a private key of kind ${key.kind}, ${one.alg} beside it`,
      )
}

/** The kind of object that a key of each algorithm is in a token; PKCS #11 3.1 knows none for ML-DSA. */
const KIND_OF: Readonly<Record<KeyAlgorithm, number | null>> = {
  'ecdsa-p256': CKK.ec,
  'ecdsa-p384': CKK.ec,
  ed25519: CKK.edwards,
  'rsa-pss': CKK.rsa,
  'rsa-pkcs1': CKK.rsa,
  'ml-dsa-65': null,
}

/** CKA_EC_PARAMS of the curves that are signed on: an OID in DER, or the name of the curve (PKCS #11 3.1 §6.3.3). */
const CURVES: Readonly<Record<string, { readonly crv: string; readonly width: number }>> = {
  '06082a8648ce3d030107': { crv: 'P-256', width: 32 },
  '06052b81040022': { crv: 'P-384', width: 48 },
  '06032b6570': { crv: 'Ed25519', width: 32 },
  [`130c${Buffer.from('edwards25519').toString('hex')}`]: { crv: 'Ed25519', width: 32 },
  '06092b06010401da470f01': { crv: 'Ed25519', width: 32 },
}

function parsePublicKey(token: OpenToken, handle: Handle): KeyObject | null {
  const read = (type: number): Buffer | null => attribute(token, handle, type)
  const modulus = read(CKA.modulus)
  const exponent = read(CKA.publicExponent)
  if (modulus !== null && exponent !== null && modulus.length > 0) {
    return parsed({ kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') })
  }
  const curve = CURVES[read(CKA.ecParams)?.toString('hex') ?? '']
  const point = read(CKA.ecPoint)
  if (curve === undefined || point === null) return null
  const { crv, width } = curve
  if (crv === 'Ed25519') {
    const raw = unwrapped(point, width)
    return raw === null ? null : parsed({ kty: 'OKP', crv, x: raw.toString('base64url') })
  }
  const raw = unwrapped(point, 1 + 2 * width)
  if (raw?.[0] !== 4) return null
  const [x, y] = [raw.subarray(1, 1 + width), raw.subarray(1 + width)]
  return parsed({ kty: 'EC', crv, x: x.toString('base64url'), y: y.toString('base64url') })
}

/** CKA_EC_POINT is an OCTET STRING in DER (PKCS #11 3.1 §6.3.3); some modules give the point itself. */
function unwrapped(point: Buffer, length: number): Buffer | null {
  if (point.length === length) return point
  return point.length === length + 2 && point[0] === 4 && point[1] === length ? point.subarray(2) : null
}

function parsed(key: JsonWebKeyInput['key']): KeyObject | null {
  try {
    return createPublicKey({ key, format: 'jwk' })
  } catch {
    return null // not a point of the curve
  }
}

function parseCertificate(token: OpenToken, handle: Handle): KeyObject | null {
  const value = attribute(token, handle, CKA.value)
  try {
    return value === null ? null : new X509Certificate(value).publicKey
  } catch {
    return null
  }
}

const spkiOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: 'spki', format: 'der' }))

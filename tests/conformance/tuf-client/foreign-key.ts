import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'

/** Keys as repositories of others have them; nothing of our own authoring. */

export type ForeignKey = {
  readonly id: string
  readonly object: JsonObject
  readonly sign: (bytes: Uint8Array) => string
}

export const SCHEMES = [
  'ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'rsassa-pss-sha256',
  'rsa-pkcs1v15-sha256',
] as const
export type Scheme = (typeof SCHEMES)[number]

let keys = 0
export const hashOf = (algorithm: string, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex')
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string

/**
 * A new key. Its id is a name, as newer repositories have it (TAP 12). `more`: further members of the key object.
 * `bits`: of an RSA modulus.
 */
export function foreignKey(
  scheme: Scheme = 'ed25519',
  more: JsonObject = {},
  bits = 2048,
  rsa: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | null = null,
): ForeignKey {
  keys += 1
  const id = hashOf('sha256', new TextEncoder().encode(`key ${keys}`))
  const made = (keytype: string, value: string, signed: (bytes: Uint8Array) => Buffer): ForeignKey => ({
    id,
    object: { ...more, keytype, scheme, keyval: { public: value } },
    sign: bytes => signed(bytes).toString('hex'),
  })
  if (scheme === 'ed25519') {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12).toString('hex')
    return made('ed25519', raw, bytes => sign(null, bytes, privateKey))
  }
  if (scheme === 'ecdsa-sha2-nistp256' || scheme === 'ecdsa-sha2-nistp384') {
    const [namedCurve, hash] = scheme.endsWith('256') ? ['P-256', 'sha256'] : ['P-384', 'sha384']
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: namedCurve as string })
    return made('ecdsa', pem(publicKey), bytes => sign(hash as string, bytes, privateKey))
  }
  const { publicKey, privateKey } = rsa ?? generateKeyPairSync('rsa', { modulusLength: bits })
  const padding = scheme === 'rsassa-pss-sha256' ? { padding: 6, saltLength: 32 } : { padding: 1 }
  return made('rsa', pem(publicKey), bytes => sign('sha256', bytes, { key: privateKey, ...padding }))
}

/** One RSA key under two ids, once with each padding. */
export function rsaTwins(): ForeignKey[] {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return (['rsassa-pss-sha256', 'rsa-pkcs1v15-sha256'] as const).map(scheme => foreignKey(scheme, {}, 2048, rsa))
}

import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { spkiOfPoint } from '../../src/core/encoding/cipher.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { rewrap, type Tools } from '../../src/flows/encrypt.ts'
import type { WrappingKey } from '../../src/flows/ports.ts'
import type { Release } from '../../src/flows/release.ts'

/** Wrapping keys and wraps for tests. */

export const TOOLS: Tools = { cipher: nodeCipher, crypto: nodeCrypto }

/** The secret of a private key and a point, as an element or a wrapping key comes to it. */
export const agreeWith = (privateKey: KeyObject, point: Uint8Array): Uint8Array => {
  const publicKey = createPublicKey({ key: Buffer.from(spkiOfPoint(point)), format: 'der', type: 'spki' })
  return new Uint8Array(diffieHellman({ privateKey, publicKey }))
}

export function p256Pair(): { readonly privateKey: KeyObject; readonly spki: Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })) }
}

/** A wrapping key in memory. */
export function memoryWrappingKey(): WrappingKey {
  const { privateKey, spki } = p256Pair()
  return { spki, development: true, agree: async point => agreeWith(privateKey, point) }
}

/** The wrap of a release's content key for the holder of a key. */
export async function wrapOf(release: Release, holder: WrappingKey, spki: Uint8Array): Promise<Uint8Array> {
  const { encryption } = release.facts
  if (encryption === null) throw new Error('a release in the clear')
  return orThrow(await rewrap({ contentKeys: release.contentKeys, encryption }, holder, spki, TOOLS, 'test'))
}

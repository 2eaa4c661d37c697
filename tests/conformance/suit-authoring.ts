import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { type Cbor, encodeCbor, Tagged } from '../../src/core/encoding/cbor.ts'
import { sigStructure, writeSign1 } from '../../src/core/encoding/cose.ts'
import type { PublicKey } from '../../src/core/encoding/crypto.ts'
import { suitDigest, wrappedSha256 } from '../../src/core/firmware/suit-author.ts'

/**
 * Writes manifests as other authors do, from their numbers: the tests' own pen, which knows nothing of what the processor
 * allows.
 */

export const hex = (text: string): Uint8Array => Uint8Array.fromHex(text)

/** A command sequence: commands and arguments, one behind the other. */
export const sequence = (...items: readonly Cbor[]): Uint8Array => encodeCbor(items)
export const parameters = (...entries: readonly (readonly [number, Cbor])[]): Cbor => new Map(entries)
export const sha256 = (digest: string): Uint8Array => encodeCbor([-16, hex(digest)])
export const digestOf = (image: Uint8Array): Uint8Array => suitDigest(nodeCrypto.sha256(image))

export type Parts = {
  readonly number?: number
  readonly components?: Cbor
  readonly shared?: Uint8Array
  readonly more?: readonly (readonly [number, Cbor])[]
}

/** A manifest: sequence number, components, shared sequence, and any other members. */
export function manifestOf({ number = 1, components = [[hex('00')]], shared, more = [] }: Parts): Uint8Array {
  const common: [number, Cbor][] = [[2, components]]
  if (shared !== undefined) common.push([4, shared])
  return encodeCbor(
    new Map<number, Cbor>([[1, 1], [2, number], [3, encodeCbor(new Map(common))], ...more] as [number, Cbor][]),
  )
}

export type Block = { readonly header: Uint8Array; readonly signature: Uint8Array }

/** An envelope: blocks as they are given, severed parts and payloads beside the manifest. */
export function envelopeOf(
  manifest: Uint8Array,
  blocks: readonly Block[],
  beside: readonly (readonly [number | string, Cbor])[] = [],
  tagged = true,
): Uint8Array {
  const digest = suitDigest(wrappedSha256(manifest, nodeCrypto))
  const wrapper = encodeCbor([digest, ...blocks.map(({ header, signature }) => writeSign1(header, signature))])
  const members = new Map<number | string, Cbor>([[2, wrapper], [3, manifest], ...beside])
  return encodeCbor(tagged ? new Tagged(107, members) : members)
}

/** A pair of keys, and what its algorithm is called in COSE. */
export type Signer = { readonly key: PublicKey; readonly secret: KeyObject; readonly label: number }

export function signer(alg: 'ecdsa-p256' | 'ed25519' | 'ml-dsa-65', label: number): Signer {
  const { publicKey, privateKey } =
    alg === 'ecdsa-p256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ml-dsa-65')
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  return { key: { alg, spki }, secret: privateKey, label }
}

/** A signature over a manifest, under the header that is given, or one with the algorithm only. */
export function blockOf(manifest: Uint8Array, by: Signer, header = encodeCbor(new Map([[1, by.label]]))): Block {
  const message = sigStructure(header, suitDigest(wrappedSha256(manifest, nodeCrypto)))
  const hash = by.key.alg === 'ecdsa-p256' ? 'sha256' : null
  return { header, signature: new Uint8Array(sign(hash, message, { key: by.secret, dsaEncoding: 'ieee-p1363' })) }
}

export const pem = ({ spki }: PublicKey): string => {
  const lines = spki.toBase64().match(/.{1,64}/g) as string[]
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n')
}

/** A component's identifier of words. */
export const named = (...words: readonly string[]): Cbor => words.map(utf8)

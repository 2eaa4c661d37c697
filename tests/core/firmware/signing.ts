import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { Cbor } from '../../../src/core/encoding/cbor.ts'
import { sigStructure } from '../../../src/core/encoding/cose.ts'
import type { PublicKey } from '../../../src/core/encoding/crypto.ts'
import { parseFacts } from '../../../src/core/firmware/facts.ts'
import { measureChunks } from '../../../src/core/firmware/payload.ts'
import type { ReleaseFacts } from '../../../src/core/firmware/release-facts.ts'
import { authorManifest, suitDigest, wrappedSha256 } from '../../../src/core/firmware/suit-author.ts'
import { assembleEnvelope, type HeaderAndSignature, signingInput } from '../../../src/core/firmware/suit-envelope.ts'
import type { Anchor } from '../../../src/core/firmware/suit-open.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'

/** Keys and releases for the tests of envelopes. Ed25519 keys come from a seed byte, so that every run is the same. */

export type TestKey = { readonly kid: string; readonly key: PublicKey; readonly secret: KeyObject }

const ED25519_PKCS8 = Uint8Array.fromHex('302e020100300506032b657004220420')

export function testKey(seed: number): TestKey {
  const der = Buffer.from([...ED25519_PKCS8, ...new Array<number>(32).fill(seed)])
  return keyOf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), 'ed25519')
}

export function keyOf(secret: KeyObject, alg: PublicKey['alg']): TestKey {
  const spki = new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' }))
  return { kid: nodeCrypto.sha256(spki).toHex(), key: { alg, spki }, secret }
}

export const anchorOf = ({ kid, key }: TestKey): Anchor => ({ kid, key })

export const IMAGE = new Uint8Array(1000).map((_, index) => index % 251)

const COMPONENTS = [{ name: 'app', size: IMAGE.length }]

export const FACTS: ReleaseFacts = orThrow(
  parseFacts(
    {
      vendor: 'voltworks.example',
      class: 'bms-rack',
      hardware: ['primehub', 'primehub-b'],
      version: '2.3.0',
      sequence: 7,
      counter: 3,
      components: COMPONENTS,
      chunks: measureChunks(IMAGE, COMPONENTS, 512, nodeCrypto),
      transition: null,
      imageSize: IMAGE.length,
      imageDigest: nodeCrypto.sha256(IMAGE).toHex(),
      bootloader: { min: 2, max: 5 },
      dependencies: [
        { class: 'ems', min: '1.4.0', below: '2.0.0' },
        { class: 'pcs', min: '3.0.0-rc.1' },
      ],
      health: { windowMillis: 60_000, probes: ['ems-link', 'cell-spread'] },
    },
    'test',
  ),
)

/** The signature of a key over a manifest. */
export function signatureOf(manifest: Uint8Array, signer: TestKey, kid = signer.kid): HeaderAndSignature {
  const input = orThrow(signingInput(manifest, signer.key.alg, kid, nodeCrypto))
  return { protectedHeader: input.protectedHeader, signature: rawSignature(input.message, signer) }
}

/** A signature under any protected header: what no honest signer would make. */
export function signatureUnder(header: Uint8Array, manifest: Uint8Array, signer: TestKey): HeaderAndSignature {
  const message = sigStructure(header, suitDigest(wrappedSha256(manifest, nodeCrypto)))
  return { protectedHeader: header, signature: rawSignature(message, signer) }
}

/** A key's signature over any bytes. */
export function rawSignature(message: Uint8Array, { key, secret }: TestKey): Uint8Array {
  const hash = key.alg === 'ecdsa-p256' ? 'sha256' : key.alg === 'ecdsa-p384' ? 'sha384' : null
  return new Uint8Array(sign(hash, message, { key: secret, dsaEncoding: 'ieee-p1363' }))
}

/** A manifest's envelope, signed by each of the keys. */
export function sealed(manifest: Uint8Array, ...signers: readonly TestKey[]): Uint8Array {
  return assembleEnvelope(
    manifest,
    signers.map(signer => signatureOf(manifest, signer)),
    nodeCrypto,
  )
}

export const MANIFEST_BYTES = authorManifest(FACTS)

/** A map's copy with changes: a member set, or taken out when the value is undefined. */
export function changed(
  map: Cbor,
  changes: ReadonlyMap<number | string, Cbor | undefined>,
): Map<number | string, Cbor> {
  const copy = new Map(map as ReadonlyMap<number | string, Cbor>)
  for (const [key, value] of changes) {
    if (value === undefined) copy.delete(key)
    else copy.set(key, value)
  }
  return copy
}

import { nodeCrypto } from '../../../../src/adapters/crypto-node.ts'
import { toBase64, utf8 } from '../../../../src/core/encoding/bytes.ts'
import { type DsseSignature, preAuthentication, writeDsse } from '../../../../src/core/trust/evidence/dsse.ts'
import type { Judged, PublishPolicy } from '../../../../src/core/trust/evidence/judge.ts'
import { STATEMENT_PAYLOAD } from '../../../../src/core/trust/evidence/provenance.ts'
import { signWith, type TestKey, testKey } from '../simulated-repository.ts'

/** Bills and statements for the tests: good ones, and what an attacker makes of them. */

export const IMAGE = utf8('an image')
export const DIGEST = nodeCrypto.sha256(IMAGE).toHex()
export const OTHER = nodeCrypto.sha256(utf8('another image')).toHex()
export const BUILDER = 'https://build.voltworks.example/firmware'

export const builderKey = testKey(70)
export const strangerKey = testKey(71)

export const RELEASE: Judged = {
  subject: 'bms/1.4.0/envelope.suit',
  version: '1.4.0',
  digests: { whole: DIGEST, parts: [{ name: 'app', digests: [DIGEST] }] },
}

export const STRICT: PublishPolicy = {
  demand: ['sbom', 'provenance'],
  builders: [BUILDER],
  keys: [{ kid: 'b'.repeat(64), key: builderKey.key }],
}

type Fields = { readonly [name: string]: unknown }

/** A component of a bill. */
export const component = (name: string, more: Fields = {}): Fields => ({ type: 'library', name, ...more })
export const sha256 = (content: string): Fields[] => [{ alg: 'SHA-256', content }]

/** A bill of the image, with some members changed. */
export function bill(change: Fields = {}): Fields {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: 'urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79',
    version: 1,
    metadata: { component: { type: 'firmware', name: 'bms', version: '1.4.0', hashes: sha256(DIGEST) } },
    components: [component('zephyr', { version: '4.1.0' }), component('mbedtls', { version: '3.6.2' })],
    ...change,
  }
}

export const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value))

/** A statement about the image, with some members changed. */
export function statement(change: Fields = {}): Fields {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'bms.bin', digest: { sha256: DIGEST } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: { buildType: 'https://build.voltworks.example/types/zephyr@v1', externalParameters: {} },
      runDetails: { builder: { id: BUILDER } },
    },
    ...change,
  }
}

export const by = (key: TestKey, payload: Uint8Array, type = STATEMENT_PAYLOAD): DsseSignature => ({
  keyid: null,
  sig: signWith(key, preAuthentication(type, payload)),
})

/** A statement's envelope, signed by each of the keys. */
export function sealed(written: unknown, ...keys: readonly TestKey[]): Uint8Array {
  const payload = written instanceof Uint8Array ? written : json(written)
  return writeDsse({ payloadType: STATEMENT_PAYLOAD, payload, signatures: keys.map(key => by(key, payload)) })
}

/** An envelope as other tools write it. */
export const foreign = (payloadType: string, payload: Uint8Array, signatures: readonly Fields[]): Uint8Array =>
  json({ payloadType, payload: toBase64(payload), signatures })

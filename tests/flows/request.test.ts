import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { type FileKeyAlgorithm, generateKeyFile } from '../../src/adapters/signer-file.ts'
import { fromUtf8, toBase64, toHex, utf8 } from '../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { derToP1363 } from '../../src/core/encoding/ecdsa-form.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../src/core/trust/read-metadata.ts'
import {
  type RoleSpec,
  seal,
  signatureBy,
  withTargets,
  writeRoot,
  writeTargets,
} from '../../src/core/trust/repository.ts'
import {
  readSignature,
  type SigningRequest,
  withSignature,
  writeRequest,
} from '../../src/core/trust/signing-request.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { createRelease } from '../../src/flows/release.ts'
import {
  openRequest,
  requestEnvelope,
  requestMetadata,
  signRequest,
  takeIntoEnvelope,
  takeSignatures,
} from '../../src/flows/request.ts'
import { signEnvelope, verifyRelease } from '../../src/flows/sign.ts'
import { IMAGE } from '../core/firmware/signing.ts'

const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')
const ports = { crypto }
const kinds: readonly FileKeyAlgorithm[] = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'ml-dsa-65']

let folder = ''
const keys = new Map<string, Signer>()
const signer = (name: string): Signer => keys.get(name) as Signer
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'voltseal-request-'))
  for (const kind of kinds) keys.set(kind, orThrow(generateKeyFile(join(folder, kind), kind)))
  keys.set('other', orThrow(generateKeyFile(join(folder, 'other'), 'ecdsa-p256')))
})
after(() => rmSync(folder, { recursive: true, force: true }))

const facts = { vendor: 'voltworks.example', class: 'bms', hardware: ['r1'], version: '1.4.0', sequence: 7 }
const release = (more: object = {}) => orThrow(createRelease({ image: IMAGE, facts: { ...facts, ...more } }, ports))

/** A request through a file, as it travels. */
const opened = (request: SigningRequest) => openRequest(writeRequest(request, crypto), 'request', ports)

async function signedBy(request: SigningRequest, by: Signer): Promise<SigningRequest> {
  return orThrow(await signRequest(orThrow(opened(request)), 'request', { crypto, signer: by }))
}

describe('a release, signed on another machine', () => {
  for (const kind of kinds) {
    test(`${kind}: asked, signed, taken in, and verified as if it had been signed here`, async () => {
      const { envelope, image } = release()
      const request = orThrow(requestEnvelope(envelope, signer(kind).key, ports))
      const there = orThrow(opened(request))
      assert.ok(there.said.kind === 'envelope')
      assert.equal(there.said.facts.version, '1.4.0')
      const back = orThrow(opened(await signedBy(request, signer(kind))))
      const signed = orThrow(takeIntoEnvelope(envelope, back, 'request', ports))
      const anchors = [{ kid: signed.kid, key: signer(kind).key }]
      assert.deepEqual(
        orThrow(verifyRelease({ envelope: signed.envelope, payload: image }, anchors, 1, ports)).signers,
        [signed.kid],
      )
    })
  }

  test('signatures that others gave meanwhile stay', async () => {
    const { envelope, image } = release()
    const request = orThrow(requestEnvelope(envelope, signer('ecdsa-p256').key, ports))
    const kid = keyId(signer('other').key, crypto)
    const meanwhile = orThrow(await signEnvelope(envelope, kid, { crypto, signer: signer('other') }))
    const back = orThrow(opened(await signedBy(request, signer('ecdsa-p256'))))
    const both = orThrow(takeIntoEnvelope(meanwhile.envelope, back, 'request', ports))
    const anchors = [
      { kid, key: signer('other').key },
      { kid: both.kid, key: signer('ecdsa-p256').key },
    ]
    assert.equal(
      orThrow(verifyRelease({ envelope: both.envelope, payload: image }, anchors, 2, ports)).signers.length,
      2,
    )
    assert.equal(codeOf(takeIntoEnvelope(both.envelope, back, 'request', ports)), 'envelope-already-signed')
  })

  test('is not taken into another release, nor before it is signed', async () => {
    const { envelope } = release()
    const request = orThrow(requestEnvelope(envelope, signer('ed25519').key, ports))
    assert.equal(codeOf(takeIntoEnvelope(envelope, orThrow(opened(request)), 'r', ports)), 'signing-request-unsigned')
    const back = orThrow(opened(await signedBy(request, signer('ed25519'))))
    const later = release({ version: '1.4.1' })
    assert.equal(codeOf(takeIntoEnvelope(later.envelope, back, 'request', ports)), 'signing-request-other')
  })

  test('is signed by the key that was asked, and by no other', async () => {
    const request = orThrow(requestEnvelope(release().envelope, signer('ecdsa-p256').key, ports))
    const there = orThrow(opened(request))
    for (const name of ['other', 'ed25519']) {
      const answer = await signRequest(there, 'request', { crypto, signer: signer(name) })
      assert.equal(codeOf(answer), 'signing-request-wrong-key')
    }
  })

  test('a signer whose signature does not hold', async () => {
    const there = orThrow(opened(orThrow(requestEnvelope(release().envelope, signer('ed25519').key, ports))))
    const faulty: Signer = { ...signer('ed25519'), development: true, key: signer('ed25519').key, sign: noise }
    assert.equal(codeOf(await signRequest(there, 'request', { crypto, signer: faulty })), 'signer-faulty')
  })
})

const bytesOf = (request: SigningRequest): Uint8Array => request.parts[0]!.bytes

const noise = (): Promise<Uint8Array> => Promise.resolve(new Uint8Array(64))

describe('a signature by another tool', () => {
  test('in either spelling, raw, in hex and in base64', async () => {
    const request = orThrow(requestEnvelope(release().envelope, signer('ecdsa-p256').key, ports))
    const der = orThrow(await signer('ecdsa-p256').sign(bytesOf(request), 'der'))
    const raw = derToP1363(der, 32) as Uint8Array
    for (const signature of [der, raw]) {
      for (const file of [signature, utf8(`${toHex(signature)}\n`), utf8(toBase64(signature))]) {
        const held = readSignature(file)
          .map(bytes => withSignature(request, bytes, crypto, 'signature'))
          .filter(one => !isRefusal(one))
        assert.equal(held.length, 1)
      }
    }
  })

  test('over other bytes', async () => {
    const request = orThrow(requestEnvelope(release().envelope, signer('ecdsa-p256').key, ports))
    const other = orThrow(await signer('ecdsa-p256').sign(utf8('something else'), 'der'))
    assert.equal(codeOf(withSignature(request, other, crypto, 's')), 'signing-request-signature-invalid')
  })
})

const expires = instant(Date.UTC(2031, 0, 1))
const target = (path: string): Target => ({ path, length: 3, sha256: 'ab'.repeat(32), custom: { class: 'bms' } })
const first = writeTargets({ version: 7, expires }, [target('bms/1.3.0/envelope.suit')])

async function sealed(signed: JsonObject, by: Signer): Promise<Uint8Array> {
  const signature = orThrow(await by.sign(signableBytes(signed), 'der'))
  return seal(signed, [signatureBy(by.key, signature, crypto)])
}

describe('metadata, signed on another machine', () => {
  async function asked() {
    const by = signer('ecdsa-p384')
    const file = await sealed(first, by)
    const targets = orThrow(readMetadata('targets', file, 'targets')).signed
    const next = orThrow(withTargets(targets, { add: [target('bms/1.4.0/envelope.suit')] }, 8, expires))
    return {
      by,
      next,
      request: orThrow(requestMetadata([{ name: 'targets', signed: next, before: file }], by.key, ports)),
    }
  }

  test('comes back as a signature over exactly what was asked', async () => {
    const { by, next, request } = await asked()
    const back = orThrow(opened(await signedBy(request, by)))
    const [signature] = orThrow(takeSignatures([{ name: 'targets', signed: next }], back, 'request', ports))
    assert.ok(signature !== undefined)
    assert.equal(signature.keyid, keyId(by.key, crypto))
    assert.ok(crypto.verify(by.key, signableBytes(next), Uint8Array.fromHex(signature.sig), 'der'))
  })

  test('no longer fits when somebody published meanwhile, or when it is about something else', async () => {
    const { by, next, request } = await asked()
    const back = orThrow(opened(await signedBy(request, by)))
    const codes = [
      { ...next, version: 9 },
      { ...next, targets: {} },
      { ...next, _type: 'root' },
    ].map(other => codeOf(takeSignatures([{ name: 'targets', signed: other as JsonObject }], back, 'request', ports)))
    assert.deepEqual(codes, ['signing-request-stale', 'signing-request-other', 'signing-request-other'])
    const release_ = orThrow(opened(orThrow(requestEnvelope(release().envelope, by.key, ports))))
    const wanted = { name: 'targets', signed: next }
    assert.equal(codeOf(takeSignatures([wanted], release_, 'request', ports)), 'signing-request-other')
    const unsigned = orThrow(opened(request))
    assert.equal(codeOf(takeSignatures([wanted], unsigned, 'request', ports)), 'signing-request-unsigned')
  })

  test('a root and its keys in PEM, which canonical JSON spells with line breaks', async () => {
    const by = signer('ecdsa-p384')
    const role: RoleSpec = { keys: [by.key], threshold: 1 }
    const root = orThrow(
      writeRoot({ version: 2, expires }, { root: role, timestamp: role, snapshot: role, targets: role }, crypto),
    )
    const request = orThrow(requestMetadata([{ name: 'root', signed: root, before: null }], by.key, ports))
    const back = orThrow(opened(await signedBy(request, by)))
    const [signature] = orThrow(takeSignatures([{ name: 'root', signed: root }], back, 'request', ports))
    assert.ok(crypto.verify(by.key, signableBytes(root), Uint8Array.fromHex(signature!.sig), 'der'))
  })

  test('targets and their hash bins travel together, and each comes back', async () => {
    const by = signer('ecdsa-p256')
    const bins = ['bin-00', 'bin-01'].map(name => ({ name, signed: { ...first, targets: {} }, before: null }))
    const documents = [{ name: 'targets', signed: first, before: null }, ...bins]
    const request = orThrow(requestMetadata(documents, by.key, ports))
    const back = orThrow(opened(await signedBy(request, by)))
    const signatures = orThrow(takeSignatures(documents, back, 'request', ports))
    for (const [index, { sig }] of signatures.entries()) {
      const bytes = signableBytes(documents[index]!.signed)
      assert.ok(crypto.verify(by.key, bytes, Uint8Array.fromHex(sig), 'der'))
    }
    for (const fewer of [documents.slice(1), documents.slice(0, 2)]) {
      assert.equal(codeOf(takeSignatures(fewer, back, 'request', ports)), 'signing-request-other')
    }
    const many = Array.from({ length: 4097 }, (_, at) => ({ ...bins[0]!, name: `bin-${at}` }))
    assert.equal(codeOf(requestMetadata(many, by.key, ports)), 'signing-request-malformed')
  })
})

describe('a request that somebody had in their hands', () => {
  const edited = (request: SigningRequest, edit: (json: Record<string, unknown>) => void): Uint8Array => {
    const json = JSON.parse(fromUtf8(writeRequest(request, crypto)) as string)
    edit(json)
    return utf8(JSON.stringify(json))
  }
  const base64Sha = (bytes: Uint8Array) => ({ bytes: toBase64(bytes), sha256: toHex(crypto.sha256(bytes)) })
  const documentSha = (signed: JsonObject) => ({
    signed: toBase64(utf8(JSON.stringify(signed))),
    sha256: toHex(crypto.sha256(signableBytes(signed))),
  })
  const envelopeRequest = (of = release()) => orThrow(requestEnvelope(of.envelope, signer('ecdsa-p256').key, ports))
  const metadataRequest = () =>
    orThrow(requestMetadata([{ name: 'targets', signed: first, before: null }], signer('ecdsa-p256').key, ports))
  // biome-ignore lint/suspicious/noExplicitAny: a file that is taken apart
  const part = (json: any): object => json.parts[0]

  type Row = [name: string, request: () => SigningRequest, edit: (json: Record<string, unknown>) => void, code: string]
  const altered = 'signing-request-altered'
  const malformed = 'signing-request-malformed'
  const rows: Row[] = [
    [
      'attack: it shows one manifest and asks to sign another',
      envelopeRequest,
      json => Object.assign(part(json), base64Sha(bytesOf(envelopeRequest(release({ version: '9.9.9' }))))),
      altered,
    ],
    [
      'attack: another manifest under the bytes of the first',
      envelopeRequest,
      json => Object.assign(json, { manifest: toBase64(release({ version: '1.4.1' }).manifest) }),
      altered,
    ],
    [
      'attack: the bytes of a release in a request for metadata',
      envelopeRequest,
      json => {
        Object.assign(json, { what: 'metadata', form: 'der' })
        delete json.manifest
      },
      malformed,
    ],
    [
      'attack: a document under the digest of another one',
      metadataRequest,
      json => Object.assign(part(json), { signed: documentSha({ ...first, version: 8 }).signed }),
      altered,
    ],
    [
      'bytes beside a document',
      metadataRequest,
      json => Object.assign(part(json), { bytes: toBase64(signableBytes(first)) }),
      malformed,
    ],
    [
      'a document that is a list',
      metadataRequest,
      json => Object.assign(part(json), { signed: toBase64(utf8('[]')) }),
      malformed,
    ],
    [
      'attack: a key id of another one, in a request for metadata',
      metadataRequest,
      json => Object.assign(json.key as object, { kid: keyId(signer('other').key, crypto) }),
      altered,
    ],
    [
      'attack: metadata of a role that nobody knows',
      metadataRequest,
      json => Object.assign(part(json), documentSha({ ...first, _type: 'mirrors' })),
      'metadata-malformed',
    ],
    [
      'attack: a key under the id of another one, in a root that gives it a role',
      metadataRequest,
      json => {
        const role = { keys: [signer('other').key], threshold: 1 }
        const roles = { root: role, timestamp: role, snapshot: role, targets: role }
        const root = orThrow(writeRoot({ version: 2, expires }, roles, crypto))
        const own = keyId(signer('other').key, crypto)
        const victim = keyId(signer('ed25519').key, crypto)
        Object.assign(part(json), documentSha(JSON.parse(JSON.stringify(root).replaceAll(own, victim))))
      },
      altered,
    ],
    ['another digest', envelopeRequest, json => Object.assign(part(json), { sha256: '0'.repeat(64) }), altered],
    ['another key id', envelopeRequest, json => Object.assign(json.key as object, { kid: '0'.repeat(64) }), altered],
    ['the other form', envelopeRequest, json => Object.assign(json, { form: 'der' }), altered],
    ['a member that nobody knows', envelopeRequest, json => Object.assign(json, { summary: 'harmless' }), malformed],
    ['no manifest', envelopeRequest, json => void delete json.manifest, malformed],
    [
      'a part twice, so that one of them is not looked at',
      metadataRequest,
      json => Object.assign(json, { parts: [part(json), part(json)] }),
      malformed,
    ],
    ['no part', metadataRequest, json => Object.assign(json, { parts: [] }), malformed],
    ['a manifest beside metadata', metadataRequest, json => Object.assign(json, { manifest: 'AAAA' }), malformed],
    [
      'an earlier file beside a release',
      envelopeRequest,
      json => Object.assign(part(json), { before: 'AAAA' }),
      malformed,
    ],
    [
      'a signature that is not one',
      envelopeRequest,
      json => Object.assign(part(json), { signature: 'AAAA' }),
      'signing-request-signature-invalid',
    ],
    [
      'RSA with the old padding',
      metadataRequest,
      json => Object.assign(json.key as object, { alg: 'rsa-pkcs1' }),
      malformed,
    ],
  ]
  for (const [name, request, edit, code] of rows) {
    test(name, () => assert.equal(codeOf(openRequest(edited(request(), edit), 'request', ports)), code))
  }

  test('a signature in the other spelling is another file, and is refused', async () => {
    const signed = await signedBy(envelopeRequest(), signer('ecdsa-p256'))
    const der = orThrow(await signer('ecdsa-p256').sign(bytesOf(signed), 'der'))
    const file = edited(signed, json => Object.assign(part(json), { signature: toBase64(der) }))
    assert.equal(codeOf(openRequest(file, 'request', ports)), malformed)
  })

  test('something else than JSON, and too much of it', () => {
    for (const file of [utf8('no'), utf8('{"kind":1,"kind":2}'), new Uint8Array(60 << 20)]) {
      assert.equal(codeOf(openRequest(file, 'request', ports)), malformed)
    }
  })

  test('property: a flipped bit is refused, or changes nothing that is signed or shown', async () => {
    const request = await signedBy(envelopeRequest(), signer('ecdsa-p256'))
    const file = writeRequest(request, crypto)
    const shown = orThrow(openRequest(file, 'request', ports))
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(7), (at, bit) => {
        const bent = file.slice()
        bent[at] = (bent[at] as number) ^ (1 << bit)
        const read = openRequest(bent, 'request', ports)
        if (!isRefusal(read)) assert.deepEqual(read, shown)
      }),
      { seed: 1512, numRuns: 400 },
    )
  })
})

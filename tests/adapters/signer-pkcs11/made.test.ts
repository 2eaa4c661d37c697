import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createAuthority } from '../../../src/adapters/certificates.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { CKA, CKK, CKM, CKO } from '../../../src/adapters/signer-pkcs11/constants.ts'
import { generateTokenKey, listTokenKeys, type TokenKeyAlgorithm } from '../../../src/adapters/signer-pkcs11/keys.ts'
import type { Attribute, LoadLibrary } from '../../../src/adapters/signer-pkcs11/library.ts'
import { listTokens } from '../../../src/adapters/signer-pkcs11/token.ts'
import { nobodyThere, Signers } from '../../../src/apps/process/signers.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { parsePkcs11Uri } from '../../../src/core/encoding/pkcs11-uri.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { bent, PIN, SoftToken } from '../../worlds/soft-token.ts'
import { codeOf, generate, MESSAGE, withKey } from './place.ts'

const ALGORITHMS: readonly TokenKeyAlgorithm[] = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-pss']

// In a suite, hooks and all: those of a file would run at the beginning, before the tests of every other file.
describe('keys in a token', () => {
  let token: SoftToken
  before(() => {
    token = new SoftToken()
    token.use()
  })
  after(() => token.end())

  describe('keys made in a token', () => {
    for (const alg of ALGORITHMS) {
      test(`${alg}: made, opened, signs in both forms, and never leaves`, async () => {
        const made = orThrow(await generate(token, `token=Release;object=made-${alg}`, alg))
        assert.equal(made.key?.alg, alg)
        await withKey(token, `token=Release;object=made-${alg}`, async signer => {
          assert.deepEqual(signer.key, made.key)
          assert.equal(signer.development, false)
          for (const form of ['der', 'p1363'] as const) {
            const signature = orThrow(await signer.sign(MESSAGE, form))
            assert.equal(nodeCrypto.verify(signer.key, MESSAGE, signature, form), true)
            assert.equal(nodeCrypto.verify(signer.key, utf8('else'), signature, form), false)
          }
        }).then(orThrow)
        token.inside((library, session) => {
          library.C_FindObjectsInit(session, [
            { type: CKA.class, value: CKO.privateKey },
            { type: CKA.label, value: Buffer.from(`made-${alg}`) },
          ])
          const [handle] = library.C_FindObjects(session, 2)
          library.C_FindObjectsFinal(session)
          const secret = alg === 'rsa-pss' ? 0x123 : CKA.value // CKA_PRIVATE_EXPONENT
          assert.throws(
            () => library.C_GetAttributeValue(session, handle!, [{ type: secret }]),
            /CKR_ATTRIBUTE_SENSITIVE/,
          )
          const flags = [CKA.neverExtractable, CKA.alwaysSensitive].map(type => ({ type }))
          assert.deepEqual(
            library.C_GetAttributeValue(session, handle!, flags).map(({ value }) => value[0]),
            [1, 1],
          )
        })
      })
    }

    test('are listed with what they are', async () => {
      const uri = orThrow(parsePkcs11Uri(token.uri('token=Release')))
      const listed = orThrow(await listTokenKeys(uri, { askPin: nobodyThere }))
      const made = listed.filter(({ label }) => label.startsWith('made-'))
      assert.deepEqual(
        made.map(({ key, stays }) => [key?.alg, stays]),
        ALGORITHMS.map(alg => [alg, true]),
      )
      assert.deepEqual(
        orThrow(listTokens(orThrow(parsePkcs11Uri(token.uri(''))))).map(({ label }) => label),
        ['Release'],
      )
    })

    test('are never made under a name or an id that is taken', async () => {
      orThrow(await generate(token, 'token=Release;object=once;id=%07', 'ecdsa-p256'))
      assert.equal(codeOf(await generate(token, 'token=Release;object=once', 'ecdsa-p256')), 'key-exists')
      assert.equal(codeOf(await generate(token, 'token=Release;object=other;id=%07', 'ecdsa-p256')), 'key-exists')
      assert.equal(codeOf(await generate(token, 'token=Release', 'ecdsa-p256')), 'key-uri-malformed')
    })

    test('attack: a token that makes a key which can be copied, though it was asked for one that stays', async () => {
      const load: LoadLibrary = path =>
        bent(path, {
          C_GenerateKeyPair: (session, mechanism, publicTemplate, privateTemplate) => {
            const lax = privateTemplate.map(one => (one.type === CKA.extractable ? { ...one, value: true } : one))
            return bent(path, {}).C_GenerateKeyPair(session, mechanism, publicTemplate, lax)
          },
        })
      const uri = orThrow(parsePkcs11Uri(token.uri('token=Release;object=lax')))
      assert.equal(
        codeOf(await generateTokenKey(uri, 'ecdsa-p256', { askPin: nobodyThere, load })),
        'token-key-copyable',
      )
      assert.equal(codeOf(await withKey(token, 'token=Release;object=lax', async () => null)), 'token-key-missing')
    })

    test('a kind that the token does not make', async () => {
      const load: LoadLibrary = path => bent(path, { C_GetMechanismList: () => [CKM.rsaPss] })
      const uri = orThrow(parsePkcs11Uri(token.uri('token=Release;object=unmade')))
      const answer = await generateTokenKey(uri, 'ed25519', { askPin: nobodyThere, load })
      assert.equal(codeOf(answer), 'key-algorithm-unsupported')
    })
  })

  /** An ECDSA P-256 pair that was made outside, as attributes; what is given takes the place of what is usual. */
  function put(
    label: string,
    { id = label, private: hidden = {}, curve = 'P-256', publicHalf = true, of }: Put = {},
  ): void {
    const privateKey = of ?? generateKeyPairSync('ec', { namedCurve: curve }).privateKey
    const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' })
    const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
    const params = spki.subarray(spki.indexOf(Buffer.from([0x06, curve === 'P-256' ? 8 : 5]), 10))
    const oid = params.subarray(0, 2 + (params[1] as number))
    const raw = [x, y].map(part => Buffer.from(part, 'base64url'))
    const common = [
      { type: CKA.token, value: true },
      { type: CKA.keyType, value: CKK.ec },
      { type: CKA.label, value: Buffer.from(label) },
      { type: CKA.id, value: Buffer.from(id) },
      { type: CKA.ecParams, value: oid },
    ]
    const usual: Record<number, Attribute['value']> = {
      [CKA.private]: true,
      [CKA.sensitive]: true,
      [CKA.extractable]: false,
      [CKA.sign]: true,
    }
    const flags = Object.entries({ ...usual, ...hidden }).map(([type, value]) => ({ type: Number(type), value }))
    token.inside((library, session) => {
      library.C_CreateObject(session, [
        { type: CKA.class, value: CKO.privateKey },
        ...common,
        ...(flags as Attribute[]),
        { type: CKA.value, value: Buffer.from(d, 'base64url') },
      ])
      if (!publicHalf) return
      library.C_CreateObject(session, [
        { type: CKA.class, value: CKO.publicKey },
        ...common,
        { type: CKA.verify, value: true },
        { type: CKA.ecPoint, value: Buffer.concat([Buffer.from([4, 65, 4]), ...raw]) },
      ])
    })
  }
  type Put = {
    id?: string
    private?: Record<number, boolean>
    curve?: 'P-256' | 'secp256k1'
    of?: KeyObject
    publicHalf?: boolean
  }

  describe('keys that were put into a token', () => {
    const signs = (path: string) => withKey(token, path, async signer => orThrow(await signer.sign(MESSAGE, 'der')))

    test('sign, and are told by their id where two have one name', async () => {
      put('twin', { id: 'a' })
      put('twin', { id: 'b' })
      assert.equal(codeOf(await signs('token=Release;object=twin')), 'token-key-ambiguous')
      assert.ok(!isRefusal(await signs('token=Release;object=twin;id=a')))
    })

    for (const [name, flags] of [
      ['in the clear', { [CKA.sensitive]: false, [CKA.extractable]: true }],
      ['wrapped under another key', { [CKA.extractable]: true }],
    ] as const) {
      test(`attack: a key that can be copied, ${name}, passes for one that stays`, async () => {
        put(`copyable ${name}`, { private: flags })
        const path = `token=Release;object=copyable%20${encodeURIComponent(name)}`
        assert.equal(await withKey(token, path, async signer => signer.development), true)
      })
    }

    test('that ask for the PIN before each signature get it', async () => {
      put('careful', { private: { [CKA.alwaysAuthenticate]: true } })
      const asked: string[] = []
      const load: LoadLibrary = path =>
        bent(path, {
          C_Login: (session, user, pin) => {
            asked.push(`${user} ${pin === PIN}`)
            bent(path, {}).C_Login(session, user, pin)
          },
        })
      const twice = await withKey(
        token,
        'token=Release;object=careful',
        async signer => [await signer.sign(MESSAGE, 'der'), await signer.sign(MESSAGE, 'der')],
        load,
      )
      assert.deepEqual(orThrow(twice).map(isRefusal), [false, false])
      assert.deepEqual(asked, ['1 true', '2 true', '2 true'])
    })

    test('with a certificate in the place of the public key', async () => {
      const { cert, key } = await createAuthority('Release', instant(Date.UTC(2026, 0, 1)))
      put('certified', { of: createPrivateKey(key), publicHalf: false })
      const { raw } = new X509Certificate(cert)
      token.inside((library, session) => {
        library.C_CreateObject(session, [
          { type: CKA.class, value: CKO.certificate },
          { type: CKA.token, value: true },
          { type: 0x80, value: 0 }, // CKA_CERTIFICATE_TYPE: X.509
          { type: 0x101, value: Buffer.from([0x30, 0]) }, // CKA_SUBJECT
          { type: CKA.id, value: Buffer.from('certified') },
          { type: CKA.value, value: raw },
        ])
      })
      assert.ok(!isRefusal(await signs('token=Release;object=certified')))
    })

    test('that ask each time ask a person when another key has logged in, and say when the PIN was wrong', async () => {
      put('careful-2', { private: { [CKA.alwaysAuthenticate]: true } })
      const typed = [PIN, PIN, 'wrong', null]
      const signers = new Signers(nodeCrypto, { askPin: async () => typed.shift() ?? null })
      try {
        const open = async (object: string) =>
          orThrow(await signers.open(token.uri(`token=Release;object=${object}`, null)))
        await open('made-ecdsa-p256')
        const careful = await open('careful-2')
        assert.equal(codeOf(await careful.sign(MESSAGE, 'der')), 'no refusal')
        assert.equal(codeOf(await careful.sign(MESSAGE, 'der')), 'token-pin-wrong')
        assert.equal(codeOf(await careful.sign(MESSAGE, 'der')), 'token-pin-needed')
        assert.deepEqual(typed, [])
      } finally {
        signers.close()
      }
    })

    test('that may not sign, of another kind, or without a public half', async () => {
      put('decrypts', { private: { [CKA.sign]: false } })
      put('koblitz', { curve: 'secp256k1' })
      put('alone', { publicHalf: false })
      assert.equal(codeOf(await signs('token=Release;object=decrypts')), 'token-key-not-for-signing')
      assert.equal(codeOf(await signs('token=Release;object=koblitz')), 'key-algorithm-unsupported')
      assert.equal(codeOf(await signs('token=Release;object=alone')), 'token-public-key-missing')
    })

    test('attack: the public key of somebody else, laid beside a private key', async () => {
      put('victim', { id: 'victim', publicHalf: false })
      put('stranger', { id: 'stranger' })
      token.inside((library, session) => {
        library.C_FindObjectsInit(session, [
          { type: CKA.class, value: CKO.publicKey },
          { type: CKA.label, value: Buffer.from('stranger') },
        ])
        const [handle] = library.C_FindObjects(session, 1)
        library.C_FindObjectsFinal(session)
        const wanted = [CKA.ecParams, CKA.ecPoint].map(type => ({ type }))
        const [params, point] = library.C_GetAttributeValue(session, handle!, wanted)
        library.C_CreateObject(session, [
          { type: CKA.class, value: CKO.publicKey },
          { type: CKA.token, value: true },
          { type: CKA.keyType, value: CKK.ec },
          { type: CKA.id, value: Buffer.from('victim') },
          { type: CKA.ecParams, value: params!.value },
          { type: CKA.ecPoint, value: point!.value },
        ])
      })
      const answer = await withKey(token, 'token=Release;object=victim', signer => signer.sign(MESSAGE, 'der'))
      assert.equal(codeOf(answer), 'signer-faulty')
    })
  })
})

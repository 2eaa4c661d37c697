import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { CKA, CKO } from '../../../src/adapters/signer-pkcs11/constants.ts'
import { generateTokenKey } from '../../../src/adapters/signer-pkcs11/keys.ts'
import { openTokenSigner } from '../../../src/adapters/signer-pkcs11/signer.ts'
import { nobodyThere, Signers } from '../../../src/apps/process/signers.ts'
import { parsePkcs11Uri } from '../../../src/core/encoding/pkcs11-uri.ts'
import { orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { SoftToken } from '../../worlds/soft-token.ts'
import { codeOf, generate, MESSAGE, withKey } from './place.ts'

// In a suite, hooks and all: those of a file would run at the beginning, before the tests of every other file.
describe('tokens that come and go', () => {
  let token: SoftToken
  before(() => {
    token = new SoftToken()
    token.use()
  })
  after(() => token.end())

  describe('a token that goes and comes back', () => {
    const key = 'token=Release;object=key'
    before(async () => {
      orThrow(await generate(token, key, 'ecdsa-p256'))
      orThrow(await generate(token, 'token=Release;object=second', 'ed25519'))
    })

    test('a token that is taken out between two signatures', async () => {
      const codes = await withKey(token, key, async signer => {
        const first = await signer.sign(MESSAGE, 'der')
        token.unplug()
        const [second, opened] = [await signer.sign(MESSAGE, 'der'), await withKey(token, key, async () => null)]
        token.plug()
        return [first, second, opened].map(codeOf)
      })
      assert.deepEqual(codes, ['no refusal', 'token-removed', 'token-missing'])
      assert.equal(codeOf(await withKey(token, key, signer => signer.sign(MESSAGE, 'der'))), 'no refusal')
    })

    test('a token that comes back is found again, by every key that is open', async () => {
      const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
      try {
        const [one, two] = await Promise.all(
          ['key', 'second'].map(object => signers.open(token.uri(`token=Release;object=${object}`))),
        ).then(opened => opened.map(orThrow))
        const codes: string[] = []
        const sign = async (signer: typeof one) => codes.push(codeOf(await signer!.sign(MESSAGE, 'der')))
        await sign(one)
        token.unplug()
        await sign(one)
        await sign(two)
        token.plug()
        await sign(one)
        await sign(two)
        assert.deepEqual(codes, ['no refusal', 'token-removed', 'token-missing', 'no refusal', 'no refusal'])
      } finally {
        signers.close()
      }
    })

    test('attack: the token is exchanged for one with a key of the same name', async () => {
      const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
      try {
        orThrow(await generate(token, 'token=Release;object=swapped', 'ecdsa-p256'))
        const signer = orThrow(await signers.open(token.uri('token=Release;object=swapped')))
        token.unplug()
        assert.equal(codeOf(await signer.sign(MESSAGE, 'der')), 'token-removed')
        token.plug()
        token.inside((library, session) => {
          for (const kind of [CKO.privateKey, CKO.publicKey]) {
            library.C_FindObjectsInit(session, [
              { type: CKA.class, value: kind },
              { type: CKA.label, value: Buffer.from('swapped') },
            ])
            const [handle] = library.C_FindObjects(session, 1)
            library.C_FindObjectsFinal(session)
            library.C_DestroyObject(session, handle!)
          }
        })
        orThrow(await generate(token, 'token=Release;object=swapped', 'ecdsa-p256'))
        const answer = await signer.sign(MESSAGE, 'der')
        assert.equal(codeOf(answer), 'token-removed')
        assert.match((answer as Refusal).actual, /another one of its name/)
      } finally {
        signers.close()
      }
    })

    test('a module that comes and goes leaves the cryptography of the program as it was', async () => {
      for (let round = 0; round < 3; round += 1) {
        assert.equal(codeOf(await withKey(token, key, signer => signer.sign(MESSAGE, 'der'))), 'no refusal')
        // Nothing that was fetched before: the module may share an OpenSSL with Node.js, and has just put its own away.
        const names = ['sha3-256', 'blake2s256', 'sha512-224']
        assert.equal(createHash(names[round]!).update(MESSAGE).digest().length > 0, true)
        const kinds = [
          () => generateKeyPairSync('ml-dsa-65'),
          () => generateKeyPairSync('ed448'),
          () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
        ]
        const { privateKey, publicKey } = kinds[round]!()
        assert.equal(verify(null, MESSAGE, publicKey, sign(null, MESSAGE, privateKey)), true)
      }
    })

    test('a signer after it was closed', async () => {
      const signer = orThrow(await openTokenSigner(orThrow(parsePkcs11Uri(token.uri(key))), { askPin: nobodyThere }))
      signer.close()
      assert.equal(codeOf(await signer.sign(MESSAGE, 'der')), 'token-removed')
      signer.close()
    })
  })

  test('two tokens of one name are told by their serial number', async () => {
    const pair = new SoftToken(['Twin', 'Twin'])
    try {
      pair.use()
      const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
      const both = await signers.open(pair.uri('token=Twin;object=key'))
      assert.equal(codeOf(both), 'token-ambiguous')
      const [, serial] = /serial=(\w+)/.exec((both as Refusal).actual) ?? []
      const made = await generateTokenKey(
        orThrow(parsePkcs11Uri(pair.uri(`token=Twin;serial=${serial};object=key`))),
        'ecdsa-p256',
        { askPin: nobodyThere },
      )
      assert.equal(codeOf(made), 'no refusal')
      assert.equal(codeOf(await signers.open(pair.uri(`token=Twin;serial=${serial};object=key`))), 'no refusal')
      signers.close()
    } finally {
      pair.end()
      token.use()
    }
  })
})

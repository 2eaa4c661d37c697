import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { CKF, CKR } from '../../../src/adapters/signer-pkcs11/constants.ts'
import type { LoadLibrary, Pkcs11Library } from '../../../src/adapters/signer-pkcs11/library.ts'
import { nobodyThere, Signers } from '../../../src/apps/process/signers.ts'
import { orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { answers, bent, PIN, SoftToken } from '../../worlds/soft-token.ts'
import { codeOf, generate, MESSAGE, withKey } from './place.ts'

// In a suite, hooks and all: those of a file would run at the beginning, before the tests of every other file.
describe('a token that refuses', () => {
  let token: SoftToken
  before(() => {
    token = new SoftToken()
    token.use()
  })
  after(() => token.end())

  describe('refused, each with what to do', () => {
    before(async () => {
      orThrow(await generate(token, 'token=Release;object=key', 'ecdsa-p256'))
      orThrow(await generate(token, 'token=Release;object=second', 'ed25519'))
    })
    const file = (name: string, content: string, mode = 0o600): string => {
      const path = join(token.folder, name)
      writeFileSync(path, content)
      chmodSync(path, mode)
      return path
    }
    const key = 'token=Release;object=key'
    const rows: [name: string, reference: () => string, code: string][] = [
      ['a token that is not there', () => token.uri('token=Other;object=key'), 'token-missing'],
      ['another serial', () => token.uri(`${key};serial=0`), 'token-missing'],
      ['a key that is not there', () => token.uri('token=Release;object=none'), 'token-key-missing'],
      ['a wrong PIN', () => token.uri(key, file('wrong', '000000\n')), 'token-pin-wrong'],
      ['no PIN and nobody to ask', () => token.uri(key, null), 'token-pin-needed'],
      ['a PIN file that is not there', () => token.uri(key, '/nowhere/pin'), 'file-missing'],
      ['a PIN file that is a folder', () => token.uri(key, token.folder), 'file-unreadable'],
      ['attack: a PIN that others may read', () => token.uri(key, file('open', PIN, 0o640)), 'pin-file-permissions'],
      ['an empty PIN file', () => token.uri(key, file('empty', '\n')), 'pin-file-malformed'],
      ['a PIN file of two lines', () => token.uri(key, file('lines', `${PIN}\n${PIN}\n`)), 'pin-file-malformed'],
      [
        'a PIN file that is something else',
        () => token.uri(key, file('large', 'x'.repeat(9999))),
        'pin-file-malformed',
      ],
      ['no module', () => `pkcs11:${key}?module-path=/nowhere/module.so`, 'pkcs11-module-missing'],
      ['a folder for a module', () => `pkcs11:${key}?module-path=/usr`, 'pkcs11-module-missing'],
      ['a text for a module', () => `pkcs11:${key}?module-path=${file('module', 'no')}`, 'pkcs11-module-unusable'],
      ['attack: a PIN in the command line', () => `${token.uri(key, null)}&pin-value=${PIN}`, 'key-uri-with-pin'],
    ]
    for (const [name, reference, code] of rows) {
      test(name, async () => {
        const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
        try {
          assert.equal(codeOf(await signers.open(reference())), code)
        } finally {
          signers.close()
        }
      })
    }

    test('a module that does not find its configuration', async () => {
      process.env.SOFTHSM2_CONF = '/nowhere/softhsm2.conf'
      try {
        assert.equal(codeOf(await withKey(token, key, async () => null)), 'pkcs11-module-unusable')
      } finally {
        token.use()
      }
    })

    test('a file that holds the reference to a key in a token, in place of a key', async () => {
      const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
      try {
        const signer = orThrow(await signers.open(file('reference', `${token.uri(key)}\n`)))
        assert.equal(signer.inToken, true)
        assert.equal(codeOf(await signer.sign(MESSAGE, 'der')), 'no refusal')
        assert.equal(codeOf(await signers.open(file('half', 'pkcs11:token=Release'))), 'key-uri-malformed')
      } finally {
        signers.close()
      }
    })

    /** What a module of another make would answer: the real one, with one function that answers so. */
    const flagged =
      (flags: number, code: number = CKR.pinIncorrect): Row['faults'] =>
      path => ({
        C_GetTokenInfo: slot => {
          const info = bent(path, {}).C_GetTokenInfo(slot)
          return { ...info, flags: info.flags | flags }
        },
        C_Login: () => answers('CKR_PIN', code),
      })
    type Row = { name: string; faults: (path: string) => Partial<Pkcs11Library>; code: string; actual: RegExp }
    const gone = (name: string, code: number): Row => ({
      name: `${name} in the middle of a signature`,
      faults: () => ({ C_Sign: () => answers(name, code) }),
      code: 'token-removed',
      actual: new RegExp(name),
    })
    const faulty: Row[] = [
      {
        name: 'a wrong PIN is counted',
        faults: flagged(CKF.userPinCountLow),
        code: 'token-pin-wrong',
        actual: /being counted/,
      },
      {
        name: 'a token that has locked its PIN is not tried',
        faults: path => ({ ...flagged(CKF.userPinLocked)(path), C_Login: () => assert.fail('tried') }),
        code: 'token-pin-locked',
        actual: /locked/,
      },
      {
        name: 'a token that locks itself',
        faults: flagged(0, CKR.pinLocked),
        code: 'token-pin-locked',
        actual: /locked/,
      },
      {
        name: 'attack: a forgotten job locks the token with its old PIN',
        faults: path => ({ ...flagged(CKF.userPinFinalTry)(path), C_Login: () => assert.fail('tried') }),
        code: 'token-pin-last-try',
        actual: /the file/,
      },
      gone('CKR_DEVICE_REMOVED', CKR.deviceRemoved),
      gone('CKR_SESSION_HANDLE_INVALID', CKR.sessionHandleInvalid),
      gone('CKR_USER_NOT_LOGGED_IN', CKR.userNotLoggedIn),
      {
        name: 'an error that only the maker of the token knows',
        faults: () => ({ C_SignInit: () => answers('CKR_VENDOR_DEFINED', 0x80000001) }),
        code: 'token-failed',
        actual: /0x80000001/,
      },
      {
        name: 'attack: a token whose signature is over something else',
        faults: path => ({ C_Sign: (session, _, room) => bent(path, {}).C_Sign(session, Buffer.alloc(32, 7), room) }),
        code: 'signer-faulty',
        actual: /does not/,
      },
      {
        name: 'a signature that is too short',
        faults: path => ({ C_Sign: (session, data, room) => bent(path, {}).C_Sign(session, data, room).subarray(1) }),
        code: 'signer-faulty',
        actual: /63/,
      },
    ]
    for (const { name, faults, code, actual } of faulty) {
      test(name, async () => {
        const answer = await withKey(
          token,
          key,
          signer => signer.sign(MESSAGE, 'der'),
          path => bent(path, faults(path)),
        )
        assert.equal(codeOf(answer), code)
        assert.match((answer as Refusal).actual, actual)
      })
    }

    test('a person who types the PIN may use the last try', async () => {
      const load: LoadLibrary = path =>
        bent(path, {
          C_GetTokenInfo: slot => {
            const info = bent(path, {}).C_GetTokenInfo(slot)
            return { ...info, flags: info.flags | CKF.userPinFinalTry }
          },
        })
      const asked: string[] = []
      const askPin = async (prompt: string) => {
        asked.push(prompt)
        return PIN
      }
      const signers = new Signers(nodeCrypto, { askPin, load })
      assert.equal(codeOf(await signers.open(token.uri(key, null))), 'no refusal')
      signers.close()
      assert.deepEqual(asked, ['PIN of token Release: '])
    })

    test('a PIN is asked for once, however many keys of the token are used', async () => {
      let asked = 0
      const askPin = async () => {
        asked += 1
        return PIN
      }
      const signers = new Signers(nodeCrypto, { askPin })
      for (const object of ['key', 'second']) {
        assert.equal(codeOf(await signers.open(token.uri(`token=Release;object=${object}`, null))), 'no refusal')
      }
      signers.close()
      assert.equal(asked, 1)
    })
  })
})

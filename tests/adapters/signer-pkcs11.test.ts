import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { CKA, CKF, CKK, CKM, CKO, CKR } from '../../src/adapters/signer-pkcs11/constants.ts'
import { generateTokenKey, listTokenKeys, type TokenKeyAlgorithm } from '../../src/adapters/signer-pkcs11/keys.ts'
import type { Attribute, LoadLibrary, Pkcs11Library } from '../../src/adapters/signer-pkcs11/library.ts'
import { openTokenSigner } from '../../src/adapters/signer-pkcs11/signer.ts'
import { listTokens } from '../../src/adapters/signer-pkcs11/token.ts'
import { nobodyThere, Signers } from '../../src/apps/process/signers.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { parsePkcs11Uri } from '../../src/core/encoding/pkcs11-uri.ts'
import { isRefusal, orThrow, type Refusal, sentence } from '../../src/core/refusal/refusal.ts'
import { answers, bent, PIN, SoftToken } from '../worlds/soft-token.ts'

const MESSAGE = utf8('what is signed')
const ALGORITHMS: readonly TokenKeyAlgorithm[] = ['ecdsa-p256', 'ecdsa-p384', 'ed25519', 'rsa-pss']

let token: SoftToken
before(() => {
  token = new SoftToken()
  token.use()
})
after(() => token.end())

const codeOf = (value: unknown): string => {
  if (!isRefusal(value)) return 'no refusal'
  assert.doesNotMatch(sentence(value), new RegExp(PIN), 'a PIN is never repeated')
  return value.code
}

/** Opens a key as every command does, works with it, and closes it. */
async function withKey<T>(
  path: string,
  work: (signer: Exclude<Awaited<ReturnType<Signers['open']>>, Refusal>) => Promise<T>,
  load?: LoadLibrary,
): Promise<T | Refusal> {
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere, ...(load === undefined ? {} : { load }) })
  try {
    const signer = await signers.open(token.uri(path))
    return isRefusal(signer) ? signer : await work(signer)
  } finally {
    signers.close()
  }
}

const generate = (path: string, alg: TokenKeyAlgorithm) =>
  generateTokenKey(orThrow(parsePkcs11Uri(token.uri(path))), alg, { askPin: nobodyThere })

describe('keys made in a token', () => {
  for (const alg of ALGORITHMS) {
    test(`${alg}: made, opened, signs in both forms, and never leaves`, async () => {
      const made = orThrow(await generate(`token=Release;object=made-${alg}`, alg))
      assert.equal(made.key?.alg, alg)
      await withKey(`token=Release;object=made-${alg}`, async signer => {
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
    orThrow(await generate('token=Release;object=once;id=%07', 'ecdsa-p256'))
    assert.equal(codeOf(await generate('token=Release;object=once', 'ecdsa-p256')), 'key-exists')
    assert.equal(codeOf(await generate('token=Release;object=other;id=%07', 'ecdsa-p256')), 'key-exists')
    assert.equal(codeOf(await generate('token=Release', 'ecdsa-p256')), 'key-uri-malformed')
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
    assert.equal(codeOf(await generateTokenKey(uri, 'ecdsa-p256', { askPin: nobodyThere, load })), 'token-key-copyable')
    assert.equal(codeOf(await withKey('token=Release;object=lax', async () => null)), 'token-key-missing')
  })

  test('a kind that the token does not make', async () => {
    const load: LoadLibrary = path => bent(path, { C_GetMechanismList: () => [CKM.rsaPss] })
    const uri = orThrow(parsePkcs11Uri(token.uri('token=Release;object=unmade')))
    const answer = await generateTokenKey(uri, 'ed25519', { askPin: nobodyThere, load })
    assert.equal(codeOf(answer), 'key-algorithm-unsupported')
  })
})

/** An ECDSA P-256 pair that was made outside, as attributes; what is given takes the place of what is usual. */
function put(label: string, { id = label, private: hidden = {}, curve = 'P-256', publicHalf = true }: Put = {}): void {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
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
  publicHalf?: boolean
}

describe('keys that were put into a token', () => {
  const signs = (path: string) => withKey(path, async signer => orThrow(await signer.sign(MESSAGE, 'der')))

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
      assert.equal(await withKey(path, async signer => signer.development), true)
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
      'token=Release;object=careful',
      async signer => [await signer.sign(MESSAGE, 'der'), await signer.sign(MESSAGE, 'der')],
      load,
    )
    assert.deepEqual(orThrow(twice).map(isRefusal), [false, false])
    assert.deepEqual(asked, ['1 true', '2 true', '2 true'])
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
    const answer = await withKey('token=Release;object=victim', signer => signer.sign(MESSAGE, 'der'))
    assert.equal(codeOf(answer), 'signer-faulty')
  })
})

describe('refused, each with what to do', () => {
  before(async () => {
    orThrow(await generate('token=Release;object=key', 'ecdsa-p256'))
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
    ['a PIN file that is something else', () => token.uri(key, file('large', 'x'.repeat(9999))), 'pin-file-malformed'],
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
      assert.equal(codeOf(await withKey(key, async () => null)), 'pkcs11-module-unusable')
    } finally {
      token.use()
    }
  })

  test('a token that is taken out between two signatures', async () => {
    const codes = await withKey(key, async signer => {
      const first = await signer.sign(MESSAGE, 'der')
      token.unplug()
      const [second, opened] = [await signer.sign(MESSAGE, 'der'), await withKey(key, async () => null)]
      token.plug()
      return [first, second, opened].map(codeOf)
    })
    assert.deepEqual(codes, ['no refusal', 'token-removed', 'token-missing'])
    assert.equal(codeOf(await withKey(key, signer => signer.sign(MESSAGE, 'der'))), 'no refusal')
  })

  test('a signer after it was closed', async () => {
    const signer = orThrow(await openTokenSigner(orThrow(parsePkcs11Uri(token.uri(key))), { askPin: nobodyThere }))
    signer.close()
    assert.equal(codeOf(await signer.sign(MESSAGE, 'der')), 'token-removed')
    signer.close()
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
    for (const object of ['key', 'made-ed25519']) {
      assert.equal(codeOf(await signers.open(token.uri(`token=Release;object=${object}`, null))), 'no refusal')
    }
    signers.close()
    assert.equal(asked, 1)
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

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { concat, toBase64Url, utf8 } from '../../../src/core/encoding/bytes.ts'
import { derToP1363, isLowP256, P256_WIDTH, p1363ToDer } from '../../../src/core/encoding/ecdsa-form.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import {
  challengeFor,
  checkAssertion,
  MAX_ASSERTION_BYTES,
  readAssertion,
  writeAssertion,
} from '../../../src/core/trust/assertion.ts'
import { isWebOrigin, type Passkey } from '../../../src/core/trust/passkey.ts'
import { ApproverPasskey, ORIGIN, RP_ID } from '../../worlds/approver-passkey.ts'
import type { Bent } from '../../worlds/soft-authenticator.ts'

const anna = new ApproverPasskey()
const MESSAGE = utf8('{"plan":"spring"}')

const verdict = (bytes: Uint8Array, message = MESSAGE, key: Passkey = anna.key): string =>
  checkAssertion(key, message, bytes, 'test', nodeCrypto)?.code ?? 'taken'

/** The parts of an assertion put together again, whatever they are. */
const framed = (data: Uint8Array, client: Uint8Array, signature: Uint8Array): Uint8Array =>
  concat(...[data, client].flatMap(one => [Uint8Array.of(one.length >> 8, one.length & 255), one]), signature)

const honest = anna.assert(MESSAGE)
const parts = orThrow(readAssertion(honest, 'test'))

describe('an assertion', () => {
  test('is taken from who was asked, over what was asked', () => {
    for (let round = 0; round < 16; round += 1) {
      const message = utf8(`plan ${round}`)
      assert.equal(verdict(anna.assert(message), message), 'taken')
    }
  })

  test('challenge is the digest of the document behind words that nothing else begins with', () => {
    const expected = nodeCrypto.sha256(concat(utf8('voltseal approval by passkey, version 1\n'), MESSAGE))
    assert.deepEqual(challengeFor(MESSAGE, nodeCrypto), expected)
    assert.notDeepEqual(challengeFor(MESSAGE, nodeCrypto), nodeCrypto.sha256(MESSAGE))
  })

  const bent: readonly (readonly [string, string, Bent & { readonly origin?: string }])[] = [
    ['attack: a passkey’s answer for another origin', 'assertion-wrong-origin', { origin: `https://${RP_ID}` }],
    ['attack: an origin that only begins like ours', 'assertion-wrong-origin', { origin: `${ORIGIN}.evil.example` }],
    ['attack: a passkey’s answer for another RP id', 'assertion-wrong-rp', { rpId: 'voltworks.example' }],
    ['attack: an answer without user verification', 'assertion-user-not-verified', { verified: false }],
    ['attack: an answer with nobody there', 'assertion-user-not-verified', { present: false }],
    ['attack: the answer to a registration', 'assertion-wrong-type', { type: 'webauthn.create' }],
    ['attack: the answer of a payment page', 'assertion-wrong-type', { type: 'payment.get' }],
    ['attack: an answer from a frame of another site', 'assertion-cross-origin', { crossOrigin: true }],
    [
      'attack: a frame of another site that hides behind crossOrigin false',
      'assertion-cross-origin',
      { client: text => text.replace(/}$/, ',"topOrigin":"https://evil.example"}') },
    ],
    [
      'attack: a crossOrigin that is no truth value',
      'assertion-cross-origin',
      { client: text => text.replace(':false', ':"false"') },
    ],
    [
      'attack: a second challenge in the client data',
      'assertion-malformed',
      { client: text => text.replace(/}$/, ',"challenge":"AAAA"}') },
    ],
    [
      'attack: a second origin, spelled with an escape',
      'assertion-malformed',
      { client: text => text.replace(/}$/, ',"orig\\u0069n":"https://evil.example"}') },
    ],
  ]
  for (const [name, code, how] of bent) test(name, () => assert.equal(verdict(anna.assert(MESSAGE, how)), code))

  test('attack: client data beyond its limit is not read', () => {
    const long = (text: string): string => text.replace(/}$/, `,"x":"${'y'.repeat(2048)}"}`)
    assert.throws(() => anna.assert(MESSAGE, { client: long }), /nobody would take/)
    const grown = framed(parts.authenticatorData, new Uint8Array(2049).fill(0x20), parts.signature)
    assert.ok(isRefusal(readAssertion(grown, 'test')), 'before anything is parsed')
    assert.equal(verdict(new Uint8Array(MAX_ASSERTION_BYTES + 1)), 'assertion-malformed')
  })

  test('attack: the answer for one plan, played to another one', () => {
    assert.equal(verdict(honest, utf8('{"plan":"summer"}')), 'assertion-wrong-challenge')
    // A changed plan under the same name is another document.
    assert.equal(verdict(honest, utf8('{"plan":"spring","wave":2}')), 'assertion-wrong-challenge')
  })

  test('attack: a sign-in’s challenge that is the plain digest of the plan', () => {
    const plain = toBase64Url(nodeCrypto.sha256(MESSAGE))
    const signIn = anna.assert(MESSAGE, {
      client: text => text.replace(/"challenge":"[^"]+"/, `"challenge":"${plain}"`),
    })
    assert.equal(verdict(signIn), 'assertion-wrong-challenge')
  })

  test('attack: another passkey’s signature under this one’s name', () => {
    assert.equal(verdict(new ApproverPasskey().assert(MESSAGE)), 'assertion-signature-invalid')
  })

  test('attack: authenticator data with a key or with extensions in it', () => {
    for (const flag of [0x40, 0x80]) {
      const flagged = anna.assert(MESSAGE, { data: data => data.with(32, data[32]! | flag) })
      assert.equal(verdict(flagged), 'assertion-malformed', `flag ${flag}`)
    }
    const longer = framed(concat(parts.authenticatorData, Uint8Array.of(0xa0)), parts.clientDataJSON, parts.signature)
    assert.equal(verdict(longer), 'assertion-malformed')
  })

  test('what is backed up without being able to be is no authenticator data', () => {
    assert.equal(verdict(anna.assert(MESSAGE, { data: data => data.with(32, 0x15) })), 'assertion-malformed')
    assert.equal(
      verdict(anna.assert(MESSAGE, { data: data => data.with(32, 0x1d) })),
      'taken',
      'a passkey that is synced',
    )
  })

  test('members that browsers add, and a crossOrigin that an older one left out, do not matter', () => {
    const added = (text: string): string => text.replace(/}$/, ',"other_keys_can_be_added_here":{"ratio":0.5}}')
    const left = (text: string): string => text.replace(',"crossOrigin":false', '')
    for (const client of [added, left]) assert.equal(verdict(anna.assert(MESSAGE, { client })), 'taken')
  })

  test('attack: a malleated signature: a high s, or DER with another length', () => {
    const raw = derToP1363(parts.signature, P256_WIDTH)!
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const s = BigInt(`0x${raw.slice(32).toHex()}`)
    const high = concat(raw.slice(0, 32), Uint8Array.fromHex((order - s).toString(16).padStart(64, '0')))
    const { authenticatorData, clientDataJSON, signature } = parts
    const signed = concat(authenticatorData, nodeCrypto.sha256(clientDataJSON))
    const { spki } = anna.key
    const alike = nodeCrypto.verify({ alg: 'ecdsa-p256', spki }, signed, p1363ToDer(high), 'der')
    assert.ok(alike, 'the mathematics takes both')
    const spellings = [
      p1363ToDer(high),
      concat(signature, Uint8Array.of(0)),
      concat(Uint8Array.of(0x30, 0x81), signature.slice(1)),
      raw,
      new Uint8Array(0),
    ]
    for (const other of spellings) {
      assert.equal(verdict(framed(authenticatorData, clientDataJSON, other)), 'assertion-malformed', other.toHex())
    }
    assert.deepEqual(
      writeAssertion({ ...parts, signature: p1363ToDer(high) }),
      honest,
      'who gathers it writes the low one',
    )
  })

  test('attack: one bit of an assertion changed anywhere is refused', () => {
    const at = fc.nat(honest.length * 8 - 1)
    const changed = fc.property(at, bit => {
      const bytes = honest.slice()
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7))
      return verdict(bytes) !== 'taken'
    })
    fc.assert(changed, { numRuns: 300 })
  })

  test('any bytes have at most one reading, and no other bytes have it', () => {
    const pieces = [parts.authenticatorData, parts.clientDataJSON, parts.signature]
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(...pieces.map(one => fc.constantFrom(one, one.slice(1), concat(one, one))))
        .map(([a, b, c]) => framed(a!, b!, c!)),
    )
    fc.assert(
      fc.property(bytes, input => {
        const read = readAssertion(input, 'test')
        if (isRefusal(read)) return read.code === 'assertion-malformed'
        const again = writeAssertion(read)
        return again !== null && Buffer.from(again).equals(input)
      }),
      { numRuns: 300 },
    )
  })

  test('of authenticators with a high s is written with the low one', () => {
    for (let round = 0; round < 24; round += 1) {
      const { signature } = orThrow(readAssertion(anna.assert(utf8(`${round}`)), 'test'))
      assert.ok(isLowP256(derToP1363(signature, P256_WIDTH)!))
    }
  })
})

describe('an origin of a passkey', () => {
  const rows: readonly (readonly [origin: string, rpId: string, fits: boolean])[] = [
    ['https://console.example', 'console.example', true],
    ['https://console.example:8443', 'console.example', true],
    ['https://a.console.example', 'console.example', true],
    ['http://localhost:8080', 'localhost', true],
    ['https://localhost', 'localhost', true],
    ['https://fleet', 'fleet', true],
    ['http://console.example', 'console.example', false],
    ['https://console.example:443', 'console.example', false],
    ['http://localhost:80', 'localhost', false],
    ['https://console.example:70000', 'console.example', false],
    ['https://console.example/', 'console.example', false],
    ['https://Console.example', 'console.example', false],
    ['https://evilconsole.example', 'console.example', false],
    ['https://console.example', 'a.console.example', false],
    ['https://console.example', 'example', false],
    ['https://127.0.0.1', '127.0.0.1', false],
    ['https://user@console.example', 'console.example', false],
    ['https://console.example.', 'console.example.', false],
    ['', '', false],
  ]
  for (const [origin, rpId, fits] of rows) {
    test(`${origin || 'nothing'} is ${fits ? '' : 'not '}one of ${rpId || 'nothing'}`, () =>
      assert.equal(isWebOrigin(origin, rpId), fits))
  }
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCipher } from '../../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { type Cbor, decodeCbor, encodeCbor } from '../../../src/core/encoding/cbor.ts'
import {
  keyEncryptionKey,
  MAX_WRAP_BYTES,
  MAX_WRAPS,
  openWrap,
  readWrap,
  readWraps,
  recipientId,
  wrapFor,
  writeWraps,
} from '../../../src/core/encoding/cose-recipient.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { agreeWith, p256Pair, TOOLS } from '../../worlds/wrapping.ts'

const codeOf = (value: unknown): string | null => (isRefusal(value) ? value.code : null)
const KEY = new Uint8Array(32).map((_, index) => index)
const RECIPIENT = p256Pair()
const WRAP = orThrow(wrapFor(RECIPIENT.spki, KEY, TOOLS, 'test'))

const opened = (bytes: Uint8Array, privateKey = RECIPIENT.privateKey) => {
  const wrap = orThrow(readWrap(bytes, 'test'))
  return openWrap(wrap, agreeWith(privateKey, wrap.point), TOOLS, 'test')
}

describe('a wrap', () => {
  it('derives the key of the COSE working group’s example p256-wrap-256-01 from its secret', () => {
    const secret = Uint8Array.fromHex('8bed545f07a7f39bd7179403c94e7d9862d0a5630217c289b8b4d953490d6d9e')
    const wrapping = keyEncryptionKey(secret, nodeCrypto)
    assert.equal(wrapping.toHex(), '185e6208b1e0abee41fcd0890318ffe5320b5fb2d66b4976f7a51a9493e5b502')
    const wrapped = Uint8Array.fromHex('e00e25b58aeadde5a475f1d69d2a2c199e5c1f231c5b164a')
    assert.equal(nodeCipher.unwrapKey(wrapping, wrapped)?.toHex(), 'b2353161740aacf1f7163647984b522a')
  })

  it('is opened by its recipient, and says who that is', () => {
    assert.deepEqual(opened(WRAP), KEY)
    assert.deepEqual(orThrow(readWrap(WRAP, 'test')).recipient, recipientId(RECIPIENT.spki, nodeCrypto))
    assert.ok(WRAP.length <= MAX_WRAP_BYTES)
  })

  it('is another one each time', () => {
    assert.notDeepEqual(orThrow(wrapFor(RECIPIENT.spki, KEY, TOOLS, 'test')), WRAP)
  })

  it('attack: opened with another key', () => {
    assert.equal(codeOf(opened(WRAP, p256Pair().privateKey)), 'wrap-not-opened')
  })

  it('attack: any byte of it changed opens to nothing', () => {
    for (let at = 0; at < WRAP.length; at += 1) {
      const altered = WRAP.with(at, (WRAP[at] as number) ^ 1)
      const read = readWrap(altered, 'test')
      if (isRefusal(read)) continue
      // The id says only whom it is for: whoever is named does not open it.
      if (!read.recipient.every((byte, index) => byte === recipientId(RECIPIENT.spki, nodeCrypto)[index])) continue
      let secret: Uint8Array
      try {
        secret = agreeWith(RECIPIENT.privateKey, read.point)
      } catch {
        continue // no point of the curve: nothing is agreed on
      }
      assert.equal(codeOf(openWrap(read, secret, TOOLS, 'test')), 'wrap-not-opened', `byte ${at}`)
    }
  })

  it('attack: any bytes at all are read, or refused by their code', () => {
    const bytes = fc.uint8Array({ maxLength: MAX_WRAP_BYTES + 8 })
    const mutated = fc.tuple(fc.nat(WRAP.length - 1), fc.nat(255), fc.nat(WRAP.length)).map(([at, to, end]) => {
      return WRAP.with(at, to).subarray(0, end)
    })
    const answers = (value: unknown): boolean => !isRefusal(value) || value.code === 'wrap-malformed'
    const reads = (input: Uint8Array): boolean => answers(readWrap(input, 'test')) && answers(readWraps(input, 'test'))
    fc.assert(fc.property(fc.oneof(bytes, mutated), reads), { seed: 20, numRuns: 2_000 })
  })

  it('is made for P-256 keys only', () => {
    for (const spki of [
      new Uint8Array(0),
      RECIPIENT.spki.slice(1),
      RECIPIENT.spki.with(60, 0),
      RECIPIENT.spki.with(26, 2),
    ]) {
      assert.equal(codeOf(wrapFor(spki, KEY, TOOLS, 'test')), 'decryption-key-malformed')
    }
  })

  describe('in another form is refused', () => {
    const [header, unprotected, wrapped] = decodeCbor(WRAP, MAX_WRAP_BYTES) as readonly Cbor[]
    const headers = unprotected as ReadonlyMap<number, Cbor>
    const ephemeral = headers.get(-1) as ReadonlyMap<number, Cbor>
    const withHeaders = (...rows: [number, Cbor][]): Cbor => [
      header as Cbor,
      new Map([...headers, ...rows]),
      wrapped as Cbor,
    ]
    const withKey = (...rows: [number, Cbor][]): Cbor => withHeaders([-1, new Map([...ephemeral, ...rows])])
    const cases: readonly (readonly [string, Cbor])[] = [
      ['no array', 7],
      ['an array of four', [header, unprotected, wrapped, null] as Cbor],
      ['another algorithm', [encodeCbor(new Map([[1, -29]])), unprotected, wrapped] as Cbor],
      [
        'a critical header',
        [
          encodeCbor(
            new Map<number, Cbor>([
              [1, -31],
              [2, [4]],
            ]),
          ),
          unprotected,
          wrapped,
        ] as Cbor,
      ],
      ['a further header', withHeaders([5, 1])],
      ['a short key id', withHeaders([4, new Uint8Array(8)])],
      ['another curve', withKey([-1, 2])],
      ['a point by its sign', withKey([-3, true])],
      ['a short coordinate', withKey([-2, new Uint8Array(31)])],
      ['a longer wrapped key', [header, unprotected, concat(wrapped as Uint8Array, new Uint8Array(8))] as Cbor],
      ['no wrapped key', [header, unprotected, null] as Cbor],
    ]
    for (const [name, item] of cases) {
      it(name, () => assert.equal(codeOf(readWrap(encodeCbor(item), 'test')), 'wrap-malformed'))
    }
    it('more bytes than any has', () =>
      assert.equal(codeOf(readWrap(new Uint8Array(MAX_WRAP_BYTES + 1), 'test')), 'wrap-malformed'))
  })

  it('lies beside a release with others, a few of them', () => {
    assert.deepEqual(readWraps(writeWraps([WRAP, WRAP]), 'test'), [WRAP, WRAP])
    for (const bytes of [
      writeWraps([]),
      writeWraps(Array.from({ length: MAX_WRAPS + 1 }, () => WRAP)),
      writeWraps([new Uint8Array(3)]),
      encodeCbor(['a text']),
      new Uint8Array(0),
    ]) {
      assert.equal(codeOf(readWraps(bytes, 'test')), 'wrap-malformed')
    }
  })
})

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { derToP1363, P256_WIDTH, P384_WIDTH, p1363ToDer } from '../../../src/core/encoding/ecdsa-form.ts'

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text)
const one = `${'00'.repeat(31)}01`

describe('ECDSA signature forms', () => {
  it('turn into each other without loss', () => {
    const raw = fc.constantFrom(P256_WIDTH, P384_WIDTH).chain(width =>
      fc
        .tuple(fc.constant(width), fc.uint8Array({ minLength: 2 * width, maxLength: 2 * width }), fc.nat(width))
        .map(([size, bytes, zeros]): [number, Uint8Array] => {
          bytes.fill(0, 0, zeros) // leading zeros, where the two forms differ
          return [size, new Uint8Array(bytes)]
        }),
    )
    fc.assert(fc.property(raw, ([width, bytes]) => assert.deepEqual(derToP1363(p1363ToDer(bytes), width), bytes)))
  })

  it('read what OpenSSL writes', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (let round = 0; round < 64; round += 1) {
      const der = new Uint8Array(sign('sha256', Buffer.from([round]), privateKey))
      const raw = derToP1363(der, P256_WIDTH)
      assert.ok(raw !== null)
      assert.deepEqual(p1363ToDer(raw), der)
    }
  })

  const wrong: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['another tag', '3106020101020101'],
    ['a length that lies', '3007020101020101'],
    ['bytes after the end', '300602010102010100'],
    ['bytes inside, after s', '300702010102010100'],
    ['a long length', '308106020101020101'],
    ['a negative r', '3006020181020101'],
    ['a zero too many', '300702020001020101'],
    ['an empty integer', '30050200020101'],
    ['only r', '3003020101'],
    ['an r wider than the field', `3026022101${'00'.repeat(32)}020101`],
  ]
  for (const [name, der] of wrong) {
    it(`refuses ${name}`, () => assert.equal(derToP1363(hex(der), P256_WIDTH), null))
  }

  it('read the smallest', () => assert.equal(derToP1363(hex('3006020101020101'), P256_WIDTH)?.toHex(), one + one))
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { encodeCbor } from '../../../src/core/encoding/cbor.ts'
import { spkiOfCose } from '../../../src/core/encoding/cose-key.ts'
import { SoftAuthenticator } from '../../worlds/soft-authenticator.ts'

describe('a COSE key', () => {
  const authenticator = new SoftAuthenticator()
  const asked = { rpId: 'localhost', origin: 'http://localhost', challenge: new Uint8Array(32), user: Uint8Array.of(1) }
  const { id, publicKey } = authenticator.create(asked)

  it('of ES256 is the same key as SubjectPublicKeyInfo', () =>
    assert.deepEqual(spkiOfCose(publicKey), authenticator.spki(id)))

  const coordinate = new Uint8Array(32).fill(7)
  const good = new Map<number, number | Uint8Array>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, coordinate],
    [-3, coordinate],
  ])
  const others: readonly (readonly [string, number, number | Uint8Array])[] = [
    ['another type', 1, 1],
    ['another algorithm', 3, -35],
    ['another curve', -1, 2],
    ['a short x', -2, coordinate.slice(1)],
    ['a y that is a sign', -3, 1],
  ]
  for (const [name, label, value] of others) {
    it(`attack: with ${name} is none`, () =>
      assert.equal(spkiOfCose(encodeCbor(new Map([...good, [label, value]]))), null))
  }

  it('is read from any bytes without a throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), bytes => spkiOfCose(bytes) === null || bytes.length > 60))
    assert.equal(spkiOfCose(new Uint8Array(4096)), null)
  })
})

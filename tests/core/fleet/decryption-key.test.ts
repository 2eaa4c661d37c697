import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { decryptionKeyStatement, refuseDecryptionKey } from '../../../src/core/fleet/decryption-key.ts'
import { p256Pair } from '../../worlds/wrapping.ts'

describe('a decryption key at its enrolment', () => {
  const [report, decryption, other] = [p256Pair(), p256Pair(), p256Pair()]
  const signatureOf = (spki: Uint8Array, by = report): Uint8Array =>
    new Uint8Array(sign('sha256', decryptionKeyStatement(spki), by.privateKey))
  const codeOf = (spki: Uint8Array, signature: Uint8Array): string | undefined =>
    refuseDecryptionKey(spki, signature, report.spki, nodeCrypto, 'quay/bms-1')?.code

  it('is taken when the report key vouches for it', () => {
    assert.equal(codeOf(decryption.spki, signatureOf(decryption.spki)), undefined)
  })

  it('attack: a key that somebody has put in its place', () => {
    assert.equal(codeOf(other.spki, signatureOf(decryption.spki)), 'decryption-key-unattested')
    assert.equal(codeOf(other.spki, signatureOf(other.spki, other)), 'decryption-key-unattested')
    assert.equal(codeOf(other.spki, new Uint8Array(0)), 'decryption-key-unattested')
  })

  it('attack: a signature over the key that was made for something else', () => {
    const bare = new Uint8Array(sign('sha256', decryption.spki, report.privateKey))
    assert.equal(codeOf(decryption.spki, bare), 'decryption-key-unattested')
  })

  it('is a P-256 key', () => {
    const short = decryption.spki.slice(1)
    assert.equal(codeOf(short, signatureOf(short)), 'decryption-key-malformed')
  })
})

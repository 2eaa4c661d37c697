import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DNS_NAMESPACE, uuid5, uuidText } from '../../../src/core/encoding/uuid.ts'

describe('UUID version 5', () => {
  it('gives the published values', () => {
    // RFC 9562 Appendix A.4, and the vendor identifier of the examples in draft-ietf-suit-manifest Appendix B.
    assert.equal(uuidText(uuid5(DNS_NAMESPACE, 'www.example.com')), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
    assert.equal(uuidText(uuid5(DNS_NAMESPACE, 'arm.com')), 'fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe')
  })

  it('hashes names of every length as SHA-1 does', () => {
    const name = fc.string({ unit: 'binary-ascii', maxLength: 200 })
    fc.assert(
      fc.property(name, text => {
        const digest = createHash('sha1').update(DNS_NAMESPACE).update(text).digest()
        digest[6] = ((digest[6] as number) & 0x0f) | 0x50
        digest[8] = ((digest[8] as number) & 0x3f) | 0x80
        assert.equal(uuid5(DNS_NAMESPACE, text).toHex(), digest.subarray(0, 16).toString('hex'))
      }),
    )
  })
})

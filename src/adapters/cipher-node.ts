import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes } from 'node:crypto'
import { type Cipher, isP256Spki, POINT_BYTES, TAG_BYTES } from '../core/encoding/cipher.ts'
import { agreeP256 } from './openssl.ts'

const GCM = 'aes-256-gcm'
const WRAP = 'id-aes256-wrap'
/** The initial value of RFC 3394 §2.2.3.1. */
const WRAP_VALUE = Uint8Array.fromHex('a6a6a6a6a6a6a6a6')

/** The core's encryption by OpenSSL. */
export const nodeCipher: Cipher = {
  random: length => plain(randomBytes(length)),
  encrypt: (key, nonce, extra, text) => {
    const cipher = createCipheriv(GCM, key, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(extra)
    const parts = [cipher.update(text), cipher.final(), cipher.getAuthTag()]
    return plain(Buffer.concat(parts))
  },
  decrypt: (key, nonce, extra, sealed) => {
    if (sealed.length < TAG_BYTES) return null
    const decipher = createDecipheriv(GCM, key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(extra)
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    const text = decipher.update(sealed.subarray(0, -TAG_BYTES))
    try {
      // GCM has no rest: what `final` does is to compare the tag. Until it has, the text is nobody's.
      decipher.final()
      return plain(text)
    } catch {
      text.fill(0)
      return null
    }
  },
  wrapKey: (wrapping, key) => {
    const cipher = createCipheriv(WRAP, wrapping, WRAP_VALUE)
    return plain(Buffer.concat([cipher.update(key), cipher.final()]))
  },
  unwrapKey: (wrapping, wrapped) => {
    try {
      const decipher = createDecipheriv(WRAP, wrapping, WRAP_VALUE)
      return plain(Buffer.concat([decipher.update(wrapped), decipher.final()]))
    } catch {
      return null
    }
  },
  agreeOnce: spki => {
    if (!isP256Spki(spki)) return null
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const secret = agreeP256(privateKey, spki)
    if (secret === null) return null
    const point = plain(publicKey.export({ type: 'spki', format: 'der' })).slice(-POINT_BYTES)
    return { point, secret }
  },
}

/** A Buffer encodes differently in CBOR and compares differently in tests: what leaves here is a plain Uint8Array. */
const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)

import { nodeCipher as cipher } from '../src/adapters/cipher-node.ts'
import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { concat, toHex } from '../src/core/encoding/bytes.ts'
import type { Json } from '../src/core/encoding/canonical-json.ts'
import { TAG_BYTES } from '../src/core/encoding/cipher.ts'
import { recipientId } from '../src/core/encoding/cose-recipient.ts'
import { encryptPayload, segmentAt, segmentContext } from '../src/core/firmware/encryption.ts'
import { p256 } from './keys.ts'

/** A wrap has an ephemeral key of its own each time: this one was made once, and is kept. */
const WRAPPED_ONCE =
  '8344a101381ea204582024bd4e669723bd264edfa722e21680098cbe88c74850f0d74489074dcf218c1520a4010220012158203a54a70232f94fc746d858e29e059d7d2cbd02dc761d4fc2aa83c8f6c2de3d9e2258200ed8024e21c149be5b6cab17217c7d8650456f3d8fa6e6d9925a5eb99b0a6c185828d3e45cefa21a7b45aa8a51773e95289ee3b7a835f656be6c7890500d59e9b3d510fe740736183e6d'

const KEY = new Uint8Array(32).map((_, index) => index)
const IMAGE = new Uint8Array(2500).map((_, index) => index % 251)
const SEGMENT_BYTES = 1024

/** docs/release-format.md, Encryption: a ciphertext in three segments, and the content key wrapped for one controller. */
export function encryptedPayload(): Json {
  const imageDigest = toHex(crypto.sha256(IMAGE))
  const { ciphertext, encryption } = encryptPayload(IMAGE, imageDigest, SEGMENT_BYTES, KEY, { cipher, crypto })
  const facts = { imageSize: IMAGE.length, imageDigest, encryption }
  const [first, second, last] = [0, SEGMENT_BYTES, 2 * SEGMENT_BYTES].map(at => {
    const { sealedAt, length } = segmentAt(facts, at)
    return ciphertext.subarray(sealedAt, sealedAt + length + TAG_BYTES)
  }) as [Uint8Array, Uint8Array, Uint8Array]
  const recipient = p256(5)
  const refused = (name: string, ...parts: readonly Uint8Array[]) => ({ name, ciphertext: toHex(concat(...parts)) })
  return {
    source: 'docs/release-format.md; RFC 9052, RFC 9053, RFC 3394, NIST SP 800-38D',
    image: 'byte n of 2500 is n modulo 251',
    imageSize: IMAGE.length,
    imageDigest,
    contentKey: toHex(KEY),
    encryption,
    extraData: toHex(segmentContext(facts)),
    ciphertext: toHex(ciphertext),
    wrap: {
      recipientKey: toHex(new Uint8Array(recipient.secret.export({ format: 'der', type: 'pkcs8' }))),
      recipientId: toHex(recipientId(recipient.public.spki, crypto)),
      bytes: WRAPPED_ONCE,
    },
    refused: [
      refused('two segments exchanged', second, first, last),
      refused('a segment twice', first, first, last),
      refused('the last segment left out', first, second),
      refused('one bit of the first tag', first.with(-1 + first.length, (first.at(-1) as number) ^ 1), second, last),
    ],
  }
}

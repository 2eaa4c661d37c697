import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCipher } from '../../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { TAG_BYTES } from '../../../src/core/encoding/cipher.ts'
import { decryptSegment, keyCheckOf, segmentAt, segmentContext } from '../../../src/core/firmware/encryption.ts'
import {
  patchKey,
  readSealedHead,
  SEALED_HEAD_BYTES,
  type SealedHead,
  sealedFacts,
  sealedPatchBytes,
  sealPatch,
} from '../../../src/core/firmware/patch-encryption.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { TOOLS } from '../../worlds/wrapping.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, at) => at)
const BETWEEN = { base: '11'.repeat(32), target: '22'.repeat(32) }
// Worked out by another program from the documentation.
const KEY_VECTOR = '71228c0fa2f40db8ee85d40aa3666bd53ff911498deaa14ad51c8095ee1ce0c9'
const SEALED_VECTOR = 'b17426acbf03294cbf1ee78f69267a14b74bcc42f3a464569e4a0661afc0736a'
const PATCH = Uint8Array.from({ length: 2500 }, (_, at) => (at * 31) & 255)
const SEALED = sealPatch(PATCH, BETWEEN, 1024, KEY, TOOLS)
const HEAD = orThrow(readSealedHead(SEALED, SEALED.length, 'it'))

/** The patch again, segment after segment; null when one does not hold. */
function opened(sealed: Uint8Array, key: Uint8Array, head: SealedHead = HEAD): Uint8Array | null {
  const facts = sealedFacts(head)
  const parts: number[] = []
  while (parts.length < head.size) {
    const segment = segmentAt(facts, parts.length)
    const from = SEALED_HEAD_BYTES + segment.sealedAt
    const bytes = sealed.subarray(from, from + segment.length + TAG_BYTES)
    const plain = decryptSegment(nodeCipher, key, segmentContext(facts), segment, bytes)
    if (plain === null) return null
    parts.push(...plain)
  }
  return Uint8Array.from(parts)
}

describe('an encrypted patch', () => {
  it('is its head and its segments, and opens with the key that follows from the content key', () => {
    assert.deepEqual(HEAD, { size: 2500, digest: nodeCrypto.sha256(PATCH).toHex(), segmentBytes: 1024 })
    assert.equal(SEALED.length, sealedPatchBytes(HEAD))
    assert.deepEqual(opened(SEALED, patchKey(KEY, BETWEEN, HEAD, nodeCrypto)), PATCH)
  })

  it('is these bytes, for whoever writes another reader', () => {
    assert.equal(
      SEALED.subarray(0, SEALED_HEAD_BYTES).toHex(),
      `56534445010a0000c4090000${nodeCrypto.sha256(PATCH).toHex()}`,
    )
    assert.equal(patchKey(KEY, BETWEEN, HEAD, nodeCrypto).toHex(), KEY_VECTOR)
    assert.equal(nodeCrypto.sha256(SEALED).toHex(), SEALED_VECTOR)
  })

  it('attack: a key of one patch opens no other, nor the payload, nor what is cut otherwise', () => {
    const own = patchKey(KEY, BETWEEN, HEAD, nodeCrypto).toHex()
    const others = [
      patchKey(KEY, { ...BETWEEN, base: '33'.repeat(32) }, HEAD, nodeCrypto),
      patchKey(KEY, { ...BETWEEN, target: '33'.repeat(32) }, HEAD, nodeCrypto),
      patchKey(KEY, { base: BETWEEN.target, target: BETWEEN.base }, HEAD, nodeCrypto),
      patchKey(KEY, BETWEEN, { ...HEAD, digest: '33'.repeat(32) }, nodeCrypto),
      patchKey(KEY, BETWEEN, { ...HEAD, size: 2499 }, nodeCrypto),
      patchKey(KEY, BETWEEN, { ...HEAD, segmentBytes: 2048 }, nodeCrypto),
      Uint8Array.fromHex(keyCheckOf(KEY, nodeCrypto)),
      KEY,
    ]
    assert.equal(new Set([own, ...others.map(key => key.toHex())]).size, others.length + 1)
    for (const key of others) assert.equal(opened(SEALED, key), null)
  })

  it('attack: a changed byte, segments in another order, or a cut end do not open', () => {
    const key = patchKey(KEY, BETWEEN, HEAD, nodeCrypto)
    const changed = SEALED.slice()
    changed[SEALED_HEAD_BYTES + 5]! ^= 1
    assert.equal(opened(changed, key), null)
    const turned = SEALED.slice()
    turned.copyWithin(SEALED_HEAD_BYTES, SEALED_HEAD_BYTES + 1040, SEALED_HEAD_BYTES + 2080)
    assert.equal(opened(turned, key), null)
    // As if it ended behind the first segment.
    assert.equal(opened(SEALED, key, { ...HEAD, size: 1024 }), null)
  })

  it('attack: a head that is none, or of another length, is refused', () => {
    const head = (change: (bytes: Uint8Array) => void, length = SEALED.length) => {
      const bytes = SEALED.slice(0, SEALED_HEAD_BYTES)
      change(bytes)
      const read = readSealedHead(bytes, length, 'it')
      return isRefusal(read) ? read.code : null
    }
    const at = (index: number, value: number) => (bytes: Uint8Array) => {
      bytes[index] = value
    }
    for (const [what, change, code] of [
      ['nothing', () => undefined, null],
      ['letters', at(3, 0x50), 'patch-malformed'],
      ['a version', at(4, 2), 'patch-newer'],
      ['small segments', at(5, 9), 'patch-malformed'],
      ['large segments', at(5, 200), 'patch-malformed'],
      ['more', at(7, 1), 'patch-malformed'],
      ['a size', at(8, 0), 'patch-malformed'],
      ['no size', (bytes: Uint8Array) => bytes.fill(0, 8, 12), 'patch-malformed'],
    ] as const) {
      assert.equal(head(change), code, what)
    }
    assert.equal(
      head(() => undefined, SEALED.length + 1),
      'patch-malformed',
    )
    const short = readSealedHead(SEALED.subarray(0, 43), 43, 'it')
    assert.ok(isRefusal(short) && short.code === 'patch-malformed')
  })
})

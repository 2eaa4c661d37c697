import assert from 'node:assert/strict'
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  verify,
} from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { VECTORS, vectorText } from '../../conformance/vectors.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { openEnvelope } from '../../src/core/firmware/suit-open.ts'
import { openCheckpoint } from '../../src/core/ledger/checkpoint.ts'
import { parseVerifierKey } from '../../src/core/ledger/signed-note.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { parseSlotHeader } from '../../src/core/slot/layout.ts'
import { decodeRecord } from '../../src/core/slot/record.ts'
import { openReport } from '../../src/core/trust/report.ts'

const folder = join(import.meta.dirname, '../../conformance/vectors')

// biome-ignore lint/suspicious/noExplicitAny: the files are read as an outsider reads them, without our types.
const read = (name: string): any => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex)
const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
const holds = (spki: string, message: Uint8Array, signature: Uint8Array, ecdsa: 'der' | 'ieee-p1363'): boolean => {
  const key = createPublicKey({ key: Buffer.from(spki, 'hex'), format: 'der', type: 'spki' })
  return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', message, { key, dsaEncoding: ecdsa }, signature)
}
const codeOf = (result: unknown): string => (isRefusal(result) ? result.code : 'nothing')

describe('the conformance vectors', () => {
  test('are all there, and nothing else', () => {
    assert.deepEqual(readdirSync(folder).toSorted(), Object.keys(VECTORS).toSorted())
  })

  for (const [name, make] of Object.entries(VECTORS)) {
    test(`${name} is what node conformance/write-vectors.ts writes`, () => {
      assert.equal(readFileSync(join(folder, name), 'utf8'), vectorText(make))
    })
  }
})

// What follows reads the files with node:crypto alone, as somebody would who has never seen our code.
describe('checked without our code', () => {
  test('suit-envelope.json: digests, and what each signature covers', () => {
    const { manifest, manifestDigest, signers, envelope } = read('suit-envelope.json')
    // The byte string of the manifest is measured with its head (two bytes of length), draft-ietf-suit-manifest-34 §8.3.
    const head = `59${(manifest.length / 2).toString(16).padStart(4, '0')}`
    assert.equal(sha256(bytes(head), bytes(manifest)).toString('hex'), manifestDigest)
    assert.ok(envelope.endsWith(manifest), 'the manifest is the last member, as it is')
    for (const { spki, protectedHeader, signedBytes, signature } of signers) {
      // ["Signature1", protected header, h'', << [-16, digest] >>], RFC 9052 §4.4, written by hand.
      const digest = `822f5820${manifestDigest}`
      const header = `58${(protectedHeader.length / 2).toString(16)}${protectedHeader}`
      assert.equal(signedBytes, `846a5369676e617475726531${header}405824${digest}`)
      assert.ok(holds(spki, bytes(signedBytes), bytes(signature), 'ieee-p1363'))
      assert.ok(envelope.includes(`f65840${signature}`), 'the payload is detached, the signature 64 bytes')
    }
  })

  test('suit-envelope.json: the manifest is that of docs/release-format.md', () => {
    const page = readFileSync(join(folder, '../../docs/release-format.md'), 'utf8')
    const dump = /## The bytes[\s\S]*?```\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    const { pageManifest } = read('suit-envelope.json')
    // The page names each piece and shortens two: every piece that it gives in full stands in the bytes, in order.
    let at = 0
    for (const line of dump.trimEnd().split('\n')) {
      const piece = /^\s*((?:[0-9a-f]{2,}(?:\.{2,3}[0-9a-f]*)? ?)+)/.exec(line)?.[1] ?? ''
      for (const part of piece.replaceAll(' ', '').split(/\.{2,3}/)) {
        const found = pageManifest.indexOf(part, at)
        assert.ok(found >= at, `${part} of "${line.trim()}"`)
        at = found + part.length
      }
    }
    assert.equal(at, pageManifest.length)
  })

  test('encrypted-payload.json: a wrap, and each segment by its nonce and extra data', () => {
    const { wrap, contentKey, encryption, extraData, ciphertext, imageDigest, imageSize, refused } =
      read('encrypted-payload.json')
    // [ << {1: -31} >>, {4: id, -1: {1: 2, -1: 1, -2: x, -3: y}}, wrapped ], RFC 9052 §5.1, taken apart by its places.
    const place = /^8344a101381ea2045820(.{64})20a401022001215820(.{64})225820(.{64})5828(.{80})$/.exec(wrap.bytes)
    const [, id, x, y, wrapped] = place as RegExpExecArray as unknown as [string, string, string, string, string]
    const privateKey = createPrivateKey({ key: Buffer.from(wrap.recipientKey, 'hex'), format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    assert.deepEqual([id, wrap.recipientId], [sha256(spki).toString('hex'), id])
    const [jwkX, jwkY] = [x, y].map(part => Buffer.from(part, 'hex').toString('base64url'))
    const ephemeral = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: jwkX, y: jwkY }, format: 'jwk' } as never)
    const secret = diffieHellman({ privateKey, publicKey: ephemeral })
    const context = Buffer.from('842483f6f6f683f6f6f68219010044a101381e', 'hex')
    const wrapping = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), context, 32))
    const unwrap = createDecipheriv('id-aes256-wrap', wrapping, Buffer.alloc(8, 0xa6))
    const key = Buffer.concat([unwrap.update(Buffer.from(wrapped, 'hex')), unwrap.final()])
    assert.equal(key.toString('hex'), contentKey)
    const check = createHmac('sha256', key).update('voltseal content key check').digest('hex')
    assert.equal(check, encryption.keyCheck)
    assert.equal(sha256(bytes(ciphertext)).toString('hex'), encryption.digest)

    const image = (sealed: Buffer): string => {
      const hash = createHash('sha256')
      const step = encryption.segmentBytes + 16
      for (
        let at = 0, index = 0;
        at < imageSize + 16 * Math.ceil(imageSize / encryption.segmentBytes);
        at += step, index += 1
      ) {
        const segment = sealed.subarray(at, at + step)
        const nonce = Buffer.alloc(12)
        nonce.writeUInt32BE(index, 7)
        nonce[11] = index === Math.ceil(imageSize / encryption.segmentBytes) - 1 ? 1 : 0
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
        decipher.setAAD(Buffer.from(extraData, 'hex'))
        decipher.setAuthTag(segment.subarray(-16))
        hash.update(decipher.update(segment.subarray(0, -16)))
        decipher.final()
      }
      return hash.digest('hex')
    }
    assert.equal(image(Buffer.from(ciphertext, 'hex')), imageDigest)
    for (const { name, ciphertext: other } of refused) assert.throws(() => image(Buffer.from(other, 'hex')), /./, name)
  })

  test('slot-header.json: little-endian words', () => {
    for (const { header, envelopeBytes, imageBytes } of read('slot-header.json').accepted) {
      const view = Buffer.from(header, 'hex')
      assert.equal(view.toString('latin1', 0, 4), 'VSSL')
      assert.deepEqual(
        [4, 8, 12].map(at => view.readUInt32LE(at)),
        [1, envelopeBytes, imageBytes],
      )
    }
  })

  test('boot-record.json: fields at their places, and the MAC', () => {
    const { recordKey, records, unreadable, historyCell } = read('boot-record.json')
    const mac = (message: Uint8Array): Buffer => createHmac('sha256', bytes(recordKey)).update(message).digest()
    const codes = ['blank', 'stable', 'candidate', 'armed', 'trial']
    for (const { record, bytes: hex } of records) {
      const view = Buffer.from(hex, 'hex')
      const { state, slots, failed, update } = record.memory
      assert.equal(view.length, 512)
      assert.equal(view.toString('latin1', 0, 4), 'VSSR')
      assert.equal(codes[view[5]!], state.at)
      assert.deepEqual([view[7], view[8], view[9]], [failed.length, state.triesLeft ?? 0, state.lossesLeft ?? 0])
      assert.equal(Number(view.readBigUInt64LE(16)), record.sequence)
      assert.equal(Number(view.readBigUInt64LE(24)), state.floor ?? 0)
      assert.equal(view.toString('hex', 40, 56), update)
      assert.equal(Number(view.readBigUInt64LE(56 + 8)), slots.a.counter)
      assert.equal(view.toString('hex', 128 + 24, 128 + 40), slots.b.digest === '' ? '00'.repeat(16) : slots.b.digest)
      assert.equal(Number(view.readBigUInt64LE(200)), failed[0].sequence)
      assert.equal(Number(view.readBigUInt64LE(344)), record.entry.decision)
      assert.deepEqual(mac(view.subarray(0, 480)), view.subarray(480))
    }
    for (const { name, bytes: hex } of unreadable) {
      const view = Buffer.from(hex, 'hex')
      assert.notDeepEqual(mac(view.subarray(0, 480)), view.subarray(480), name)
    }
    const cell = Buffer.from(historyCell.bytes, 'hex')
    assert.deepEqual(mac(cell.subarray(0, 144)).subarray(0, 16), cell.subarray(144, 160))
  })

  test('merkle.json: roots, audit paths and consistency, by the definition', () => {
    const { entries, roots, inclusion, consistency } = read('merkle.json')
    const leaves: Buffer[] = entries.map((hex: string) => sha256(Buffer.of(0), bytes(hex)))
    const root = (from: number, to: number): Buffer => {
      if (to === from) return sha256()
      if (to === from + 1) return leaves[from]!
      const middle = from + 2 ** Math.ceil(Math.log2(to - from) - 1)
      return sha256(Buffer.of(1), root(from, middle), root(middle, to))
    }
    roots.forEach((hex: string, size: number) => {
      assert.equal(root(0, size).toString('hex'), hex, `of ${size}`)
    })
    // An audit path, folded from the leaf up: right or left by where the leaf lies in each half.
    const fold = (index: number, from: number, to: number, path: string[]): Buffer => {
      if (to === from + 1) return leaves[from]!
      const middle = from + 2 ** Math.ceil(Math.log2(to - from) - 1)
      const sibling = bytes(path.at(-1) as string)
      return index < middle
        ? sha256(Buffer.of(1), fold(index, from, middle, path.slice(0, -1)), sibling)
        : sha256(Buffer.of(1), sibling, fold(index, middle, to, path.slice(0, -1)))
    }
    for (const { index, size, path } of inclusion)
      assert.equal(fold(index, 0, size, path).toString('hex'), roots[size], `leaf ${index}`)
    // RFC 6962 §2.1.2: the proof is the roots of these subtrees.
    const proof = (m: number, from: number, to: number, known: boolean): Buffer[] => {
      if (m === to) return known ? [] : [root(from, to)]
      const middle = from + 2 ** Math.ceil(Math.log2(to - from) - 1)
      return m <= middle
        ? [...proof(m, from, middle, known), root(middle, to)]
        : [...proof(m, middle, to, false), root(from, middle)]
    }
    for (const one of consistency)
      assert.deepEqual(
        one.proof,
        proof(one.from, 0, one.to, true).map(hash => hash.toString('hex')),
      )
  })

  test('checkpoint.json: the lines, the key id, the signature', () => {
    const { spki, verifierKey, text, note } = read('checkpoint.json')
    const [origin, size, root] = text.split('\n')
    assert.equal(Buffer.from(root, 'base64').toString('hex'), read('merkle.json').roots[Number(size)])
    const line = /^— (\S+) (\S+)\n$/u.exec(note.slice(text.length + 1))
    const signed = Buffer.from(line?.[2] ?? '', 'base64')
    const raw = bytes(spki).subarray(-32)
    const id = sha256(`${origin}\n`, Buffer.of(1), raw).subarray(0, 4)
    assert.equal(line?.[1], origin)
    assert.deepEqual(signed.subarray(0, 4), id)
    assert.equal(verifierKey, `${origin}+${id.toString('hex')}+${Buffer.from([1, ...raw]).toString('base64')}`)
    assert.ok(holds(spki, Buffer.from(text), signed.subarray(4), 'der'))
  })

  test('tuf-keys.json: canonical JSON means the same, and ids are digests of it', () => {
    const { canonical, keys } = read('tuf-keys.json')
    for (const { value, bytes: hex } of canonical) {
      // Canonical JSON leaves a line feed as it is; JSON wants it escaped.
      const text = Buffer.from(hex, 'hex').toString().replaceAll('\n', '\\n')
      assert.deepEqual(JSON.parse(text), value)
    }
    for (const { object, bytes: hex, keyId } of keys) {
      assert.equal(sha256(bytes(hex)).toString('hex'), keyId)
      assert.deepEqual(JSON.parse(Buffer.from(hex, 'hex').toString().replaceAll('\n', '\\n')), object)
    }
  })

  test('report.json: the signature covers the signed member as it is spelt', () => {
    const { spki, report, signedBytes, signature, sealed } = read('report.json')
    assert.deepEqual(JSON.parse(Buffer.from(signedBytes, 'hex').toString()), report)
    assert.ok(holds(spki, bytes(signedBytes), bytes(signature), 'der'))
    const text = Buffer.from(sealed, 'hex').toString()
    assert.equal(text, `{"sig":"${signature}","signed":${Buffer.from(signedBytes, 'hex')}}`)
  })
})

describe('our code accepts and refuses what the vectors say', () => {
  test('suit-envelope.json', () => {
    const { signers, envelope, accepted, refused } = read('suit-envelope.json')
    const anchors = signers.map((one: { keyId: string; algorithm: 'ed25519' | 'ecdsa-p256'; spki: string }) => {
      return { kid: one.keyId, key: { alg: one.algorithm, spki: bytes(one.spki) } }
    })
    for (const { name, anchors: chosen, threshold } of accepted) {
      const trusted = chosen.map((index: number) => anchors[index])
      assert.equal(codeOf(openEnvelope(bytes(envelope), trusted, nodeCrypto, threshold)), 'nothing', name)
    }
    for (const { name, envelope: hex, code } of refused)
      assert.equal(codeOf(openEnvelope(bytes(hex), anchors, nodeCrypto)), code, name)
  })

  test('slot-header.json', () => {
    const { bounds, accepted, refused } = read('slot-header.json')
    const parse = (hex: string) => parseSlotHeader(bytes(hex), bounds.slotBytes, bounds.imageOffset, 'slot a')
    for (const { header, ...fields } of accepted) assert.deepEqual(parse(header), fields)
    for (const { name, header, code } of refused) assert.equal(codeOf(parse(header)), code, name)
  })

  test('boot-record.json', () => {
    const { recordKey, records, unreadable } = read('boot-record.json')
    const mac = (message: Uint8Array): Uint8Array => nodeCrypto.hmacSha256(bytes(recordKey), message)
    const decode = (hex: string) => decodeRecord(bytes(hex), mac, nodeCrypto.equal)
    for (const { record, bytes: hex } of records) assert.deepEqual(decode(hex), record)
    for (const { name, bytes: hex } of unreadable) assert.equal(decode(hex), null, name)
  })

  test('checkpoint.json', () => {
    const { verifierKey, note, refused } = read('checkpoint.json')
    const key = parseVerifierKey(nodeCrypto, verifierKey)
    assert.ok(key !== null)
    assert.equal(codeOf(openCheckpoint(note, key, nodeCrypto)), 'nothing')
    for (const { name, note: text, code } of refused)
      assert.equal(codeOf(openCheckpoint(text, key, nodeCrypto)), code, name)
  })

  test('report.json', () => {
    const { spki, report, sealed, refused } = read('report.json')
    const from = {
      site: report.site,
      controller: report.controller,
      key: { alg: 'ecdsa-p256', spki: bytes(spki) },
    } as const
    assert.deepEqual(openReport(bytes(sealed), from, nodeCrypto), report)
    for (const { name, sealed: hex, code } of refused)
      assert.equal(codeOf(openReport(bytes(hex), from, nodeCrypto)), code, name)
  })
})

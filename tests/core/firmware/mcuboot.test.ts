import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { mcubootAgrees, mcubootVersion } from '../../../src/core/firmware/mcuboot/agree.ts'
import { mcubootImage, mcubootSigned, mcubootSlot } from '../../../src/core/firmware/mcuboot/author.ts'
import { readMcuboot, verifyMcuboot } from '../../../src/core/firmware/mcuboot/read.ts'
import type { ReleaseFacts } from '../../../src/core/firmware/release-facts.ts'
import type { Version } from '../../../src/core/firmware/version.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = {
  alg: 'ecdsa-p256',
  spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
} as const
const image = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 0xff)
const version = { major: 1, minor: 2, revision: 345, build: 0 }
const dependencies = [{ image: 1, atLeast: { major: 2, minor: 0, revision: 1, build: 7 } }]

function make(counter = 9): Uint8Array {
  const signed = orThrow(mcubootSigned({ image, version, headerBytes: 512, counter, dependencies }))
  return mcubootImage(signed, key, new Uint8Array(sign('sha256', signed, privateKey)), nodeCrypto)
}
const whole = make()
const codeOf = (answer: unknown): string => (isRefusal(answer) ? answer.code : 'none')

describe('an image for MCUboot', () => {
  it('is laid out byte for byte as image.h of mcuboot says', () => {
    const view = new DataView(whole.buffer)
    assert.equal(view.getUint32(0, true), 0x96f3b83d)
    assert.deepEqual([...whole.subarray(4, 8)], [0, 0, 0, 0], 'no load address')
    assert.deepEqual([view.getUint16(8, true), view.getUint16(10, true)], [512, 4 + 8 + 16])
    assert.deepEqual([view.getUint32(12, true), view.getUint32(16, true)], [1000, 0])
    assert.deepEqual([...whole.subarray(20, 28)], [1, 2, 345 & 0xff, 345 >> 8, 0, 0, 0, 0])
    assert.ok(whole.subarray(28, 512).every(byte => byte === 0))
    assert.deepEqual(whole.subarray(512, 1512), image)
    const hashed = [0x08, 0x69, 28, 0, 0x50, 0, 4, 0, 9, 0, 0, 0, 0x40, 0, 12, 0, 1, 0, 0, 0, 2, 0, 1, 0, 7, 0, 0, 0]
    assert.deepEqual([...whole.subarray(1512, 1540)], hashed)
    const digest = createHash('sha256').update(whole.subarray(0, 1540)).digest()
    assert.deepEqual([...whole.subarray(1540, 1542)], [0x07, 0x69])
    assert.deepEqual([...whole.subarray(1544, 1548)], [0x10, 0, 32, 0])
    assert.deepEqual(Buffer.from(whole.subarray(1548, 1580)), digest)
    assert.deepEqual([...whole.subarray(1580, 1584)], [0x01, 0, 32, 0])
    const keyHash = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest()
    assert.deepEqual(Buffer.from(whole.subarray(1584, 1616)), keyHash)
    assert.deepEqual([...whole.subarray(1616, 1618)], [0x22, 0])
    assert.equal(view.getUint16(1542, true), whole.length - 1540)
    assert.ok(verify('sha256', whole.subarray(0, 1540), publicKey, whole.subarray(1620)), 'a signature over the same')
  })

  it('reads back as what was written, and verifies', () => {
    const read = orThrow(readMcuboot(whole, 'test'))
    assert.deepEqual(read.facts, {
      version,
      headerBytes: 512,
      imageBytes: 1000,
      loadAddress: 0,
      flags: 0,
      counter: 9,
      dependencies,
    })
    assert.deepEqual(read.image, image)
    assert.equal(read.trailing, 0)
    assert.equal(verifyMcuboot(read, key, 'test', nodeCrypto), null)
  })

  it('fills a slot with a trailer that has it tried, or has it stay', () => {
    for (const confirmed of [false, true]) {
      const slot = orThrow(mcubootSlot(whole, 4096, confirmed))
      assert.equal(slot.length, 4096)
      const magic = '77c295f360d2ef7f3552500f2cb67980'
      assert.equal(Buffer.from(slot.subarray(-16)).toString('hex'), magic)
      assert.equal(slot[4096 - 24], confirmed ? 1 : 0xff)
      const read = orThrow(readMcuboot(slot, 'slot'))
      assert.equal(verifyMcuboot(read, key, 'slot', nodeCrypto), null)
      assert.equal(read.trailing, 4096 - whole.length)
    }
    assert.equal(codeOf(mcubootSlot(whole, whole.length + 31, false)), 'image-too-large')
  })

  it('attack: every changed bit is noticed', () => {
    for (let at = 0; at < whole.length; at += 1) {
      const changed = whole.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      const read = readMcuboot(changed, 'test')
      const verdict = isRefusal(read) ? read : verifyMcuboot(read, key, 'test', nodeCrypto)
      assert.notEqual(verdict, null, `byte ${at}`)
    }
  })

  it('attack: another key, and a signature moved from another image', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    const otherKey = { ...key, spki: new Uint8Array(other.export({ type: 'spki', format: 'der' })) }
    const read = orThrow(readMcuboot(whole, 'test'))
    assert.equal(codeOf(verifyMcuboot(read, otherKey, 'test', nodeCrypto)), 'mcuboot-unsigned')
    const moved = { ...read, open: [...read.open.slice(0, 2), orThrow(readMcuboot(make(10), 'test')).open[2]] }
    assert.equal(codeOf(verifyMcuboot(moved as never, key, 'test', nodeCrypto)), 'mcuboot-signature-invalid')
  })

  it('is refused when it ends anywhere', () => {
    for (let length = 0; length < whole.length; length += 1) {
      assert.equal(codeOf(readMcuboot(whole.subarray(0, length), 'test')), 'mcuboot-malformed', `${length} bytes`)
    }
  })

  it('reads any bytes to an end, within them', () => {
    const header = fc.uint8Array({ minLength: 24, maxLength: 24 })
    const rest = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(header, rest, fc.nat(80), fc.nat(80), fc.nat(200), (fields, tail, headerBytes, hashed, size) => {
        const bytes = Uint8Array.of(...[0x3d, 0xb8, 0xf3, 0x96], ...fields, 0, 0, 0, 0, ...tail)
        const view = new DataView(bytes.buffer)
        view.setUint16(8, headerBytes, true)
        view.setUint16(10, hashed, true)
        view.setUint32(12, size, true)
        const read = readMcuboot(bytes, 'test')
        if (isRefusal(read)) return
        assert.ok(read.image.length === size && read.trailing >= 0)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a release with an image for MCUboot', () => {
  const facts = { version: '1.2.345', counter: 9, components: [{ name: 'app', size: whole.length }] }
  const agrees = (changed: Partial<typeof facts>, payload = whole): string =>
    codeOf(mcubootAgrees({ ...facts, ...changed } as unknown as ReleaseFacts, payload))

  it('says the same as the image', () => assert.equal(agrees({}), 'none'))
  it('attack: another version or counter in the image than in the release', () => {
    assert.equal(agrees({ version: '1.2.346' }), 'mcuboot-disagrees')
    assert.equal(agrees({ counter: 8 }), 'mcuboot-disagrees')
    assert.equal(agrees({ version: '1.2.345-rc.1' }), 'mcuboot-disagrees')
  })
  it('a plain image is asked nothing', () => assert.equal(agrees({ version: '9.9.9' }, image), 'none'))

  it('has a version that MCUboot can write', () => {
    assert.deepEqual(mcubootVersion('255.255.65535' as Version), { major: 255, minor: 255, revision: 65_535, build: 0 })
    for (const wrong of ['256.0.0', '0.256.0', '0.0.65536', '1.0.0-rc.1']) {
      assert.equal(codeOf(mcubootVersion(wrong as Version)), 'mcuboot-fact-invalid', wrong)
    }
  })
})

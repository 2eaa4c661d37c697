import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../../src/adapters/crypto-node.ts'
import { concat } from '../../../../src/core/encoding/bytes.ts'
import { mcubootSigned } from '../../../../src/core/firmware/mcuboot/author.ts'
import { readMcuboot, verifyMcuboot } from '../../../../src/core/firmware/mcuboot/read.ts'
import { isRefusal, orThrow } from '../../../../src/core/refusal/refusal.ts'
import { codeOf, IMAGE, INPUT, KEY, make, privateKey, publicKey } from './images.ts'
import { bootLoader } from './plain-reader.ts'

const whole = make()
const { publicKey: other } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

describe('an image for MCUboot', () => {
  it('is laid out byte for byte as image.h of mcuboot says', () => {
    const hex = (from: number, to: number): string => Buffer.from(whole.subarray(from, to)).toString('hex')
    const expected: readonly [what: string, from: number, to: number, hex: string][] = [
      ['magic', 0, 4, '3db8f396'],
      ['load address', 4, 8, '00000000'],
      ['header of 512 bytes', 8, 10, '0002'],
      ['protected TLVs of 28 bytes', 10, 12, '1c00'],
      ['image of 1000 bytes', 12, 16, 'e8030000'],
      ['flags', 16, 20, '00000000'],
      ['version 1.2.345, build 0', 20, 28, '0102590100000000'],
      ['the rest of the header', 28, 512, '00'.repeat(484)],
      ['the image', 512, 1512, Buffer.from(IMAGE).toString('hex')],
      ['protected area of 28 bytes', 1512, 1516, '08691c00'],
      ['security counter 9', 1516, 1524, '5000040009000000'],
      ['image 1 from 2.0.1, build 7', 1524, 1540, '40000c00010000000200010007000000'],
      ['area', 1540, 1542, '0769'],
      ['its size', 1542, 1544, Buffer.from(Uint16Array.of(whole.length - 1540).buffer).toString('hex')],
      ['SHA-256', 1544, 1548, '10002000'],
      ['over all before', 1548, 1580, createHash('sha256').update(whole.subarray(0, 1540)).digest('hex')],
      ['hash of the key', 1580, 1584, '01002000'],
      ['as SubjectPublicKeyInfo', 1584, 1616, createHash('sha256').update(KEY.spki).digest('hex')],
      ['ECDSA', 1616, 1618, '2200'],
    ]
    for (const [what, from, to, bytes] of expected) assert.equal(hex(from, to), bytes, what)
    assert.equal(new DataView(whole.buffer).getUint16(1618, true), whole.length - 1620, 'in DER, not padded')
    assert.ok(verify('sha256', whole.subarray(0, 1540), publicKey, whole.subarray(1620)), 'a signature over the same')
  })

  it('reads back as what was written, and verifies', () => {
    const read = orThrow(readMcuboot(whole, 'test'))
    const { version, headerBytes, counter, dependencies } = INPUT
    const facts = { version, headerBytes, imageBytes: 1000, loadAddress: 0, flags: 0, counter, dependencies }
    assert.deepEqual(read.facts, facts)
    assert.deepEqual(read.image, IMAGE)
    assert.equal(read.trailing, 0)
    assert.equal(verifyMcuboot(read, KEY, 'test', nodeCrypto), null)
  })

  it('boots by a reader that was written from the documentation alone', () => {
    const length = whole.length
    assert.deepEqual(bootLoader(whole, publicKey), {
      boots: true,
      version: '1.2.345+0',
      counter: 9,
      needs: ['1: 2.0.1+7'],
      length,
    })
    assert.deepEqual(bootLoader(whole, other), { boots: false, why: 'signature' })
    assert.deepEqual(bootLoader(whole, publicKey, 10), { boots: false, why: 'floor' })
  })

  it('boots there whatever its facts are', () => {
    const word = fc.nat(0xffff)
    const plain = { noNullPrototype: true }
    const numbers = { major: fc.nat(255), minor: fc.nat(255), revision: word, build: fc.nat(0xffffffff) }
    const version = fc.record(numbers, plain)
    const needs = fc.array(fc.record({ image: fc.nat(255), atLeast: version }, plain), { maxLength: 16 })
    const image = fc.uint8Array({ minLength: 1, maxLength: 200 })
    const header = fc.integer({ min: 8, max: 300 }).map(words => words * 4)
    fc.assert(
      fc.property(
        image,
        version,
        header,
        fc.nat(0xffffffff),
        needs,
        (image, version, headerBytes, counter, dependencies) => {
          const made = make({ image, version, headerBytes, counter, dependencies })
          const verdict = bootLoader(concat(made, new Uint8Array(50).fill(0xff)), publicKey)
          assert.ok(verdict.boots)
          assert.deepEqual(
            [verdict.counter, verdict.needs.length, verdict.length],
            [counter, dependencies.length, made.length],
          )
          assert.deepEqual(orThrow(readMcuboot(made, 'test')).facts.dependencies, dependencies)
        },
      ),
      { numRuns: 50 },
    )
  })

  const wrong: readonly [name: string, change: Partial<typeof INPUT>, code: string][] = [
    ['no image', { image: new Uint8Array(0) }, 'image-empty'],
    ['a header that is too short', { headerBytes: 28 }, 'mcuboot-fact-invalid'],
    ['a header that ends within a word', { headerBytes: 514 }, 'mcuboot-fact-invalid'],
    ['a header that 16 bits cannot say', { headerBytes: 0x10000 }, 'mcuboot-fact-invalid'],
    ['a counter that 32 bits cannot say', { counter: 2 ** 32 }, 'mcuboot-fact-invalid'],
    ['a counter below 0', { counter: -1 }, 'mcuboot-fact-invalid'],
    ['17 dependencies', { dependencies: Array(17).fill(INPUT.dependencies[0]) }, 'mcuboot-fact-invalid'],
    [
      'a dependency on image 256',
      { dependencies: [{ ...INPUT.dependencies[0]!, image: 256 }] },
      'mcuboot-fact-invalid',
    ],
  ]
  for (const [name, change, code] of wrong) {
    it(`is not made of ${name}`, () => assert.equal(codeOf(mcubootSigned({ ...INPUT, ...change })), code))
  }

  it('attack: every changed bit is noticed, by us and by the other reader', () => {
    for (let at = 0; at < whole.length; at += 1) {
      const changed = whole.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      const read = readMcuboot(changed, 'test')
      const verdict = isRefusal(read) ? read : verifyMcuboot(read, KEY, 'test', nodeCrypto)
      assert.notEqual(verdict, null, `byte ${at}`)
    }
  })

  it('attack: another key, and a signature moved from another image', () => {
    const otherKey = { ...KEY, spki: new Uint8Array(other.export({ type: 'spki', format: 'der' })) }
    const read = orThrow(readMcuboot(whole, 'test'))
    assert.equal(codeOf(verifyMcuboot(read, otherKey, 'test', nodeCrypto)), 'mcuboot-unsigned')
    const moved = [...read.open.slice(0, 2), orThrow(readMcuboot(make({ counter: 10 }), 'test')).open[2]!]
    assert.equal(codeOf(verifyMcuboot({ ...read, open: moved }, KEY, 'test', nodeCrypto)), 'mcuboot-signature-invalid')
    const twice = [...read.open, read.open[0]!]
    assert.equal(codeOf(verifyMcuboot({ ...read, open: twice }, KEY, 'test', nodeCrypto)), 'mcuboot-hash-mismatch')
    const bare = read.open.slice(0, 1)
    assert.equal(codeOf(verifyMcuboot({ ...read, open: bare }, KEY, 'test', nodeCrypto)), 'mcuboot-unsigned')
  })

  it('attack: a counter that the hash does not cover counts for nothing', () => {
    const signed = orThrow(mcubootSigned({ ...INPUT, dependencies: [], counter: 1 }))
    const plain = signed.slice(0, -12)
    new DataView(plain.buffer).setUint16(10, 0, true)
    const digest = nodeCrypto.sha256(plain)
    const signature = new Uint8Array(sign('sha256', plain, privateKey))
    const tlv = (type: number, value: Uint8Array) => concat(Uint8Array.of(type, 0, value.length, 0), value)
    const body = concat(
      tlv(0x50, Uint8Array.of(99, 0, 0, 0)),
      tlv(0x10, digest),
      tlv(0x01, nodeCrypto.sha256(KEY.spki)),
      tlv(0x22, signature),
    )
    const size = body.length + 4
    const image = concat(plain, Uint8Array.of(0x07, 0x69, size & 0xff, size >> 8), body)
    const read = orThrow(readMcuboot(image, 'test'))
    assert.equal(verifyMcuboot(read, KEY, 'test', nodeCrypto), null)
    assert.equal(read.facts.counter, null)
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

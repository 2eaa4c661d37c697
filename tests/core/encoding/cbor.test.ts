import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Cbor,
  CborFault,
  decodeCbor,
  encodeCbor,
  MAX_CBOR_DEPTH,
  Tagged,
} from '../../../src/core/encoding/cbor.ts'

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text)

const key = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme', maxLength: 6 }))
const leaf = fc.oneof(
  fc.maxSafeInteger(),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }).map(bytes => new Uint8Array(bytes)),
)
const { item } = fc.letrec<{ item: Cbor }>(tie => ({
  item: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf,
    fc.array(tie('item'), { maxLength: 5 }),
    fc.array(fc.tuple(key, tie('item')), { maxLength: 5 }).map(entries => new Map(entries)),
    fc.tuple(fc.nat(70_000), tie('item')).map(([tag, value]) => new Tagged(tag, value)),
  ),
}))

describe('CBOR', () => {
  it('refuses a tag above 2^53, which would read the same as another one', () => {
    const fault = decodeCbor(hex('db010000000000001100'), 64)
    assert.ok(fault instanceof CborFault)
    assert.equal(fault.kind, 'malformed')
  })

  // RFC 8949 Appendix A, the rows that deterministic CBOR of this profile has.
  const vectors: readonly (readonly [string, Cbor])[] = [
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['20', -1],
    ['3903e7', -1000],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['4401020304', hex('01020304')],
    ['6449455446', 'IETF'],
    ['62c3bc', 'ü'],
    ['83010203', [1, 2, 3]],
    [
      'a201020304',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    [
      'a26161016162820203',
      new Map<string, Cbor>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    ],
    ['c11a514b67b0', new Tagged(1, 1_363_896_240)],
    ['d818456449455446', new Tagged(24, hex('6449455446'))],
  ]

  it('reads and writes the vectors of RFC 8949', () => {
    for (const [bytes, value] of vectors) {
      assert.deepEqual(decodeCbor(hex(bytes), 100), value, bytes)
      assert.equal(encodeCbor(value).toHex(), bytes)
    }
  })

  const faults: readonly (readonly [string, string, CborFault['kind']])[] = [
    ['nothing', '', 'malformed'],
    ['two items', '0000', 'malformed'],
    ['a cut array', '8301', 'malformed'],
    ['a cut byte string', '440102', 'malformed'],
    ['an array that promises 2^53 items', '9b0020000000000000', 'malformed'],
    ['a byte string that promises 2^63 bytes', '5b8000000000000000', 'malformed'],
    ['text that is not UTF-8', '61ff', 'malformed'],
    ['a float', 'f93c00', 'malformed'],
    ['undefined', 'f7', 'malformed'],
    ['an unassigned simple value', 'f0', 'malformed'],
    ['a reserved length', '1c', 'malformed'],
    ['an integer beyond 2^53', '1b0020000000000000', 'malformed'],
    ['a map with a byte string as key', 'a1410100', 'malformed'],
    ['a long integer', '1817', 'ambiguous'],
    ['a long length', '580101', 'ambiguous'],
    ['a long tag', 'd80100', 'ambiguous'],
    ['an indefinite array', '9f01ff', 'ambiguous'],
    ['an indefinite byte string', '5f4101ff', 'ambiguous'],
    ['unordered map keys', 'a203040102', 'ambiguous'],
  ]
  for (const [name, bytes, kind] of faults) {
    it(`refuses ${name}`, () => {
      const answer = decodeCbor(hex(bytes), 100)
      assert.ok(answer instanceof CborFault, name)
      assert.equal(answer.kind, kind, answer.message)
    })
  }

  it('attack: duplicate CBOR keys', () => {
    for (const bytes of ['a201020103', 'a2616101616102', 'a101a201020103']) {
      const answer = decodeCbor(hex(bytes), 100)
      assert.ok(answer instanceof CborFault)
      assert.equal(answer.kind, 'ambiguous')
    }
  })

  it('attack: deep nesting', () => {
    const nested = (levels: number, opening: string): Uint8Array => hex(`${opening.repeat(levels)}00`)
    assert.ok(!(decodeCbor(nested(MAX_CBOR_DEPTH, '81'), 1 << 20) instanceof CborFault))
    for (const opening of ['81', 'a100', 'c1']) {
      for (const levels of [MAX_CBOR_DEPTH + 1, 100, 100_000]) {
        assert.ok(decodeCbor(nested(levels, opening), 1 << 20) instanceof CborFault, `${levels} of ${opening}`)
      }
    }
  })

  it('looks at the size before anything else', () => {
    const answer = decodeCbor(new Uint8Array(101), 100)
    assert.ok(answer instanceof CborFault)
    assert.equal(answer.kind, 'too-large')
  })

  it('takes a Buffer for what it is: bytes', () => {
    assert.equal(encodeCbor([Buffer.from([1, 2])]).toHex(), '81420102')
    const read = decodeCbor(Buffer.from('81420102', 'hex'), 100) as readonly Cbor[]
    assert.equal(encodeCbor(read).toHex(), '81420102')
    assert.ok(!Buffer.isBuffer(read[0]))
  })

  it('refuses to write what it could not read', () => {
    assert.throws(() => encodeCbor(1.5), TypeError)
    assert.throws(() => encodeCbor(2 ** 53), TypeError)
    assert.equal(encodeCbor(-0).toHex(), '00')
  })

  it('reads back what it writes', () => {
    fc.assert(fc.property(item, value => assert.deepEqual(decodeCbor(encodeCbor(value), 1 << 20), value)))
  })

  it('has one encoding for each value: whatever it reads, it writes the same', () => {
    const mutated = fc
      .tuple(item, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }))
      .map(([value, changes]) => {
        const bytes = encodeCbor(value)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 12 })), bytes => {
        const value = decodeCbor(bytes, 1 << 20)
        if (!(value instanceof CborFault)) assert.equal(encodeCbor(value).toHex(), new Uint8Array(bytes).toHex())
      }),
      { numRuns: 3000 },
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BitReader, BitWriter } from '../../../src/core/delta/arithmetic.ts'

type Bits = readonly (readonly [probability: number, bit: number])[]

function written(bits: Bits): Uint8Array {
  const writer = new BitWriter()
  for (const [probability, bit] of bits) writer.code(probability, bit)
  return writer.end()
}

function holds(bits: Bits): void {
  const bytes = written(bits)
  const reader = new BitReader(bytes)
  for (const [at, [probability, bit]] of bits.entries()) assert.equal(reader.code(probability), bit, `bit ${at}`)
  assert(!reader.isBeyond, 'no more zeros than a writer leaves out')
}

const likely = fc.oneof(fc.constantFrom(1, 2, 2048, 4094, 4095), fc.integer({ min: 1, max: 4095 }))
const bits = fc.array(fc.tuple(likely, fc.nat(1)), { maxLength: 3000, size: 'max' })

describe('a range coder', () => {
  it('reads what it wrote, likely or not, and carries into bytes that were written, over those that are full', () => {
    fc.assert(fc.property(bits, holds), { seed: 3, numRuns: 300 })
  })

  it('reads what is hardly likely, again and again', () => {
    for (const length of [1, 2, 3, 10, 100, 1000]) {
      for (const last of [0, 1]) {
        holds([...Array.from({ length }, () => [4095, 0] as const), [1, last], [2048, 1 - last]])
        holds([...Array.from({ length }, (_, at) => [at % 2 === 0 ? 4095 : 1, at % 2] as const), [4095, last]])
      }
    }
  })

  it('takes no more bytes than the bits say, and two for each block', () => {
    fc.assert(
      fc.property(bits, some => {
        const said = some.reduce((sum, [p, bit]) => sum - Math.log2((bit === 1 ? p : 4096 - p) / 4096), 0) / 8
        assert(written(some).length <= said * 1.001 + 2.5, `${written(some).length} for ${said}`)
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  it('comes to an end of bytes that nobody wrote, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(likely, { maxLength: 3000 }), (bytes, probabilities) => {
        const reader = new BitReader(bytes)
        for (const probability of probabilities) assert([0, 1].includes(reader.code(probability)))
        const ones = new BitReader(new Uint8Array(8).fill(255))
        for (let left = 200; left > 0; left -= 1) ones.code(2048)
        assert(ones.isBeyond)
      }),
      { seed: 9, numRuns: 100 },
    )
  })
})

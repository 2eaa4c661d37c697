import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PieceIndex, piecesMemory } from '../../../src/core/delta/search/pieces.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { drawn } from './images.ts'

const lengthAt = (old: Uint8Array, from: number, now: Uint8Array, at: number): number => {
  let length = 0
  while (from + length < old.length && at + length < now.length && old[from + length] === now[at + length]) length += 1
  return length
}

describe('an index of pieces', () => {
  it('finds what stands anywhere in the old image, and for how long', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom(1, 2, 4, 8),
        fc.nat(1800),
        fc.integer({ min: 40, max: 200 }),
        (seed, stride, from, length) => {
          const old = drawn(seed, 2000)
          const window = 16
          const piece = old.slice(from, from + length)
          const now = concat(drawn(seed + 1, 30), piece, drawn(seed + 2, 30))
          const index = new PieceIndex(old, { window, stride })
          // Of the first places of a piece one stands where the old image has been taken.
          let found = false
          for (let at = 30; at < 30 + stride && piece.length >= window + stride; at += 1) {
            index.find(now, at, -1)
            if (index.length === 0) continue
            found = true
            assert.equal(index.length, lengthAt(old, index.at, now, at))
            assert.equal(index.at - from, at - 30)
          }
          assert.equal(found, piece.length >= window + stride)
        },
      ),
      { seed: 7, numRuns: 200 },
    )
  })

  it('answers the one that goes on as before when there are several, and zeros by the run that they are in', () => {
    const piece = drawn(4, 100)
    const old = concat(piece, drawn(5, 50), piece, drawn(6, 50), piece, new Uint8Array(400))
    const index = new PieceIndex(old, { window: 16, stride: 1 })
    for (const near of [0, 150, 300]) {
      index.find(piece, 0, near)
      assert.deepEqual([index.at, index.length], [near, 100])
      index.find(piece, 0, near + 20)
      assert.equal(index.at, near, 'the nearest')
    }
    index.find(new Uint8Array(100), 0, 7)
    assert.deepEqual([index.at, index.length], [400, 100])
    index.find(new Uint8Array(20), 0, 7)
    assert.equal(index.length, 0, 'a few of them are no match')
    index.find(piece.subarray(0, 15), 0, 7)
    assert.equal(index.length, 0, 'too short')
  })

  it('takes the memory that it says, about, however large the image', () => {
    for (const length of [0, 15, 16, 5000, 70_000]) {
      for (const stride of [1, 4, 64]) {
        const before = process.memoryUsage().arrayBuffers
        const old = new Uint8Array(length)
        const index = new PieceIndex(old, { window: 16, stride })
        index.find(old, 0, -1)
        const taken = process.memoryUsage().arrayBuffers - before - length
        assert(taken <= piecesMemory(length, { window: 16, stride }) + 4096, `${taken} for ${length}`)
      }
    }
  })
})

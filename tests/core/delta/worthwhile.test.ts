import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Cover } from '../../../src/core/delta/covers.ts'
import { worthwhile } from '../../../src/core/delta/search/worthwhile.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { drawn } from './images.ts'

const OLD = drawn(1, 4000)

describe('covers that are worth what it takes to say them', () => {
  it('leaves out one of a few bytes, and gives its place to those beside it as far as they fit', () => {
    const now = concat(
      OLD.slice(0, 1000),
      Uint8Array.of(1, 2),
      OLD.slice(1002, 2000),
      drawn(9, 40),
      OLD.slice(2040, 3000),
    )
    const covers = [
      { old: 0, new: 0, length: 1000 },
      { old: 1002, new: 1002, length: 998 },
      { old: 3500, new: 2010, length: 3 },
      { old: 2040, new: 2040, length: 960 },
    ]
    now.set(OLD.slice(3500, 3503), 2010)
    assert.deepEqual(worthwhile(covers, OLD, now), [
      { old: 0, new: 0, length: 2000 },
      { old: 2040, new: 2040, length: 960 },
    ])
  })

  it('the one behind begins earlier where its bytes are the same', () => {
    const now = OLD.slice(0, 3000)
    now[1500]! ^= 1
    const covers = [
      { old: 0, new: 0, length: 1500 },
      { old: 1501, new: 1501, length: 20 },
      { old: 1521, new: 1521, length: 1479 },
    ]
    assert.deepEqual(worthwhile(covers, OLD, now), [
      { old: 0, new: 0, length: 1500 },
      { old: 1501, new: 1501, length: 1499 },
    ])
  })

  it('leaves out one whose bytes lie too far away, and keeps it where they are near', () => {
    const covers = (by: number): Cover[] => [
      { old: 0, new: 0, length: 1000 },
      { old: 1000 + by, new: 1000, length: 12 },
      { old: 1012, new: 1012, length: 988 },
    ]
    const large = drawn(3, 1 << 23)
    for (const [by, count] of [
      [50, 3],
      [1 << 22, 1],
    ] as const) {
      const now = concat(large.slice(0, 1000), large.slice(1000 + by, 1012 + by), large.slice(1012, 2000))
      // Some of the bytes are what they would be if the cover before went on.
      for (let k = 0; k < 12; k += 2) now[1000 + k] = large[1000 + k]!
      for (let k = 0; k < 12; k += 1) if (k % 2 === 0) large[1000 + by + k] = now[1000 + k]!
      assert.equal(worthwhile(covers(by), large, now).length, count, `${by}`)
    }
  })

  it('is not asked of one in more room than is looked at', () => {
    const one = { old: 3500, new: 500, length: 3 }
    const behind = { old: 0, new: 1600, length: 1000 }
    const farther = { old: 0, new: 2100, length: 1000 }
    assert.deepEqual(worthwhile([one, behind], OLD, drawn(5, 4000)), [behind])
    assert.deepEqual(worthwhile([one, farther], OLD, drawn(5, 4000)), [one, farther])
  })

  it('whatever they are, they stay within both images, in order, without touching one another', () => {
    const piece = fc.record({ gap: fc.nat(60), length: fc.integer({ min: 1, max: 90 }), old: fc.nat(3900) })
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(80), (pieces, rest) => {
        const covers: Cover[] = []
        let at = 0
        for (const { gap, length, old } of pieces) {
          covers.push({ old, new: at + gap, length })
          at += gap + length
        }
        const now = drawn(7, at + rest)
        for (const { old, new: to, length } of covers) now.set(OLD.subarray(old, old + length), to)
        let end = 0
        for (const { old, new: to, length } of worthwhile(covers, OLD, now)) {
          assert(to >= end && length > 0 && old >= 0 && old + length <= OLD.length)
          end = to + length
        }
        assert(end <= now.length)
      }),
      { seed: 8, numRuns: 300 },
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Runs, runsMemory } from '../../../src/core/delta/search/runs.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { drawn } from './images.ts'

const run = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte)

describe('the runs of an image', () => {
  it('are found by their byte: one that is long enough, the nearest of those', () => {
    const old = concat(
      run(0, 500),
      drawn(1, 300),
      run(0, 200),
      run(255, 900),
      drawn(2, 300),
      run(0, 200),
      run(0xe5, 63),
    )
    const runs = new Runs(old)
    const found = (byte: number, length: number, near: number) => {
      runs.find(concat(run(byte, length), drawn(3, 10)), 0, near)
      return runs.length === 0 ? null : [runs.at, runs.length]
    }
    assert.deepEqual(found(0, 100, 0), [0, 100])
    assert.deepEqual(found(0, 100, 450), [400, 100], 'its end is nearer than its beginning')
    assert.deepEqual(found(0, 100, 860), [860, 100], 'from its midst')
    assert.deepEqual(found(0, 100, 5000), [2300, 100])
    assert.deepEqual(found(0, 300, 2000), [200, 300], 'those nearer are too short')
    assert.deepEqual(found(0, 700, 2000), [0, 500], 'the longest, when none is long enough')
    assert.deepEqual(found(255, 64, 0), [1000, 64])
    assert.equal(found(255, 63, 0), null, 'too short')
    assert.equal(found(0xe5, 100, 0), null, 'none that is long enough to be kept')
    assert.equal(found(7, 100, 0), null, 'none')
  })

  it('are looked at from anywhere in one, to its end', () => {
    const runs = new Runs(run(0, 1000))
    const now = concat(drawn(4, 5), run(0, 400), run(1, 100), run(0, 200))
    for (const [at, length] of [
      [5, 400],
      [105, 300],
      [505, 200],
      [305, 100],
      [405, 0],
    ] as const) {
      runs.find(now, at, at)
      assert.equal(runs.length, length, `from ${at}`)
    }
  })

  it('whatever the images are, what is found is there', () => {
    const stretch = fc.record({ byte: fc.nat(2), length: fc.integer({ min: 1, max: 300 }) })
    const image = fc.array(stretch, { maxLength: 40 }).map(all => concat(...all.map(one => run(one.byte, one.length))))
    fc.assert(
      fc.property(image, image, fc.nat(4000), (old, now, near) => {
        const runs = new Runs(old)
        for (let at = 0; at < now.length; at += 37) {
          runs.find(now, at, near)
          assert(runs.at >= 0 && runs.at + runs.length <= old.length)
          for (let k = 0; k < runs.length; k += 1) assert.equal(old[runs.at + k], now[at + k])
        }
      }),
      { seed: 11, numRuns: 200 },
    )
  })

  it('take the memory that they say', () => {
    for (const old of [run(0, 0), run(0, 50_000), concat(...Array.from({ length: 700 }, (_, k) => run(k & 1, 64)))]) {
      const before = process.memoryUsage().arrayBuffers
      const runs = new Runs(old)
      runs.find(old, 0, 0)
      const taken = process.memoryUsage().arrayBuffers - before
      assert(taken <= runsMemory(old.length), `${taken} for ${old.length}`)
    }
  })
})

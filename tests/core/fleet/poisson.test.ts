import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { poissonLimits, rateOf } from '../../../src/core/fleet/poisson.ts'

/**
 * Limits of the mean of a Poisson count as they are published: 95 % in K. Ulm, "A simple method to calculate the confidence
 * interval of a standardized mortality ratio", Am. J. Epidemiology 131 (1990) 373–375, and the tables that follow
 * F. Garwood, Biometrika 28 (1936) 437–442; 90 % from N. Gehrels, Astrophys. J. 303 (1986) 336–346, tables 1 and 2
 * (one-sided 0.95 limits).
 */
const NINETY_FIVE: [count: number, low: number, high: number, digits: number][] = [
  [0, 0, 3.689, 3],
  [1, 0.0253, 5.572, 3],
  [2, 0.2422, 7.225, 3],
  [3, 0.6187, 8.767, 3],
  [4, 1.09, 10.242, 3],
  [5, 1.623, 11.668, 3],
  [6, 2.202, 13.059, 3],
  [7, 2.814, 14.423, 3],
  [8, 3.454, 15.763, 3],
  [9, 4.115, 17.085, 3],
  [10, 4.795, 18.39, 3],
  [20, 12.217, 30.888, 3],
  [50, 37.11, 65.92, 2],
  [100, 81.36, 121.63, 2],
]
const NINETY: typeof NINETY_FIVE = [
  [0, 0, 2.996, 3],
  [1, 0.0513, 4.744, 3],
  [2, 0.355, 6.296, 3],
  [3, 0.818, 7.754, 3],
  [10, 5.425, 16.96, 2],
]

describe('exact limits of a Poisson count', () => {
  for (const [confidence, rows] of [
    [0.95, NINETY_FIVE],
    [0.9, NINETY],
  ] as const) {
    for (const [count, low, high, digits] of rows) {
      test(`${count} events at ${confidence}: ${low} to ${high}, as published`, () => {
        const found = poissonLimits(count, confidence)
        assert.ok(Math.abs(found.low - low) <= 0.6 * 10 ** -digits, `low ${found.low}`)
        assert.ok(Math.abs(found.high - high) <= 0.6 * 10 ** -digits, `high ${found.high}`)
      })
    }
  }

  test('are the counts at which the tails of the distribution are what they should be', () => {
    for (const count of [1, 3, 17, 250, 5000]) {
      const { low, high } = poissonLimits(count)
      assert.ok(Math.abs(1 - cumulative(count - 1, low) - 0.025) < 1e-9, `upper tail of ${count}`)
      assert.ok(Math.abs(cumulative(count, high) - 0.025) < 1e-9, `lower tail of ${count}`)
    }
  })

  test('of a count that is told by who wants to do harm are there, and on both sides of it', () => {
    const [below, above] = [poissonLimits(1_000_000), poissonLimits(1_000_001)]
    assert.ok(Math.abs(above.low - below.low - 1) < 0.01 && Math.abs(above.high - below.high - 1) < 0.01)
    for (const count of [1e7, 1e10, Number.MAX_SAFE_INTEGER]) {
      const { low, high } = poissonLimits(count)
      const width = 1.959964 * Math.sqrt(count)
      assert.ok(Math.abs((count - low) / width - 1) < 0.01 && Math.abs((high - count) / width - 1) < 0.01, `${count}`)
    }
  })

  test('a rate is per unit of exposure, and unknown without any', () => {
    assert.equal(rateOf(3, 0), null)
    const rate = rateOf(3, 12)!
    assert.equal(rate.rate, 0.25)
    assert.ok(Math.abs(rate.low * 12 - 0.6187) < 1e-3 && Math.abs(rate.high * 12 - 8.767) < 1e-3)
  })
})

/** P(X <= k) of a Poisson of this mean, summed term by term from the largest: another way than the one that is tested. */
function cumulative(k: number, mean: number): number {
  let logTerm = -mean
  let sum = Math.exp(logTerm)
  for (let n = 1; n <= k; n += 1) {
    logTerm += Math.log(mean / n)
    sum += Math.exp(logTerm)
  }
  return sum
}

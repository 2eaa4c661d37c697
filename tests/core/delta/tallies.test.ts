import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NEXT, ODDS } from '../../../src/core/delta/tallies.ts'

const all = Array.from(ODDS.keys())
const behind = (tally: number, ...bits: number[]): number =>
  bits.reduce((at, bit) => NEXT[at * 2 + bit] as number, tally)

describe('a tally', () => {
  it('is a byte, and is led to from nothing', () => {
    assert.equal(ODDS.length, 239)
    assert.equal(NEXT.length, 2 * ODDS.length)
    const reached = new Set([0])
    for (const tally of reached) for (const bit of [0, 1]) reached.add(behind(tally, bit))
    assert(reached.size > 200, `${reached.size}`)
    for (const tally of reached) assert(tally < ODDS.length, `${tally}`)
  })

  it('says more of what it saw, and less of the other', () => {
    for (const tally of all) {
      const [said, zero, one] = [tally, behind(tally, 0), behind(tally, 1)].map(at => ODDS[at] as number) as [
        number,
        number,
        number,
      ]
      assert(zero <= said && said <= one, `${tally}`)
      assert(zero < one, `${tally}`)
    }
  })

  it('says of ones what another says of as many zeros', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1), { maxLength: 200 }), bits => {
        const one = ODDS[behind(0, ...bits)] as number
        const other = ODDS[behind(0, ...bits.map(bit => 1 - bit))] as number
        // A probability is rounded down, whichever side it is of: to one in 4096.
        assert(Math.abs(one + other) <= 32, `${one}, ${other}`)
      }),
      { seed: 11 },
    )
  })

  it('forgets: some of the newest outweigh many that came before', () => {
    const many = behind(0, ...Array.from({ length: 1000 }, () => 1))
    assert((ODDS[many] as number) > 1000)
    assert((ODDS[behind(many, 0, 0, 0, 0)] as number) < 0)
  })

  it('has a higher number the more it saw, as long as all were the same: who has seen less gives way', () => {
    for (const bit of [0, 1]) {
      let tally = 0
      for (let seen = 1; seen <= 60; seen += 1) {
        const next = behind(tally, bit)
        if (seen <= 40) assert(next > tally, `${seen}`)
        else assert.equal(next, tally, `${seen}`)
        tally = next
      }
    }
  })
})

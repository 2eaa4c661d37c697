import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Instant, instant, millis } from '../../src/core/encoding/units.ts'
import { ownPath } from '../../src/core/fleet/own-path.ts'
import { Pending } from '../../src/flows/pending.ts'

const BOUNDS = { life: millis(100), most: 8, mostOfOne: 3 }
const at = (now: number): Instant => instant(now)

describe('what strangers have begun', () => {
  it('is good once, in its time, whoever begins what else', () => {
    const asked = fc.array(
      fc.record({
        by: fc.constantFrom('a', 'b', 'c', 'd'),
        wait: fc.nat(40),
        takes: fc.option(fc.nat(20), { nil: null }),
      }),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(asked, steps => {
        const pending = new Pending<string>(BOUNDS)
        // The same in the plainest words: everything that is kept, in its order.
        let plain: { key: string; by: string; until: number }[] = []
        let now = 0
        for (const [n, { by, wait, takes }] of steps.entries()) {
          now += wait
          if (takes === null) {
            pending.put(`${n}`, by, `value ${n}`, at(now))
            plain = plain.filter(({ until }) => now < until)
            const own = plain.filter(one => one.by === by)
            if (own.length >= BOUNDS.mostOfOne) plain = plain.filter(one => one !== own[0])
            if (plain.length >= BOUNDS.most) plain = plain.slice(1)
            plain.push({ key: `${n}`, by, until: now + BOUNDS.life })
          } else {
            const kept = plain.find(({ key }) => key === `${takes}`)
            plain = plain.filter(one => one !== kept)
            const expected = kept !== undefined && now < kept.until ? `value ${takes}` : null
            assert.equal(pending.take(`${takes}`, at(now)), expected)
          }
        }
      }),
    )
  })

  it('attack: an address that fills the memory, and many addresses that do', () => {
    const pending = new Pending<true>(BOUNDS)
    pending.put('mine', 'me', true, at(0))
    for (let n = 0; n < 100; n += 1) pending.put(`${n}`, 'one address', true, at(0))
    assert.equal(pending.take('mine', at(1)), true, 'one address pushes out nobody else')
    for (let n = 0; n < 100; n += 1) pending.put(`many ${n}`, `address ${n}`, true, at(2))
    const left = Array.from({ length: 100 }, (_, n) => pending.take(`many ${n}`, at(3))).filter(one => one === true)
    assert.equal(left.length, BOUNDS.most)
    assert.equal(pending.take('99', at(3)), null)
  })

  it('attack: something that was begun long ago', () => {
    const pending = new Pending<true>(BOUNDS)
    pending.put('late', 'me', true, at(0))
    assert.equal(pending.take('late', at(100)), null)
  })
})

describe('an address within the console', () => {
  it('is an own one for every browser, or none at all', () => {
    const pieces = fc.constantFrom(
      '/',
      '\\',
      '//',
      '.',
      '..',
      ':',
      '@',
      '?',
      '#',
      'evil.example',
      'https:',
      '%2f',
      '\t',
      'a',
      '&',
      '=',
    )
    const origin = 'https://fleet.example:8443'
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 8 }).map(parts => parts.join('')),
          fc.string(),
        ),
        text => {
          const path = ownPath(text)
          if (path === null) return
          const taken = new URL(path, `${origin}/v1/sign-in/return/works`)
          assert.equal(taken.origin, origin)
          assert.ok(!/[\r\n]/.test(path))
        },
      ),
      { numRuns: 500 },
    )
    assert.equal(ownPath('/campaigns/alder?wave=2&at=1'), '/campaigns/alder?wave=2&at=1')
    assert.equal(ownPath(`/${'a'.repeat(512)}`), null)
  })
})

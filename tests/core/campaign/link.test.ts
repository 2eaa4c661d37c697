import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type LinkPolicy,
  monthOf,
  nextMonth,
  refuseFull,
  showBytes,
  timeOver,
} from '../../../src/core/campaign/link.ts'
import { instant } from '../../../src/core/encoding/units.ts'

const at = (text: string) => instant(Date.parse(text))
const ZONE = 'Europe/Amsterdam'
const NOW = at('2026-11-22T18:00:00Z')
const MIB = 1024 * 1024

describe('what may come over a link', () => {
  it('a full image, by policy, budget, and a person’s yes', () => {
    const rows: readonly [LinkPolicy, { left?: number; spent?: number; isAllowed?: boolean }, string | null][] = [
      [{ fullImages: 'allow' }, {}, null],
      [{ fullImages: 'allow' }, { spent: 1e15 }, null],
      [{ fullImages: 'allow', monthlyBytes: MIB }, { left: MIB }, null],
      [{ fullImages: 'allow', monthlyBytes: MIB }, { left: MIB, spent: 1 }, 'budget'],
      [{ fullImages: 'allow', monthlyBytes: MIB }, { left: MIB + 1 }, 'budget'],
      [{ fullImages: 'allow', monthlyBytes: MIB }, { left: MIB, spent: 1, isAllowed: true }, null],
      [{ fullImages: 'ask' }, {}, 'ask'],
      [{ fullImages: 'ask' }, { isAllowed: true }, null],
      [{ fullImages: 'ask', monthlyBytes: MIB }, { left: 2 * MIB }, 'ask'],
      [{ fullImages: 'ask', monthlyBytes: MIB }, { left: 2 * MIB, isAllowed: true }, null],
      [{ fullImages: 'never' }, {}, 'never'],
      [{ fullImages: 'never' }, { isAllowed: true }, 'never'],
      [{ fullImages: 'never', monthlyBytes: MIB }, { left: 2 * MIB, isAllowed: true }, 'never'],
    ]
    for (const [policy, wanted, about] of rows) {
      const judged = refuseFull(policy, { left: 1000, spent: 0, isAllowed: false, ...wanted }, NOW, ZONE)
      assert.equal(judged?.about ?? null, about, JSON.stringify([policy, wanted]))
      assert.equal(judged?.rule ?? 'link', 'link')
    }
  })

  it('an image that this month has no room for may come in the next, by the calendar on the site’s wall', () => {
    const policy: LinkPolicy = { fullImages: 'allow', monthlyBytes: MIB }
    const wait = refuseFull(policy, { left: MIB, spent: 1000, isAllowed: false }, NOW, ZONE)
    assert.equal(wait?.nextPossible, at('2026-11-30T23:00:00Z'))
    assert.deepEqual([wait?.value, wait?.threshold], ['1000 bytes this month', '1 MiB a month'])
    const never = refuseFull(policy, { left: MIB + 1, spent: 1000, isAllowed: false }, NOW, ZONE)
    assert.equal(never?.nextPossible, null, 'one that no month has room for')
  })

  it('months of zones, over changes of their clocks', () => {
    for (const [text, zone, month, next] of [
      ['2026-11-30T22:59:59Z', ZONE, '2026-11', '2026-11-30T23:00:00Z'],
      ['2026-11-30T23:00:00Z', ZONE, '2026-12', '2026-12-31T23:00:00Z'],
      ['2026-03-15T00:00:00Z', ZONE, '2026-03', '2026-03-31T22:00:00Z'],
      ['2026-11-30T12:00:00Z', 'Pacific/Auckland', '2026-12', '2026-12-31T11:00:00Z'],
      ['2026-12-31T23:59:59Z', 'UTC', '2026-12', '2027-01-01T00:00:00Z'],
    ] as const) {
      assert.equal(monthOf(at(text), zone), month, text)
      assert.equal(nextMonth(at(text), zone), at(next), text)
    }
  })

  it('how long it takes: the rest by the rate, in the share of the time in which it may send', () => {
    assert.equal(timeOver({ fullImages: 'allow' }, 1000), null)
    assert.equal(timeOver({ fullImages: 'allow', bitsPerSecond: 8000 }, 1000), 1000)
    assert.equal(timeOver({ fullImages: 'allow', bitsPerSecond: 1200, dutyCycle: 0.01 }, 2644), 1_762_667)
    assert.equal(timeOver({ fullImages: 'allow', bitsPerSecond: 1 }, 0), 0)
  })

  it('bytes for people', () => {
    const shown = [0, 1023, 1024, 2644, MIB - 1, 15 * MIB, 3e12].map(showBytes)
    assert.deepEqual(shown, ['0 bytes', '1023 bytes', '1 KiB', '2.6 KiB', '1024 KiB', '15 MiB', '2794 GiB'])
  })
})

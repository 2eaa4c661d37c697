import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ageText } from '../../console/picture/age.ts'
import { clockLine, downloadLine, linkLines, ordersLine, ownLogLine } from '../../console/picture/link-words.ts'
import type { SiteLinkView } from '../../src/wire/site-page-api.ts'

const NOW = Date.UTC(2027, 3, 6, 9)
const MINUTE = 60_000
const link = (more: Partial<SiteLinkView> = {}): SiteLinkView => ({
  fleet: 'https://fleet.example',
  at: 'heard',
  heardAt: NOW - 4000,
  startedAt: NOW - 90 * MINUTE,
  fault: null,
  lostAt: null,
  own: { items: 17, acknowledged: 17, unsentBytes: 0, lostFrom: null },
  orders: { count: 0, until: null, payloads: 0, here: 0 },
  downloads: [],
  restored: false,
  doubts: [],
  version: '0.1.0',
  ...more,
})

describe('how a gateway’s link stands, in sentences', () => {
  for (const [more, kind, said, since] of [
    [{}, 'good', 'The fleet answers: heard 4 s ago.', null],
    [{ heardAt: NOW }, 'good', 'The fleet answers: heard just now.', null],
    [{ at: 'asking', heardAt: null }, 'unknown', 'The fleet is asked; nothing has come back yet.', null],
    [
      { at: 'silent', fault: 'not-reachable', heardAt: NOW - 20 * MINUTE, lostAt: NOW - 5 * MINUTE },
      'attention',
      'The link is down: it answered last 20 min ago (not-reachable). The site goes on by itself.',
      '2027-04-06T08:55:00Z, 5 min ago',
    ],
    [
      { at: 'silent', fault: 'not-reachable', heardAt: null },
      'attention',
      'The link is down: it has not answered since this gateway started, 90 min ago (not-reachable). The site goes on by itself.',
      null,
    ],
    // The clock was set back meanwhile: nothing lies in the future.
    [{ heardAt: NOW + MINUTE }, 'good', 'The fleet answers: heard just now.', null],
  ] as const) {
    it(said, () => {
      const lines = linkLines(link(more), NOW, ageText)
      assert.deepEqual([lines.kind, lines.said, lines.since], [kind, said, since])
    })
  }

  it('the orders that are held, and for how long', () => {
    const orders = (count: number, until: number | null, payloads: number, here: number): string =>
      ordersLine({ count, until, payloads, here }, NOW, ageText)
    assert.equal(orders(0, null, 0, 0), 'none: nothing is to be installed')
    assert.match(
      orders(1, NOW + 30 * MINUTE, 1, 1),
      /^one controller, all of their files are here; they hold for another 30 min/,
    )
    assert.match(orders(9, NOW + MINUTE, 3, 1), /^9 controllers, 1 of 3 files are here; they hold for another 60 s/)
    assert.match(orders(9, NOW - MINUTE, 3, 3), /they have run out, and wait for the fleet$/)
  })

  it('what comes over the link, how long it takes, and what waits for a yes', () => {
    const patch = {
      what: 'patch' as const,
      length: 2644,
      here: 0,
      controllers: ['bms-1'],
      because: null,
      asks: false,
      takesMillis: 29 * MINUTE,
      doneAt: NOW + 29 * MINUTE,
    }
    assert.equal(downloadLine(patch), 'bms-1: a patch, 2.6 KiB; done about 2027-04-06T09:29:00Z, in 29 min')
    const some = {
      ...patch,
      what: 'image' as const,
      here: 1024,
      controllers: ['bms-1', 'bms-2'],
      takesMillis: null,
      doneAt: null,
    }
    assert.equal(downloadLine(some), '2 controllers: an image, 1 KiB of 2.6 KiB are here')
    assert.equal(
      downloadLine({ ...some, because: 'the full image comes when somebody says yes' }),
      '2 controllers: the full image comes when somebody says yes',
    )
  })

  it('what is to be handed over, and what was dropped', () => {
    const own = { items: 40, acknowledged: 31, unsentBytes: 5000, lostFrom: null }
    assert.equal(ownLogLine(link().own), '17 items, all of them at the fleet')
    assert.equal(ownLogLine(own), '9 of 40 items wait to be handed over (5 KiB)')
    assert.match(ownLogLine({ ...own, lostFrom: 32 }), /from item 32 on some had to be dropped$/)
  })

  it('whether the clock is believed', () => {
    assert.equal(clockLine([]), 'believed')
    const until = NOW + MINUTE
    assert.equal(
      clockLine([{ by: 'fleet', jumped: -90_000, until }]),
      '90 s behind the fleet’s; both count until 2027-04-06T09:01:00Z',
    )
    assert.match(clockLine([{ by: 'jump', jumped: 5000, until }]), /^5 s ahead of the time before it jumped/)
  })
})

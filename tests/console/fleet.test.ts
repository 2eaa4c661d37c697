import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { attentionWords, lineOf } from '../../console/picture/attention-words.ts'
import { dueOf } from '../../console/picture/due.ts'
import { sitesPath } from '../../console/picture/site-search.ts'
import { tilesOf } from '../../console/picture/tiles.ts'
import { visibleRows } from '../../console/picture/visible-rows.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { parseQuery } from '../../src/core/fleet/query.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import type { AttentionView } from '../../src/wire/attention-views.ts'
import type { CampaignSummary } from '../../src/wire/fleet-views.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

describe('what is looked for among sites', () => {
  const rows: readonly (readonly [name: string, region: string | null, typed: string, query: string | null])[] = [
    ['nothing: all of them, page by page', null, ' ', 'limit=1000'],
    ['nothing, in a region', 'nl-west', '', 'limit=1000&region=nl-west'],
    ['every word, in small letters and once', 'nl', ' Quay -1  quay', 'limit=200&region=nl&named=quay%2C-1'],
    ['what no name is written with', null, 'quai §', null],
    ['a comma, which would be two words', null, 'a,b', null],
    ['more words than the server looks for', null, 'a b c d e f g h i', null],
  ]
  for (const [name, region, typed, query] of rows) {
    test(name, () => {
      const path = sitesPath(region, typed)
      assert.equal(path, query === null ? null : `/v1/inventory/sites?${query}`)
      const { limit, ...words } = Object.fromEntries(new URL(path ?? '/', 'http://x').searchParams)
      assert.equal(isRefusal(parseQuery(words, instant(0))), false)
    })
  }
})

describe('the map of regions', () => {
  const map = { width: 420, height: 220, least: 0 }
  const sizes = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 40 })

  test('has a tile for each region with a site, as large as it has sites, none over another, and no room left', () => {
    fc.assert(
      fc.property(sizes, some => {
        const tiles = tilesOf(some, size => size, map)
        const total = some.reduce((sum, size) => sum + size, 0)
        assert.equal(tiles.length, some.filter(size => size > 0).length)
        for (const { of, width, height } of tiles) {
          assert.ok(Math.abs(width * height - (of / total) * 420 * 220) < 1e-3)
        }
        for (const [at, one] of tiles.entries()) {
          assert.ok(one.x >= -1e-6 && one.x + one.width <= 420 + 1e-6)
          assert.ok(one.y >= -1e-6 && one.y + one.height <= 220 + 1e-6)
          for (const other of tiles.slice(0, at)) {
            const apart =
              one.x + one.width <= other.x + 1e-6 ||
              other.x + other.width <= one.x + 1e-6 ||
              one.y + one.height <= other.y + 1e-6 ||
              other.y + other.height <= one.y + 1e-6
            assert.ok(apart)
          }
        }
      }),
    )
  })

  test('keeps a small region large enough to be hit', () => {
    const tiles = tilesOf([9000, 1], size => size, { width: 400, height: 200 })
    const small = tiles.find(({ of }) => of === 1)
    assert.ok(small !== undefined && small.width * small.height > 8000)
  })

  test('keeps its order, so that a region is found where it was', () => {
    const tiles = tilesOf([3, 9, 1, 4], size => size, map)
    assert.deepEqual(
      tiles.map(({ of }) => of),
      [3, 9, 1, 4],
    )
  })
})

describe('a long list', () => {
  test('draws what is seen and little more, wherever it is scrolled to', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: -50, max: 400_000 }), fc.nat(1200), (count, scrolled, height) => {
        const { from, to } = visibleRows(count, 36, scrolled, height)
        assert.ok(from >= 0 && to <= count && to - from <= Math.ceil(height / 36) + 16)
        const first = Math.floor(Math.max(0, scrolled) / 36)
        const seen = Math.min(count, Math.floor((Math.max(0, scrolled) + height) / 36))
        for (let row = first; row < seen; row += 1) assert.ok(from <= row && row < to)
      }),
    )
  })
})

describe('attention in words', () => {
  const item = (more: Partial<AttentionView>): AttentionView => ({
    level: 'attention',
    subject: 'silent',
    site: 'quay',
    region: 'nl',
    controller: 'bms-1',
    controllers: 1,
    campaign: null,
    code: null,
    text: 'have been silent for more than 1 h',
    since: 5,
    ...more,
  })
  const rows: [name: string, item: AttentionView, line: string, href: string | null][] = [
    ['one controller', item({}), 'quay/bms-1 has been silent for more than 1 h', '/controllers/quay/bms-1'],
    ['several', item({ controllers: 3 }), '3 controllers at quay have been silent for more than 1 h', '/sites/quay'],
    ['never heard', item({ text: 'have never reported' }), 'quay/bms-1 has never reported', '/controllers/quay/bms-1'],
    [
      'a recovery image',
      item({ text: 'run their recovery image' }),
      'quay/bms-1 runs its recovery image',
      '/controllers/quay/bms-1',
    ],
    [
      'a failure',
      item({ text: 'went back to what they ran before', campaign: 'spring' }),
      'quay/bms-1 went back to what it ran before in campaign spring',
      '/controllers/quay/bms-1',
    ],
    [
      'one that asks',
      item({ controllers: 1, subject: 'asking', text: 'wait for a yes at the site to a full image' }),
      'quay/bms-1 waits for a yes at the site to a full image',
      '/controllers/quay/bms-1',
    ],
    [
      'a campaign',
      item({ site: null, controller: null, controllers: 0, campaign: 'spring', text: 'waits for approval' }),
      'Campaign spring waits for approval',
      '/campaigns/spring',
    ],
    [
      'a gateway',
      item({ controller: null, controllers: 0, text: 'the gateway’s log: item 4: lost' }),
      'quay the gateway’s log: item 4: lost',
      '/sites/quay',
    ],
    [
      'the fleet',
      item({ site: null, controller: null, controllers: 0, text: 'image: expires' }),
      'The fleet image: expires',
      null,
    ],
  ]
  for (const [name, one, line, href] of rows) {
    test(name, () => {
      const said = lineOf(one)
      assert.deepEqual([`${said.name} ${said.text}`, said.href], [line, href])
    })
  }
  test('counts, for who listens', () => {
    assert.equal(attentionWords({ trust: 0, failed: 0, attention: 0, more: false }), 'Nothing needs attention')
    const words = attentionWords({ trust: 1, failed: 0, attention: 12, more: true })
    assert.equal(words, '1 refused trust, 12 waiting, and more')
  })
})

describe('what is due', () => {
  const NOW = 100 * DAY
  const campaign = (id: string, state: string, counts: Record<string, number>): CampaignSummary =>
    ({ id, title: id, state, counts }) as unknown as CampaignSummary
  const due = (deadline: number, state: string, counts: Record<string, number>) =>
    dueOf([{ campaign: 'c', title: 'C', deadline }], [campaign('c', state, counts)], NOW)[0]

  test('how far it came, and what is left', () => {
    const counts = { total: 10, confirmed: 4, overtaken: 1, withdrawn: 2, failed: 1, waiting: 2 }
    const one = due(NOW + 3 * DAY, 'running', counts)
    assert.deepEqual([one?.done, one?.left, one?.failed, one?.late, one?.inWords], [5, 3, 1, false, 'in 3 d'])
  })
  test('behind its deadline it is late, unless nothing is left', () => {
    assert.equal(due(NOW - 2 * HOUR, 'running', { total: 2, confirmed: 1 })?.inWords, '2 h late')
    assert.deepEqual(
      [due(NOW - HOUR, 'done', { total: 2, confirmed: 2 })].map(one => [one?.late, one?.inWords]),
      [[false, 'done']],
    )
  })
  test('one that was rolled back is over, and nobody has what it brought', () => {
    const one = due(NOW - HOUR, 'rolled-back', { total: 2, returned: 2 })
    assert.deepEqual([one?.undone, one?.left, one?.late, one?.inWords], [true, 2, false, 'rolled back'])
  })
  test('what was done long ago is nobody’s concern; what is left for long is', () => {
    assert.equal(due(NOW - 40 * DAY, 'done', { total: 2, confirmed: 2 }), undefined)
    assert.equal(due(NOW - 40 * DAY, 'running', { total: 2, confirmed: 1 })?.late, true)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  begun,
  dayOf,
  type Pages,
  searchPath,
  windowOf,
  withNewer,
  withOlder,
} from '../../console/picture/entry-pages.ts'
import type { FoundEntries, FoundEntry } from '../../src/wire/audit-views.ts'

const entry = (index: number): FoundEntry => ({
  ...{ index, at: 0, kind: 'log-opened', code: null, site: null, controller: null, campaign: null },
  ...{ who: null, from: null, summary: null },
})
/** The server: entries whose index is a multiple of 3, in pages of 4. */
function answer(size: number, place: { readonly below?: number; readonly above?: number }): FoundEntries {
  const all = Array.from({ length: size }, (_, index) => index).filter(index => index % 3 === 0)
  const down = place.above === undefined
  const fit = down
    ? all.filter(one => one < (place.below ?? size)).reverse()
    : all.filter(one => one > (place.above ?? 0))
  const page = fit.slice(0, 4)
  const more = fit.length > 4
  return { size, entries: page.map(entry), next: more ? (page.at(-1) as number) : null }
}
const shown = ({ entries }: Pages): number[] => entries.map(({ index }) => index)

describe('pages of entries', () => {
  test('grow downwards until the beginning, and upwards with the log, each entry once', () => {
    let pages = begun(answer(40, {}), null)
    while (pages.older !== null) pages = withOlder(pages, answer(40, { below: pages.older }))
    assert.deepEqual(shown(pages), [39, 36, 33, 30, 27, 24, 21, 18, 15, 12, 9, 6, 3, 0])
    pages = withNewer(pages, answer(50, { above: pages.newer }))
    assert.deepEqual(shown(pages).slice(0, 4), [48, 45, 42, 39])
    assert.equal(pages.newer, 49)
    assert.deepEqual(
      shown(withNewer(pages, answer(50, { above: 0 }))),
      shown(pages),
      'what is there is not there twice',
    )
  })

  test('begin at an entry that a link names, with what is newer above it', () => {
    let pages = begun(answer(40, { below: 13 }), 12)
    assert.equal(shown(pages)[0], 12)
    for (let at = pages.newer; at < 39; at = pages.newer) pages = withNewer(pages, answer(40, { above: at }))
    assert.equal(shown(pages)[0], 39)
    assert.equal(begun(answer(5, { below: 5 }), 99).newer, 4, 'a link to what is not there yet')
  })

  test('ask by what the address says, days with both ends', () => {
    const query = new URLSearchParams('site=quay&kind=&since=2026-01-31&until=2026-01-31&code=x y&entry=7')
    const day = Date.UTC(2026, 0, 31)
    assert.equal(
      searchPath(query, { below: 9 }),
      `/v1/audit/search?site=quay&code=x+y&since=${day}&until=${day + 86_400_000}&below=9`,
    )
    for (const text of ['', '31.1.2026', '2026-02-31T', '2026-13-01', '1969-12-31'])
      assert.equal(dayOf(text, false), null)
  })

  test('draw a few of a million rows', () => {
    const { first, last } = windowOf(1_000_000, 40, 4_000_000, 600)
    assert.ok(first <= 100_000 && last >= 100_015 && last - first < 40)
    assert.deepEqual(windowOf(0, 40, 0, 600), { first: 0, last: 0 })
    assert.deepEqual(windowOf(3, 40, 9000, 600), { first: 2, last: 3 })
  })
})

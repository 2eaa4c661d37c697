import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DryRun, DryRuns, SitesKept } from '../../../src/apps/fleet/dry-runs.ts'
import type { PreviewSite } from '../../../src/core/campaign/preview.ts'
import { instant } from '../../../src/core/encoding/units.ts'

const MINUTE = 60_000

/** As much of a dry run as is looked at. */
const run = (of: string, characters = 1): DryRun => ({ who: 'ada', of, asked: 'text', sites: { characters } }) as DryRun

describe('dry runs that are kept', () => {
  const named = (of: string, who = 'ada', asked = 'text') => ({ who, of, asked })
  const held = (runs: DryRuns, now: number, ...some: string[]): string[] =>
    some.filter(of => runs.find(named(of), instant(now)) !== null)

  it('are each for who asked, of what was asked', () => {
    const runs = new DryRuns()
    runs.keep(run('a'), instant(0))
    assert.deepEqual(
      [named('a'), named('a', 'eve'), named('b'), named('a', 'ada', 'another')].map(
        one => runs.find(one, instant(0))?.of,
      ),
      ['a', undefined, undefined, undefined],
    )
  })

  it('are forgotten when nobody reads on in them for ten minutes', () => {
    const runs = new DryRuns()
    runs.keep(run('a'), instant(0))
    runs.keep(run('b'), instant(0))
    assert.deepEqual(held(runs, 9 * MINUTE, 'a'), ['a'])
    assert.deepEqual(held(runs, 11 * MINUTE, 'a', 'b'), ['a'])
    assert.deepEqual(held(runs, 22 * MINUTE, 'a', 'b'), [])
  })

  it('are eight at most: the one that was read longest ago goes', () => {
    const runs = new DryRuns()
    const names = Array.from({ length: 8 }, (_, n) => `run-${n}`)
    for (const of of names) runs.keep(run(of), instant(0))
    assert.deepEqual(held(runs, 1, 'run-0'), ['run-0'])
    runs.keep(run('more'), instant(2))
    assert.deepEqual(
      held(runs, 3, ...names, 'more'),
      [...names, 'more'].filter(of => of !== 'run-1'),
    )
  })

  it('have 64 Mi characters together at most, and one that is larger is not kept', () => {
    const runs = new DryRuns()
    const MI = 1 << 20
    runs.keep(run('small', 20 * MI), instant(0))
    runs.keep(run('other', 44 * MI), instant(0))
    runs.keep(run('large', 64 * MI + 1), instant(0))
    assert.deepEqual(held(runs, 0, 'small', 'other', 'large'), ['small', 'other'])
    runs.keep(run('third', 40 * MI), instant(1))
    assert.deepEqual(held(runs, 1, 'small', 'other', 'third'), ['third'])
  })

  it('say of each site what was said, page by page', () => {
    const sites = ['a', 'b', 'c', 'd', 'e'].map(site => ({ site, zone: 'UTC' }) as PreviewSite)
    const kept = new SitesKept(sites)
    assert.equal(kept.characters, JSON.stringify(sites).length - 6)
    const rows = [
      [2, undefined, 'ab', true],
      [2, 'b', 'cd', true],
      [2, 'bb', 'cd', true],
      [2, 'c', 'de', false],
      [9, '', 'abcde', false],
      [2, 'e', '', false],
    ] as const
    for (const [most, behind, names, more] of rows) {
      const page = kept.page(most, behind)
      assert.deepEqual([page.sites.map(({ site }) => site).join(''), page.more], [names, more])
      assert.deepEqual(
        page.sites,
        sites.filter(({ site }) => names.includes(site)),
      )
    }
  })
})

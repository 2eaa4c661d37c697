import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Course, forecast, stretchesOf } from '../../../src/core/campaign/forecast.ts'
import { keptPreviewOf, readKeptPreview, writeKeptPreview } from '../../../src/core/campaign/kept-preview.ts'
import { previewOf } from '../../../src/core/campaign/preview.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { asked, draftOf, siteOf } from './fleets.ts'
import { HOUR, T0 } from './plans.ts'

const boards = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `bms-${n}` }))
const WAVES = [
  { name: 'canary', take: { count: 1 }, soak: '1h' },
  { name: 'rest', take: 'rest', soak: '2h' },
]
const NIGHT = { windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '01:00', to: '03:00' }] }

describe('when the waves of a plan would be', () => {
  const hours = (at: number) => (at - T0) / HOUR

  test('with nothing shut: one restart after the other where one at once is let', () => {
    const plan = { waves: WAVES, rules: { restarting: 1 }, select: { classes: ['bms'] }, releases: ['bms/2.0.0.suit'] }
    const draft = orThrow(draftOf(asked(plan), [siteOf('harbour', boards(5))]))
    const restart = [...draft.places.values()][0]!.restart
    const [first, last] = previewOf(draft, 10).planned
    assert.deepEqual([first?.opens, first?.through], [T0, T0 + restart])
    assert.equal(first!.judged - first!.through, HOUR)
    assert.deepEqual([last?.opens, last?.through], [first?.judged, first!.judged + 4 * restart])
    assert.equal(last!.judged - last!.through, 2 * HOUR)
  })

  test('by the clock on the wall of each site, and a wave lasts as long as its slowest site', () => {
    const east = siteOf('east', [{ id: 'bms-0' }], { zone: 'Asia/Kolkata' })
    const plan = { waves: [{ name: 'all', take: 'rest', soak: '1h' }], rules: NIGHT, releases: ['bms/2.0.0.suit'] }
    const draft = orThrow(draftOf(asked({ ...plan, validFor: '10d' }), [east, siteOf('west', boards(1))]))
    const [wave] = previewOf(draft, 10).planned
    const openings = previewOf(draft, 10).sites.map(({ windows }) => windows?.[0]?.from ?? 0)
    const restart = [...draft.places.values()][0]!.restart
    assert.equal(wave?.through, Math.max(...openings) + restart)
  })

  test('more restarts than a night has room for go on in the next one; what is not through in time is not told', () => {
    const place = siteOf('harbour', boards(1), { limits: NIGHT }).site
    const stretches = [{ site: 'harbour', restart: millis(HOUR), rounds: [3, 1] }]
    const waves = [{ soakMillis: millis(HOUR) }, { soakMillis: millis(HOUR) }]
    const rules = orThrow(draftOf(asked({}), [siteOf('harbour', boards(2))])).plan.rules
    const course: Course = { rules, notAfter: instant(T0 + 1000 * HOUR), waves }
    const planned = forecast(course, stretches, new Map([['harbour', place]]), instant(T0))
    assert.equal(planned.length, 2)
    assert.ok(hours(planned[0]!.through) > 24, 'two in the first night, one in the next')
    assert.deepEqual(
      planned.map(({ through }) => new Date(through).toISOString().slice(11, 16)),
      ['00:00', '00:00'],
    )
    const short = { ...course, notAfter: instant(planned[1]!.through) }
    assert.equal(forecast(short, stretches, new Map([['harbour', place]]), instant(T0)).length, 1)
    assert.equal(forecast(course, stretches, new Map(), instant(T0)).length, 2, 'one that is gone is open')
  })

  test('sites that are alike are one stretch, and the busiest of them counts', () => {
    const sites = ['a', 'b', 'c'].map((id, n) => siteOf(id, boards(n + 1)))
    const other = siteOf('d', boards(1), { zone: 'Asia/Kolkata' })
    const draft = orThrow(
      draftOf(asked({ waves: WAVES, rules: { ...NIGHT, restarting: 1 }, validFor: '20d' }), [...sites, other]),
    )
    const stretches = stretchesOf(draft.waves, draft.places, draft.plan.rules)
    assert.deepEqual(
      stretches.map(({ rounds }) => rounds),
      [
        [1, 3],
        [0, 1],
      ],
    )
  })
})

describe('what the dry run of a plan said', () => {
  const fleet = [
    siteOf('a', [...boards(3), { id: 'old', version: '0.9.0' }]),
    siteOf('b', [{ id: 'silent', version: null }]),
  ]
  const draft = () => orThrow(draftOf(asked({ waves: WAVES, select: { classes: ['bms'] } }), fleet))

  test('tells what becomes of what, and who is passed over by which rule, in numbers', () => {
    const { changes, refused, otherChanges, more } = previewOf(draft(), 10)
    assert.deepEqual(changes, [
      { class: 'bms', from: '1.0.0', to: '2.0.0', via: [], controllers: 3 },
      { class: 'bms', from: '0.9.0', to: '2.0.0', via: [], controllers: 1 },
    ])
    assert.deepEqual([otherChanges, more], [0, false])
    assert.deepEqual(
      refused.map(({ code, controllers }) => [code, controllers]),
      [['plan-controller-not-attested', 1]],
    )
    assert.match(refused[0]!.why, /b\/silent/)
  })

  test('shows the sites behind one, and whether more come', () => {
    const all = orThrow(
      draftOf(
        asked({ waves: WAVES }),
        ['a', 'b', 'c'].map(id => siteOf(id, boards(2))),
      ),
    )
    const names = (count: number, behind?: string) => {
      const { sites, more } = previewOf(all, count, behind)
      return [sites.map(({ site }) => site), more]
    }
    assert.deepEqual(names(2), [['a', 'b'], true])
    assert.deepEqual(names(2, 'b'), [['c'], false])
    assert.deepEqual(names(1, 'a'), [['b'], true])
    assert.deepEqual(names(5, 'zz'), [[], false])
  })

  test('is read again as it was kept, and nothing that is damaged', () => {
    const kept = keptPreviewOf(draft())
    assert.deepEqual(orThrow(readKeptPreview(writeKeptPreview(kept), 'spring')), kept)
    for (const stored of ['{', '{}', writeKeptPreview(kept).replace('"watts":', '"w":')]) {
      const read = readKeptPreview(stored, 'spring')
      assert.ok(isRefusal(read) && read.code === 'campaign-state-malformed', stored.slice(0, 20))
    }
  })
})

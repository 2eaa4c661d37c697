import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Output } from '../../../src/apps/cli/output.ts'
import { planText } from '../../../src/apps/cli/plan-text.ts'
import { previewText } from '../../../src/apps/cli/preview-text.ts'
import { watchCampaign } from '../../../src/apps/cli/watch.ts'
import { previewOf } from '../../../src/core/campaign/preview.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { orThrow, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import type { CampaignView } from '../../../src/wire/fleet-views.ts'
import type { CampaignDraft } from '../../../src/wire/plan-views.ts'
import { asked, BMS, draftOf, releaseOf, siteOf, sourcesOf, v } from '../../core/campaign/fleets.ts'

const BACK = releaseOf('bms/2.0.1.suit', { version: v('2.0.1'), sequence: 3 })
const SITE = siteOf('datacenter-ups', [
  { id: 'bms-1', power: 500_000, energy: 1_000_000, feeder: 'west' },
  { id: 'bms-2', power: 500_000 },
] as never)

const RULES = {
  windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '22:00', to: '04:00' }],
  blackouts: [
    { why: 'market', days: ['tue'], from: '22:00', to: '23:00', regions: ['nl-west'] },
    { why: 'grid test', from: '2027-03-09T20:00:00Z', to: '2027-03-10T06:00:00Z', sites: ['datacenter-ups'] },
  ],
  permissives: [
    { point: 'state-of-charge', min: 20, max: 90, maxAgeMillis: '2min' },
    { point: 'dispatch', is: false, maxAgeMillis: '1min', classes: ['bms'] },
  ],
  budgets: [
    { per: 'site', watts: '1.5MW' },
    { per: 'fleet', controllers: 200 },
    { per: 'feeder', wattHours: '2MWh', controllers: 1 },
  ],
  restarting: 2,
}

const HEALTH = { figure: 'resets', maxPercent: 150, margin: 5, minControllers: 3, without: 'pass' }

const FILE = {
  id: 'spring',
  releases: ['bms/2.0.0.suit'],
  wayBack: [{ of: 'bms/2.0.0.suit', to: 'bms/2.0.1.suit' }],
  waves: [
    { name: 'first', take: { count: 1 }, soak: '24h', gate: { success: 95, failures: 1, health: [HEALTH] } },
    { name: 'rest', take: 'rest' },
  ],
  validFor: '30d',
}

const output = (): Output => new Output({ write: () => {} }, { write: () => {} }, {})
const shown = (file: object): string => {
  const { plan } = orThrow(draftOf(asked(file), [SITE], sourcesOf([BMS, BACK])))
  return planText(output(), plan, [...plan.sheetOf.values()])
}

describe('a plan as an approver reads it', () => {
  it('attack: a rule, a gate or a way back that an approver signs unseen', () => {
    const text = shown({ ...FILE, rules: RULES })
    for (const line of [
      'window                every day 22:00 to 04:00, by the clock of each site',
      'blackout (market)     tue 22:00 to 23:00; regions nl-west',
      'blackout (grid test)  2027-03-09T20:00:00Z to 2027-03-10T06:00:00Z; sites datacenter-ups',
      "permissive            the site's state of charge from 20 % to 90 %, read within 2 min",
      'permissive            no dispatch commitment is in force, read within 1 min; for bms',
      'budget of each site   at most 1.5 MW away at once',
      'budget of the fleet   at most 200 controllers away at once',
      'budget of each feeder  at most 2 MWh, 1 controller away at once',
      'restarting            at most 2 at once at a site',
      "health gate of first  resets at most 150 % of the others' and 5 more; with fewer than 3 heard: pass",
      'bms/2.0.0.suit  bms/2.0.1.suit',
      '1 first  datacenter-ups/bms-1  bms/2.0.0.suit  1d  95 %, 1 failure',
    ]) {
      const words = line.replaceAll(/ {2,}/g, ' ')
      assert(text.replaceAll(/ {2,}/g, ' ').includes(words), `${words}\n${text}`)
    }
  })

  it('says so where a plan has no rules, and no bound that cannot be passed', () => {
    const text = shown({ ...FILE, waves: [{ name: 'all', take: 'rest' }] })
    assert.match(text, /^none +the limits of the sites alone hold$/m)
    assert.match(text, /^halts itself +by its gates alone$/m)
    assert.match(shown({ ...FILE, abort: { failures: 1, percent: 5 } }), /above 1 failure in all, or above 5 %/)
  })

  it('fits into a hundred columns, with its dry run', () => {
    const draft = orThrow(
      draftOf(asked({ ...FILE, rules: RULES }), [SITE], {
        ...sourcesOf([BMS, BACK]),
        createdAt: instant(Date.UTC(2027, 2, 1)),
      }),
    )
    const preview = previewText(output(), { preview: previewOf(draft, 10), passedOver: [] } as never as CampaignDraft)
    assert.match(preview, /Mon 2027-03-01 22:00 to 04:00 {2}2027-03-01 21:00 to 03:00/)
    for (const line of `${shown({ ...FILE, rules: RULES })}\n${preview}`.split('\n')) assert(line.length <= 100, line)
  })
})

describe('campaign watch', () => {
  const view = (state: string, counts: Record<string, number>): CampaignView =>
    ({
      id: 'spring',
      title: 'spring',
      priority: 50,
      state,
      counts,
      wave: 1,
      waves: 2,
      reason: null,
      controllers: [],
      approvals: {},
      waits: [],
    }) as never

  it('counts all controllers, and not those that the view has room for', async () => {
    const said: string[] = []
    const screen = new Output({ write: () => {} }, { write: text => said.push(text) }, {})
    const views = [
      view('running', { total: 5000, confirmed: 1000, overtaken: 200, failed: 50, assigned: 3750 }),
      view('rolling-back', { total: 5000, confirmed: 4000, returned: 1000 }),
      view('done', { total: 5000, confirmed: 4990, overtaken: 10 }),
    ]
    const cli = { world: { onStop: () => new AbortController().signal }, output: screen }
    const session = { get: async () => views.shift(), first: async () => ({ items: [], more: true }) }
    const answer = await watchCampaign(cli as never, session as never, 'spring')
    assert.deepEqual(
      said.map(line => / (\d+\/\d+) /.exec(line)?.[1]),
      ['1250/5000', '1000/5000', '5000/5000'],
    )
    assert.match((answer as { text: string }).text, /The first 0 of 5000 controllers\./)
  })

  it('ends at once when it is told to, also while the fleet server is away', async () => {
    const stop = new AbortController()
    const cli = { world: { onStop: () => stop.signal }, output: output() }
    const away = refuse('not-reachable', 'https://fleet', 'a server that answers', 'ECONNREFUSED')
    let asked = 0
    const get = async (): Promise<Refusal> => {
      asked += 1
      if (asked === 2) stop.abort()
      return away
    }
    assert.equal(await watchCampaign(cli as never, { get } as never, 'spring'), away)
    assert.equal(asked, 2)
  })
})

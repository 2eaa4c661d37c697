import { tally, unsettled } from '../../core/campaign/rollout-state.ts'
import { showDuration } from '../../core/encoding/quantity.ts'
import { instant } from '../../core/encoding/units.ts'
import {
  type Attention,
  type AttentionKey,
  alarmLevelOf,
  attentionKey,
  inOrder,
  levelOf,
  standingsOf,
} from '../../core/fleet/attention.ts'
import { FLEET, mayDo, type Reach, reachOf } from '../../core/fleet/roles.ts'
import { breakOf, breakRefusal } from '../../core/ledger/break-words.ts'
import { orThrow, type Refusal } from '../../core/refusal/refusal.ts'
import type { Who } from '../../flows/admit.ts'
import type { FailedTurns, Troubled } from '../../flows/inventory-ports.ts'
import { type Opened, openRow } from '../../flows/opened.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import { alarmOf, standing } from '../../flows/warn.ts'
import type { AttentionSummary, AttentionView } from '../../wire/attention-views.ts'
import { breathe } from '../process/breathe.ts'
import { behindIn, type Page, pageOf, type Wanted } from './api/page.ts'
import { BREAKS_TOLD, PRESSING } from './breaks.ts'
import { isSeen } from './campaign-views.ts'
import { siteFilter } from './places.ts'
import { shared } from './shared.ts'

/** What needs somebody in the fleet: gathered from the store's indexes of what is not well, shared by all who ask. */

/** Sites, or silent or waiting controllers, that one look gathers of a subject. What is beyond is said to be more. */
const MOST = 10_000
/** For so long somebody is told of a campaign that was halted and whose controllers no later one has taken up. */
const HALTED = 30 * 86_400_000

/** Failed turns that are looked at of one campaign. */
const FAILED = 2000

type Look = {
  readonly items: readonly Attention[]
  readonly more: boolean
  readonly regions: Awaited<ReturnType<FleetWorld['store']['attention']['regions']>>
}

export type AttentionOf = {
  list(
    who: Who,
    wanted: Wanted & { readonly region?: string; readonly site?: string },
  ): Promise<Page<AttentionView> | Refusal>
  summary(who: Who): Promise<AttentionSummary>
}

/** What needs somebody, as each may see it. `alarms`: of what the store does not know: witnesses, receivers of the log. */
export function attentionOf(world: FleetWorld, alarms: () => Promise<readonly Refusal[]>): AttentionOf {
  const look = shared(() => gather(world, alarms))
  const seen = async (who: Who): Promise<Look> => visible(world, who, await look())
  return {
    list: async (who, { region, site, ...wanted }) => {
      const { items } = await seen(who)
      const asked = items.filter(
        one => (region === undefined || one.region === region) && (site === undefined || one.site === site),
      )
      return pageOf(wanted, {
        name: `attention ${new URLSearchParams({ region: region ?? '', site: site ?? '' })}`,
        sorts: ['number', 'string'],
        keyOf: attentionKey,
        behind: behindIn(asked, (one, [rank, name]: AttentionKey) => isBehind(attentionKey(one), rank, name)),
      })
    },
    summary: async who => {
      const { items, more, regions } = await seen(who)
      const count = (level: Attention['level']): number => items.filter(one => one.level === level).length
      const standings = standingsOf(regions, items)
      return {
        trust: count('trust'),
        failed: count('failed'),
        attention: count('attention'),
        more,
        sites: standings.reduce((sum, one) => sum + one.sites, 0),
        controllers: standings.reduce((sum, one) => sum + one.controllers, 0),
        regions: standings,
      }
    },
  }
}

const isBehind = (key: AttentionKey, rank: number, name: string): boolean =>
  key[0] > rank || (key[0] === rank && key[1] > name)

async function gather(world: FleetWorld, alarms: () => Promise<readonly Refusal[]>): Promise<Look> {
  const { attention } = world.store
  const { controllers: patience } = world.silence
  const before = instant(world.clock.now() - patience)
  const behind = `have been silent for more than ${showDuration(patience)}`
  const [golden, unheard, silent] = [
    await attention.golden(MOST + 1),
    await attention.unheard(MOST + 1),
    await attention.silent(before, MOST + 1),
  ]
  const asking = await attention.asking(MOST + 1)
  const campaigns = await ofCampaigns(world)
  const items = [
    ...(await ofFleet(world, await alarms())),
    ...(await ofBreaks(world)),
    ...campaigns.items,
    ...golden.slice(0, MOST).map(one => of(one, 'failed', 'golden', 'run their recovery image')),
    ...asking.map(one => ({ ...of(one, 'attention', 'asking', ASKING), since: one.since })),
    ...silent.map(one => ({ ...of(one, 'attention', 'silent', behind), since: one.since })),
    ...unheard.slice(0, MOST).map(one => of(one, 'attention', 'unheard', 'have never reported')),
  ]
  const beyond = [golden.length, unheard.length, controllersOf(silent), controllersOf(asking)].some(read => read > MOST)
  const more = beyond || campaigns.more
  return { items: inOrder(items), more, regions: await attention.regions() }
}

const ASKING = 'wait for a yes at the site to a full image'

const controllersOf = (sites: readonly Troubled[]): number =>
  sites.reduce((sum, { controllers }) => sum + controllers, 0)

const of = (
  { site, region, controller, controllers }: Troubled,
  level: Attention['level'],
  subject: Attention['subject'],
  text: string,
): Attention => ({
  level,
  subject,
  site,
  region,
  controller,
  controllers,
  campaign: null,
  code: null,
  text,
  since: null,
})

const RESULTS: Readonly<Record<FailedTurns['result'], string>> = {
  reverted: 'went back to what they ran before',
  refused: 'refused the release',
  timeout: 'did not confirm the release in time',
  kept: 'could not be taken back',
}

function ofFailed(turns: FailedTurns): Attention {
  const { campaign, code, result, since } = turns
  return { ...of(turns, levelOf(code), 'failed', RESULTS[result]), campaign, code, since }
}

/** Of the fleet itself: what expires, what its log's witnesses and receivers say, sites that were not heard since a restore. */
async function ofFleet(world: FleetWorld, alarms: readonly Refusal[]): Promise<Attention[]> {
  const now = world.clock.now()
  const { kept, refused } = await standing(world)
  const expiring = kept.flatMap(one => alarmOf(world, one, now) ?? [])
  return [...alarms, ...refused, ...expiring].map(({ code, subject, expected, actual }) => ({
    ...NOTHING,
    level: alarmLevelOf(code),
    subject: 'alarm',
    code,
    text: `${subject}: ${expected} is expected, there is ${actual}`,
  }))
}

const NOTHING = { site: null, region: null, controller: null, controllers: 0, campaign: null, code: null, since: null }

async function ofBreaks({ store, clock }: FleetWorld): Promise<Attention[]> {
  const items: Attention[] = []
  for (const row of await store.histories.pressing(instant(clock.now() - BREAKS_TOLD), PRESSING)) {
    const one = breakOf(row)
    if (one === null) continue
    const { code, actual } = breakRefusal(one)
    const region = await store.attention.regionOf(row.site)
    const place = { site: row.site, region, controller: one.controller, controllers: one.controller === null ? 0 : 1 }
    const text = `${one.controller === null ? 'the gateway’s log' : 'its history'}: ${actual}`
    items.push({ ...NOTHING, ...place, level: alarmLevelOf(code), subject: 'break', code, text, since: row.at })
  }
  return items
}

/** Campaigns that wait for a person, that were halted and nobody took up, and those behind their deadline; and whom they failed. */
async function ofCampaigns(
  world: FleetWorld,
): Promise<{ readonly items: readonly Attention[]; readonly more: boolean }> {
  const items: Attention[] = []
  let more = false
  for (const row of (await world.store.campaigns()).toReversed()) {
    const opened = orThrow(openRow(row))
    const one = await ofCampaign(world, opened)
    if (one !== null) items.push({ ...NOTHING, subject: 'campaign', campaign: row.id, ...one })
    // The head has counted them: of most campaigns there are none.
    const { failed, kept } = tally(opened.rollout)
    if (failed + kept === 0) continue
    if (items.length > MOST) more = true
    else items.push(...(await world.store.attention.failed(row.id, FAILED)).map(ofFailed))
    if (failed + kept > FAILED) more = true
    await breathe()
  }
  return { items, more }
}

type Said = Pick<Attention, 'level' | 'text' | 'since'> & { readonly code?: string }

async function ofCampaign(world: FleetWorld, { plan, rollout }: Opened): Promise<Said | null> {
  const { state } = rollout
  const now = world.clock.now()
  const late = lateness(plan.deadline?.at ?? null, rollout, now)
  switch (state.at) {
    case 'halted': {
      // One that was rejected before it began is nobody's trouble any more.
      const told = state.wave !== null && now - state.since < HALTED && !(await world.store.attention.answered(plan.id))
      const said = { text: `was halted: ${state.reason}`, since: state.since, code: 'campaign-halted' }
      return told ? { level: 'failed', ...said } : null
    }
    case 'paused':
      return { level: 'attention', text: `is paused: ${state.reason}`, since: state.since }
    case 'created':
      return { level: 'attention', text: 'waits for approval', since: null }
    case 'approved':
      return { level: 'attention', text: 'is approved and waits for its start', since: state.since }
    case 'running':
    case 'soaking':
    case 'rolling-back':
      return late
    case 'done':
      return null
  }
}

/** What is still to be done behind the deadline. */
function lateness(deadline: number | null, rollout: Opened['rollout'], now: number): Said | null {
  const left = unsettled(tally(rollout))
  if (deadline === null || now < deadline || left === 0) return null
  const text = `is behind its deadline with ${left} ${left === 1 ? 'controller' : 'controllers'} left`
  return { level: 'attention', text, since: instant(deadline) }
}

/** Of a look at the fleet, what somebody may see. */
async function visible(world: FleetWorld, who: Who, { items, more, regions }: Look): Promise<Look> {
  const reach = reachOf(who, 'read-inventory')
  const told = mayDo(who, 'read-status', FLEET) === null
  const campaigns = siteFilter(world, who, 'read-campaigns')
  const known = new Map<string, boolean>()
  const shows = async ({ site, region, campaign }: Attention): Promise<boolean> => {
    if (site !== null) return isWithin(reach, site, region)
    if (campaign === null) return told
    if (campaigns.all) return true
    const before = known.get(campaign) ?? (await isSeen(world, campaign, campaigns))
    known.set(campaign, before)
    return before
  }
  const seen: Attention[] = []
  for (const item of items) if (await shows(item)) seen.push(item)
  return { items: seen, more, regions: reach === 'all' ? regions : await regionsOf(world, reach, regions) }
}

const isWithin = (reach: Reach, site: string, region: string | null): boolean =>
  reach === 'all' || reach.sites.has(site) || (region !== null && reach.regions.has(region))

/** The regions that somebody may see, and of others only what they may see of them: their sites. */
async function regionsOf(
  world: FleetWorld,
  reach: Exclude<Reach, 'all'>,
  all: Look['regions'],
): Promise<Look['regions']> {
  const counts = new Map(all.filter(({ region }) => reach.regions.has(region)).map(one => [one.region, one]))
  for (const site of reach.sites) {
    const [count] = await world.store.inventory.sites({ sites: [site] }, null, 1)
    if (count === undefined || reach.regions.has(count.region)) continue
    const { sites = 0, controllers = 0 } = counts.get(count.region) ?? {}
    const more = { region: count.region, sites: sites + 1, controllers: controllers + count.controllers }
    counts.set(count.region, more)
  }
  return [...counts.values()].sort((a, b) => (a.region < b.region ? -1 : 1))
}

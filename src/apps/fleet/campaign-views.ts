import { stateName, tally, waveNumber } from '../../core/campaign/rollout-state.ts'
import { parseSheetFile, type Sheet } from '../../core/campaign/sheet.ts'
import { isOrdered, stepOf, type Turn, type TurnAt } from '../../core/campaign/turn.ts'
import type { TurnRow } from '../../core/campaign/turn-rows.ts'
import { waitsOf } from '../../core/campaign/waits.ts'
import { formatUtc } from '../../core/encoding/utc-time.ts'
import { lastReport } from '../../core/fleet/attested.ts'
import { type AuditEntry, parseEntry } from '../../core/ledger/entry.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { draftOf } from '../../flows/approve.ts'
import { openRepository } from '../../flows/keep.ts'
import { type Opened, openCampaign, openRow, sheetsRepo } from '../../flows/opened.ts'
import type { CampaignRow, EntryFilter, FleetWorld, RepoFile } from '../../flows/ports.ts'
import { type KeptReason, reasonsAt } from '../../flows/reason.ts'
import { shortagesOf } from '../../flows/shortages.ts'
import type { TurnPlace } from '../../flows/turn-ports.ts'
import { turnOf } from '../../flows/turns.ts'
import type { CampaignControllerView, CampaignSummary, CampaignView } from '../../wire/fleet-views.ts'
import { type Page, pageOf, seenOnly, shown, type Wanted } from './api/page.ts'
import { EVERYWHERE, type Seen } from './places.ts'

/** What the fleet server shows of campaigns: read from the store at each question, nothing kept. */

/** Campaigns that have a site that somebody may see, in the order in which they were made. */
export async function campaigns(
  world: FleetWorld,
  wanted: Wanted,
  seen: Seen = EVERYWHERE,
): Promise<Page<CampaignSummary> | Refusal> {
  const rows: CampaignRow[] = []
  for (const row of await world.store.campaigns()) if (seen.all || (await isSeen(world, row.id, seen))) rows.push(row)
  const page = await pageOf(wanted, {
    name: 'campaigns',
    sorts: ['string'],
    keyOf: ({ id }: CampaignRow) => [id] as const,
    // A campaign is never forgotten: its name says where it stands.
    behind: async (after: readonly [string] | null, count) => {
      const at = after === null ? -1 : rows.findIndex(({ id }) => id === after[0])
      if (at < 0 && after !== null) return refuse('cursor-invalid', 'the list of campaigns', 'a campaign', 'none')
      return rows.slice(at + 1, at + 1 + count)
    },
  })
  return shown(page, row => {
    const opened = openRow(row)
    return isRefusal(opened) ? opened : summaryOf(world, opened)
  })
}

/** Whether a campaign has a site that somebody may see. */
export async function isSeen(world: FleetWorld, id: string, seen: Seen): Promise<boolean> {
  for (const site of await world.store.turns.sites(id)) if (await seen.at(site)) return true
  return false
}

export async function summaryOf(world: FleetWorld, opened: Opened): Promise<CampaignSummary | Refusal> {
  const { plan, terms, rollout } = opened
  const { state, priority } = rollout
  const approvals = await approvalsOf(world, opened)
  if (isRefusal(approvals)) return approvals
  const reason = 'reason' in state ? state.reason : null
  return {
    id: plan.id,
    title: plan.title,
    state: stateName(state),
    wave: waveNumber(rollout, plan.waves.length),
    waves: plan.waves.length,
    reason,
    priority,
    waits: [...waitsOf(terms, rollout, await shortagesOf(world, opened), world.clock.now())],
    counts: tally(rollout),
    tallies: plan.waves.map(({ name }, index) => ({ name, counts: tally(rollout, index) })),
    approvals,
  }
}

/**
 * The controllers of a campaign at the sites that somebody may see, each with its turn: in order of site and controller, or those of one
 * state in order of wave.
 */
export async function turns(
  world: FleetWorld,
  id: string,
  { state, ...wanted }: Wanted & { readonly state?: TurnAt },
  seen: Seen = EVERYWHERE,
): Promise<Page<CampaignControllerView> | Refusal> {
  const opened = await openCampaign(world, id)
  if (isRefusal(opened)) return opened
  type Key = readonly [site: string, controller: string]
  const keyOf = ({ site, controller }: TurnRow): Key => [site, controller]
  const all = (after: Key | null, count: number): Promise<TurnRow[]> =>
    world.store.turns.page(id, after === null ? null : { site: after[0], controller: after[1] }, count)
  const behind = seen.all ? all : seenOnly(all, keyOf, ({ site }) => seen.at(site))
  const page =
    state === undefined
      ? await pageOf(wanted, { name: `turns ${id}`, sorts: ['string', 'string'], keyOf, behind })
      : await turnsAt(world, id, state, wanted, seen)
  const assigned = await assignedAt(world, id)
  const waits = new Map<string, ReadonlyMap<string, KeptReason>>()
  return shown(page, async stored => {
    const turn = turnOf(stored)
    const row = await world.store.controller(turn.site, turn.controller)
    const report = row === null ? null : orThrow(lastReport(row, world.crypto))
    const begun = assigned.get(`${turn.site}/${turn.controller}`)
    if (!waits.has(turn.site)) waits.set(turn.site, await reasonsAt(world, turn.site))
    const reason = isOrdered(turn) ? waits.get(turn.site)?.get(turn.controller) : undefined
    const view = turnView(turn, begun?.at ?? null)
    // What was said before this turn began was about another one.
    const detail = reason !== undefined && reason.at >= turn.since ? `waits: ${reason.because}` : view.detail
    return {
      ...view,
      detail,
      class: row?.class ?? '',
      wave: turn.wave + 1,
      from: begun?.from ?? null,
      to: opened.plan.releases[stepOf(turn).release]?.version ?? '',
      slot: report?.running.slot ?? null,
      counter: report?.counter ?? null,
    }
  })
}

function turnsAt(world: FleetWorld, id: string, state: TurnAt, wanted: Wanted, seen: Seen) {
  const keyOf = ({ wave, region, order, site, controller }: TurnRow): TurnPlace => [
    wave,
    region,
    order,
    site,
    controller,
  ]
  const all = (after: TurnPlace | null, count: number): Promise<TurnRow[]> =>
    world.store.turns.pageAt(id, state, after, count)
  const behind = seen.all ? all : seenOnly(all, keyOf, ({ site }) => seen.at(site))
  return pageOf(wanted, {
    name: `turns ${id} ${state}`,
    sorts: ['number', 'string', 'number', 'string', 'string'],
    keyOf,
    behind,
  })
}

/** The sheets of a campaign as they are stored: whoever reads them holds them against the plan. */
export async function sheets(
  world: FleetWorld,
  id: string,
  wanted: Wanted,
  seen: Seen = EVERYWHERE,
): Promise<Page<Sheet> | Refusal> {
  const row = await world.store.campaign(id)
  if (row === null) return refuse('campaign-unknown', `campaign ${id}`, 'a campaign', 'none of that name')
  type File = Omit<RepoFile, 'repo'>
  const keyOf = ({ path }: File) => [path] as const
  const all = (after: readonly [string] | null, count: number): Promise<File[]> =>
    world.store.filesAfter(sheetsRepo(id), after?.[0] ?? '', count)
  const behind = seen.all ? all : seenOnly(all, keyOf, ({ path }) => seen.at(path.replace(/\.json$/, '')))
  const page = await pageOf(wanted, { name: `sheets ${id}`, sorts: ['string'], keyOf, behind })
  return shown(page, ({ path, bytes }) => {
    const read = parseSheetFile(bytes, `${sheetsRepo(id)}/${path}`)
    return isRefusal(read) ? read : read.sheet
  })
}

type TurnView = Pick<CampaignControllerView, 'site' | 'controller' | 'state' | 'detail' | 'tookMillis'>

function turnView(turn: Turn, begun: number | null): TurnView {
  const { site, controller, at: state } = turn
  const over = state === 'confirmed' || state === 'failed'
  const tookMillis = over && begun !== null ? turn.since - begun : null
  return { site, controller, state, detail: detailOf(turn), tookMillis }
}

/** Why a turn stands where it stands, where that is not plain. */
export function detailOf(turn: Turn): string | null {
  if (turn.at === 'failed') return [turn.result, turn.code].filter(Boolean).join(': ')
  if (turn.at === 'queued') return `waits for campaign ${turn.behind}`
  if (turn.at === 'backing-off') return `next try at ${formatUtc(turn.due)}`
  if (turn.at === 'kept') return turn.why
  if (turn.at === 'assigned' || turn.at === 'returning') return turn.stage === 'ordered' ? null : turn.stage
  return null
}

/** When each controller's turn began and what it ran then, from the audit log: it tells what the state has forgotten. */
async function assignedAt(world: FleetWorld, id: string): Promise<Map<string, { at: number; from: string | null }>> {
  const begun = new Map<string, { at: number; from: string | null }>()
  for (const { entry } of await entriesOf(world, { campaign: id })) {
    const key = `${entry.site}/${entry.controller}`
    if (entry.kind !== 'controller-assigned' || begun.has(key)) continue
    const { from } = entry.detail
    begun.set(key, { at: entry.at, from: typeof from === 'string' && from !== '' ? from : null })
  }
  return begun
}

async function approvalsOf(world: FleetWorld, { plan, rollout }: Opened): Promise<CampaignView['approvals'] | Refusal> {
  if (rollout.state.at === 'created') {
    const draft = await draftOf(world, plan.id)
    return isRefusal(draft) ? draft : { have: draft.counted, need: draft.need }
  }
  const set = await openRepository(world, 'approval')
  if (isRefusal(set)) return set
  const need = set.root.signed.roles.targets.threshold
  const approved = set.targets?.signed.targets.has(`campaigns/${plan.id}.json`) === true
  return { have: approved ? need : 0, need }
}

/** How many entries of a campaign are looked through for when its turns began. */
const LOOKED_THROUGH = 1000

async function entriesOf(world: FleetWorld, filter: EntryFilter): Promise<{ index: number; entry: AuditEntry }[]> {
  const rows = await world.store.entriesOf(filter, LOOKED_THROUGH)
  return rows.map(({ index, bytes }) => ({ index, entry: orThrow(parseEntry(bytes, `entry ${index}`)) }))
}

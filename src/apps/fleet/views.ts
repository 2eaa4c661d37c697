import type { PublishedRelease } from '../../core/campaign/draft-fit.ts'
import { tally } from '../../core/campaign/rollout-state.ts'
import { parseSheetFile, type Sheet } from '../../core/campaign/sheet.ts'
import { isOrdered, stepOf, type Turn } from '../../core/campaign/turn.ts'
import { waitsOf } from '../../core/campaign/waits.ts'
import { formatUtc } from '../../core/encoding/utc-time.ts'
import { lastReport } from '../../core/fleet/attested.ts'
import { type AuditEntry, parseEntry } from '../../core/ledger/entry.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { daysLeft } from '../../core/trust/expiry.ts'
import type { Report } from '../../core/trust/report.ts'
import { draftOf } from '../../flows/approve.ts'
import { openRepository } from '../../flows/keep.ts'
import { type Opened, openCampaign, openRow, sheetsRepo } from '../../flows/opened.ts'
import type { CampaignRow, ControllerRow, EntryFilter, FleetWorld, RepoFile } from '../../flows/ports.ts'
import { publishedReleases } from '../../flows/publish.ts'
import { type KeptReason, reasonsAt } from '../../flows/reason.ts'
import { endOf } from '../../flows/renew.ts'
import { turnOf } from '../../flows/turns.ts'
import { alarmOf, standing } from '../../flows/warn.ts'
import type {
  CampaignControllerView,
  CampaignView,
  ControllerView,
  ReleaseView,
  StatusView,
} from '../../wire/fleet-views.ts'
import { breathe } from '../process/breathe.ts'
import { behindIn, byText, type Page, pageOf, seenOnly, shown, type Wanted } from './api/page.ts'
import { EVERYWHERE, type Seen } from './places.ts'

/** What the fleet server shows of itself: read from the store at each question, nothing kept. */

export async function status(world: FleetWorld, seen: Seen = EVERYWHERE): Promise<StatusView> {
  const now = world.clock.now()
  const { kept, refused } = await standing(world)
  const ends: number[] = []
  const alarms = [...refused, ...kept.flatMap(one => alarmOf(world, one, now) ?? [])]
  const sites: string[] = []
  for (const { id } of await world.store.sites()) if (await seen.at(id)) sites.push(id)
  for (const repo of ['image', 'approval', ...sites.map(id => `director/${id}`)]) {
    const end = await endOf(world, repo)
    if (end === null) alarms.push(refuse('metadata-missing', `${repo}: timestamp`, 'one that can be read', 'none'))
    else {
      if (repo.startsWith('director/')) ends.push(end)
      // The server renews it at half of its life: one that is nearly over was not renewed.
      if (end - now < world.metadataLife / 4) {
        alarms.push(
          refuse('metadata-expires-soon', `${repo}: timestamp`, 'one that the server renewed', formatUtc(end)),
        )
      }
    }
  }
  return {
    name: world.name,
    metadata: kept.map(one => ({ ...one, daysLeft: daysLeft(one.expires, now) })),
    sites: { count: sites.length, firstExpires: ends.length === 0 ? null : ends.reduce((a, b) => Math.min(a, b)) },
    alarms: alarms.map(({ code, subject, expected, actual }) => ({ code, subject, expected, actual })),
  }
}

export async function releases(world: FleetWorld, wanted: Wanted): Promise<Page<ReleaseView> | Refusal> {
  const published = await publishedReleases(world)
  if (isRefusal(published)) return published
  const ordered = [...published.values()].sort((a, b) => byText(a.path, b.path))
  const page = await pageOf(wanted, {
    name: 'releases',
    sorts: ['string'],
    keyOf: ({ path }: PublishedRelease) => [path] as const,
    behind: behindIn(ordered, ({ path }, [after]: readonly [string]) => byText(path, after) > 0),
  })
  return shown(page, releaseView)
}

const releaseView = ({ path, sha256, length, facts }: PublishedRelease): ReleaseView => ({
  path,
  class: facts.class,
  version: facts.version,
  sequence: facts.sequence,
  counter: facts.counter,
  hardware: facts.hardware,
  sha256,
  length,
})

/** Campaigns that have a site that somebody may see, in the order in which they were made. */
export async function campaigns(
  world: FleetWorld,
  wanted: Wanted,
  seen: Seen = EVERYWHERE,
): Promise<Page<CampaignView> | Refusal> {
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
    return isRefusal(opened) ? opened : campaignView(world, opened, seen)
  })
}

/** Whether a campaign has a site that somebody may see. */
export async function isSeen(world: FleetWorld, id: string, seen: Seen): Promise<boolean> {
  for (const site of await world.store.turns.sites(id)) if (await seen.at(site)) return true
  return false
}

/** One campaign, with those of its controllers that are at sites which somebody may see. */
export async function campaign(
  world: FleetWorld,
  id: string,
  seen: Seen = EVERYWHERE,
): Promise<CampaignView | Refusal> {
  const opened = await openCampaign(world, id)
  return isRefusal(opened) ? opened : campaignView(world, opened, seen)
}

/** Controllers that the view of a campaign shows; how many there are stands in its counts. */
const SHOWN = 2000

async function campaignView(world: FleetWorld, opened: Opened, seen: Seen): Promise<CampaignView | Refusal> {
  const { plan, terms, rollout } = opened
  const { state, priority } = rollout
  const approvals = await approvalsOf(world, opened)
  if (isRefusal(approvals)) return approvals
  const assigned = await assignedAt(world, plan.id)
  const waits = new Map<string, ReadonlyMap<string, KeptReason>>()
  const turns = (await world.store.turns.page(plan.id, null, SHOWN)).map(turnOf).sort((a, b) => a.wave - b.wave)
  const controllers: CampaignControllerView[] = []
  for (const turn of turns) {
    if (!(await seen.at(turn.site))) continue
    const row = await world.store.controller(turn.site, turn.controller)
    const report = row === null ? null : orThrow(lastReport(row, world.crypto))
    const begun = assigned.get(`${turn.site}/${turn.controller}`)
    if (!waits.has(turn.site)) waits.set(turn.site, await reasonsAt(world, turn.site))
    const reason = isOrdered(turn) ? waits.get(turn.site)?.get(turn.controller) : undefined
    const shown = turnView(turn, begun?.at ?? null)
    // What was said before this turn began was about another one.
    const detail = reason !== undefined && reason.at >= turn.since ? `waits: ${reason.because}` : shown.detail
    controllers.push({
      ...shown,
      detail,
      class: row?.class ?? '',
      wave: turn.wave + 1,
      from: begun?.from ?? null,
      to: plan.releases[stepOf(turn).release]?.version ?? '',
      slot: report?.running.slot ?? null,
      counter: report?.counter ?? null,
    })
  }
  const wave = 'wave' in state && state.wave !== null ? state.wave + 1 : state.at === 'done' ? plan.waves.length : 0
  const reason = 'reason' in state ? state.reason : null
  return {
    id: plan.id,
    title: plan.title,
    state: state.at,
    wave,
    waves: plan.waves.length,
    reason,
    priority,
    waits: [...waitsOf(terms, rollout)],
    counts: tally(rollout),
    approvals,
    controllers,
  }
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
function detailOf(turn: Turn): string | null {
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
    return isRefusal(draft) ? draft : { have: draft.have.length, need: draft.need }
  }
  const set = await openRepository(world, 'approval')
  if (isRefusal(set)) return set
  const need = set.root.signed.roles.targets.threshold
  const approved = set.targets?.signed.targets.has(`campaigns/${plan.id}.json`) === true
  return { have: approved ? need : 0, need }
}

export async function controllers(
  world: FleetWorld,
  wanted: Wanted,
  seen: Seen = EVERYWHERE,
): Promise<Page<ControllerView> | Refusal> {
  const page = await pageOf(wanted, {
    name: 'controllers',
    sorts: ['string', 'string'],
    keyOf: ({ site, id }: ControllerRow) => [site, id] as const,
    behind: (after, count) =>
      seen.all ? world.store.controllersBehind(after, count) : controllersSeen(world, seen, after, count),
  })
  const waits = new Map<string, ReadonlyMap<string, KeptReason>>()
  return shown(page, async row => {
    const here = waits.get(row.site) ?? (await reasonsAt(world, row.site))
    waits.set(row.site, here)
    return controllerView(row, orThrow(lastReport(row, world.crypto)), here)
  })
}

/** Sites that are looked at between two turns of the others. */
const SITES = 500

/** The controllers behind one, at the sites that somebody may see: those of other sites are not read, nor named by a cursor. */
async function controllersSeen(
  { store }: FleetWorld,
  seen: Seen,
  after: readonly [string, string] | null,
  count: number,
): Promise<readonly ControllerRow[]> {
  const rows: ControllerRow[] = []
  const [from = '', id = ''] = after ?? []
  if (await seen.at(from)) rows.push(...(await store.controllers(from)).filter(row => row.id > id))
  for (let at = from; rows.length < count; await breathe()) {
    const names = await store.siteNames(at, SITES)
    for (const name of names) {
      if (rows.length >= count) break
      if (await seen.at(name)) rows.push(...(await store.controllers(name)))
    }
    if (names.length < SITES) break
    at = names.at(-1) as string
  }
  return rows.slice(0, count)
}

/** All controllers of a site. */
export async function controllersAt(world: FleetWorld, site: string): Promise<ControllerView[]> {
  const rows = await world.store.controllers(site)
  const waits = await reasonsAt(world, site)
  return rows.map(row => controllerView(row, orThrow(lastReport(row, world.crypto)), waits))
}

export async function controller(world: FleetWorld, site: string, id: string): Promise<ControllerView | Refusal> {
  const row = await world.store.controller(site, id)
  if (row === null) return refuse('controller-unknown', `${site}/${id}`, 'a registered controller', 'none of that name')
  const report = lastReport(row, world.crypto)
  return isRefusal(report) ? report : controllerView(row, report, await reasonsAt(world, site))
}

const controllerView = (
  row: ControllerRow,
  report: Report | null,
  waits: ReadonlyMap<string, KeptReason>,
): ControllerView => ({
  site: row.site,
  id: row.id,
  class: row.class,
  hardware: row.hardware,
  version: report?.running.version ?? null,
  slot: report?.running.slot ?? null,
  counter: report?.counter ?? null,
  anchors: report?.anchors ?? null,
  state: report?.state ?? null,
  reportedAt: report?.at ?? null,
  sequence: row.sequence,
  waits: waitView(row.id, waits.get(row.id)),
})

function waitView(id: string, kept: KeptReason | undefined): ControllerView['waits'] {
  if (kept === undefined) return null
  const { because, ...rest } = kept
  return { ...rest, sentence: `${id} waits: ${because}.` }
}

/** How many entries of a campaign are looked through for when its turns began. */
const LOOKED_THROUGH = 1000

async function entriesOf(world: FleetWorld, filter: EntryFilter): Promise<{ index: number; entry: AuditEntry }[]> {
  const rows = await world.store.entriesOf(filter, LOOKED_THROUGH)
  return rows.map(({ index, bytes }) => ({ index, entry: orThrow(parseEntry(bytes, `entry ${index}`)) }))
}

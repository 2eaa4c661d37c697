import { INCIDENTS } from '../../core/fleet/incidents.ts'
import type { Experience, InventoryRow, SiteCount } from '../../core/fleet/inventory-row.ts'
import { rateOf } from '../../core/fleet/poisson.ts'
import { type ControllerQuery, type Position, parseQuery } from '../../core/fleet/query.ts'
import type { Reach } from '../../core/fleet/roles.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { checkStore, refuseRow } from '../../flows/check.ts'
import { headOfPlan } from '../../flows/comply.ts'
import type { InventoryStore, VersionsBy } from '../../flows/inventory-ports.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type {
  CheckView,
  CountView,
  IncidentsView,
  InventoryView,
  VersionSaidView,
  VersionsView,
} from '../../wire/inventory-views.ts'
import { type Page, pageOf, shown, type Wanted } from './api/page.ts'
import { ofCampaign } from './compliance.ts'

/** What the fleet server answers of its inventory: questions in words, answers in pages. */

type Words = Readonly<Record<string, string | undefined>>

/** A question, and which page of its answer. */
type Asked = { readonly query: ControllerQuery; readonly wanted: Wanted; readonly name: string }

function asked(world: FleetWorld, reach: Reach, { cursor, limit, by, ...words }: Words): Asked | Refusal {
  const parsed = parseQuery(words, world.clock.now())
  if (isRefusal(parsed)) return parsed
  const query =
    reach === 'all' ? parsed : { ...parsed, reach: { regions: [...reach.regions], sites: [...reach.sites] } }
  const wanted = { ...(cursor === undefined ? {} : { cursor }), ...(limit === undefined ? {} : { limit }) }
  // A cursor of another question is of no use: its list has the question in its name.
  const sorted = Object.entries({ ...words, ...(by === undefined ? {} : { by }) }).sort(([a], [b]) => (a < b ? -1 : 1))
  return { query, wanted, name: `inventory ${new URLSearchParams(sorted as [string, string][])}`.slice(0, 200) }
}

export async function inventory(world: FleetWorld, reach: Reach, words: Words): Promise<Page<InventoryView> | Refusal> {
  const question = asked(world, reach, words)
  if (isRefusal(question)) return question
  const { query, wanted, name } = question
  const head = query.campaign === undefined ? null : await headOfPlan(world, query.campaign.id)
  if (isRefusal(head)) return head
  const rows = (after: Position | null, limit: number): Promise<InventoryRow[] | Refusal> =>
    head === null ? world.store.inventory.page(query, after, limit) : ofCampaign(world, head, query, after, limit)
  const page = await pageOf(wanted, {
    name,
    sorts: ['string', 'string', 'number'],
    keyOf: ({ site, id, seenAt }: InventoryRow) => [site, id, seenAt ?? 0] as const,
    behind: (after, count) => rows(after === null ? null : positionOf(after), count),
  })
  return shown(page, row => inventoryView(world, row))
}

const positionOf = ([site, id, seen]: readonly [string, string, number]): Position => ({ site, id, seen })

/** A row as it is shown: what it says was attested is verified against the report first. */
async function inventoryView(world: FleetWorld, row: InventoryRow): Promise<InventoryView> {
  const { site, id, region, class: of, hardware, cabinet, rack, labels, standing, claim, seenAt } = row
  const stored = await world.store.controller(site, id)
  const fault = stored === null ? null : refuseRow(stored, row, world)
  const held = fault === null && stored !== null ? row.attested : null
  const attested =
    held === null
      ? null
      : {
          version: held.running.version,
          digest: held.running.digest,
          state: held.state,
          counter: held.counter,
          anchors: [...held.anchors],
          at: held.at,
        }
  const place = { site, id, region, class: of, hardware, cabinet, rack, labels: [...labels], standing }
  return { ...place, claimed: claim, attested, seenAt, fault: fault?.code ?? null }
}

export async function count(world: FleetWorld, reach: Reach, words: Words): Promise<CountView | Refusal> {
  const question = asked(world, reach, words)
  if (isRefusal(question)) return question
  const { inventory } = world.store
  const { query } = question
  if (query.campaign !== undefined) return { controllers: null, sites: null, unknown: null }
  return {
    controllers: await inventory.count(query),
    sites: await inventory.countSites(query),
    unknown: await unknownTo(inventory, query),
  }
}

/** How many more might match: nobody knows their version, or they attested no counter. Null where no roll-up tells. */
async function unknownTo(inventory: InventoryStore, query: ControllerQuery): Promise<number | null> {
  const { version, counter, ...rest } = query
  // Who asks for what is attested asks for nobody else.
  if ((version === undefined && counter === undefined) || query.said !== undefined || query.states !== undefined)
    return 0
  const nothing = await inventory.count({ ...rest, said: ['nothing'] })
  if (counter === undefined || nothing === null) return nothing
  const only = version === undefined ? rest : { ...rest, version }
  return nothing + ((await inventory.count({ ...only, said: ['claimed'] })) ?? 0)
}

/** What is counted by sites and versions cannot be narrowed to a campaign: that has counts of its own. */
function uncounted({ campaign }: ControllerQuery): Refusal | null {
  if (campaign === undefined) return null
  return refuse('query-malformed', 'campaign', 'a question without it, or fleet compliance', 'a campaign')
}

export async function sites(world: FleetWorld, reach: Reach, words: Words): Promise<Page<SiteCount> | Refusal> {
  const question = asked(world, reach, words)
  if (isRefusal(question)) return question
  const other = uncounted(question.query)
  if (other !== null) return other
  const { query, wanted, name } = question
  return pageOf(wanted, {
    name: `sites of ${name}`,
    sorts: ['string'],
    keyOf: ({ site }: SiteCount) => [site] as const,
    behind: (after, limit) => world.store.inventory.sites(query, after?.[0] ?? null, limit),
  })
}

export async function versions(world: FleetWorld, reach: Reach, words: Words): Promise<Page<VersionsView> | Refusal> {
  const question = asked(world, reach, words)
  if (isRefusal(question)) return question
  const { query, wanted, name } = question
  const other = uncounted(query)
  if (other !== null) return other
  const by = (words.by ?? 'fleet') as VersionsBy
  if ((by === 'rack' || by === 'cabinet') && query.sites?.length !== 1) {
    return refuse('query-malformed', `by ${by}`, 'one site beside it: places have names of their site', 'none')
  }
  const { inventory } = world.store
  return pageOf(wanted, {
    name: `versions of ${name}`,
    sorts: ['string'],
    keyOf: ({ place }: VersionsView) => [place] as const,
    behind: async (after, limit) => {
      if (by !== 'site')
        return grouped(await inventory.versions(query, by)).filter(one => after === null || one.place > after[0])
      const some = await inventory.sites(query, after?.[0] ?? null, limit)
      if (some.length === 0) return []
      return grouped(await inventory.versions({ ...query, sites: some.map(({ site }) => site) }, by))
    },
  })
}

function grouped(counts: Awaited<ReturnType<FleetWorld['store']['inventory']['versions']>>): VersionsView[] {
  const places = Map.groupBy(counts, ({ place }) => place)
  return [...places].map(([place, some]) => ({ place, versions: some.map(({ place: _, ...rest }) => rest) }))
}

const HISTORY = 1000

export async function versionHistory(
  world: FleetWorld,
  site: string,
  id: string,
): Promise<VersionSaidView[] | Refusal> {
  const said = await world.store.inventory.history(site, id, HISTORY)
  if (said.length > 0 || (await world.store.controller(site, id)) !== null) return said
  return refuse('controller-unknown', `${site}/${id}`, 'a registered controller', 'none of that name')
}

/** Controller-days that a rate is given by. */
const THOUSAND_DAYS = 1000 * 86_400_000

export async function incidents(world: FleetWorld, words: Words): Promise<IncidentsView[] | Refusal> {
  const query = parseQuery(words, world.clock.now())
  if (isRefusal(query)) return query
  return (await world.store.inventory.experience(query.classes ?? null)).map(incidentsView)
}

function incidentsView({ class: of, version, watched, counts }: Experience): IncidentsView {
  const rates = INCIDENTS.map(kind => {
    const rate = rateOf(counts[kind], watched / THOUSAND_DAYS)
    const { rate: each = null, low = null, high = null } = rate ?? {}
    return [kind, { count: counts[kind], rate: each, low, high }] as const
  })
  return {
    class: of,
    version,
    controllerDays: watched / 86_400_000,
    incidents: Object.fromEntries(rates) as IncidentsView['incidents'],
  }
}

/** Controllers of one call at most, but for the last site's: a third of a second of one core. */
const CHECKED = 2000

export async function check(world: FleetWorld, after: string | null): Promise<CheckView> {
  const { findings, ...rest } = await checkStore(world, after, CHECKED)
  return {
    ...rest,
    findings: findings.map(({ code, subject, expected, actual }) => ({ code, subject, expected, actual })),
  }
}

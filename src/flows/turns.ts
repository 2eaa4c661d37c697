import type { FleetBudget, FleetLoad, Load } from '../core/campaign/load.ts'
import { NO_LOAD, plus } from '../core/campaign/load.ts'
import { isWanted } from '../core/campaign/outcome.ts'
import type { PlanHead } from '../core/campaign/plan.ts'
import { type Other, rivalOf } from '../core/campaign/rival.ts'
import { lookOf } from '../core/campaign/rollout.ts'
import { type RolloutPlan, wayBack } from '../core/campaign/rollout-plan.ts'
import {
  type Decision,
  isOpen,
  LOOK,
  type RolloutEvent,
  type Seen,
  type SiteStanding,
} from '../core/campaign/rollout-state.ts'
import { lossesOf } from '../core/campaign/rules/loss.ts'
import { dueOf, isOrdered, newTurn, readTurn, runs, stepOf, type Turn, writeTurn } from '../core/campaign/turn.ts'
import type { OrderRow, TurnRow } from '../core/campaign/turn-rows.ts'
import { type Plan, plannedControllers } from '../core/campaign/turns.ts'
import { after, type Instant } from '../core/encoding/units.ts'
import { lastReport, storedSite } from '../core/fleet/attested.ts'
import { type ControllerRef, refKey } from '../core/fleet/inventory.ts'
import { findController } from '../core/fleet/topology.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { RefusalCode } from '../core/refusal/registry.ts'
import { type Opened, openCampaign } from './opened.ts'
import type { FleetChange, FleetWorld } from './ports.ts'
import { releaseAt } from './publish.ts'
import { wrapsOf } from './wrap.ts'

/** The turns that decisions are shown, and what decisions make of them, on their way to one commit. */

/** A turn that a decision has changed, with what it was. `heard`: its controller said so itself, in a signed report. */
type Changed = {
  readonly plan: RolloutPlan
  readonly before: Turn | null
  readonly after: Turn
  readonly heard: boolean
}

/**
 * The turns of one transaction: what was read, and what has changed since. Decisions of one transaction see each other's
 * changes; nothing is durable before the caller commits `change`.
 */
export class Turns {
  readonly #world: FleetWorld
  readonly #changed = new Map<string, Changed>()

  constructor(world: FleetWorld) {
    this.#world = world
  }

  /** A controller's turn in a campaign; null: it has none. */
  async of(campaign: string, ref: ControllerRef): Promise<Turn | null> {
    const changed = this.#changed.get(`${campaign} ${refKey(ref)}`)
    if (changed !== undefined) return changed.after
    const row = await this.#world.store.turns.turn(campaign, ref)
    return row === null ? null : turnOf(row)
  }

  /** What a decision about an event is to be shown. */
  async see({ plan, terms, rollout }: Pick<Opened, 'plan' | 'terms' | 'rollout'>, event: RolloutEvent): Promise<Seen> {
    const { store } = this.#world
    const look = lookOf(terms, rollout, event)
    const turns = new Map<string, Turn>()
    for (const ref of look.named) {
      const turn = await this.of(terms.id, ref)
      if (turn !== null) turns.set(refKey(ref), turn)
    }
    const due = look.due === null ? [] : (await store.turns.due(terms.id, look.due, LOOK)).map(turnOf)
    const next: Turn[] = []
    for (const kind of look.next) {
      if (next.length < LOOK) next.push(...(await store.turns.next(terms.id, kind, LOOK - next.length)).map(turnOf))
    }
    const about = [...due, ...next]
    const standing = rollout.state.at === 'rolling-back' ? about : due.filter(isOrdered)
    const sites = await sitesOf(this.#world, terms.id, standing)
    const claims = await claimsOn(this.#world, terms, about, event.now)
    const staged = await stagedOf(this.#world, plan, terms, due)
    const gone = await goneOf(this.#world, plan, terms, due)
    return { turns, due, next, sites, staged, gone, ...claims, ...(await outOf(this.#world, terms.id, about)) }
  }

  /** Takes a decision in. `heard`: it is about what a controller said itself. */
  take({ terms }: Pick<Opened, 'terms'>, { turns }: Decision, seen: Seen, heard: boolean): void {
    const shown = new Map([...seen.next, ...seen.due, ...seen.turns.values()].map(turn => [refKey(turn), turn]))
    for (const turn of turns) {
      const key = `${terms.id} ${refKey(turn)}`
      const earlier = this.#changed.get(key)
      const before = earlier === undefined ? (shown.get(refKey(turn)) ?? null) : earlier.before
      this.#changed.set(key, { plan: terms, before, after: turn, heard: heard || earlier?.heard === true })
    }
  }

  /** The sites for which something else is ordered now than before. */
  sites(): Set<string> {
    const changed = [...this.#changed.values()]
    return new Set(changed.filter(one => orderOf(one.before) !== orderOf(one.after)).map(({ after }) => after.site))
  }

  /** The turns that are ordered at a site, with what this transaction changes. */
  async orderedAt(site: string): Promise<Map<string, Turn>> {
    const ordered = new Map<string, Turn>()
    for (const row of await this.#world.store.turns.ordered(site)) {
      ordered.set(`${row.campaign} ${refKey(row)}`, turnOf(row))
    }
    for (const [key, { after }] of this.#changed) if (after.site === site) ordered.set(key, after)
    for (const [key, turn] of ordered) if (!isOrdered(turn)) ordered.delete(key)
    return ordered
  }

  /**
   * The rows that the changes come to. `versions`: the director's version in which each site is told. An order that was
   * taken back goes on counting until the site has shown that version, or nobody carries it out any more: the metadata that
   * it stood in has expired, and who began to restart by it at the last moment has had the plan's timeout to come back.
   */
  async change(versions: ReadonlyMap<string, number>): Promise<Pick<FleetChange, 'turns' | 'orders' | 'ended'>> {
    const { store, clock, metadataLife } = this.#world
    const turns: TurnRow[] = []
    const orders: OrderRow[] = []
    const ended: ControllerRef[] = []
    for (const { plan, after: turn, heard } of this.#changed.values()) {
      turns.push(rowOf(plan.id, turn))
      const { site, controller, region, watts, wattHours } = turn
      const order = { site, controller, campaign: plan.id, region, watts, wattHours }
      if (isOrdered(turn)) {
        orders.push({ ...order, takenBack: null })
        continue
      }
      const out = await store.turns.order(turn)
      if (out?.campaign !== plan.id || out.takenBack !== null) continue
      if (heard) ended.push({ site, controller })
      else {
        const until = after(after(clock.now(), metadataLife), plan.timeoutMillis)
        orders.push({ ...order, takenBack: { version: versions.get(site) ?? Number.MAX_SAFE_INTEGER, until } })
      }
    }
    return { turns, orders, ended }
  }
}

/** What tells one order from another; null: nothing is ordered. */
function orderOf(turn: Turn | null): string | null {
  return turn !== null && isOrdered(turn) ? `${turn.at} ${turn.step} ${turn.attempt}` : null
}

/** The release that a turn is ordered, as an index into the plan's. */
export function orderedRelease(plan: RolloutPlan, turn: Turn): number | null {
  if (turn.at === 'assigned') return stepOf(turn).release
  const release = turn.at === 'returning' ? runs(turn) : null
  return release === null ? null : wayBack(plan, release)
}

/**
 * The release that the news of a controller are held against: the one that it is ordered, was ordered last or gets next;
 * for one that has confirmed, what it is to run. Null: nothing is expected of it.
 */
export function wantedRelease(plan: RolloutPlan, turn: Turn): number | null {
  if (turn.at === 'overtaken') return null
  if (turn.at !== 'returning' && turn.at !== 'returned' && turn.at !== 'kept') return stepOf(turn).release
  const release = runs(turn)
  return release === null ? null : wayBack(plan, release)
}

/** Texts of turns that are remembered with what they read as. */
const REMEMBERED = 4096
const remembered = new Map<string, Turn>()

/**
 * A stored turn. Throws `campaign-state-malformed`: the store was changed by somebody else. Whose it is stands beside its text: of
 * a thousand controllers that wait, or were ordered together, most have the same one, which is read once.
 */
export function turnOf(row: TurnRow): Turn {
  const { site, controller, state } = row
  const known = remembered.get(state)
  if (known !== undefined) return { ...known, site, controller }
  const turn = orThrow(readTurn(state, row))
  if (remembered.size >= REMEMBERED) remembered.clear()
  remembered.set(state, turn)
  return turn
}

export function rowOf(campaign: string, turn: Turn): TurnRow {
  const { site, controller, wave, region, at, since } = turn
  const said = at === 'confirmed' || at === 'returned' || (at === 'failed' && turn.result !== 'timeout')
  const { order } = stepOf(turn)
  const due = dueOf(turn)
  const moved = said ? since : null
  return { campaign, site, controller, wave, region, order, at, due, moved, state: writeTurn(turn) }
}

async function sitesOf(
  { store }: FleetWorld,
  campaign: string,
  turns: readonly Turn[],
): Promise<Map<string, SiteStanding>> {
  const sites = new Map<string, SiteStanding>()
  for (const { site } of turns) {
    if (sites.has(site)) continue
    const { moved, kept, back } = await store.turns.site(campaign, site)
    const returning = back.map(turnOf).filter(turn => turn.at !== 'backing-off' || turn.back)
    sites.set(site, { moved, kept, returning })
  }
  return sites
}

/**
 * Of the turns that are due, whose controllers hold the verified image of their order by their last report. One whose order
 * was taken back and given again before its gateway looked does not say so a second time.
 */
async function stagedOf(
  world: FleetWorld,
  plan: PlanHead,
  terms: RolloutPlan,
  due: readonly Turn[],
): Promise<ReadonlySet<string>> {
  const staged = new Set<string>()
  for (const turn of due) {
    const index = isOrdered(turn) && turn.stage === 'ordered' ? orderedRelease(terms, turn) : null
    const release = index === null ? undefined : plan.releases[index]
    const row = release === undefined ? null : await world.store.controller(turn.site, turn.controller)
    const report = row === null ? null : lastReport(row, world.crypto)
    if (release === undefined || report === null || isRefusal(report) || report.staged === undefined) continue
    const released = await releaseAt(world, release)
    if (isRefusal(released)) continue
    const { imageDigest: image, sequence } = released.facts
    if (isWanted(report.staged, { assignment: '', image, sequence })) staged.add(refKey(turn))
  }
  return staged
}

const NO_WRAP: readonly RefusalCode[] = ['campaign-wraps-missing', 'controller-without-decryption-key']

/**
 * Of the turns that are due, whose controllers are ordered nothing, whatever their turns say (`ordersAt` in direct.ts), and
 * why. Asked at their timeout alone: what is away for less than that may come back, and costs the campaign nothing more.
 */
async function goneOf(
  world: FleetWorld,
  plan: PlanHead,
  terms: RolloutPlan,
  due: readonly Turn[],
): Promise<ReadonlyMap<string, string>> {
  const gone = new Map<string, string>()
  for (const turn of due.filter(isOrdered)) {
    const row = await world.store.controller(turn.site, turn.controller)
    const described = await world.store.site(turn.site)
    const site = described === null ? null : storedSite(described.site, `site ${turn.site}`)
    // A description that cannot be read says of nobody that it was taken out.
    if (isRefusal(site)) continue
    if (row === null || site === null || findController(site, turn.controller) === null) {
      gone.set(refKey(turn), 'it was taken out of its site')
      continue
    }
    const release = orderedRelease(terms, turn)
    const envelope = release === null ? undefined : plan.releases[release]
    const wrap = envelope === undefined ? undefined : await wrapsOf(world, turn.site).of(envelope, row.id)
    if (isRefusal(wrap) && NO_WRAP.includes(wrap.code)) gone.set(refKey(turn), `no wrap is to be had: ${wrap.code}`)
  }
  return gone
}

/** Who keeps which controller from this campaign, and for which it has an order out itself. */
async function claimsOn(
  world: FleetWorld,
  terms: RolloutPlan,
  turns: readonly Turn[],
  now: Instant,
): Promise<Pick<Seen, 'rivals' | 'held'>> {
  const rivals = new Map<string, string>()
  const held = new Set<string>()
  const alone = (await world.store.openCampaigns()).every(({ id }) => id === terms.id)
  // A site's at once: thousands of turns are of few sites.
  const out = new Map<string, ReadonlyMap<string, OrderRow>>()
  for (const turn of turns) {
    if (isOrdered(turn)) continue
    const { site, controller } = turn
    const there = out.get(site) ?? (await world.store.turns.orders(site))
    out.set(site, there)
    const order = there.get(controller)
    if (order?.campaign === terms.id) held.add(refKey(turn))
    const others = alone ? [] : await othersOf(world, terms.id, turn)
    const rival = rivalOf(terms, order?.campaign ?? null, others, now)
    if (rival !== null) rivals.set(refKey(turn), rival)
  }
  return { rivals, held }
}

async function othersOf(world: FleetWorld, campaign: string, ref: ControllerRef): Promise<Other[]> {
  const others: Other[] = []
  for (const row of await world.store.turns.of(ref)) {
    if (row.campaign === campaign) continue
    const { terms, rollout } = orThrow(await openCampaign(world, row.campaign))
    if (isOpen(rollout)) others.push({ plan: terms, rollout, turn: turnOf(row) })
  }
  return others
}

/** What is out in all, and the budgets of the other campaigns that have something out: theirs hold too. */
export async function outOf(
  world: FleetWorld,
  campaign: string,
  turns: readonly Turn[],
): Promise<{ load: FleetLoad; limits: readonly FleetBudget[] }> {
  let fleet: Load = NO_LOAD
  const regions = new Map<string, Load>()
  const others = new Set<string>()
  if (turns.length === 0) return { load: { fleet, regions }, limits: [] }
  for (const { campaign: of, region, ...load } of await world.store.turns.load()) {
    fleet = plus(fleet, load)
    regions.set(region, plus(regions.get(region) ?? NO_LOAD, load))
    if (of !== campaign) others.add(of)
  }
  const limits: FleetBudget[] = []
  for (const id of others) {
    // One that cannot be read any more had budgets too: nothing is ordered until somebody has seen to it.
    limits.push(...orThrow(await openCampaign(world, id)).terms.budgets)
  }
  return { load: { fleet, regions }, limits }
}

/**
 * The turns of a new campaign: where each controller is, and what its plant is without while it restarts, as the sites'
 * descriptions say it now. Refuses what `storedSite` refuses.
 */
export async function firstTurns(world: FleetWorld, plan: Plan): Promise<TurnRow[] | Refusal> {
  const rows: TurnRow[] = []
  const sites = new Map<string, SiteFacts>()
  for (const { site, controller, wave, steps } of plannedControllers(plan)) {
    let facts = sites.get(site)
    if (facts === undefined) {
      const found = await factsOf(world, site)
      if (isRefusal(found)) return found
      facts = found
      sites.set(site, facts)
    }
    const seat = { site, controller, wave, steps, region: facts.region, ...facts.losses(controller) }
    rows.push(rowOf(plan.id, newTurn(seat, plan.createdAt)))
  }
  return rows
}

/** Of a site what the seats of its controllers say. */
type SiteFacts = { readonly region: string; readonly losses: ReturnType<typeof lossesOf> }

async function factsOf({ store }: FleetWorld, id: string): Promise<SiteFacts | Refusal> {
  const row = await store.site(id)
  if (row === null) return refuse('site-unknown', `site ${id}`, 'a registered site', 'none of that name')
  const site = storedSite(row.site, `site ${id}`)
  if (isRefusal(site)) return site
  return { region: site.region, losses: lossesOf(site) }
}

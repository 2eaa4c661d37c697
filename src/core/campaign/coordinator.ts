import type { Instant, Millis } from '../encoding/units.ts'
import { DEFAULT_AGE } from '../fleet/redundancy.ts'
import type { Duty, Site, SiteController } from '../fleet/topology.ts'
import type { Doubt } from './clock-line.ts'
import { Openings } from './openings.ts'
import type { Standing } from './outcome.ts'
import { judgeAll } from './rules/permissives.ts'
import { type Reading, readingsOf } from './rules/readings.ts'
import {
  groupResource,
  isMissing,
  isSurelyMissing,
  type Known,
  type Resource,
  type RuleSet,
  resourcesOf,
  type Stock,
  stockOf,
} from './rules/resource.ts'
import { type No, no, type Wait } from './rules/wait.ts'
import { campaignOf, type FailedTry, releaseOf, type SiteWork } from './site-work.ts'
import { StepOrder } from './step-order.ts'
import type { PlannedStep, Terms } from './terms.ts'
import { type Versions, VersionsBeside } from './versions-beside.ts'

/**
 * Everything that decides whose turn it is at a site.
 * - `work`: of all controllers; `until`: of each controller with an order, until when what it was ordered by holds.
 * - `terms`, by campaign: of those that have an order here, or somebody offline. `steps`: their steps at this site.
 * - `versions`: what runs, and what those with an order become.
 * - `failed`: tries under the plans that are held, also of orders that were taken back since.
 * - `standings`: how each controller stands by its own last word; one that is not in it has never reported.
 * - `restarting`: how many may be restarting by the gateway's own config, beside all rules.
 * - `now`: the time that never goes back, for expiry. `clock`: what the clock shows, for windows and readings. `doubts`:
 *   while the clock cannot be believed alone, the other times that count too.
 */
export type Situation = {
  readonly site: Site
  readonly work: ReadonlyMap<string, SiteWork>
  readonly until: ReadonlyMap<string, Instant>
  readonly terms: ReadonlyMap<string, Terms>
  readonly steps: readonly PlannedStep[]
  readonly versions: Versions
  readonly failed: readonly FailedTry[]
  readonly standings: ReadonlyMap<string, Standing>
  readonly readings: Iterable<Reading>
  readonly restarting: number
  readonly now: Instant
  readonly clock: Instant
  readonly doubts: readonly Doubt[]
}

/** A turn: from now on the controller is away. It may begin to restart until `latest`, and not later. */
export type Grant = { readonly controller: string; readonly campaign: string; readonly latest: Instant }

export type Coordination = { readonly grants: readonly Grant[]; readonly waits: readonly Wait[] }

/** A controller that waits for its turn. */
type Waiting = {
  readonly controller: SiteController
  readonly duty: Duty
  readonly restart: Millis
  readonly campaign: string
  /** How the SHA-256 of the envelope begins that it is to take. */
  readonly release: string
  readonly priority: number
  readonly since: Instant
}

const RANK: Readonly<Record<Duty, number>> = { auxiliary: 0, control: 1, protection: 2, power: 3 }

/**
 * Decides whose turn it is to restart, and why everybody else waits. A turn needs all of: an order that still holds; an open
 * window in which the whole restart fits, and no blackout; its place in the plan's order; versions beside it that it goes
 * together with; every permissive; room in every
 * budget and redundancy group beside all who are offline. The site's limits, the campaign's rules, and the budgets of every
 * campaign that has somebody offline hold together. Who waits longest of the highest priority is asked first; what it
 * waits for is kept for it, so that smaller ones do not pass it for ever.
 */
export function coordinate(situation: Situation): Coordination {
  return new Round(situation).decide()
}

/** One look at a site: what it has given so far counts for the next. */
class Round {
  readonly #s: Situation
  readonly #stock: Stock
  readonly #known: Known
  readonly #order: StepOrder
  readonly #versions: VersionsBeside
  readonly #offline = new Set<string>()
  /** Who is out of service for another reason, by itself and not because of what it is behind; and whether that is sure. */
  readonly #missing: readonly (readonly [id: string, sure: boolean])[]
  readonly #openings: Openings
  /** Of each controller the redundancy groups that it has to do with, itself or by those behind it. */
  readonly #groups = new Map<string, Resource[]>()
  /** By whose rules they are: `limits`, or a campaign. */
  readonly #resources = new Map<string, Resource[]>()
  /** Campaigns with somebody offline: their budgets hold for everybody. */
  readonly #active = new Set<string>()
  /** By campaign: who has failed and not confirmed since, with the assignments that failed. */
  readonly #failed = new Map<string, Map<string, Set<string>>>()
  /** Of each campaign an auxiliary board that has still to go. */
  readonly #auxiliary = new Map<string, string>()
  /** Room that is kept in a resource, by its key, and for whom first. */
  readonly #kept = new Map<string, { readonly first: string; readonly amount: number }>()

  constructor(situation: Situation) {
    const { site, work, readings, standings, clock, steps, versions } = situation
    this.#s = situation
    this.#openings = new Openings(situation)
    this.#stock = stockOf(site)
    this.#known = { readings: readingsOf(readings), standings, clock }
    this.#order = new StepOrder(site, steps)
    this.#versions = new VersionsBeside(site, versions)
    for (const one of situation.failed) this.#fail(one)
    for (const [id, state] of work) {
      const campaign = campaignOf(state)
      if (state.at === 'granted' || state.at === 'leaving') {
        this.#offline.add(id)
        if (campaign !== null) this.#active.add(campaign)
      }
      if (state.at === 'done' && state.result !== 'confirmed' && campaign !== null) {
        this.#fail({ campaign, controller: id, assignment: state.assignment })
      }
    }
    // Somebody at the site may have begun what nobody here gave a turn for.
    for (const [id, standing] of standings) if (standing === 'busy') this.#offline.add(id)
    const missing = new Set(site.controllers.map(({ id }) => id).filter(id => isMissing(id, this.#known)))
    const isAway = (id: string): boolean => missing.has(id) || this.#offline.has(id)
    this.#missing = [...missing]
      .filter(id => !(this.#stock.flow.above.get(id) ?? []).some(isAway))
      .map(id => [id, isSurelyMissing(id, DEFAULT_AGE, this.#known)])
    for (const controller of site.controllers) {
      const state = work.get(controller.id)
      if (state?.at !== 'staged' && state?.at !== 'granted') continue
      const campaign = site.classes[controller.class]?.duty === 'auxiliary' ? campaignOf(state) : null
      // One that the plan itself puts behind others keeps nobody back: they would wait for each other.
      if (campaign !== null && this.#order.before(campaign, controller, releaseOf(state)) === null) {
        this.#auxiliary.set(campaign, controller.id)
      }
    }
  }

  #fail({ campaign, controller, assignment }: FailedTry): void {
    const of = this.#failed.get(campaign) ?? new Map<string, Set<string>>()
    this.#failed.set(campaign, of)
    of.set(controller, (of.get(controller) ?? new Set()).add(assignment))
  }

  decide(): Coordination {
    this.#fillGroups()
    const grants: Grant[] = []
    const waits: Wait[] = []
    for (const one of this.#queue()) {
      const judged = this.#judge(one)
      const { id } = one.controller
      if ('latest' in judged) {
        grants.push({ controller: id, campaign: one.campaign, latest: judged.latest })
        this.#take(one)
      } else waits.push({ ...judged, controller: id, sentence: `${nameOf(one.controller)} waits: ${judged.because}.` })
    }
    return { grants, waits }
  }

  /** Who waits, in the order in which they are asked. */
  #queue(): Waiting[] {
    const { site, work, terms } = this.#s
    const waiting = site.controllers.flatMap((controller): Waiting[] => {
      const state = work.get(controller.id)
      const of = site.classes[controller.class]
      if (state?.at !== 'staged' || of === undefined) return []
      const campaign = campaignOf(state) ?? ''
      const what = { campaign, release: releaseOf(state), priority: terms.get(campaign)?.priority ?? 0 }
      return [{ controller, duty: of.duty, restart: of.restart, ...what, since: state.since }]
    })
    return waiting.sort(
      (a, b) =>
        b.priority - a.priority ||
        RANK[a.duty] - RANK[b.duty] ||
        a.since - b.since ||
        (a.controller.id < b.controller.id ? -1 : 1),
    )
  }

  #judge(one: Waiting): { latest: Instant } | No {
    const opening = this.#expired(one) ?? this.#failures(one) ?? this.#openings.of(one.campaign, one.restart)
    if (!('latest' in opening)) return opening
    return this.#before(one) ?? this.#permissives(one) ?? this.#room(one) ?? opening
  }

  /** What was ordered by metadata or a plan that has expired waits for news from the fleet. */
  #expired({ controller, campaign }: Waiting): No | null {
    const { until, now, terms } = this.#s
    const ends = until.get(controller.id)
    const unread = [...this.#active].find(active => !terms.has(active))
    if (unread !== undefined) {
      const because = `campaign ${unread} has somebody away here, and its rules are not held: they cannot be kept`
      return no('expired', unread, because)
    }
    if (ends !== undefined && now < ends && terms.has(campaign)) return null
    return no('expired', campaign, 'what it was ordered by has expired; the gateway waits for news from the fleet')
  }

  /**
   * A release that failed here more often than its plan allows stops here, whether the fleet can be heard or not, and
   * whatever it orders anew. Who has failed and may try again waits for those alone who may not: they would wait for each
   * other. Nobody is kept from going back.
   */
  #failures({ controller: { id }, campaign, release }: Waiting): No | null {
    const terms = this.#s.terms.get(campaign)
    const failed = this.#failed.get(campaign)
    if (terms === undefined || failed === undefined) return null
    const { maxFailures: most, back } = terms
    const tries = terms.tries ?? Number.POSITIVE_INFINITY
    const own = failed.get(id) ?? new Set()
    const before = [...own].filter(one => one.split('/')[1] === release).length
    if (before >= tries) {
      const because = `it has failed ${before} times in campaign ${campaign}, and may no more`
      return no('failures', campaign, because, { value: String(before), threshold: `fewer than ${tries}` })
    }
    if (most === null || back.some(one => release !== '' && one.startsWith(release))) return null
    const count = [...failed.values()].filter(of => own.size === 0 || of.size >= tries).length
    if (count <= most) return null
    const because = `${count} controllers of campaign ${campaign} have failed at this site, at most ${most} may`
    return no('failures', campaign, because, { value: String(count), threshold: `at most ${most}` })
  }

  /** The site's limits and the campaign's rules: both hold. */
  #sets(campaign: string): RuleSet[] {
    const { site, terms } = this.#s
    const rules = terms.get(campaign)?.rules
    const limits = { by: 'limits of the site', rules: site.limits }
    return rules === undefined ? [limits] : [limits, { by: `campaign ${campaign}`, rules }]
  }

  /** Steps of a lower order in its circle, and auxiliary boards, go before; and versions beside it may have to change. */
  #before({ controller, campaign, release, duty }: Waiting): No | null {
    const first = this.#order.before(campaign, controller, release)
    if (first === controller.id) {
      const because = `campaign ${campaign} has an earlier step for it, and what it was ordered comes later`
      return no('order', first, because)
    }
    if (first !== null) {
      const because = `${first} goes before it in campaign ${campaign}, and has not confirmed its step yet`
      return no('order', first, because)
    }
    const board = duty === 'auxiliary' ? undefined : this.#auxiliary.get(campaign)
    if (board === undefined) return this.#versions.before(controller)
    return no('auxiliary', board, `auxiliary boards go first, and ${board} is not through yet`)
  }

  #permissives({ controller, campaign }: Waiting): No | null {
    const permissives = this.#sets(campaign).flatMap(({ rules }) => rules.permissives)
    const feeder = this.#stock.flow.feeder.get(controller.id) ?? null
    return judgeAll(permissives, { ...controller, feeder }, this.#known.readings, this.#s.clock)
  }

  /** Room in everything that is limited; what there is no room in is kept for who was refused it first. */
  #room({ controller: { id }, campaign }: Waiting): No | null {
    const whose = new Set(['limits', ...this.#active, campaign])
    const resources = [...[...whose].flatMap(one => this.#of(one)), ...(this.#groups.get(id) ?? [])]
    const taken = resources.filter(resource => resource.with(id) > resource.taken())
    const full = resources.find(resource => resource.isFull(id))
    if (full !== undefined) {
      this.#keep(id, taken)
      return full.refuses(id)
    }
    const kept = taken.find(
      resource => resource.with(id) + (this.#kept.get(resource.key)?.amount ?? 0) > resource.limit,
    )
    if (kept === undefined) return null
    const { first } = this.#kept.get(kept.key)!
    return no('turn', first, `${first} goes first, and waits for room (${kept.key})`)
  }

  /**
   * Keeps room for who goes first and has none yet: all of what is full, and its part of the rest. Only room that comes when
   * others are through: what never comes, or what the plant itself lacks, would hold everybody up.
   */
  #keep(id: string, taken: readonly Resource[]): void {
    if (taken.some(resource => resource.alone(id) > resource.limit)) return
    for (const resource of taken) {
      const before = this.#kept.get(resource.key)
      const part = resource.isFull(id) ? Number.POSITIVE_INFINITY : resource.with(id) - resource.taken()
      this.#kept.set(resource.key, { first: before?.first ?? id, amount: (before?.amount ?? 0) + part })
    }
  }

  #of(whose: string): Resource[] {
    const known = this.#resources.get(whose)
    if (known !== undefined) return known
    const made =
      whose === 'limits'
        ? this.#limits()
        : this.#sets(whose)
            .slice(1)
            .flatMap(set => resourcesOf(set, this.#stock))
    for (const resource of made) {
      for (const [id, sure] of this.#missing) resource.lack(id, sure)
      for (const id of this.#offline) resource.add(id)
    }
    this.#resources.set(whose, made)
    return made
  }

  #limits(): Resource[] {
    const { site, restarting } = this.#s
    const own = { by: 'the gateway’s config', rules: { ...site.limits, restarting, budgets: [] } }
    const sets: RuleSet[] = [own, { by: 'limits of the site', rules: site.limits }]
    return sets.flatMap(set => resourcesOf(set, this.#stock))
  }

  /** Redundancy groups, each under all whom it has to do with. */
  #fillGroups(): void {
    const { flow } = this.#stock
    for (const group of this.#s.site.groups) {
      const resource = groupResource(group, flow, this.#known)
      for (const id of this.#offline) resource.add(id)
      for (const id of new Set(group.members.flatMap(member => [member, ...(flow.above.get(member) ?? [])]))) {
        const known = this.#groups.get(id)
        if (known === undefined) this.#groups.set(id, [resource])
        else known.push(resource)
      }
    }
  }

  #take({ controller: { id }, campaign }: Waiting): void {
    this.#active.add(campaign)
    this.#versions.take(id)
    this.#of(campaign)
    this.#offline.add(id)
    for (const resources of this.#resources.values()) for (const resource of resources) resource.add(id)
    for (const resource of this.#groups.get(id) ?? []) resource.add(id)
  }
}

/** How people call a controller: its id, and the rack that it is in. */
export function nameOf({ id, rack }: Pick<SiteController, 'id' | 'rack'>): string {
  return rack === undefined ? id : `${id} (rack ${rack})`
}

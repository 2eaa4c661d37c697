import type { Book } from '../../src/core/campaign/book.ts'
import { tally } from '../../src/core/campaign/rollout-state.ts'
import { isOrdered } from '../../src/core/campaign/turn.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { seeded, seedOf } from '../clock/random.ts'
import type { Totals } from '../plant/bill.ts'
import type { Fate } from '../plant/site-run.ts'
import { Watch } from '../plant/watch.ts'
import { BAD, campaignsOf, planOf, regionBudget, soakOf, type YearCampaign } from './campaigns.ts'
import { type Ordered, YearFleet } from './fleet.ts'
import { siteOf, type YearSite } from './sites.ts'

export type YearOptions = {
  readonly sites: number
  readonly days: number
  readonly from: Instant
  readonly seed: number
  /** How often everybody looks, in milliseconds. */
  readonly step: number
  readonly progress?: (line: string) => void
}

/** What a year came to. `faults`: everything that must never be; nothing, when all is well. */
export type YearResult = {
  readonly faults: readonly string[]
  readonly turns: number
  readonly campaigns: readonly {
    readonly id: string
    readonly state: string
    /** Why it was halted; empty: it was not. */
    readonly why: string
    readonly confirmed: number
    readonly failed: number
    /** Controllers that tried the release, or refused it. */
    readonly touched: number
    readonly canary: number
    readonly total: number
  }[]
  /** What updates cost all plants together, and what came by itself. */
  readonly update: Totals
  readonly nature: Totals
  /** The most controllers of one region that one campaign had out at once. */
  readonly most: number
  /** Reasons for which controllers waited, by rule, counted at each look. */
  readonly waits: Readonly<Record<string, number>>
}

/** What is wrong with a year; nothing, when all is well. */
export function judgeYear({ faults, turns, update, campaigns }: YearResult): string[] {
  const wrong = [...faults]
  for (const [name, cost] of Object.entries(update))
    if (cost > 0) wrong.push(`updates cost the plants: ${name} ${cost}`)
  if (turns === 0) wrong.push('nobody got a turn')
  for (const { id, state, touched, canary, confirmed, total } of campaigns.filter(({ id: name }) => name === BAD)) {
    if (state === 'halted' && touched <= canary && confirmed === 0) continue
    wrong.push(`${id} did not stop at its canary: ${state}, ${touched} of ${total} tried it`)
  }
  return wrong
}

const MINUTE = 60_000

type Place = YearSite & { readonly watch: Watch; reports: number; readonly told: Map<string, string> }

/** Lets a fleet live for so many days. The same options give the same result, bit by bit. */
export function liveThrough(options: YearOptions): YearResult {
  return new Year(options).run()
}

class Year {
  readonly #options: YearOptions
  readonly #places: Place[]
  readonly #fleet = new YearFleet()
  readonly #campaigns: YearCampaign[]
  readonly #coming: YearCampaign[]
  readonly #waits: Record<string, number> = {}
  readonly #faults: string[] = []
  readonly #persons = new Map<Book, number>()
  /** The most controllers of one region that one campaign had out. */
  #most = 0

  constructor(options: YearOptions) {
    const { sites, seed, from, days } = options
    this.#options = options
    this.#campaigns = campaignsOf(from, days)
    this.#coming = [...this.#campaigns]
    this.#places = Array.from({ length: sites }, (_, n) => {
      const made = siteOf(n, seed, from, days)
      // Each turn is judged by the rules of its own campaign, beside the site's limits.
      const watch = new Watch(made.site, made.plant, [])
      return { ...made, watch, reports: 0, told: new Map<string, string>() }
    })
  }

  run(): YearResult {
    const { from, days, step, progress } = this.#options
    const end = from + days * 24 * 60 * MINUTE
    for (let at: number = from; at < end; ) {
      at = Math.min(end, this.#next(at) ?? at + step)
      const now = instant(at)
      this.#begin(now)
      for (const place of this.#places) this.#look(place, now)
      this.#fleet.tick(now)
      this.#count()
      this.#people(now)
      if (progress !== undefined && (at - from) % (30 * 24 * 60 * MINUTE) < step)
        progress(`day ${Math.round((at - from) / 86_400_000)}`)
    }
    for (const { plant } of this.#places) plant.advance(instant(end))
    return this.#result()
  }

  /** Nothing is open: time leaps to the next campaign. Null: somebody is at work. */
  #next(at: number): number | null {
    if (this.#fleet.open().length > 0 || this.#places.some(({ run }) => !run.quiet)) return null
    const next = this.#coming[0]
    const { from, days } = this.#options
    return next === undefined ? from + days * 24 * 60 * MINUTE : Math.max(next.from, at + 1)
  }

  /** What each campaign has out in each region, counted by hand. */
  #count(): void {
    const most = regionBudget(this.#options.sites)
    for (const { plan, turns } of this.#fleet.open()) {
      const out = new Map<string, number>()
      for (const turn of turns.values()) if (isOrdered(turn)) out.set(turn.region, (out.get(turn.region) ?? 0) + 1)
      for (const [region, count] of out) {
        this.#most = Math.max(this.#most, count)
        if (count > most) this.#faults.push(`${count} controllers of ${region} out in ${plan.id}, ${most} may`)
      }
    }
  }

  /** Campaigns whose day has come are approved and started. */
  #begin(now: Instant): void {
    for (let next = this.#coming[0]; next !== undefined && next.from <= now; next = this.#coming[0]) {
      this.#coming.shift()
      const random = seeded(seedOf(`${next.id}/${this.#options.seed}`))
      const { plan, seats } = planOf(
        next,
        this.#places.map(({ site }) => site),
        random,
        soakOf(this.#options.days),
      )
      const book = this.#fleet.add({ ...plan, createdAt: next.from }, seats)
      this.#fleet.tell(book, { kind: 'approve', now })
      this.#fleet.tell(book, { kind: 'start', now })
    }
  }

  /** One look at a site: news from the fleet while the link is up, then whoever may go. */
  #look(place: Place, now: Instant): void {
    const { run, plant, watch } = place
    if (run.quiet && this.#fleet.open().length === 0) return
    plant.advance(now)
    if (!plant.linkDown()) this.#meet(place, now)
    if (run.quiet) return
    for (const grant of run.tick(now)) {
      const rules = this.#campaigns.filter(({ id }) => id === grant.campaign).map(one => one.rules)
      watch.granted(grant, rules)
      if (this.#stopped(grant.campaign, place, grant.controller)) {
        this.#faults.push(`${place.site.site}/${grant.controller} got a turn in ${grant.campaign} after it stopped`)
      }
    }
    watch.look()
    for (const { rule } of run.waits) this.#waits[rule] = (this.#waits[rule] ?? 0) + 1
  }

  /** A campaign that was halted gives no turns where its site could hear of it. */
  #stopped(campaign: string, { plant, told }: Place, controller: string): boolean {
    const book = this.#fleet.books.find(({ plan }) => plan.id === campaign)
    return book?.head.state.at === 'halted' && !plant.linkDown() && told.get(controller) === undefined
  }

  /** The site hands over what it has to report, and takes what is ordered now. */
  #meet(place: Place, now: Instant): void {
    const { run, site, told } = place
    for (const { controller, assignment, result } of run.reported()) {
      place.reports += 1
      const book = this.#fleet.books.find(({ plan }) => assignment.startsWith(`${plan.id}/`))
      if (book === undefined) continue
      const ref = { site: site.site, controller }
      this.#fleet.tell(book, { kind: 'outcome', now, ...ref, report: place.reports, result })
    }
    const refs = site.controllers.map(({ id }) => ({ site: site.site, controller: id }))
    const ordered = new Map(this.#fleet.orderedAt(refs).map(one => [one.turn.controller, one]))
    for (const { controller } of refs) {
      const one = ordered.get(controller)
      const assignment = one === undefined ? undefined : assignmentOf(one)
      if (one !== undefined && assignment !== undefined && told.get(controller) !== assignment)
        this.#order(place, one, assignment)
      if (assignment === undefined && told.has(controller)) run.withdraw(controller)
      if (assignment === undefined) told.delete(controller)
      else told.set(controller, assignment)
      const { at } = run.workOf(controller)
      if (one !== undefined && (at === 'staged' || at === 'granted')) {
        this.#fleet.tell(one.book, { kind: 'heard', now, site: site.site, controller, reportedAt: now, stage: at })
      }
    }
  }

  #order({ run, site }: Place, { book, turn }: Ordered, assignment: string): void {
    const campaign = this.#campaigns.find(({ id }) => id === book.plan.id) as YearCampaign
    const { controller } = turn
    run.terms.set(campaign.id, {
      rules: campaign.rules,
      priority: campaign.priority,
      maxFailures: null,
      tries: null,
      back: [],
    })
    const order = turn.steps[0]?.order ?? 0
    run.steps = [
      ...run.steps.filter(one => one.controller !== controller || one.campaign !== campaign.id),
      // The name of a turn in the simulation has the controller where a real one has the release.
      { campaign: campaign.id, controller, release: controller, order, confirmed: false },
    ]
    const fate = fateOf(
      campaign,
      seeded(seedOf(`${site.site}/${assignment}/${this.#options.seed}`)),
      restartOf(site, controller),
    )
    run.order({ controller, assignment, until: book.plan.notAfter, fate })
  }

  /** People at the fleet: a campaign that a gate has paused is looked at after a day, and goes on if it may. */
  #people(now: Instant): void {
    for (const book of this.#fleet.open()) {
      if (book.head.state.at !== 'paused') {
        this.#persons.delete(book)
        continue
      }
      const since = this.#persons.get(book) ?? now
      this.#persons.set(book, since)
      if (now - since < 24 * 60 * MINUTE) continue
      const resumed = this.#fleet.tell(book, { kind: 'resume', now })
      if (isRefusal(resumed)) this.#fleet.tell(book, { kind: 'halt', now, reason: resumed.code })
    }
  }

  #result(): YearResult {
    const faults = [...this.#faults]
    for (const { site, watch } of this.#places) faults.push(...watch.end().map(fault => `${site.site}: ${fault}`))
    const campaigns = this.#fleet.books.map(book => {
      const { confirmed, failed, total } = tally(book.head)
      const canary = book.plan.waves[0]?.controllers ?? 0
      const touched = [...book.turns.values()].filter(turn => turn.report > 0).length
      const { state } = book.head
      const why = state.at === 'halted' ? state.reason : ''
      return { id: book.plan.id, state: state.at, why, confirmed, failed, total, touched, canary }
    })
    for (const book of this.#fleet.open()) faults.push(`${book.plan.id} is still ${book.head.state.at}`)
    const sum = (by: 'update' | 'nature'): Totals =>
      this.#places
        .map(({ plant }) => plant.bill.totals(by))
        .reduce(
          (all, one) =>
            Object.fromEntries(Object.entries(all).map(([k, v]) => [k, v + one[k as keyof Totals]])) as Totals,
        )
    const turns = this.#places.reduce((all, { watch }) => all + watch.turns, 0)
    return {
      faults,
      turns,
      campaigns,
      update: sum('update'),
      nature: sum('nature'),
      waits: this.#waits,
      most: this.#most,
    }
  }
}

const assignmentOf = ({ book, turn }: Ordered): string => `${book.plan.id}/${turn.controller}/${turn.attempt}`

const restartOf = (site: YearSite['site'], id: string): number => {
  const found = site.controllers.find(one => one.id === id)
  return found === undefined ? 0 : (site.classes[found.class]?.restart ?? 0)
}

function fateOf({ bad }: YearCampaign, random: () => number, restart: number): Fate {
  const ends = random() < bad ? 'reverted' : 'confirmed'
  return { staging: MINUTE * (5 + 120 * random()), away: restart * (0.2 + 0.75 * random()), ends }
}

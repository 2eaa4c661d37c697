import type { Crypto } from '../encoding/crypto.ts'
import { after, type Instant, instant, type Millis, millis } from '../encoding/units.ts'
import { refKey } from '../fleet/inventory.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { refuseNeverFits } from './draft-budgets.ts'
import { goalsOf, type PublishedRelease } from './draft-fit.ts'
import { isWithin, misspelt, selector } from './draft-select.ts'
import { draftSite, type PassedOver, type SourceSite, type Turn } from './draft-site.ts'
import { openingCheck, type TimedSite } from './draft-times.ts'
import { type DrawnWave, drawWaves } from './draft-waves.ts'
import type { Gate } from './gate.ts'
import { shelfOf } from './path-shelf.ts'
import { checkPlan, checkPlanLength, type Membership, type PlanBody } from './plan.ts'
import type { PlanRequest, WaveRequest } from './plan-request.ts'
import { type ProvenSheet, proveSheets, type Sheet, type SheetTurn } from './sheet.ts'
import type { Plan } from './turns.ts'

/**
 * What the plan is made from: when and by whom, and what is published (all of it: any release may be running, or a stepping
 * stone). Who stands in another campaign too waits for it when the time comes (rival.ts).
 */
export type PlanSources = {
  readonly createdAt: Instant
  readonly createdBy: string
  readonly releases: ReadonlyMap<string, PublishedRelease>
}

/**
 * The plan, its sheets with their proofs in order of site, its waves with who is in them, and the controllers that matched
 * the selection but are not in it, each with the reason.
 */
export type Draft = {
  readonly plan: Plan
  readonly sheets: readonly ProvenSheet[]
  readonly waves: readonly DrawnWave[]
  readonly passedOver: readonly PassedOver[]
  /** What is to be known of the sites of the plan, by site. */
  readonly places: ReadonlyMap<string, DraftPlace>
}

/**
 * A site of a plan: where it is, its own rules, how long the longest restart there takes, and how many restarts any order of
 * its steps takes.
 */
export type DraftPlace = TimedSite & { readonly restart: Millis; readonly leastRestarts: number }

/** One controller of each class first, and then the rest: the usual waves. */
export function canaryThenRest(soakMillis: Millis, gate: Gate): readonly WaveRequest[] {
  return [
    { name: 'canary', soakMillis, gate: { minSuccessPercent: 100, maxFailures: 0 }, take: { by: 'class', count: 1 } },
    { name: 'rest', soakMillis, gate, take: { by: 'rest' } },
  ]
}

/**
 * A plan in the making: it is given one site after the other, so that a fleet need not be in memory at once, and is made when
 * all were given.
 */
export type Drafting = {
  /** Takes a site in; sites come in order, each once. Refuses what a controller that was named is refused for. */
  readonly site: (source: SourceSite) => Refusal | null
  /** The sites with a controller that was selected, fit or not: what is said of them is for those who may plan there. */
  readonly touched: () => readonly string[]
  readonly finish: (crypto: Crypto) => Draft | Refusal
}

/**
 * Begins a plan from a request: the same request and the same fleet give the same bytes. A controller that was named
 * must be fit, or the request is refused; one that only matched the selection is passed over with the reason, and when
 * none is left, the first reason refuses the request.
 *
 * Refuses `plan-release-unknown`, `plan-controller-unknown`; and of sites and at the end `plan-release-ambiguous`,
 * `plan-nothing-selected`, `plan-class-mismatch`, `plan-controller-not-attested`,
 * `plan-controller-not-selected`, `controller-without-decryption-key`, `plan-wave-empty`, `plan-waves-overlap`,
 * `plan-controllers-left`, `plan-criticality-mixed`, `plan-window-never-opens`, `campaign-budget-too-small`, `site-unknown`, `rules-hold-nowhere`, what `acceptFor` refuses (class, hardware, slot, floor, version), what
 * `findPath` refuses (no order in which the controllers of a site go on understanding each other), `plan-keys-not-accepted`
 * and `plan-stones-needed` (other releases come first, by name, and the request wants none), and what `checkPlan` refuses.
 */
export function beginPlan(request: PlanRequest, sources: PlanSources): Drafting | Refusal {
  const asked: PublishedRelease[] = []
  for (const [index, { path }] of request.releases.entries()) {
    const release = sources.releases.get(path)
    if (release === undefined) {
      const actual = `none of that path at releases[${index}]`
      return refuse('plan-release-unknown', path, 'a published release', actual)
    }
    if (!asked.includes(release)) asked.push(release)
  }
  const undoing: PublishedRelease[] = []
  for (const [index, { to }] of request.back.entries()) {
    const release = sources.releases.get(to)
    if (release === undefined) {
      return refuse('plan-release-unknown', to, 'a published release', `none of that path at wayBack[${index}].to`)
    }
    undoing.push(release)
  }
  const wrong = misspelt(request.select)
  if (wrong !== null) return wrong
  const { stones, select } = request
  const shelf = shelfOf([...sources.releases.values()])
  const { createdAt } = sources
  const notAfter = endOf(request, createdAt)
  const opens = openingCheck(request.rules, { from: beginOf(request, createdAt), to: notAfter })
  const about = { selects: selector(select), goals: goalsOf(asked), shelf, stones }
  const missing = new Set(select.controllers)
  const unseen = new Set(select.sites)
  const named = select.controllers !== undefined
  const turns: Turn[] = []
  const passedOver: PassedOver[] = []
  const joinable: string[] = []
  const touched: string[] = []
  /** The sites and regions that the plan's rules can hold at. */
  const where = { sites: new Set<string>(), regions: new Set<string>() }
  const places = new Map<string, DraftPlace>()
  let sites = 0
  return {
    site: source => {
      sites += 1
      unseen.delete(source.site.site)
      for (const id of source.known.keys()) missing.delete(refKey({ site: source.site.site, controller: id }))
      const drafted = draftSite(source, about)
      // Only a site with a sheet can take in who comes later.
      const joins = request.joining !== null && isWithin(select, source.site)
      if (joins) joinable.push(source.site.site)
      if (joins || drafted.turns.length > 0) {
        where.sites.add(source.site.site)
        where.regions.add(source.site.region)
      }
      if (drafted.turns.length + drafted.passedOver.length > 0) touched.push(source.site.site)
      const stop = drafted.passedOver.find(({ why }) => named || why.code === 'plan-release-ambiguous')
      if (stop !== undefined) return stop.why
      const { site, region, zone, limits } = source.site
      if (drafted.turns.length > 0) {
        const longest = Math.max(...drafted.turns.map(({ restart }) => restart))
        const never = opens(source.site, millis(longest))
        if (never !== null) return never
        const larger = refuseNeverFits(request.rules, source.site, drafted.turns)
        if (larger !== null) return larger
        const restart = millis(longest)
        places.set(site, { site, region, zone, limits, restart, leastRestarts: drafted.least })
      }
      for (const turn of drafted.turns) turns.push(turn)
      for (const one of drafted.passedOver) passedOver.push(one)
      return null
    },
    touched: () => touched,
    finish: crypto => {
      const [absent] = unseen
      if (absent !== undefined) {
        const actual = `none of that name at select.sites[${select.sites?.indexOf(absent)}]`
        return refuse('site-unknown', `site ${absent}`, 'a registered site', actual)
      }
      const [unknown] = missing
      if (unknown !== undefined) {
        const index = select.controllers?.indexOf(unknown)
        const actual = `an unknown one at select.controllers[${index}]`
        return refuse('plan-controller-unknown', unknown, 'a registered controller, SITE/CONTROLLER', actual)
      }
      if (turns.length === 0 && passedOver.length === 0) {
        const actual = `none at ${sites} ${sites === 1 ? 'site' : 'sites'} at select`
        return refuse('plan-nothing-selected', 'the selection', 'at least one controller', actual)
      }
      if (turns.length === 0) return (passedOver[0] as PassedOver).why
      const draft = finish(request, sources, { asked, undoing, turns, passedOver, joinable, places }, crypto)
      return isRefusal(draft) ? draft : (blackoutNowhere(request, where) ?? draft)
    },
  }
}

/** A blackout of a site or region that is not in the plan (a misspelt one) would be believed to hold, and does not. */
function blackoutNowhere(
  { rules }: PlanRequest,
  where: { readonly sites: ReadonlySet<string>; readonly regions: ReadonlySet<string> },
): Refusal | null {
  for (const [index, blackout] of rules.blackouts.entries()) {
    for (const kind of ['sites', 'regions'] as const) {
      const unknown = blackout[kind]?.find(name => !where[kind].has(name))
      if (unknown === undefined) continue
      const expected = `${kind} of the plan`
      return refuse('rules-hold-nowhere', 'the plan', expected, `"${unknown}" at rules.blackouts[${index}].${kind}`)
    }
  }
  return null
}

/** What all sites came to. `joinable`: those that may take in others later. */
type Gathered = {
  readonly asked: readonly PublishedRelease[]
  /** What undoes others, in the order of the request. */
  readonly undoing: readonly PublishedRelease[]
  readonly turns: readonly Turn[]
  readonly passedOver: readonly PassedOver[]
  readonly joinable: readonly string[]
  readonly places: ReadonlyMap<string, DraftPlace>
}

const endOf = ({ end }: PlanRequest, createdAt: Instant): Instant =>
  'at' in end ? end.at : after(createdAt, end.afterMillis)

const beginOf = ({ notBefore }: PlanRequest, createdAt: Instant): Instant =>
  instant(Math.max(createdAt, notBefore ?? createdAt))

function finish(
  request: PlanRequest,
  { createdAt, createdBy }: PlanSources,
  { asked, undoing, turns, passedOver, joinable, places }: Gathered,
  crypto: Crypto,
): Draft | Refusal {
  // What is asked for and what is passed on the way stand in the plan; what nobody gets does not, but where others join.
  const given = new Set(turns.flatMap(({ steps }) => steps.map(({ release }) => release)))
  const planned = [...asked.filter(release => given.has(release) || request.joining !== null), ...given]
  const inPlan = [...new Set([...planned, ...undoing])]
  const placeOf = (path: string): number => inPlan.findIndex(release => release.path === path)
  // The way back from what nobody gets is none that anybody needs.
  const back = request.back.map(({ of, to }) => ({ of: placeOf(of), to: placeOf(to) })).filter(({ of }) => of >= 0)
  const criticalities = new Map(request.releases.map(one => [one.path, one.criticality ?? request.criticality]))
  const mixed = contentForSafety(turns, criticalities, request)
  if (mixed !== null) return mixed
  const waves = drawWaves(request.id, request.waves, turns, request.joining)
  if (isRefusal(waves)) return waves
  const { proven, root } = proveSheets(crypto, sheetsOf(request.id, joinable, turns, waves, inPlan))
  const body: PlanBody = {
    ...bodyOf(request, waves),
    ...(back.length === 0 ? {} : { back }),
    createdAt,
    createdBy,
    notAfter: endOf(request, createdAt),
    releases: inPlan.map(({ path, sha256, length, facts }) => {
      const criticality = criticalities.get(path) ?? request.criticality
      return { path, sha256, length, class: facts.class, version: facts.version, counter: facts.counter, criticality }
    }),
    membership: membershipOf(request, waves),
    sheets: root,
  }
  const subject = `plan ${request.id}`
  const head = checkPlan(body, subject)
  if (isRefusal(head)) return head
  const long = checkPlanLength(head, subject)
  if (long !== null) return long
  const plan = { ...head, sheetOf: new Map(proven.map(({ sheet }) => [sheet.site, sheet])) }
  return { plan, sheets: proven, waves, passedOver, places }
}

/** Content for a board that protects the plant is firmware that safety depends on, whatever it is called. */
function contentForSafety(
  turns: readonly Turn[],
  criticalities: ReadonlyMap<string, PlanBody['criticality']>,
  { criticality, releases }: PlanRequest,
): Refusal | null {
  const kindOf = (path: string): PlanBody['criticality'] => criticalities.get(path) ?? criticality
  const content = releases.find(({ path }) => kindOf(path) === 'content')
  const guard = turns.find(({ duty }) => duty === 'protection')
  if (content === undefined || guard === undefined) return null
  const expected = 'content, or boards that protect the plant'
  const actual = `both: ${content.path}, and ${refKey(guard)} (${guard.class}) at releases`
  return refuse('plan-criticality-mixed', 'the plan', expected, actual)
}

function membershipOf({ joining, select }: PlanRequest, waves: readonly DrawnWave[]): Membership {
  if (joining === null) return 'fixed'
  const { regions, sites, classes, labels } = select
  const narrowed = Object.entries({ regions, sites, classes, labels }).filter(([, names]) => names !== undefined)
  // A wave that is not there is what `checkPlan` refuses.
  const wave = waves.findIndex(({ name }) => name === joining)
  return { dynamic: true, select: Object.fromEntries(narrowed), wave }
}

/** The sheets: each site's controllers in order, each with its wave and its steps. */
function sheetsOf(
  campaign: string,
  joinable: readonly string[],
  turns: readonly Turn[],
  waves: readonly DrawnWave[],
  releases: readonly PublishedRelease[],
): readonly Sheet[] {
  const waveOf = new Map<Turn, number>()
  for (const [index, { turns }] of waves.entries()) for (const turn of turns) waveOf.set(turn, index)
  const indexOf = new Map(releases.map((release, index) => [release, index]))
  const bySite = new Map<string, SheetTurn[]>(joinable.map(site => [site, []]))
  for (const turn of turns) {
    const at = bySite.get(turn.site) ?? []
    bySite.set(turn.site, at)
    const steps = turn.steps.map(({ release, order }) => ({ release: indexOf.get(release) as number, order }))
    at.push({ controller: turn.controller, wave: waveOf.get(turn) as number, steps })
  }
  const inOrder = [...bySite].sort(([a], [b]) => (a < b ? -1 : 1))
  return inOrder.map(([site, turns]) => ({ kind: 'voltseal-sheet', v: 1, campaign, site, turns }))
}

type Later = 'back' | 'createdAt' | 'createdBy' | 'notAfter' | 'releases' | 'membership' | 'sheets'

/** All of the head that the request says itself. */
function bodyOf(request: PlanRequest, waves: readonly DrawnWave[]): Omit<PlanBody, Later> {
  const { changeRequest, notBefore, deadline } = request
  return {
    kind: 'voltseal-plan',
    v: 2,
    id: request.id,
    title: request.title,
    ...(changeRequest === undefined ? {} : { changeRequest }),
    criticality: request.criticality,
    ...(notBefore === undefined ? {} : { notBefore }),
    priority: request.priority,
    waves: waves.map(({ name, soakMillis, gate, turns }) => ({ name, soakMillis, gate, controllers: turns.length })),
    timeoutMillis: request.timeoutMillis,
    retry: request.retry,
    abort: request.abort,
    rules: request.rules,
    ...(deadline === undefined ? {} : { deadline }),
  }
}

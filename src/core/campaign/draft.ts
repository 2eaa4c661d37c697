import type { Instant, Millis } from '../encoding/units.ts'
import { dependenciesMet } from '../firmware/acceptance.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import type { Version } from '../firmware/version.ts'
import { type FleetController, type Inventory, parseRefKey, refKey } from '../fleet/inventory.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { keyPath, newestFirst } from './key-path.ts'
import { type Criticality, checkPlan, type Gate, type Plan, type PlannedController, type Wave } from './plan.ts'

/**
 * A release as the image repository has it: its envelope's target path, SHA-256 (hex) and length, its own facts, and the ids
 * of the keys whose signatures on it hold.
 */
export type PublishedRelease = {
  readonly path: string
  readonly sha256: string
  readonly length: number
  readonly facts: ReleaseFacts
  readonly signers: readonly string[]
}

/**
 * Which controllers a campaign is for. Each list that is given narrows the selection; `controllers` (as
 * `SITE/CONTROLLER`) names them one by one, and then each of them must be fit.
 */
export type Selection = {
  readonly regions?: readonly string[]
  readonly sites?: readonly string[]
  readonly classes?: readonly string[]
  readonly controllers?: readonly string[]
}

/**
 * How many of the selected controllers that have no wave yet a wave takes, in order of site and id: so many of each
 * class, so many, so many percent of all that are selected (rounded up), the ones that are named, or the rest.
 */
export type Share =
  | { readonly by: 'class'; readonly count: number }
  | { readonly by: 'count'; readonly count: number }
  | { readonly by: 'percent'; readonly percent: number }
  | { readonly by: 'controllers'; readonly controllers: readonly string[] }
  | { readonly by: 'rest' }

export type WaveRequest = {
  readonly name: string
  readonly soakMillis: Millis
  readonly gate: Gate
  readonly take: Share
}

/**
 * What an operator asks for. `releases` are target paths of published envelopes. `stepping`: a controller that does not
 * accept its release's keys yet gets the next release on its way there (key-path.ts); the same request again, once that is
 * confirmed, gives it the one after.
 */
export type PlanRequest = {
  readonly id: string
  readonly title: string
  readonly changeRequest?: string
  readonly criticality: Criticality
  readonly createdAt: Instant
  readonly notBefore?: Instant
  readonly notAfter: Instant
  readonly releases: readonly string[]
  readonly select: Selection
  readonly waves: readonly WaveRequest[]
  readonly timeoutMillis: Millis
  readonly retries: number
  readonly stepping?: boolean
}

/**
 * What the plan is made from: the fleet, what is published of what is asked for, the transition releases (all that are
 * published), and who is taken (`refKey` to the other campaign's id).
 */
export type PlanSources = {
  readonly inventory: Inventory
  readonly releases: ReadonlyMap<string, PublishedRelease>
  readonly stones: readonly PublishedRelease[]
  readonly busy: ReadonlyMap<string, string>
}

/** The plan, and the controllers that matched the selection but are not in it, each with the reason. */
export type Draft = {
  readonly plan: Plan
  readonly passedOver: readonly { readonly site: string; readonly controller: string; readonly why: Refusal }[]
}

/** One controller of each class first, and then the rest: the usual waves. */
export function canaryThenRest(soakMillis: Millis, gate: Gate): readonly WaveRequest[] {
  return [
    { name: 'canary', soakMillis, gate: { minSuccessPercent: 100, maxFailures: 0 }, take: { by: 'class', count: 1 } },
    { name: 'rest', soakMillis, gate, take: { by: 'rest' } },
  ]
}

/**
 * Makes a plan from a request: the same request and the same fleet give the same bytes. A controller that was named
 * must be fit, or the request is refused; one that only matched the selection is passed over with the reason, and when
 * none is left, the first reason refuses the request.
 *
 * Refuses `plan-release-unknown`, `plan-release-ambiguous`, `plan-controller-unknown`, `plan-nothing-selected`,
 * `plan-class-mismatch`, `plan-controller-not-attested`, `plan-controller-busy`, `plan-controller-not-selected`, `controller-without-decryption-key`,
 * `plan-wave-empty`, `plan-controllers-left`, what `acceptFor` refuses (class, hardware, slot, floor, version),
 * `release-dependency-unmet` (by what its neighbours at the site run when it is planned), `plan-keys-not-accepted` (others
 * come first, by name), `plan-key-path-missing`, and what `checkPlan` refuses.
 */
export function buildPlan(request: PlanRequest, sources: PlanSources): Draft | Refusal {
  const releases: PublishedRelease[] = []
  for (const path of new Set(request.releases)) {
    const release = sources.releases.get(path)
    if (release === undefined) return refuse('plan-release-unknown', path, 'a published release', 'none of that path')
    releases.push(release)
  }
  const chosen = choose(request.select, sources.inventory)
  if (isRefusal(chosen)) return chosen
  const named = request.select.controllers !== undefined
  const neighbours = neighboursBySite(sources.inventory)
  const stones = newestFirst(sources.stones)
  const { stepping = false } = request
  const turns: Turn[] = []
  const passedOver: Draft['passedOver'][number][] = []
  for (const controller of chosen) {
    const near = neighbours.get(controller.site) ?? new Map()
    const release = releaseFor(controller, releases, { busy: sources.busy, neighbours: near, stones, stepping })
    if (!isRefusal(release)) turns.push({ controller, release })
    else if (named || release.code === 'plan-release-ambiguous') return release
    else passedOver.push({ site: controller.site, controller: controller.id, why: release })
  }
  if (turns.length === 0) {
    return passedOver[0]?.why ?? refuse('plan-nothing-selected', request.id, 'at least one controller', 'none')
  }
  // Stepping stones stand in the plan beside what was asked for; what nobody gets in this step does not.
  const given = new Set(turns.map(({ release }) => release))
  const inPlan = stepping ? [...given] : releases
  const waves = divide(request, turns, inPlan)
  if (isRefusal(waves)) return waves
  const plan = checkPlan(body(request, inPlan, waves), `plan ${request.id}`)
  return isRefusal(plan) ? plan : { plan, passedOver }
}

type Turn = { readonly controller: FleetController; readonly release: PublishedRelease }

function choose(select: Selection, inventory: Inventory): FleetController[] | Refusal {
  for (const key of select.controllers ?? []) {
    if (parseRefKey(key) === null || !inventory.has(key)) {
      return refuse('plan-controller-unknown', key, 'a registered controller, SITE/CONTROLLER', 'an unknown one')
    }
  }
  const keys = select.controllers === undefined ? null : new Set(select.controllers)
  const chosen: FleetController[] = []
  for (const [key, controller] of inventory) {
    const fits =
      (select.regions?.includes(controller.region) ?? true) &&
      (select.sites?.includes(controller.site) ?? true) &&
      (select.classes?.includes(controller.class) ?? true) &&
      (keys?.has(key) ?? true)
    if (fits) chosen.push(controller)
  }
  if (chosen.length > 0) return chosen
  return refuse('plan-nothing-selected', 'the selection', 'at least one controller', `none of ${inventory.size}`)
}

/** The versions that run at a site, by class. */
type Neighbours = ReadonlyMap<string, readonly Version[]>

/** What the controllers of each site attested that they run: what a release's dependencies are held against. */
function neighboursBySite(inventory: Inventory): ReadonlyMap<string, Neighbours> {
  const sites = new Map<string, Map<string, Version[]>>()
  for (const { site, class: name, attested } of inventory.values()) {
    if (attested === null) continue
    const classes = sites.get(site) ?? new Map<string, Version[]>()
    sites.set(site, classes)
    classes.set(name, [...(classes.get(name) ?? []), attested.running.version])
  }
  return sites
}

/** What decides about one controller beside the releases that are asked for. */
type Around = {
  readonly busy: ReadonlyMap<string, string>
  readonly neighbours: Neighbours
  readonly stones: readonly PublishedRelease[]
  readonly stepping: boolean
}

/** The release that a controller gets, or why it gets none. */
function releaseFor(
  controller: FleetController,
  releases: readonly PublishedRelease[],
  { busy, neighbours, stones, stepping }: Around,
): PublishedRelease | Refusal {
  const key = keyOf(controller)
  const ofClass = releases.filter(({ facts }) => facts.class === controller.class && facts.vendor === controller.vendor)
  const fitting = ofClass.filter(({ facts }) => facts.hardware.includes(controller.hardware))
  if (fitting.length > 1) {
    const actual = fitting.map(release => release.path).join(' and ')
    return refuse('plan-release-ambiguous', key, `one release for ${controller.class}`, actual)
  }
  const release = fitting[0] ?? ofClass[0]
  if (release === undefined) {
    const offered = releases.map(({ facts }) => `${facts.vendor} ${facts.class}`).join(', ')
    return refuse('plan-class-mismatch', key, `a release for ${controller.vendor} ${controller.class}`, offered)
  }
  const { attested } = controller
  if (attested === null) return refuse('plan-controller-not-attested', key, 'a signed report', 'none')
  const way = keyPath({ ...controller, attested }, release, stones)
  if (isRefusal(way)) return way.code === 'plan-key-path-missing' ? way : { ...way, subject: `${key}, ${way.subject}` }
  const first = way[0] as PublishedRelease
  if (first !== release && !stepping) {
    const names = way.slice(0, -1).map(({ path }) => path)
    return refuse('plan-keys-not-accepted', `${key}, ${release.path}`, `${names.join(', then ')} before it`, 'not yet')
  }
  const unmet = dependenciesMet(first.facts, neighbours)
  if (unmet !== null) return { ...unmet, subject: `${key}, ${unmet.subject}` }
  if (first.facts.encryption !== null && !controller.decrypts) {
    return refuse('controller-without-decryption-key', key, 'a decryption key', 'none')
  }
  const other = busy.get(key)
  if (other !== undefined) return refuse('plan-controller-busy', key, 'a controller that is free', `one in ${other}`)
  return first
}

function divide(request: PlanRequest, turns: readonly Turn[], releases: readonly PublishedRelease[]): Wave[] | Refusal {
  const planned = ({ controller, release }: Turn): PlannedController => ({
    site: controller.site,
    controller: controller.id,
    release: releases.indexOf(release),
  })
  let left = turns
  const waves: Wave[] = []
  for (const { name, soakMillis, gate, take } of request.waves) {
    const taken = share(take, left, turns)
    if (isRefusal(taken)) return taken
    // A rest of nobody is no mistake: the waves before it were enough.
    if (taken.length === 0 && take.by === 'rest') continue
    if (taken.length === 0) return refuse('plan-wave-empty', `wave ${name}`, 'at least one controller', 'none')
    const gone = new Set(taken)
    left = left.filter(turn => !gone.has(turn))
    waves.push({ name, soakMillis, gate, controllers: taken.map(planned) })
  }
  if (left.length === 0) return waves
  const some = left.slice(0, 3).map(({ controller }) => keyOf(controller))
  const actual = `${left.length} left: ${some.join(', ')}${left.length > some.length ? ', …' : ''}`
  return refuse('plan-controllers-left', `plan ${request.id}`, 'a wave for every selected controller', actual)
}

function share(take: Share, left: readonly Turn[], all: readonly Turn[]): readonly Turn[] | Refusal {
  if (take.by === 'rest') return left
  if (take.by === 'count') return left.slice(0, Math.max(0, take.count))
  if (take.by === 'percent') return left.slice(0, Math.ceil((all.length * Math.max(0, take.percent)) / 100))
  if (take.by === 'class') {
    const counts = new Map<string, number>()
    return left.filter(({ controller }) => {
      const count = (counts.get(controller.class) ?? 0) + 1
      counts.set(controller.class, count)
      return count <= take.count
    })
  }
  const keys = new Set(take.controllers)
  const taken = left.filter(({ controller }) => keys.has(keyOf(controller)))
  if (taken.length === keys.size) return taken
  const found = new Set(taken.map(({ controller }) => keyOf(controller)))
  const missing = [...keys].find(key => !found.has(key)) ?? ''
  const expected = 'a selected controller that has no wave yet'
  return refuse('plan-controller-not-selected', missing, expected, 'one that is not selected, or has its wave')
}

function body(request: PlanRequest, releases: readonly PublishedRelease[], waves: readonly Wave[]): unknown {
  const { id, title, changeRequest, criticality, createdAt, notBefore, notAfter, timeoutMillis, retries } = request
  return {
    kind: 'voltseal-plan',
    v: 1,
    id,
    title,
    ...(changeRequest === undefined ? {} : { changeRequest }),
    criticality,
    createdAt,
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter,
    releases: releases.map(({ path, sha256, length, facts }) => {
      return { path, sha256, length, class: facts.class, version: facts.version, counter: facts.counter }
    }),
    waves,
    timeoutMillis,
    retries,
  }
}

const keyOf = (controller: FleetController): string => refKey({ site: controller.site, controller: controller.id })

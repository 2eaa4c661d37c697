import type { Crypto } from '../encoding/crypto.ts'
import type { Instant, Millis } from '../encoding/units.ts'
import { type FleetController, type Inventory, parseRefKey } from '../fleet/inventory.ts'
import type { SiteRules } from '../fleet/site-rules.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { fitter, keyOf, type PublishedRelease } from './draft-fit.ts'
import { type DrawnWave, drawWaves, type Turn, type WaveRequest } from './draft-waves.ts'
import type { Gate } from './gate.ts'
import { newestFirst } from './key-path.ts'
import { type Criticality, checkPlan, type Deadline, type PlanBody } from './plan.ts'
import type { Abort, Retry } from './rollout-plan.ts'
import { type ProvenSheet, proveSheets, type Sheet, type SheetTurn } from './sheet.ts'
import type { Plan } from './turns.ts'

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
  readonly createdBy: string
  readonly notBefore?: Instant
  readonly notAfter: Instant
  readonly priority: number
  readonly releases: readonly { readonly path: string; readonly criticality?: Criticality }[]
  readonly select: Selection
  readonly waves: readonly WaveRequest[]
  readonly timeoutMillis: Millis
  readonly retry: Retry
  readonly abort: Abort
  readonly rules: SiteRules
  readonly deadline?: Deadline
  readonly stepping?: boolean
}

/**
 * What the plan is made from: the fleet, what is published of what is asked for, and the transition releases (all that are
 * published). Who stands in another campaign too waits for it when the time comes (rival.ts).
 */
export type PlanSources = {
  readonly inventory: Inventory
  readonly releases: ReadonlyMap<string, PublishedRelease>
  readonly stones: readonly PublishedRelease[]
}

/**
 * The plan, its sheets with their proofs in order of site, and the controllers that matched the selection but are not in it,
 * each with the reason.
 */
export type Draft = {
  readonly plan: Plan
  readonly sheets: readonly ProvenSheet[]
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
 * `plan-class-mismatch`, `plan-controller-not-attested`, `plan-controller-not-selected`, `controller-without-decryption-key`,
 * `plan-wave-empty`, `plan-controllers-left`, what `acceptFor` refuses (class, hardware, slot, floor, version),
 * `release-dependency-unmet` (by what its neighbours at the site run when it is planned), `plan-keys-not-accepted` (others
 * come first, by name), `plan-key-path-missing`, and what `checkPlan` refuses.
 */
export function buildPlan(request: PlanRequest, sources: PlanSources, crypto: Crypto): Draft | Refusal {
  const { stepping = false } = request
  const asked = new Map(request.releases.map(({ path, criticality }) => [path, criticality ?? request.criticality]))
  const releases: PublishedRelease[] = []
  for (const path of asked.keys()) {
    const release = sources.releases.get(path)
    if (release === undefined) return refuse('plan-release-unknown', path, 'a published release', 'none of that path')
    releases.push(release)
  }
  const chosen = choose(request.select, sources.inventory)
  if (isRefusal(chosen)) return chosen
  const named = request.select.controllers !== undefined
  const { inventory } = sources
  const releaseFor = fitter({ inventory, releases, stones: newestFirst(sources.stones), stepping })
  const turns: Turn[] = []
  const passedOver: Draft['passedOver'][number][] = []
  for (const controller of chosen) {
    const release = releaseFor(controller)
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
  const waves = drawWaves(request.id, request.waves, turns)
  if (isRefusal(waves)) return waves
  const { proven, root } = proveSheets(crypto, sheetsOf(request.id, turns, waves, inPlan))
  const body = {
    ...bodyOf(request, waves),
    releases: inPlan.map(({ path, sha256, length, facts }) => {
      const criticality = asked.get(path) ?? request.criticality
      return { path, sha256, length, class: facts.class, version: facts.version, counter: facts.counter, criticality }
    }),
    sheets: root,
  }
  const head = checkPlan(body, `plan ${request.id}`)
  if (isRefusal(head)) return head
  const plan = { ...head, sheetOf: new Map(proven.map(({ sheet }) => [sheet.site, sheet])) }
  return { plan, sheets: proven, passedOver }
}

function choose(select: Selection, inventory: Inventory): FleetController[] | Refusal {
  for (const key of select.controllers ?? []) {
    if (parseRefKey(key) === null || !inventory.has(key)) {
      return refuse('plan-controller-unknown', key, 'a registered controller, SITE/CONTROLLER', 'an unknown one')
    }
  }
  const wanted = (names: readonly string[] | undefined): ((name: string) => boolean) => {
    const set = new Set(names)
    return names === undefined ? () => true : name => set.has(name)
  }
  const region = wanted(select.regions)
  const site = wanted(select.sites)
  const classed = wanted(select.classes)
  const named = wanted(select.controllers)
  const chosen: FleetController[] = []
  for (const [key, controller] of inventory) {
    const fits = region(controller.region) && site(controller.site) && classed(controller.class) && named(key)
    if (fits) chosen.push(controller)
  }
  if (chosen.length > 0) return chosen
  return refuse('plan-nothing-selected', 'the selection', 'at least one controller', `none of ${inventory.size}`)
}

/** The sheets: each site's controllers in order, each with its wave and its release. */
function sheetsOf(
  campaign: string,
  turns: readonly Turn[],
  waves: readonly DrawnWave[],
  releases: readonly PublishedRelease[],
): readonly Sheet[] {
  const waveOf = new Map<string, number>()
  for (const [index, { turns }] of waves.entries()) for (const one of turns) waveOf.set(keyOf(one.controller), index)
  const indexOf = new Map(releases.map((release, index) => [release, index]))
  const bySite = new Map<string, SheetTurn[]>()
  for (const { controller, release } of turns) {
    const at = bySite.get(controller.site) ?? []
    bySite.set(controller.site, at)
    const steps = [{ release: indexOf.get(release) as number, order: 0 }]
    at.push({ controller: controller.id, wave: waveOf.get(keyOf(controller)) as number, steps })
  }
  return [...bySite].map(([site, turns]) => ({ kind: 'voltseal-sheet', v: 1, campaign, site, turns }))
}

/** All of the head but what the releases and the sheets say. */
function bodyOf(request: PlanRequest, waves: readonly DrawnWave[]): Omit<PlanBody, 'releases' | 'sheets'> {
  const { changeRequest, notBefore, deadline } = request
  return {
    kind: 'voltseal-plan',
    v: 2,
    id: request.id,
    title: request.title,
    ...(changeRequest === undefined ? {} : { changeRequest }),
    criticality: request.criticality,
    createdAt: request.createdAt,
    createdBy: request.createdBy,
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter: request.notAfter,
    priority: request.priority,
    waves: waves.map(({ name, soakMillis, gate, turns }) => ({ name, soakMillis, gate, controllers: turns.length })),
    timeoutMillis: request.timeoutMillis,
    retry: request.retry,
    abort: request.abort,
    rules: request.rules,
    ...(deadline === undefined ? {} : { deadline }),
    membership: 'fixed',
  }
}

import { buildPlan, canaryThenRest, type PlanRequest, type PlanSources } from '../core/campaign/draft.ts'
import { type Plan, type PlannedController, parsePlan, planBytes } from '../core/campaign/plan.ts'
import { decide } from '../core/campaign/rollout.ts'
import {
  assignmentsOf,
  createRollout,
  type Decision,
  isOpen,
  type Rollout,
  type RolloutEvent,
  readRollout,
  turnOf,
  writeRollout,
} from '../core/campaign/rollout-state.ts'
import { sameBytes, toHex } from '../core/encoding/bytes.ts'
import { after, type Instant, millis } from '../core/encoding/units.ts'
import { attestedBy, lastReport, storedSite } from '../core/fleet/attested.ts'
import { type FleetController, fleetController, inventoryOf, refKey } from '../core/fleet/inventory.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, orThrow, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import { type Event, record } from './audit.ts'
import { type Directed, directSites, ordersFor } from './direct.ts'
import type { CampaignRow, ControllerRow, FleetChange, FleetWorld, WrapRow } from './ports.ts'
import { publishedReleases, transitionReleases } from './publish.ts'
import { refuseUnwrappable, type Wanted } from './wrap.ts'

/** What a person asks for when they plan a campaign. Durations in milliseconds; `validMillis` from now. */
export type CampaignRequest = {
  readonly id: string
  readonly title: string
  readonly changeRequest?: string
  readonly criticality: PlanRequest['criticality']
  readonly releases: readonly string[]
  readonly select: PlanRequest['select']
  readonly soakMillis: number
  readonly timeoutMillis: number
  readonly validMillis: number
  readonly retries: number
  readonly maxFailures: number
  readonly stepping?: boolean
}

export type Drafted = {
  readonly plan: Plan
  readonly passedOver: readonly { readonly controller: string; readonly why: Refusal }[]
}

/**
 * Plans a campaign: one controller of each class as the canary, then the rest. Durable on return unless `dryRun`. The
 * same request again, before anybody has approved it, is answered as before: the first answer may have been lost.
 * Refuses `campaign-exists`, and what `buildPlan` refuses.
 */
export function createCampaign(
  world: FleetWorld,
  person: string,
  asked: CampaignRequest,
  dryRun: boolean,
): Promise<Drafted | Refusal> {
  return world.store.exclusive(async () => {
    const taken = await world.store.campaign(asked.id)
    if (taken !== null) return createdBefore(world, taken, asked, dryRun)
    const drafted = await drawUp(world, asked, world.clock.now())
    if (isRefusal(drafted) || dryRun) return drafted
    const { plan } = drafted
    const bytes = planBytes(plan)
    const stored = await storePlan(world, bytes)
    if (stored !== null) return stored
    const row = { id: plan.id, plan: bytes, state: writeRollout(createRollout(plan)) }
    await record(world, { campaigns: [row] }, [
      {
        ...about(plan),
        kind: 'campaign-created',
        actor: { kind: 'person', id: person },
        detail: {
          title: plan.title,
          criticality: plan.criticality,
          sha256: toHex(world.crypto.sha256(bytes)),
          releases: plan.releases.map(({ path, sha256 }) => ({ path, sha256 })),
          // Who is in them is in the plan, whose digest stands above: an entry has room for a count.
          waves: plan.waves.map(({ name, controllers }) => ({ name, controllers: controllers.length })),
        },
      },
    ])
    return drafted
  })
}

/** The plan that is there, when this very request made it and nobody has approved it since. */
async function createdBefore(
  world: FleetWorld,
  taken: CampaignRow,
  asked: CampaignRequest,
  dryRun: boolean,
): Promise<Drafted | Refusal> {
  const exists = refuse('campaign-exists', `campaign ${asked.id}`, 'a new name', 'one that is taken')
  const opened = openRow(taken)
  if (isRefusal(opened)) return opened
  if (dryRun || opened.rollout.state.at !== 'created') return exists
  const again = await drawUp(world, asked, opened.plan.createdAt)
  return !isRefusal(again) && sameBytes(planBytes(again.plan), taken.plan) ? again : exists
}

/** What the request comes to, as the fleet is now. The same request at the same time gives the same plan. */
async function drawUp(world: FleetWorld, asked: CampaignRequest, createdAt: Instant): Promise<Drafted | Refusal> {
  const sources = await sourcesOf(world, asked)
  if (isRefusal(sources)) return sources
  const { soakMillis, timeoutMillis, validMillis, maxFailures, ...rest } = asked
  const gate = { minSuccessPercent: maxFailures === 0 ? 100 : 0, maxFailures }
  const draft = buildPlan(
    {
      ...rest,
      createdAt,
      notAfter: after(createdAt, millis(validMillis)),
      waves: canaryThenRest(millis(soakMillis), gate),
      timeoutMillis: millis(timeoutMillis),
    },
    sources,
  )
  if (isRefusal(draft)) return draft
  const passedOver = draft.passedOver.map(({ site, controller, why }) => ({
    controller: refKey({ site, controller }),
    why,
  }))
  return { plan: draft.plan, passedOver }
}

/** The plan is fetched by gateways like any other blob. If power fails behind it, nothing speaks of it. */
async function storePlan(world: FleetWorld, bytes: Uint8Array): Promise<null | Refusal> {
  const id = { sha256: toHex(world.crypto.sha256(bytes)), length: bytes.length }
  if (await world.blobs.has(id)) return null
  return world.blobs.append(
    id,
    0,
    (async function* () {
      yield bytes
    })(),
  )
}

/** The controllers of a plan with the releases that they get. */
export const wantedOf = ({ releases, waves }: Plan): readonly Wanted[] =>
  waves
    .flatMap(({ controllers }) => controllers)
    .map(({ site, controller, release }) => ({ site, controller, envelope: releases[release]! }))

/**
 * What a person may tell a campaign. Durable on return. Refuses `campaign-unknown`, and what `decide` and, of a start,
 * `refuseUnwrappable` refuse.
 */
export function command(
  world: FleetWorld,
  person: string,
  id: string,
  verb: 'start' | 'pause' | 'resume' | 'halt',
  reason: string | null,
): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    const opened = await openCampaign(world, id)
    if (isRefusal(opened)) return opened
    const unfit = verb === 'start' ? await refuseUnwrappable(world, id, wantedOf(opened.plan)) : null
    if (unfit !== null) return unfit
    const now = world.clock.now()
    const event: RolloutEvent =
      verb === 'pause' || verb === 'halt'
        ? { kind: verb, now, reason: reason ?? 'no reason given' }
        : { kind: verb, now }
    const decision = decide(opened.plan, opened.rollout, event)
    if (isRefusal(decision)) return decision
    const notes = await notesOf(world, opened.plan, decision, { kind: 'person', id: person })
    await commitSteps(world, [{ opened, next: decision.next }], notes)
    return null
  })
}

/**
 * Lets time pass for every open campaign: soaks end, gates are judged, controllers time out. `listeningSince`: when this
 * server began to listen. A controller's silence before that says nothing of the controller.
 */
export function tick(world: FleetWorld, listeningSince?: Instant): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    const steps: Step[] = []
    const notes: Event[] = []
    for (const row of await world.store.campaigns()) {
      const rollout = readRollout(row.state, `campaign ${row.id}`)
      if (isRefusal(rollout)) return rollout
      // Plans of campaigns that are over are not even read: there are more of them each year.
      if (!isOpen(rollout)) continue
      const opened = openRow(row)
      if (isRefusal(opened)) return opened
      const listening = listeningSince === undefined ? {} : { listeningSince }
      const decision = decide(opened.plan, opened.rollout, { kind: 'tick', now: world.clock.now(), ...listening })
      if (isRefusal(decision)) return decision
      if (decision.next === opened.rollout) continue
      steps.push({ opened, next: decision.next })
      notes.push(...(await notesOf(world, opened.plan, decision, fleetActor(world))))
    }
    if (steps.length > 0) await commitSteps(world, steps, notes)
    return null
  })
}

/** A campaign with its parsed plan and state. */
export type Opened = { readonly row: CampaignRow; readonly plan: Plan; readonly rollout: Rollout }

export async function openCampaign(world: FleetWorld, id: string): Promise<Opened | Refusal> {
  const row = await world.store.campaign(id)
  return row === null ? refuse('campaign-unknown', `campaign ${id}`, 'a campaign', 'none of that name') : openRow(row)
}

const plans = new WeakMap<Uint8Array, Plan>()
const rollouts = new WeakMap<CampaignRow, Rollout>()

/**
 * Parses a stored row, once for as long as the store answers the same one. Refuses what `parsePlan` and `readRollout`
 * refuse: the store is damaged.
 */
export function openRow(row: CampaignRow): Opened | Refusal {
  const plan = plans.get(row.plan) ?? parsePlan(row.plan, `campaign ${row.id}`)
  if (isRefusal(plan)) return plan
  plans.set(row.plan, plan)
  const rollout = rollouts.get(row) ?? readRollout(row.state, `campaign ${row.id}`)
  if (isRefusal(rollout)) return rollout
  rollouts.set(row, rollout)
  return { row, plan, rollout }
}

/** A campaign with what a decision made of it. */
export type Step = { readonly opened: Opened; readonly next: Rollout }

/**
 * Makes decisions durable: the campaigns' states, the director's metadata of every site that they touch, and an entry
 * for each thing that happened, in one transaction. If power fails before it, nothing was decided.
 */
export async function commitSteps(
  world: FleetWorld,
  steps: readonly Step[],
  events: readonly Event[],
  change: FleetChange = {},
): Promise<void> {
  const rows = steps.map(({ opened, next }) => ({ ...opened.row, state: writeRollout(next) }))
  const directed = await direct(world, steps)
  if (isRefusal(directed)) throw new RefusalError(directed)
  const files = [...(change.files ?? []), ...directed.files]
  await record(world, { ...change, files, wraps: directed.wraps, campaigns: rows }, [...events, ...directed.events])
}

/** Looks a controller up: in the store, or first in what the same transaction is about to store. */
export type RowOf = (site: string, id: string) => Promise<ControllerRow | null>

/**
 * What a decision says to the log. Whoever caused it did all of it, but for the assignments: those are the fleet's, and
 * each says what the controller attested when its turn began.
 */
export async function notesOf(
  world: FleetWorld,
  plan: Plan,
  decision: Decision,
  actor: Actor,
  rowOf: RowOf = (site, id) => world.store.controller(site, id),
): Promise<Event[]> {
  const notes: Event[] = []
  for (const effect of decision.effects) {
    if (effect.do === 'withdraw') continue
    if (effect.do === 'note') {
      notes.push({ ...about(plan), ...effect.of, kind: effect.kind, actor, detail: effect.detail })
      continue
    }
    for (const { site, controller, release } of effect.controllers) {
      const { path, sha256 } = plan.releases[release]!
      const row = await rowOf(site, controller)
      const report = row === null ? null : orThrow(lastReport(row, world.crypto))
      const assigned = { kind: 'controller-assigned', actor: fleetActor(world), site, controller } as const
      // An empty version: it has never reported.
      const detail = { path, wave: effect.wave, from: report?.running.version ?? '' }
      notes.push({ ...about(plan), ...assigned, release: sha256, detail })
    }
  }
  return notes
}

/** The director's bundles of the sites whose assignments these steps change, and the wraps that are new in them. */
async function direct(
  world: FleetWorld,
  steps: readonly Step[],
): Promise<(Directed & { wraps: readonly WrapRow[] }) | Refusal> {
  const sites = new Set<string>()
  const changed = new Map(steps.map(step => [step.opened.row.id, step] as const))
  for (const { opened, next } of steps) {
    const before = assignmentsOf(opened.plan, opened.rollout).map(assignmentKey(opened.rollout))
    const now = assignmentsOf(opened.plan, next).map(assignmentKey(next))
    for (const key of new Set(before).symmetricDifference(new Set(now))) sites.add(key.split('/')[0]!)
  }
  if (sites.size === 0) return { files: [], events: [], unread: [], wraps: [] }
  const open: { plan: Plan; rollout: Rollout }[] = []
  for (const row of await world.store.campaigns()) {
    const step = changed.get(row.id)
    const other = step === undefined ? openRow(row) : { plan: step.opened.plan, rollout: step.next }
    if (isRefusal(other)) return other
    open.push(other)
  }
  const { orders, wraps, events } = await ordersFor(world, sites, open)
  const directed = await directSites(world, orders, world.clock.now())
  return isRefusal(directed) ? directed : { ...directed, wraps, events: [...directed.events, ...events] }
}

/** What tells one order from another: `SITE/CONTROLLER/RELEASE/ATTEMPT`. */
const assignmentKey =
  (rollout: Rollout) =>
  (planned: PlannedController): string => {
    const turn = turnOf(rollout, planned)
    return `${refKey(planned)}/${planned.release}/${turn?.at === 'assigned' ? turn.attempt : 0}`
  }

/** The fleet, what is published of what is asked for, and who is taken by another campaign: what plans are made from. */
async function sourcesOf(world: FleetWorld, asked: CampaignRequest): Promise<PlanSources | Refusal> {
  const controllers: FleetController[] = []
  for (const row of await world.store.sites()) {
    const site = storedSite(row.site, `site ${row.id}`)
    if (isRefusal(site)) return site
    for (const stored of await world.store.controllers(row.id)) {
      const report = lastReport(stored, world.crypto)
      if (isRefusal(report)) return report
      const said = report === null ? null : attestedBy(report, `${row.id}/${stored.id}`)
      // A controller that attests nonsense is one that has attested nothing: it stops no campaign but its own.
      const attested = isRefusal(said) ? null : said
      const key = { alg: 'ecdsa-p256', spki: stored.reportKey } as const
      const known = fleetController(site, stored.id, key, attested, stored.decryptionKey !== null)
      if (known !== null) controllers.push(known)
    }
  }
  const inventory = inventoryOf(controllers)
  if (isRefusal(inventory)) return inventory
  const releases = await publishedReleases(world, asked.releases)
  if (isRefusal(releases)) return releases
  const stones = await transitionReleases(world)
  if (isRefusal(stones)) return stones
  const busy = new Map<string, string>()
  for (const row of await world.store.campaigns()) {
    const opened = openRow(row)
    if (isRefusal(opened)) return opened
    if (!isOpen(opened.rollout) || row.id === asked.id) continue
    for (const planned of opened.plan.waves.flatMap(wave => wave.controllers)) busy.set(refKey(planned), row.id)
  }
  return { inventory, releases, stones, busy }
}

/** What an entry says of the campaign that it belongs to. */
export const about = ({ id, changeRequest }: Plan) =>
  changeRequest === undefined ? { campaign: id } : { campaign: id, changeRequest }

const fleetActor = (world: FleetWorld): Actor => ({ kind: 'fleet', id: world.name })

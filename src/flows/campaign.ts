import { parsePlan } from '../core/campaign/plan.ts'
import { decide } from '../core/campaign/rollout.ts'
import {
  assignmentsOf,
  type Decision,
  isOpen,
  type Rollout,
  type RolloutEvent,
  readRollout,
  turnOf,
  writeRollout,
} from '../core/campaign/rollout-state.ts'
import { parseSheetFile, type Sheet } from '../core/campaign/sheet.ts'
import { type Plan, type PlannedController, plannedControllers, withSheets } from '../core/campaign/turns.ts'
import type { Instant } from '../core/encoding/units.ts'
import { lastReport } from '../core/fleet/attested.ts'
import { refKey } from '../core/fleet/inventory.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, orThrow, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import { type Event, record } from './audit.ts'
import { type Directed, directSites, ordersFor } from './direct.ts'
import type { CampaignRow, ControllerRow, FleetChange, FleetWorld, WrapRow } from './ports.ts'
import { refuseUnwrappable, type Wanted } from './wrap.ts'

/** The sites of a plan. */
export const sitesOf = (plan: Plan): readonly string[] => [...plan.sheetOf.keys()]

/** The controllers of a plan with the releases that they get. */
export const wantedOf = (plan: Plan): readonly Wanted[] =>
  [...plannedControllers(plan)].flatMap(({ site, controller, steps }) =>
    steps.map(({ release }) => ({ site, controller, envelope: plan.releases[release]! })),
  )

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
      const opened = await openRow(world, row)
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
  return row === null
    ? refuse('campaign-unknown', `campaign ${id}`, 'a campaign', 'none of that name')
    : openRow(world, row)
}

const plans = new WeakMap<Uint8Array, Plan>()
const rollouts = new WeakMap<CampaignRow, Rollout>()

/**
 * Reads a stored row with its sheets, once for as long as the store answers the same one. Refuses what `parsePlan`,
 * `withSheets` and `readRollout` refuse: the store is damaged.
 */
export async function openRow(world: FleetWorld, row: CampaignRow): Promise<Opened | Refusal> {
  const plan = plans.get(row.plan) ?? (await readPlan(world, row))
  if (isRefusal(plan)) return plan
  plans.set(row.plan, plan)
  const rollout = rollouts.get(row) ?? readRollout(row.state, `campaign ${row.id}`)
  if (isRefusal(rollout)) return rollout
  rollouts.set(row, rollout)
  return { row, plan, rollout }
}

async function readPlan(world: FleetWorld, { id, plan }: CampaignRow): Promise<Plan | Refusal> {
  const head = parsePlan(plan, `campaign ${id}`)
  if (isRefusal(head)) return head
  const sheets = await sheetsOf(world, id)
  return isRefusal(sheets) ? sheets : withSheets(head, sheets, world.crypto, `campaign ${id}`)
}

/** Where the sheets of a campaign lie in the store: `SITE.json` each. */
export const sheetsRepo = (campaign: string): string => `sheets/${campaign}`

/** Sheets that one look at the store reads. */
const SHEETS = 500

/** The sheets of a campaign as they are stored, in order of site. Nothing vouches for them yet. Refuses `sheet-malformed`. */
export async function sheetsOf(world: FleetWorld, id: string): Promise<readonly Sheet[] | Refusal> {
  const sheets: Sheet[] = []
  for (let path = ''; ; ) {
    const files = await world.store.filesAfter(sheetsRepo(id), path, SHEETS)
    for (const file of files) {
      const read = parseSheetFile(file.bytes, `${sheetsRepo(id)}/${file.path}`)
      if (isRefusal(read)) return read
      sheets.push(read.sheet)
    }
    if (files.length < SHEETS) break
    path = (files.at(-1) as (typeof files)[number]).path
  }
  // A file's name is a little longer than its site's: their orders are not the same.
  return sheets.sort((a, b) => (a.site < b.site ? -1 : 1))
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
    const other = step === undefined ? await openRow(world, row) : { plan: step.opened.plan, rollout: step.next }
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

/** What an entry says of the campaign that it belongs to. */
export const about = ({ id, changeRequest }: Plan) =>
  changeRequest === undefined ? { campaign: id } : { campaign: id, changeRequest }

export const fleetActor = (world: FleetWorld): Actor => ({ kind: 'fleet', id: world.name })

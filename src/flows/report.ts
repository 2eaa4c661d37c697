import { hasRegressed, isSettled, isStaged, isWanted, type Outcome, outcomeOf } from '../core/campaign/outcome.ts'
import { decide } from '../core/campaign/rollout.ts'
import { isOpen, turnOf } from '../core/campaign/rollout-state.ts'
import { turnsOf } from '../core/campaign/turns.ts'
import { sameBytes } from '../core/encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../core/encoding/canonical-json.ts'
import { type Instant, millis } from '../core/encoding/units.ts'
import { experienceOf } from '../core/fleet/incidents.ts'
import { refKey } from '../core/fleet/inventory.ts'
import type { Experience } from '../core/fleet/inventory-row.ts'
import type { Actor, EntryOrigin } from '../core/ledger/entry.ts'
import { parseEntry, withOrigin } from '../core/ledger/entry.ts'
import { isGatewayKind } from '../core/ledger/entry-kinds.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { isRefusalCode, registry } from '../core/refusal/registry.ts'
import { imageOf } from '../core/trust/image-target.ts'
import { type Assignment, assignmentId } from '../core/trust/mapping.ts'
import { checkReportNew, claimedReporter, openReport, type Report, readStoredReport } from '../core/trust/report.ts'
import { batchDigest, openSiteManifest, sealSiteManifest, writeSiteManifest } from '../core/trust/site-manifest.ts'
import { type Event, note } from './audit.ts'
import { commitSteps, notesOf, type Opened, openRow, type Step } from './campaign.ts'
import type { ControllerRow, FleetWorld, GatewayControllerRow, OutboxItem, SiteWorld } from './ports.ts'
import { releaseAt } from './publish.ts'
import { Reasons } from './reason.ts'
import { assignmentOf, step, unknown, workOf } from './relay.ts'
import { newRoots, trustedRoots } from './tell.ts'
import { siteTime } from './time.ts'

// --- At the gateway: from the controllers ---

/**
 * Takes in a controller's signed report: verifies it, lets the controller's work follow, and puts it into the outbox for
 * the fleet. Durable on return. A report that was taken in before is answered as before. Refuses `controller-unknown`,
 * what `openReport` refuses, `report-replayed`; those are recorded.
 */
export function acceptControllerReport(
  world: SiteWorld,
  id: string,
  bytes: Uint8Array,
): Promise<{ accepted: number } | Refusal> {
  return world.store.exclusive(async () => {
    const row = await world.store.controller(id)
    if (row === null) return unknown(world, id)
    const key = { alg: 'ecdsa-p256', spki: row.reportKey } as const
    const report = openReport(bytes, { site: world.site.site, controller: id, key }, world.crypto)
    if (isRefusal(report)) return rejected(world, id, report)
    if (report.sequence === row.sequence && row.report !== null && sameBytes(bytes, row.report)) {
      return { accepted: report.sequence }
    }
    const replayed = checkReportNew(report, row.sequence)
    if (replayed !== null) return rejected(world, id, replayed)
    const assignment = await assignmentOf(world, id)
    const heard: GatewayControllerRow = { ...row, report: bytes, sequence: report.sequence }
    const taken = isSettled(report) ? step(heard, { kind: 'through' }) : heard
    const next = assignment === undefined ? taken : follow(taken, report, assignment, await siteTime(world))
    // If power fails before this commit, the controller was not answered, and sends the report again.
    await world.store.commit({ controllers: [next], outbox: [{ kind: 'report', bytes }] })
    return { accepted: report.sequence }
  })
}

async function rejected(world: SiteWorld, controller: string, refusal: Refusal): Promise<Refusal> {
  const { code, subject, expected, actual } = refusal
  await note(world, { kind: 'report-refused', code, controller, detail: { subject, expected, actual } })
  return refusal
}

/** What a report means for the controller's work. */
function follow(row: GatewayControllerRow, report: Report, assignment: Assignment, at: Instant): GatewayControllerRow {
  const { id, release } = assignment
  const wanted = { assignment: id, image: imageOf(release), sequence: release.sequence }
  const outcome = outcomeOf(report, wanted)
  if (outcome !== null) return step(row, { kind: 'ended', assignment: id, result: outcome.result })
  if (isStaged(report, wanted)) return step(row, { kind: 'staged', assignment: id, at })
  const trying = report.state === 'trial' && isWanted(report.running, wanted)
  // It had the image and has lost it (it was dropped at boot): it stages it again.
  return trying || workOf(row).at !== 'granted' ? row : step(row, { kind: 'lost', assignment: id })
}

// --- At the gateway: to the fleet ---

/** Items that one call hands over at most, and their bytes: reports as large as they may be still make a small batch. */
const BATCH = 200
const BATCH_BYTES = 512 * 1024

/**
 * Hands the outbox over, in order, until it is empty. What the fleet acknowledged is durable there before it is
 * forgotten here; an answer that is lost costs a repetition and nothing else. Refuses what the link refuses.
 */
export async function flushOutbox(world: SiteWorld): Promise<null | Refusal> {
  for (;;) {
    const items = batchOf(await world.store.outbox(BATCH))
    if (items.length === 0) return null
    const manifest = await siteManifest(world, items)
    if (isRefusal(manifest)) return manifest
    const acknowledged = await world.fleet.send(items, manifest)
    if (isRefusal(acknowledged)) return acknowledged
    const [first, last] = [items[0]!.sequence, items.at(-1)!.sequence]
    // What was not handed over is not forgotten, whatever the fleet says of it.
    if (acknowledged > last || acknowledged < first) {
      return refuse('answer-unexpected', 'the fleet', `${last} acknowledged`, `${acknowledged}`)
    }
    await world.store.commit({ acknowledged })
  }
}

/** The first items, at least one, as far as their bytes go. */
function batchOf(items: readonly OutboxItem[]): readonly OutboxItem[] {
  let bytes = 0
  const end = items.findIndex((item, index) => {
    bytes += item.bytes.length
    return index > 0 && bytes > BATCH_BYTES
  })
  return end < 0 ? items : items.slice(0, end)
}

/** The gateway's signature over what it hands over: every item, and the newest report of each controller among them. */
async function siteManifest(world: SiteWorld, items: readonly OutboxItem[]): Promise<Uint8Array | Refusal> {
  const newest = new Map<string, Uint8Array>()
  for (const row of await world.store.controllers()) {
    const mine = items.findLast(
      ({ kind, bytes }) => kind === 'report' && row.report !== null && sameBytes(bytes, row.report),
    )
    if (mine !== undefined) newest.set(row.id, mine.bytes)
  }
  const sequence = items.at(-1)!.sequence
  const body = writeSiteManifest({
    site: world.site.site,
    sequence,
    at: world.clock.now(),
    batch: batchDigest(items, world.crypto),
    reports: [...newest.values()],
    roots: await trustedRoots(world),
  })
  const signature = await world.signer.sign(canonicalJson(body), 'der')
  return isRefusal(signature) ? signature : sealSiteManifest(body, signature)
}

// --- At the fleet ---

/**
 * Takes in what a gateway hands over: its own entries and its controllers' signed reports, in the order of its outbox.
 * Each item becomes exactly one audit entry with its origin, also when it is refused; reports move campaigns on. All of
 * it is durable on return, in one transaction; items that were taken in before are passed over, so a gateway whose
 * answer was lost sends them again without harm. Answers the highest sequence that is durable.
 *
 * Refuses `site-unknown`, the codes of `openSiteManifest`, `site-manifest-batch-differs`, `upstream-gap`.
 */
export function acceptUpstream(
  world: FleetWorld,
  site: string,
  items: readonly OutboxItem[],
  manifest: Uint8Array,
): Promise<{ acknowledged: number } | Refusal> {
  return world.store.exclusive(async () => {
    const row = await world.store.site(site)
    if (row === null) return refuse('site-unknown', `site ${site}`, 'a registered site', 'none of that name')
    const key = { alg: 'ecdsa-p256', spki: row.gatewayKey } as const
    const opened = openSiteManifest(manifest, { site, key }, row.upstream, world.crypto)
    if (isRefusal(opened)) return opened
    const batch = batchDigest(items, world.crypto)
    if (opened.batch !== batch || opened.sequence !== (items.at(-1)?.sequence ?? opened.sequence)) {
      return refuse('site-manifest-batch-differs', `manifest of ${site}`, `batch ${opened.batch}`, `batch ${batch}`)
    }
    const fresh = items.filter(item => item.sequence > row.upstream)
    const gap = fresh.findIndex((item, index) => item.sequence !== row.upstream + 1 + index)
    if (gap >= 0) {
      return refuse('upstream-gap', `outbox of ${site}`, `${row.upstream + 1 + gap}`, `${fresh[gap]!.sequence}`)
    }
    if (fresh.length === 0) return { acknowledged: row.upstream }
    const reasons = await Reasons.of(world, site)
    const intake = new Intake(world, site, await openCampaigns(world), reasons)
    for (const item of fresh) await intake.take(item)
    const acknowledged = fresh.at(-1)!.sequence
    const files = [...(await newRoots(world, row, opened, manifest)), ...reasons.files()]
    const sites = [{ ...row, upstream: acknowledged }]
    const { experience } = intake
    const change = { sites, controllers: [...intake.controllers.values()], experience, files }
    await commitSteps(world, [...intake.steps.values()], intake.events, change)
    return { acknowledged }
  })
}

async function openCampaigns(world: FleetWorld): Promise<Opened[]> {
  const open: Opened[] = []
  for (const row of await world.store.campaigns()) open.push(orThrow(await openRow(world, row)))
  return open
}

/** One batch on its way in: what it changes, gathered for one commit. */
class Intake {
  readonly controllers = new Map<string, ControllerRow>()
  readonly steps = new Map<string, Step>()
  readonly events: Event[] = []
  readonly experience: Experience[] = []
  readonly #world: FleetWorld
  readonly #site: string
  readonly #open: readonly Opened[]
  readonly #reasons: Reasons

  constructor(world: FleetWorld, site: string, open: readonly Opened[], reasons: Reasons) {
    this.#world = world
    this.#site = site
    this.#open = open
    this.#reasons = reasons
  }

  async take(item: OutboxItem): Promise<void> {
    const origin = { gateway: this.#site, sequence: item.sequence }
    const refusal = item.kind === 'entry' ? this.#entry(item.bytes, origin) : await this.#report(item.bytes, origin)
    if (refusal !== null) {
      const { code, subject, expected, actual } = refusal
      const detail = { what: item.kind, subject, expected, actual }
      this.events.push({ kind: 'report-refused', actor: this.#gateway(), site: this.#site, code, detail, origin })
    }
  }

  /** A gateway's own entry: its words, under its own name and of its own site. */
  #entry(bytes: Uint8Array, origin: EntryOrigin): Refusal | null {
    const entry = parseEntry(bytes, `entry ${origin.sequence} of ${this.#site}`)
    if (isRefusal(entry)) return entry
    if (entry.actor.kind !== 'gateway' || entry.actor.id !== this.#site || entry.site !== this.#site) {
      const actual = `${entry.actor.kind} ${entry.actor.id} of ${entry.site ?? 'no site'}`
      return refuse(
        'entry-author-foreign',
        `entry ${origin.sequence} of ${this.#site}`,
        `gateway ${this.#site}`,
        actual,
      )
    }
    if (!isGatewayKind(entry.kind)) {
      return refuse('entry-kind-foreign', `entry ${origin.sequence} of ${this.#site}`, 'a kind of its own', entry.kind)
    }
    this.#reasons.take(entry)
    const { v: _v, ...event } = withOrigin(entry, origin)
    this.events.push(event)
    return null
  }

  async #report(bytes: Uint8Array, origin: EntryOrigin): Promise<Refusal | null> {
    const claimed = claimedReporter(bytes)
    const id = claimed?.controller ?? ''
    const row = await this.#row(this.#site, id)
    if (claimed === null || row === null) {
      return refuse('controller-unknown', `${this.#site}/${id || '?'}`, 'a controller of the site', 'none of that id')
    }
    const key = { alg: 'ecdsa-p256', spki: row.reportKey } as const
    const report = openReport(bytes, { site: this.#site, controller: row.id, key }, this.#world.crypto)
    if (isRefusal(report)) return report
    const replayed = checkReportNew(report, row.sequence)
    if (replayed !== null) return replayed
    this.#remember(row, report, bytes)
    const actor: Actor = { kind: 'controller', id: `${this.#site}/${row.id}` }
    const code = report.refusal === undefined ? {} : { code: report.refusal.code }
    this.events.push({
      ...code,
      kind: 'controller-report',
      actor,
      site: this.#site,
      controller: row.id,
      detail: summaryOf(report),
      origin,
    })
    for (const opened of this.#open) await this.#moveOn(opened, report, actor)
    return null
  }

  /** The row with the report, and what the report adds to the experience with its versions. */
  #remember(row: ControllerRow, report: Report, bytes: Uint8Array): void {
    const seenAt = this.#world.clock.now()
    const before = row.report === null ? null : readStoredReport(row.report)
    const since = millis(Math.max(0, seenAt - (row.seenAt ?? seenAt)))
    this.experience.push(...experienceOf(before, report, since).map(one => ({ ...one, class: row.class })))
    this.controllers.set(row.id, { ...row, report: bytes, sequence: report.sequence, seenAt })
  }

  /** Tells a campaign how its controller ended, when the report says so. */
  async #moveOn(opened: Opened, report: Report, actor: Actor): Promise<void> {
    const { plan } = opened
    const rollout = this.steps.get(plan.id)?.next ?? opened.rollout
    const ref = { site: this.#site, controller: report.controller }
    const turn = turnOf(rollout, ref)
    if (turn === null || (turn.at === 'confirmed' && !isOpen(rollout))) return
    const planned = turnsOf(plan).get(refKey(ref))
    const release = planned === undefined ? undefined : plan.releases[planned.release]
    if (release === undefined) return
    const attempt = turn.at === 'assigned' ? turn.attempt : 0
    const assignment = assignmentId({ campaign: plan.id, attempt }, release)
    const released = await releaseAt(this.#world, release)
    if (isRefusal(released)) {
      // The store is damaged, or an anchor was taken away: for the log, and not a reason to take nothing in.
      const { code, subject, expected, actual } = released
      const detail = { subject, expected, actual }
      this.events.push({ kind: 'intrusion-signal', actor: this.#gateway(), ...ref, campaign: plan.id, code, detail })
      return
    }
    const { imageDigest: image, sequence } = released.facts
    const wanted = { assignment, image, sequence }
    // A controller that had confirmed and runs something else now is a failure that the soak is there to see.
    const regressed: Outcome | null = hasRegressed(report, wanted) ? { result: 'reverted', cause: 'regressed' } : null
    const outcome = turn.at === 'confirmed' ? regressed : outcomeOf(report, wanted)
    if (outcome === null) return
    const event = {
      kind: 'outcome',
      now: this.#world.clock.now(),
      report: report.sequence,
      ...ref,
      ...eventOf(outcome),
    } as const
    const decision = decide(plan, rollout, event)
    // A campaign that cannot use the news (it is over, or the turn has not come) is not harmed by it.
    if (isRefusal(decision) || decision.next === rollout) return
    this.steps.set(plan.id, { opened, next: decision.next })
    const notes = await notesOf(this.#world, plan, decision, actor, (site, id) => this.#row(site, id))
    this.events.push(...notes)
  }

  /** A controller as it will be stored: an earlier report of this batch counts already. */
  async #row(site: string, id: string): Promise<ControllerRow | null> {
    const fresh = site === this.#site ? this.controllers.get(id) : undefined
    return fresh ?? this.#world.store.controller(site, id)
  }

  #gateway(): Actor {
    return { kind: 'gateway', id: this.#site }
  }
}

function eventOf(outcome: Outcome): { result: Outcome['result']; code?: string; again?: boolean } {
  if (outcome.result === 'confirmed') return { result: 'confirmed' }
  if (outcome.result === 'reverted') return { result: 'reverted', code: outcome.cause }
  const again = isRefusalCode(outcome.code) && registry[outcome.code].action === 'retry'
  return { result: 'refused', code: outcome.code, again }
}

/** What the log keeps of a report beside the gateway's origin: enough to tell what ran, and to find the report again. */
function summaryOf(report: Report): JsonObject {
  const { sequence, at, event, state, running, counter, assignment, staged, attempts, refusal } = report
  const last = attempts.at(-1)
  return {
    sequence,
    at,
    event,
    state,
    version: running.version,
    digest: running.digest,
    slot: running.slot,
    counter,
    ...(assignment === undefined ? {} : { assignment }),
    ...(staged === undefined ? {} : { staged: staged.version }),
    ...(last === undefined ? {} : { lastAttempt: { ...last } }),
    ...(refusal === undefined ? {} : { refusal: { ...refusal } }),
  }
}

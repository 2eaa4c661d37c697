import { isSettled, isStaged, isWanted, outcomeOf, type Wanted } from '../core/campaign/outcome.ts'
import { isOpen } from '../core/campaign/rollout-state.ts'
import type { Turn } from '../core/campaign/turn.ts'
import { eventOf, type Result, resultOf, WORK } from '../core/campaign/turn-result.ts'
import { sameBytes } from '../core/encoding/bytes.ts'
import { type Instant, millis } from '../core/encoding/units.ts'
import { exposureOf } from '../core/fleet/exposure.ts'
import { incidentsOf, NO_INCIDENTS } from '../core/fleet/incidents.ts'
import type { Experience } from '../core/fleet/inventory-row.ts'
import { type Actor, type EntryOrigin, parseEntry, withOrigin } from '../core/ledger/entry.ts'
import { isGatewayKind } from '../core/ledger/entry-kinds.ts'
import type { SentItem } from '../core/ledger/own-log-rows.ts'
import { reportDetail } from '../core/ledger/report-detail.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { imageOf } from '../core/trust/image-target.ts'
import { keyId } from '../core/trust/keys.ts'
import { type Assignment, assignmentId, ON_THE_SPOT } from '../core/trust/mapping.ts'
import {
  checkReportNew,
  claimedReporter,
  isRoutine,
  openReport,
  type Report,
  readStoredReport,
} from '../core/trust/report.ts'
import { batchDigest, openSiteManifest } from '../core/trust/site-manifest.ts'
import type { Event } from './audit.ts'
import { Advance, goOn } from './campaign.ts'
import { heard } from './catch-up.ts'
import { failuresAfter } from './failures.ts'
import { continues, type Gap, Histories, lostEvent } from './fold.ts'
import { joinedBy } from './join.ts'
import { fleetActor, type Opened } from './opened.ts'
import type { ControllerRow, FleetWorld, GatewayControllerRow, SiteRow, SiteWorld } from './ports.ts'
import { releaseAt } from './publish.ts'
import { Reasons } from './reason.ts'
import { noteRefusalAt } from './refused.ts'
import { assignmentOf, step, unknown, workOf } from './relay.ts'
import { dropRoutine, keepRoutine } from './routine.ts'
import { newRoots } from './tell.ts'
import { siteTime } from './time.ts'
import { wantedRelease } from './turns.ts'

// --- At the gateway: from the controllers ---

/**
 * Takes in a controller's signed report: verifies it, lets its work follow, and puts it into the outbox. Durable on return. The
 * same again is answered as before. A regular one that tells nothing but figures waits beside the outbox, in the place of the
 * one before it (flows/routine.ts). Refuses `controller-unknown`, what `openReport` refuses, `report-replayed`: recorded.
 */
export function acceptControllerReport(
  world: SiteWorld,
  id: string,
  bytes: Uint8Array,
): Promise<{ accepted: number } | Refusal> {
  return world.store.exclusive(async () => {
    const row = await world.store.controller(id)
    if (row === null) return rejected(world, id, unknown(world, id))
    const key = { alg: 'ecdsa-p256', spki: row.reportKey } as const
    const report = openReport(bytes, { site: world.site.site, controller: id, key }, world.crypto)
    if (isRefusal(report)) return rejected(world, id, report)
    if (report.sequence === row.sequence && row.report !== null && sameBytes(bytes, row.report)) {
      heard(world, id)
      return { accepted: report.sequence }
    }
    const replayed = checkReportNew(report, row.sequence)
    if (replayed !== null) return rejected(world, id, replayed)
    const assignment = await assignmentOf(world, id)
    const after: GatewayControllerRow = { ...row, report: bytes, sequence: report.sequence }
    const taken = isSettled(report) ? step(after, { kind: 'through' }) : after
    const next = assignment === undefined ? taken : follow(taken, report, assignment, await siteTime(world))
    const failed = await failuresAfter(world, row, next, report)
    const routine = isRoutine(report, row.report === null ? null : readStoredReport(row.report))
    const outbox = routine ? [] : [{ kind: 'report' as const, bytes }]
    // If power fails before this commit, the controller was not answered, and sends the report again.
    await world.store.commit({ controllers: [next], outbox, ...failed })
    heard(world, id)
    if (routine) keepRoutine(world.store, id, bytes)
    else dropRoutine(world.store, id)
    return { accepted: report.sequence }
  })
}

async function rejected(world: SiteWorld, controller: string, refusal: Refusal): Promise<Refusal> {
  await noteRefusalAt(world, { controller, attempt: 'report', kind: 'report-refused' }, refusal)
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

// --- At the fleet ---

/**
 * Takes in what a gateway hands over: its own entries and its controllers' signed reports, in the order of its outbox.
 * Each item becomes exactly one audit entry with its origin, also when it is refused; reports move campaigns on. All of
 * it is durable on return, in one transaction; items that were taken in before are passed over, so a gateway whose
 * answer was lost sends them again without harm. A manifest without items brings regular reports: they move campaigns on as
 * well, and are no entries (docs/adr/0033). Answers the highest sequence that is durable.
 *
 * A restored store says in the log what it lost of what the gateway does not have any more (flows/confirm.ts).
 *
 * Refuses `site-unknown`, the codes of `openSiteManifest`, `site-manifest-batch-differs`, and what `continues` refuses.
 */
export function acceptUpstream(
  world: FleetWorld,
  site: string,
  items: readonly SentItem[],
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
    const behind = (await world.store.upstream(site))?.behind === true
    const further = continues(row, opened, items, behind, world)
    if (isRefusal(further)) return further
    const { fresh, gap, head } = further
    const routine = items.length === 0 ? opened.reports : []
    if (fresh.length === 0 && routine.length === 0 && gap === null) return { acknowledged: row.upstream }
    const reasons = await Reasons.of(world, site)
    const intake = new Intake(world, row, reasons)
    if (gap !== null) intake.miss(gap)
    for (const { item, origin } of fresh) await intake.take(item, origin)
    for (const bytes of routine) await intake.hear(bytes)
    const acknowledged = fresh.at(-1)?.item.sequence ?? gap?.to ?? row.upstream
    // One without items may be an old one that comes again: of roots and orders nobody is told by it.
    const tells = fresh.length > 0
    const files = [...(tells ? await newRoots(world, row, opened, manifest) : []), ...reasons.files()]
    const kept = { files, asking: reasons.asking }
    const sites = [{ ...row, upstream: acknowledged, head: fresh.length > 0 || gap !== null ? head : row.head }]
    const experience = intake.experience()
    const known = behind ? { caughtUp: site } : {}
    const { rows: histories, breaks, mended } = intake.histories
    const told = { histories, breaks, mended: tells ? [...mended, { site, controller: '', to: acknowledged }] : mended }
    const change = { sites, controllers: [...intake.controllers.values()], experience, ...kept, ...told, ...known }
    await intake.advance.commit({ ...change, ...intake.shown(tells ? opened.director : undefined) })
    // What halted takes its orders back at once. If power fails before it has, the next tick does.
    const refusal = await goOn(world, intake.advance.more)
    return refusal ?? { acknowledged }
  })
}

/** One batch on its way in: what it changes, gathered for one commit. */
class Intake {
  readonly controllers = new Map<string, ControllerRow>()
  readonly events: Event[] = []
  /** What its reports mean for campaigns: only those are read that have a turn for one of its controllers. */
  readonly advance: Advance
  readonly histories: Histories
  readonly #happened: Experience[] = []
  /** Of each controller that was heard: its row and last report of before the batch, and its reports in it. */
  readonly #heard = new Map<string, { row: ControllerRow; before: Report | null; reports: readonly Report[] }>()
  readonly #now: Instant
  readonly #world: FleetWorld
  readonly #site: string
  readonly #key: string
  readonly #reasons: Reasons

  constructor(world: FleetWorld, { id, gatewayKey }: SiteRow, reasons: Reasons) {
    this.#world = world
    this.#site = id
    this.#key = this.#keyId(gatewayKey)
    this.#reasons = reasons
    this.#now = world.clock.now()
    this.advance = new Advance(world, this.events)
    this.histories = new Histories(world, id)
  }

  /**
   * What is missing in front of a batch: the gateway says itself that it lost it, or the site had handed it over to the store that this
   * one was restored from an older copy of.
   */
  miss(gap: Gap): void {
    const { from, to } = gap
    const code = gap.by === 'gateway' ? 'upstream-lost' : 'upstream-forgotten'
    this.events.push(gap.by === 'gateway' ? lostEvent(this.#site, gap) : this.#forgotten(gap))
    this.histories.breaks.push({ site: this.#site, controller: '', code, from, to, at: this.#now })
  }

  #forgotten({ from, to, head }: Gap & { readonly by: 'store' }): Event {
    const detail = { lost: { from, to, head } }
    return { kind: 'store-restored', actor: fleetActor(this.#world), site: this.#site, detail }
  }

  /** Which orders the site goes by, when its manifest says so. */
  shown(version: number | undefined): { shown?: { site: string; version: number } } {
    return version === undefined ? {} : { shown: { site: this.#site, version } }
  }

  async take({ kind, bytes }: SentItem, origin: EntryOrigin): Promise<void> {
    const refusal = await (kind === 'entry'
      ? this.#entry(bytes, origin)
      : kind === 'history'
        ? this.#history(bytes, origin)
        : this.#report(bytes, origin))
    if (refusal !== null) {
      const { code, subject, expected, actual } = refusal
      const detail = { what: kind, subject, expected, actual }
      this.events.push({ kind: 'report-refused', actor: this.#gateway(), site: this.#site, code, detail, origin })
    }
  }

  /**
   * Takes a regular report from a manifest. One that is not new is passed over: a manifest may come again. One that tells of
   * an event belongs into the outbox; its gateway may not hide it here, so it is entered in the log like any other.
   */
  async hear(bytes: Uint8Array): Promise<void> {
    const refusal = await this.#report(bytes, undefined)
    if (refusal === null || refusal.code === 'report-replayed') return
    const { code, subject, expected, actual } = refusal
    const detail = { what: 'regular report', subject, expected, actual }
    this.events.push({ kind: 'report-refused', actor: this.#gateway(), site: this.#site, code, detail })
  }

  /** A gateway's own entry: its words, under its own name and of its own site. */
  async #entry(bytes: Uint8Array, origin: EntryOrigin): Promise<Refusal | null> {
    const entry = parseEntry(bytes, `entry ${origin.sequence} of ${this.#site}`)
    if (isRefusal(entry)) return entry
    const isOwn = entry.actor.kind === 'gateway' && entry.actor.id === this.#site && entry.site === this.#site
    if (!isOwn || entry.origin !== undefined) {
      const from = entry.origin === undefined ? '' : `, from ${entry.origin.gateway}`
      const actual = `${entry.actor.kind} ${entry.actor.id} of ${entry.site ?? 'no site'}${from}`
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
    const { kind, campaign, controller, at } = entry
    // From when its site lets it restart, a controller is expected back.
    if (kind === 'activation-granted' && campaign !== undefined && controller !== undefined) {
      const opened = await this.advance.opened(campaign)
      const ref = { site: this.#site, controller }
      const now = this.#world.clock.now()
      const granted = { kind: 'heard', now, reportedAt: at, ...ref, stage: 'granted' } as const
      if (!isRefusal(opened)) await this.advance.step(opened, granted, this.#gateway())
    }
    return null
  }

  async #history(bytes: Uint8Array, origin: EntryOrigin): Promise<Refusal | null> {
    const event = await this.histories.take(bytes, origin, id => this.#row(this.#site, id))
    if (isRefusal(event)) return event
    this.events.push(event)
    return null
  }

  async #report(bytes: Uint8Array, origin: EntryOrigin | undefined): Promise<Refusal | null> {
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
    const before = row.report === null ? null : readStoredReport(row.report)
    this.#remember(row, before, report, bytes)
    const actor = this.#controller(row)
    const code = report.refusal === undefined ? {} : { code: report.refusal.code }
    const about = { kind: 'controller-report', actor, site: this.#site, controller: row.id } as const
    if (origin !== undefined || !isRoutine(report, before)) {
      const detail = { ...reportDetail(report), ...(await this.histories.attest(row, report)) }
      this.events.push({ ...code, ...about, detail, ...(origin === undefined ? {} : { origin }) })
    }
    this.#onTheSpot(row, report)
    const rows = await this.#world.store.turns.of({ site: this.#site, controller: row.id })
    for (const { campaign } of rows) await this.#moveOn(campaign, report, actor)
    const joined = await joinedBy(this.#world, { ...row, report: bytes, sequence: report.sequence }, report)
    if (isRefusal(joined)) return joined
    for (const { opened, seat } of joined) {
      const current = orThrow(await this.advance.opened(opened.plan.id))
      if ((await this.advance.turns.of(opened.plan.id, seat)) !== null) continue
      const event = { kind: 'join', now: this.#world.clock.now(), seats: [seat] } as const
      await this.advance.step(current, event, { kind: 'fleet', id: this.#world.name })
    }
    return null
  }

  /** Work that the fleet has not ordered, as the controller itself attests it. */
  #onTheSpot(row: ControllerRow, { assignment, event, running, sequence }: Report): void {
    if (assignment?.startsWith(ON_THE_SPOT) !== true || !WORK.has(event)) return
    const detail = { event, work: assignment, version: running.version, report: sequence }
    const actor = this.#controller(row)
    this.events.push({ kind: 'maintenance-seen', actor, site: this.#site, controller: row.id, detail })
  }

  /** The row with the report, and what the report adds to the experience with its versions. */
  #remember(row: ControllerRow, before: Report | null, report: Report, bytes: Uint8Array): void {
    const happened = incidentsOf(before, report)
    this.#happened.push(...happened.map(one => ({ ...one, class: row.class, watched: millis(0) })))
    const heard = this.#heard.get(row.id) ?? { row, before, reports: [] }
    this.#heard.set(row.id, { ...heard, reports: [...heard.reports, report] })
    this.controllers.set(row.id, { ...row, report: bytes, sequence: report.sequence, seenAt: this.#now })
  }

  /** What all reports of the batch add to the experience with versions: what happened, and for how long each was watched. */
  experience(): Experience[] {
    const watched = [...this.#heard.values()].flatMap(({ row, before, reports }) => {
      if (before === null || row.seenAt === undefined) return []
      const exposure = exposureOf(before, row.seenAt, reports, this.#now)
      return exposure.map(one => ({ ...one, class: row.class, counts: NO_INCIDENTS }))
    })
    return [...this.#happened, ...watched]
  }

  /** Tells a campaign what its controller's report means: how it ended, that it holds the image, what it counts. */
  async #moveOn(campaign: string, report: Report, actor: Actor): Promise<void> {
    const ref = { site: this.#site, controller: report.controller }
    const opened = orThrow(await this.advance.opened(campaign))
    const turn = await this.advance.turns.of(campaign, ref)
    if (turn === null || (turn.at === 'confirmed' && !isOpen(opened.rollout))) return
    const wanted = await this.#wanted(opened, turn)
    if (wanted === null) return
    const now = this.#world.clock.now()
    const versionOf = (site: string, id: string) => this.#version(site, id)
    const outcome = (await this.#further(opened, turn, report)) ?? resultOf(report, turn, wanted)
    // Of a campaign that is over nobody asks what becomes of those that it has updated.
    if (turn.at === 'between' && !isOpen(opened.rollout) && outcome?.result !== 'confirmed') return
    // A campaign that cannot use the news (it is over, or the turn has not come) is not harmed by it: it refuses them.
    if (outcome !== null) {
      const event = { kind: 'outcome', now, report: report.sequence, ...ref, ...eventOf(outcome) } as const
      await this.advance.step(opened, event, actor, versionOf)
    }
    const { at: reportedAt, figures } = report
    const stage = isStaged(report, wanted) ? ({ stage: 'staged' } as const) : {}
    if (figures === undefined && stage.stage === undefined) return
    const heard = {
      kind: 'heard',
      now,
      reportedAt,
      ...ref,
      ...stage,
      ...(figures === undefined ? {} : { figures }),
    } as const
    await this.advance.step(orThrow(await this.advance.opened(campaign)), heard, actor, versionOf)
  }

  /** That a controller runs the step behind its stepping stone: its order was taken back when it had begun it. */
  async #further(opened: Opened, turn: Turn, report: Report): Promise<Result | null> {
    const stands = turn.at === 'between' || (turn.at === 'queued' && turn.was === 'between')
    const step = stands ? turn.steps[turn.step + 1] : undefined
    const wanted = step === undefined ? null : await this.#wanted(opened, turn, step.release)
    if (wanted === null || outcomeOf(report, wanted)?.result !== 'confirmed') return null
    return { result: 'confirmed', further: true }
  }

  /** What a turn is about: the release that it is ordered, or the one that it is to run. */
  async #wanted(
    opened: Opened,
    turn: Turn,
    index: number | null = wantedRelease(opened.terms, turn),
  ): Promise<Wanted | null> {
    const { plan } = opened
    const ref = { site: this.#site, controller: turn.controller }
    const release = index === null ? undefined : plan.releases[index]
    if (release === undefined) return null
    const released = await releaseAt(this.#world, release)
    if (isRefusal(released)) {
      // The store is damaged, or an anchor was taken away: for the log, and not a reason to take nothing in.
      const { code, subject, expected, actual } = released
      const detail = { subject, expected, actual }
      this.events.push({ kind: 'intrusion-signal', actor: this.#gateway(), ...ref, campaign: plan.id, code, detail })
      return null
    }
    const { imageDigest: image, sequence } = released.facts
    return { assignment: assignmentId({ campaign: plan.id, attempt: turn.attempt }, release), image, sequence }
  }

  /** A controller as it will be stored: an earlier report of this batch counts already. */
  async #row(site: string, id: string): Promise<ControllerRow | null> {
    const fresh = site === this.#site ? this.controllers.get(id) : undefined
    return fresh ?? this.#world.store.controller(site, id)
  }

  /** The version that a controller attested last: a report of this batch counts already. */
  async #version(site: string, id: string): Promise<string> {
    const fresh = site === this.#site ? this.controllers.get(id)?.report : undefined
    return fresh == null
      ? this.#world.store.attestedVersion(site, id)
      : (readStoredReport(fresh)?.running.version ?? '')
  }

  #gateway(): Actor {
    return { kind: 'gateway', id: this.#site, key: this.#key }
  }

  #controller({ id, reportKey }: ControllerRow): Actor {
    return { kind: 'controller', id: `${this.#site}/${id}`, key: this.#keyId(reportKey) }
  }

  #keyId(spki: Uint8Array): string {
    return keyId({ alg: 'ecdsa-p256', spki }, this.#world.crypto)
  }
}

import { parsePlan } from '../core/campaign/plan.ts'
import { releasesAt } from '../core/campaign/site-plan.ts'
import { campaignOf, decideSiteWork, type SiteEvent, type SiteWork } from '../core/campaign/site-work.ts'
import { fromUtf8 } from '../core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../core/encoding/canonical-json.ts'
import { type Instant, instant } from '../core/encoding/units.ts'
import { agreesWithTarget } from '../core/firmware/acceptance.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { openEnvelope } from '../core/firmware/suit-open.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { registry } from '../core/refusal/registry.ts'
import { readDirector } from '../core/trust/director-target.ts'
import { findTarget } from '../core/trust/find-target.ts'
import { imageOf, readImageTarget, sameFile } from '../core/trust/image-target.ts'
import { type Assignment, assignmentId, assignmentsOf, planTarget, wantedBy } from '../core/trust/mapping.ts'
import type { Target } from '../core/trust/metadata.ts'
import { type FileAnswer, type FileRequest, refresh } from '../core/trust/refresh.ts'
import { resume, storedFiles } from '../core/trust/stored-set.ts'
import type { CurrentSet, TrustedSet } from '../core/trust/trusted-set.ts'
import { boxed, type Note, note } from './audit.ts'
import { drive } from './drive.ts'
import { fetchBlob, fetchSmall } from './fetch.ts'
import { approvedOf, holdPlans, sheetOf } from './hold.ts'
import { refusedBefore } from './patches-refused.ts'
import type { GatewayControllerRow, RepoFile, SiteWorld } from './ports.ts'
import { keepAdded, recognisedAt } from './recognise.ts'
import { forgetStated, keepNeighbours, keepStated } from './state.ts'
import { goesBy, sawRoot } from './tell.ts'
import { bearOut, siteTime } from './time.ts'
import { giveUpPatch, needsImage, needsOf, refuseImage, wayOf } from './way.ts'

type Repo = 'image' | 'approval' | 'director'

// --- From the fleet: metadata, agreement, blobs ---

/** An assignment that all three repositories agree about, and how long what they said holds. */
export type Agreed = Assignment & { readonly until: Instant }

/**
 * Brings the site up to date: takes the fleet's orders, then fetches what they need. A serving gateway does the two apart
 * (`takeOrders`, `fetchPayloads`), so that a slow download never keeps a halt from being heard.
 */
export async function refreshSite(world: SiteWorld): Promise<null | Refusal> {
  return (await takeOrders(world)) ?? fetchPayloads(world)
}

/**
 * Takes the fleet's orders: the whole client workflow of the three repositories, and their agreement about every
 * controller of this site. The director comes first, and what it no longer orders is taken back at once: nothing that is
 * missing, broken or slow elsewhere keeps a halt from its controllers. Then what makers or approvers took back is taken
 * back, whatever the director says. What was verified is durable on return; a refusal leaves those of the earlier assignments
 * in force that are still ordered, published and approved.
 *
 * Refuses what `refresh`, `findTarget`, `assignmentsOf`, `openEnvelope` and `agreesWithTarget` refuse, and what the link
 * refuses.
 */
export async function takeOrders(world: SiteWorld): Promise<null | Refusal> {
  const now = await siteTime(world)
  const director = await refreshRepository(world, 'director', now)
  if (isRefusal(director)) return refused(world, director)
  const ordered = orderedBy(director)
  if (isRefusal(ordered)) return refused(world, ordered)
  await world.store.exclusive(() => withdraw(world, ordered))
  goesBy(world, director.targets.signed.version)
  // After the director (Uptane 2.1.0 §5.4.4): what it orders was approved and published before it.
  const sets = new Map<Repo, CurrentSet>([['director', director]])
  for (const repo of ['image', 'approval'] as const) {
    const set = await refreshRepository(world, repo, now)
    if (isRefusal(set)) return refused(world, set)
    sets.set(repo, set)
  }
  await bearOut(world, sets.values(), now)
  const agreed = await agree(world, sets, now)
  if (isRefusal(agreed)) return refused(world, agreed)
  for (const assignment of agreed) {
    const fault = await checkEnvelope(world, assignment)
    if (fault !== null) return refused(world, fault, assignment)
  }
  await forgetStated(world, new Set(agreed.map(({ release }) => imageOf(release))))
  await world.store.exclusive(() => assign(world, agreed))
  told.delete(world)
  return null
}

/**
 * Fetches what controllers are to be given, once, however many want it: patches first, and whole payloads as far as the link's policy lets them
 * come. One that cannot be had does not keep the others from coming; the first refusal is answered when all were tried. Refuses what the
 * link and `Blobs` refuse.
 */
export async function fetchPayloads(world: SiteWorld): Promise<null | Refusal> {
  let first: Refusal | null = null
  const { wanted } = await needsOf(world, await needing(world))
  for (const { what, blob, assignment } of wanted) {
    if (what === 'image' && (await refuseImage(world, blob)) !== null) continue
    const fault = await fetchBlob(world, blob, what === 'patch' ? null : await factsOf(world, assignment))
    if (fault === null) continue
    const way = await wayOf(world, assignment)
    // A patch that cannot be had is none: who needs it gets the next smallest, or the whole image.
    const isLost = registry[fault.code].action !== 'retry' && way.at === 'patch' && way.patch.sha256 === blob.sha256
    if (isLost) await giveUpPatch(world, assignment, way.patch, { by: 'gateway', code: fault.code })
    first ??= await refused(world, fault, assignment, 'download-failed')
  }
  return first
}

/** The assignments whose controllers have still to be given their image. */
export async function needing(world: SiteWorld): Promise<readonly Agreed[]> {
  const rows = new Map((await world.store.controllers()).map(row => [row.id, row]))
  return (await assigned(world)).filter(({ controller }) => {
    const row = rows.get(controller)
    return row !== undefined && needsImage(workOf(row))
  })
}

/** What the envelope in the cache says of the payload; null when it is not there, or no longer what was verified. */
async function factsOf(world: SiteWorld, { envelope }: Assignment): Promise<ReleaseFacts | null> {
  const bytes = await world.blobs.read(envelope)
  const opened = isRefusal(bytes) ? bytes : openEnvelope(bytes, await recognisedAt(world), world.crypto)
  return isRefusal(opened) ? null : opened.facts
}

/** What the director orders, as assignment ids by controller. */
function orderedBy(director: CurrentSet): ReadonlyMap<string, string> | Refusal {
  const directed = readDirector(director)
  if (isRefusal(directed)) return directed
  const ordered = new Map<string, string>()
  for (const { target, orders } of directed) {
    for (const [controller, order] of orders) ordered.set(controller, assignmentId(order, target))
  }
  return ordered
}

/**
 * Takes back every assignment but those that stay (ids by controller). If power fails before the commit, the next look takes
 * them back.
 */
async function withdraw(world: SiteWorld, staying: ReadonlyMap<string, string>): Promise<void> {
  const before = await assigned(world)
  const kept = before.filter(one => staying.get(one.controller) === one.id)
  if (kept.length === before.length) return
  const still = new Set(kept.map(one => one.controller))
  const rows = await world.store.controllers()
  const changed = rows.filter(row => !still.has(row.id)).map(row => step(row, { kind: 'withdrawn' }))
  await world.store.commit({ assignments: canonicalJson(kept as unknown as Json), controllers: changed })
}

/**
 * Takes back what its makers or its approvers have taken back, though the director orders it still: the envelope is no
 * target any more (`looked`: those that were looked up), or the plan that is held is not the approved one. What could not be
 * asked takes nothing back.
 */
async function takeBack(
  world: SiteWorld,
  approval: CurrentSet,
  looked: ReadonlyMap<string, Target | null>,
): Promise<void> {
  const isApproved = await approvedOf(world, approval)
  const vouched = (await assigned(world)).filter(({ campaign, envelope }) => {
    const target = looked.get(envelope.path)
    const isPublished = target === undefined || (target !== null && sameFile(target, envelope))
    return isPublished && isApproved(campaign)
  })
  await world.store.exclusive(() => withdraw(world, new Map(vouched.map(({ controller, id }) => [controller, id]))))
}

/** The refusal that was recorded last: the same one, met again at every try, is one event and not one a minute. */
const told = new WeakMap<SiteWorld, string>()

/** A refusal on the way down is evidence of its own: it is in the outbox before anybody tries again. */
async function refused(
  world: SiteWorld,
  refusal: Refusal,
  assignment?: Assignment,
  kind: 'assignment-refused' | 'download-failed' = 'assignment-refused',
): Promise<Refusal> {
  const { code, subject, expected, actual } = refusal
  // A passing fault (the link is down, a file is late) is no event; an attack or a broken release is.
  const event = [code, subject, expected, actual].join('\n')
  if (registry[code].action === 'retry' || told.get(world) === event) return refusal
  told.set(world, event)
  const what = assignment === undefined ? {} : { campaign: assignment.campaign, release: assignment.envelope.sha256 }
  await note(world, { kind, code, ...what, detail: { subject, expected, actual } })
  return refusal
}

async function refreshRepository(world: SiteWorld, repo: Repo, now: Instant): Promise<CurrentSet | Refusal> {
  const trusted = await trustedSet(world, repo)
  if (isRefusal(trusted)) return trusted
  const result = await overLink(world, repo, refresh(trusted, now, world.crypto))
  await keep(world, repo, trusted, result.set)
  await sawRoot(world, repo, result.set.root.signed.version)
  return result.at === 'current' ? result.set : result.refusal
}

/** What was trusted before; at first the root that this gateway was enrolled with. */
async function trustedSet(world: SiteWorld, repo: Repo): Promise<TrustedSet | Refusal> {
  const files = await world.store.files(repo)
  const site = repo === 'director' ? world.site.site : null
  const start = files.size > 0 ? files : new Map([['root.json', world.roots[repo]]])
  const resumed = resume(repo, start, world.crypto, { site })
  if (isRefusal(resumed)) return resumed
  for (const { code, subject, expected, actual } of resumed.discarded) {
    await note(world, { kind: 'intrusion-signal', code, detail: { subject, expected, actual } })
  }
  return resumed.set
}

/** All files of a set in one transaction. If power fails before it, the next start fetches the newer ones again. */
async function keep(world: SiteWorld, repo: Repo, before: TrustedSet, set: TrustedSet): Promise<void> {
  if (set === before) return
  const stored = storedFiles(set)
  const files: RepoFile[] = [...stored].map(([path, bytes]) => ({ repo, path, bytes }))
  // What the set has forgotten (after a key was taken away) must not come back from the store.
  const forgotten = [...storedFiles(before).keys()].filter(path => !stored.has(path)).map(path => ({ repo, path }))
  await world.store.commit({ files, forgotten })
}

/** Carries a workflow out over the link. */
const overLink = <T>({ fleet }: SiteWorld, repo: Repo, workflow: Generator<FileRequest, T, FileAnswer>): Promise<T> =>
  drive(workflow, ({ path, maxBytes }) => fleet.file(repo, path, maxBytes))

async function agree(
  world: SiteWorld,
  sets: ReadonlyMap<Repo, CurrentSet>,
  now: Instant,
): Promise<readonly Agreed[] | Refusal> {
  const director = sets.get('director')!
  const approval = sets.get('approval')!
  let trusted = sets.get('image')!
  const wanted = wantedBy(director)
  if (isRefusal(wanted)) return wanted
  const looked = new Map<string, Target | null>()
  const look = async (path: string): Promise<Target | null | Refusal> => {
    const found = await overLink(world, 'image', findTarget(trusted, path, now, world.crypto))
    if (isRefusal(found)) return found
    await keep(world, 'image', trusted, found.set)
    trusted = found.set
    looked.set(path, found.target)
    return found.target
  }
  const lookUp = async (path: string): Promise<null | Refusal> => {
    const envelope = await look(path)
    const release = isRefusal(envelope) || envelope === null ? envelope : readImageTarget(envelope)
    const payload = isRefusal(release) || release === null ? release : await look(release.payload.path)
    return isRefusal(payload) ? payload : null
  }
  let unfound: Refusal | null = null
  for (const path of wanted.envelopes) {
    const fault = await lookUp(path)
    unfound ??= fault
  }
  // Whatever else is ordered, and however that fares: what was taken back is not carried out any more.
  await takeBack(world, approval, looked)
  if (unfound !== null) return unfound
  const imageTargets = new Map([...looked].flatMap(([path, target]) => (target === null ? [] : [[path, target]])))
  const plans = new Map<string, Uint8Array>()
  const sheets = new Map<string, Uint8Array>()
  for (const campaign of wanted.campaigns) {
    const target = planTarget(approval, campaign)
    if (target === null) continue
    const bytes = await fetchSmall(world, target)
    if (isRefusal(bytes)) return bytes
    plans.set(campaign, bytes)
    const sheet = await sheetOf(world, campaign, bytes)
    if (isRefusal(sheet)) return sheet
    if (sheet !== null) sheets.set(campaign, sheet)
  }
  const controllers = new Map(world.site.controllers.map(one => [one.id, { class: one.class, hardware: one.hardware }]))
  const site = world.site.site
  const said = { director, image: trusted, imageTargets, approval, plans, sheets }
  const read = { readPlan: parsePlan, readSheet: releasesAt(world.site, world.crypto) }
  const agreed = assignmentsOf({ site, controllers, ...said, ...read }, now, world.crypto)
  if (isRefusal(agreed)) return agreed
  // Before the assignments are in force: nobody gets a turn under rules that are not here, or beside what states nothing yet.
  const unstated = agreed.length === 0 ? null : await keepNeighbours(world, look)
  if (unstated !== null) return unstated
  await holdPlans(world, plans, sheets, await busyWith(world))
  return agreed.map(one => ({ ...one, until: holdsUntil([director, trusted, approval], plans.get(one.campaign)) }))
}

/** The campaigns that controllers of the site have to do with, or are on their way out of. */
async function busyWith(world: SiteWorld): Promise<ReadonlySet<string>> {
  return new Set((await world.store.controllers()).flatMap(row => campaignOf(workOf(row)) ?? []))
}

/** Until when an agreement holds without news: the plan's end, or the first expiry of what it rests on. */
function holdsUntil(sets: readonly CurrentSet[], plan: Uint8Array | undefined): Instant {
  const expiries = sets.flatMap(({ root, timestamp, snapshot, targets }) =>
    [root, timestamp, snapshot, targets].map(({ signed }) => signed.expires),
  )
  const parsed = plan === undefined ? null : parsePlan(plan, 'the plan')
  if (parsed !== null && !isRefusal(parsed)) expiries.push(parsed.notAfter)
  return instant(Math.min(...expiries))
}

/** Brings an assignment's envelope into the cache, and checks that it says what its target says. */
async function checkEnvelope(world: SiteWorld, { envelope, release, controller }: Assignment): Promise<null | Refusal> {
  const bytes = await fetchSmall(world, envelope)
  if (isRefusal(bytes)) return bytes
  const opened = openEnvelope(bytes, await recognisedAt(world), world.crypto)
  if (isRefusal(opened)) return { ...opened, subject: `${controller}: ${envelope.path}: ${opened.subject}` }
  const fault = agreesWithTarget(opened.facts, release)
  if (fault !== null) return fault
  await keepAdded(world, bytes, opened.facts)
  await keepStated(world, bytes, opened.facts)
  return null
}

/** Puts agreed assignments in force: each controller's work follows. */
async function assign(world: SiteWorld, agreed: readonly Agreed[]): Promise<void> {
  const before = new Set((await assigned(world)).map(one => one.id + one.controller))
  const wanted = new Map(agreed.map(assignment => [assignment.controller, assignment]))
  const changed: GatewayControllerRow[] = []
  for (const row of await world.store.controllers()) {
    const assignment = wanted.get(row.id)
    const event: SiteEvent =
      assignment === undefined ? { kind: 'withdrawn' } : { kind: 'assigned', assignment: assignment.id }
    const next = step(row, event)
    if (next !== row) changed.push(next)
  }
  const notes = agreed.filter(one => !before.has(one.id + one.controller)).map(verified)
  const outbox = notes.map(one => boxed(world, one))
  const assignments = canonicalJson(agreed as unknown as Json)
  const forgotten = await refusedBefore(world, agreed)
  // If power fails before this commit, the next refresh agrees on the same again.
  await world.store.commit({ assignments, controllers: changed, outbox, forgotten })
}

const verified = ({ controller, campaign, envelope, id }: Assignment): Note => ({
  kind: 'assignment-verified',
  controller,
  campaign,
  release: envelope.sha256,
  detail: { assignment: id, path: envelope.path },
})

// --- Small parts ---

type Parsed = { readonly all: readonly Agreed[]; readonly of: ReadonlyMap<string, Agreed> }

/** Assignments, parsed once for each time that they were committed. */
const parsed = new WeakMap<Uint8Array, Parsed>()

async function agreedOn(world: SiteWorld): Promise<Parsed> {
  const bytes = await world.store.assignments()
  if (bytes === null) return { all: [], of: new Map() }
  const known = parsed.get(bytes)
  if (known !== undefined) return known
  const all = JSON.parse(fromUtf8(bytes)!) as Agreed[]
  const agreed = { all, of: new Map(all.map(one => [one.controller, one])) }
  parsed.set(bytes, agreed)
  return agreed
}

/** The agreed assignments, as they were committed. */
export async function assigned(world: SiteWorld): Promise<readonly Agreed[]> {
  return (await agreedOn(world)).all
}

/** What a controller is to install; undefined when nothing was agreed. */
export async function assignmentOf(world: SiteWorld, controller: string): Promise<Agreed | undefined> {
  return (await agreedOn(world)).of.get(controller)
}

export const workOf = (row: GatewayControllerRow): SiteWork => JSON.parse(row.work) as SiteWork

/** The row after an event of its work; the same row when nothing changes. */
export function step(row: GatewayControllerRow, event: SiteEvent): GatewayControllerRow {
  const before = workOf(row)
  const next = orThrow(decideSiteWork(before, event))
  return next === before ? row : { ...row, work: JSON.stringify(next) }
}

export const unknown = (world: SiteWorld, id: string): Refusal =>
  refuse('controller-unknown', `${world.site.site}/${id}`, 'a controller of the site', 'none of that id')

import { parsePlan } from '../core/campaign/plan.ts'
import { decideSiteWork, type SiteEvent, type SiteWork } from '../core/campaign/site-work.ts'
import { fromUtf8, toBase64, utf8 } from '../core/encoding/bytes.ts'
import { canonicalJson, type Json } from '../core/encoding/canonical-json.ts'
import type { Instant } from '../core/encoding/units.ts'
import { agreesWithTarget } from '../core/firmware/acceptance.ts'
import { openEnvelope } from '../core/firmware/suit-open.ts'
import { type AuditEntry, entryBytes } from '../core/ledger/entry.ts'
import type { EntryKind } from '../core/ledger/entry-kinds.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { registry } from '../core/refusal/registry.ts'
import { findTarget } from '../core/trust/find-target.ts'
import type { FileRef } from '../core/trust/image-target.ts'
import { readImageTarget } from '../core/trust/image-target.ts'
import { type Assignment, assignmentsOf, planTarget, wantedBy } from '../core/trust/mapping.ts'
import type { Target } from '../core/trust/metadata.ts'
import { type FileAnswer, type FileRequest, refresh } from '../core/trust/refresh.ts'
import { resume, storedFiles } from '../core/trust/stored-set.ts'
import type { CurrentSet, TrustedSet } from '../core/trust/trusted-set.ts'
import type { BlobId, GatewayControllerRow, RepoFile, SiteWorld } from './ports.ts'

type Repo = 'image' | 'approval' | 'director'
/** In this order (Uptane 2.1.0 §5.4.4): what the director orders was approved and published before it. */
const REPOS: readonly Repo[] = ['director', 'approval', 'image']

/** What the gateway tells of itself, before it is dated. */
export type Note = Pick<AuditEntry, 'kind' | 'detail'> &
  Partial<Pick<AuditEntry, 'controller' | 'campaign' | 'release' | 'code'>>

// --- From the fleet: metadata, agreement, blobs ---

/**
 * Brings the site up to date with the three repositories: the whole client workflow of each, then their agreement about
 * every controller of this site, then each payload once, however many controllers want it. What was verified is durable
 * on return; a refusal leaves the assignments that were agreed before. Everything is verified again after a restart.
 *
 * Refuses what `refresh`, `findTarget`, `assignmentsOf`, `openEnvelope`, `agreesWithTarget` and `Blobs` refuse, and what
 * the link refuses.
 */
export async function refreshSite(world: SiteWorld): Promise<null | Refusal> {
  const now = world.clock.now()
  const sets = new Map<Repo, CurrentSet>()
  for (const repo of REPOS) {
    const set = await refreshRepository(world, repo, now)
    if (isRefusal(set)) return refused(world, set)
    sets.set(repo, set)
  }
  const agreed = await agree(world, sets, now)
  if (isRefusal(agreed)) return refused(world, agreed)
  for (const assignment of agreed) {
    const fault = await bring(world, assignment)
    if (fault !== null) return refused(world, fault, assignment)
  }
  await world.store.exclusive(() => assign(world, agreed))
  told.delete(world)
  return null
}

/** The refusal that was recorded last: the same one, met again at every try, is one event and not one a minute. */
const told = new WeakMap<SiteWorld, string>()

/** A refusal on the way down is evidence of its own: it is in the outbox before anybody tries again. */
async function refused(world: SiteWorld, refusal: Refusal, assignment?: Assignment): Promise<Refusal> {
  const { code, subject, expected, actual } = refusal
  // A passing fault (the link is down, a file is late) is no event; an attack or a broken release is.
  const event = [code, subject, expected, actual].join('\n')
  if (registry[code].action === 'retry' || told.get(world) === event) return refusal
  told.set(world, event)
  const what = assignment === undefined ? {} : { campaign: assignment.campaign, release: assignment.envelope.sha256 }
  await note(world, { kind: 'assignment-refused', code, ...what, detail: { subject, expected, actual } })
  return refusal
}

async function refreshRepository(world: SiteWorld, repo: Repo, now: Instant): Promise<CurrentSet | Refusal> {
  const trusted = await trustedSet(world, repo)
  if (isRefusal(trusted)) return trusted
  const result = await drive(world, repo, refresh(trusted, now, world.crypto))
  await keep(world, repo, trusted, result.set)
  return result.at === 'current' ? result.set : result.refusal
}

/** What was trusted before; at first the root that this gateway was enrolled with. */
async function trustedSet(world: SiteWorld, repo: Repo): Promise<TrustedSet | Refusal> {
  const files = await world.store.files(repo)
  const site = repo === 'director' ? world.site.site : null
  const start = files.size > 0 ? files : new Map([['root.json', world.roots[repo]]])
  const resumed = resume(repo, start, world.crypto, site)
  if (isRefusal(resumed)) return resumed
  for (const { code, subject, expected, actual } of resumed.discarded) {
    await note(world, { kind: 'intrusion-signal', code, detail: { subject, expected, actual } })
  }
  return resumed.set
}

/** All files of a set in one transaction. If power fails before it, the next start fetches the newer ones again. */
async function keep(world: SiteWorld, repo: Repo, before: TrustedSet, set: TrustedSet): Promise<void> {
  if (set === before) return
  const files: RepoFile[] = [...storedFiles(set)].map(([path, bytes]) => ({ repo, path, bytes }))
  await world.store.commit({ files })
}

/** Answers a workflow's requests over the link. */
async function drive<T>(world: SiteWorld, repo: Repo, workflow: Generator<FileRequest, T, FileAnswer>): Promise<T> {
  let step = workflow.next()
  while (!step.done) {
    const { path, maxBytes } = step.value
    step = workflow.next(await world.fleet.file(repo, path, maxBytes))
  }
  return step.value
}

async function agree(
  world: SiteWorld,
  sets: ReadonlyMap<Repo, CurrentSet>,
  now: Instant,
): Promise<readonly Assignment[] | Refusal> {
  const director = sets.get('director')!
  const approval = sets.get('approval')!
  let trusted = sets.get('image')!
  const wanted = wantedBy(director)
  if (isRefusal(wanted)) return wanted
  const imageTargets = new Map<string, Target>()
  const look = async (path: string): Promise<Target | null | Refusal> => {
    const found = await drive(world, 'image', findTarget(trusted, path, now, world.crypto))
    if (isRefusal(found)) return found
    await keep(world, 'image', trusted, found.set)
    trusted = found.set
    if (found.target !== null) imageTargets.set(path, found.target)
    return found.target
  }
  for (const path of wanted.envelopes) {
    const envelope = await look(path)
    if (isRefusal(envelope)) return envelope
    const release = envelope === null ? null : readImageTarget(envelope)
    if (isRefusal(release)) return release
    const payload = release === null ? null : await look(release.payload.path)
    if (isRefusal(payload)) return payload
  }
  const plans = new Map<string, Uint8Array>()
  for (const campaign of wanted.campaigns) {
    const target = planTarget(approval, campaign)
    if (target === null) continue
    const bytes = await fetchSmall(world, target)
    if (isRefusal(bytes)) return bytes
    plans.set(campaign, bytes)
  }
  const controllers = new Map(world.site.controllers.map(one => [one.id, { class: one.class, hardware: one.hardware }]))
  const site = world.site.site
  const said = { director, image: trusted, imageTargets, approval, plans }
  return assignmentsOf({ site, controllers, ...said, readPlan: parsePlan }, now, world.crypto)
}

async function fetchSmall(world: SiteWorld, file: FileRef): Promise<Uint8Array | Refusal> {
  const fault = await fetchBlob(world, file)
  if (fault !== null) return fault
  const bytes = await world.blobs.read(file)
  if (!isRefusal(bytes) || bytes.code !== 'blob-digest-mismatch') return bytes
  return (await oneAtATime(world, file, () => mend(world, file, {}))) ?? world.blobs.read(file)
}

/** Brings an assignment's envelope and payload into the cache, and checks that the envelope says what its target says. */
async function bring(
  world: SiteWorld,
  { envelope, payload, release, controller }: Assignment,
): Promise<null | Refusal> {
  const bytes = await fetchSmall(world, envelope)
  if (isRefusal(bytes)) return bytes
  const opened = openEnvelope(bytes, world.anchors, world.crypto)
  if (isRefusal(opened)) return { ...opened, subject: `${controller}: ${envelope.path}: ${opened.subject}` }
  return agreesWithTarget(opened.facts, release) ?? (await fetchBlob(world, payload))
}

/** Downloads under way: whoever wants a blob while it is coming waits for the same transfer. */
const underWay = new WeakMap<SiteWorld, Map<string, Promise<null | Refusal>>>()

function oneAtATime(world: SiteWorld, blob: BlobId, work: () => Promise<null | Refusal>): Promise<null | Refusal> {
  const transfers = underWay.get(world) ?? new Map<string, Promise<null | Refusal>>()
  underWay.set(world, transfers)
  const running = transfers.get(blob.sha256)
  if (running !== undefined) return running
  const transfer = work().finally(() => transfers.delete(blob.sha256))
  transfers.set(blob.sha256, transfer)
  return transfer
}

/** A blob is fetched once, and goes on where it stopped. Refuses what the link and `Blobs.append` refuse. */
function fetchBlob(world: SiteWorld, blob: BlobId): Promise<null | Refusal> {
  return oneAtATime(world, blob, () => transferBlob(world, blob))
}

async function transferBlob(world: SiteWorld, blob: BlobId): Promise<null | Refusal> {
  const { length } = blob
  if (await world.blobs.has(blob)) {
    if ((await loggedOf(world, blob)) === 'whole') return null
    // Power failed between the last byte and the entry that tells of it, or between a finding and its setting aside.
    if ((await world.blobs.verify(blob)) === null) return arrived(world, blob, length)
    await world.blobs.quarantine(blob)
  }
  const from = Math.min(await world.blobs.partial(blob), length)
  const body = from === length ? nothing() : await world.fleet.blob(blob, from)
  if (isRefusal(body)) return body
  return (await world.blobs.append(blob, from, body)) ?? arrived(world, blob, from)
}

/** What the log was last told of a blob in the cache. A file and a log cannot change at once: this says what to add. */
type Logged = 'whole' | 'spoilt'
const CACHE = 'cache'

async function loggedOf(world: SiteWorld, { sha256 }: BlobId): Promise<Logged | null> {
  const row = (await world.store.files(CACHE)).get(sha256)
  return row === undefined ? null : (fromUtf8(row) as Logged)
}

/** If power fails before this commit, the blob is here and not told of: the next look for it tells. */
async function arrived(world: SiteWorld, { sha256, length }: BlobId, resumedAt: number): Promise<null> {
  const entry = boxed(world, { kind: 'download-finished', detail: { sha256, length, resumedAt } })
  await world.store.commit({ files: [logged(sha256, 'whole')], outbox: [entry] })
  return null
}

/** Sets a cached blob aside that is no longer what was signed for, tells of it once, and fetches it again. */
async function mend(
  world: SiteWorld,
  blob: BlobId,
  about: { campaign?: string; controller?: string },
): Promise<null | Refusal> {
  const fault = await world.blobs.verify(blob)
  if (fault?.code === 'blob-digest-mismatch') {
    if ((await loggedOf(world, blob)) !== 'spoilt') {
      const { code, subject, expected, actual } = fault
      const entry = boxed(world, { kind: 'blob-quarantined', code, ...about, detail: { subject, expected, actual } })
      await world.store.commit({ files: [logged(blob.sha256, 'spoilt')], outbox: [entry] })
    }
    // If power fails here, the finding is told, and the blob is still in its place: the next look sets it aside.
    await world.blobs.quarantine(blob)
  }
  return transferBlob(world, blob)
}

const logged = (path: string, state: Logged): RepoFile => ({ repo: CACHE, path, bytes: utf8(state) })

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Puts agreed assignments in force: each controller's work follows. */
async function assign(world: SiteWorld, agreed: readonly Assignment[]): Promise<void> {
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
  // If power fails before this commit, the next refresh agrees on the same again.
  await world.store.commit({ assignments, controllers: changed, outbox })
}

const verified = ({ controller, campaign, envelope, id }: Assignment): Note => ({
  kind: 'assignment-verified',
  controller,
  campaign,
  release: envelope.sha256,
  detail: { assignment: id, path: envelope.path },
})

// --- To the controllers: offers, payloads ---

/** An offer to a controller: what `src/wire/gateway-api.ts` says. */
export type Offered = {
  readonly assignment: string
  readonly envelope: string
  readonly payload: BlobId
  readonly activate: boolean
}

/**
 * What a controller is to do now; null when nothing. The cached blobs are read and compared with their digests before
 * they are offered: one that was changed on the disk is set aside and recorded, and comes again from the fleet. Refuses
 * `controller-unknown`, and what `Blobs` refuses.
 */
export async function offerFor(world: SiteWorld, id: string): Promise<Offered | null | Refusal> {
  const row = await world.store.controller(id)
  if (row === null) return unknown(world, id)
  const work = workOf(row)
  const active = work.at === 'staging' || work.at === 'staged' || work.at === 'granted'
  if (!active || work.at === 'staged') return null
  const assignment = await assignmentOf(world, id)
  if (assignment?.id !== work.assignment) return null
  const activate = work.at === 'granted'
  // A controller whose turn it is has staged the payload and verified it from its own flash.
  for (const blob of activate ? [assignment.envelope] : [assignment.envelope, assignment.payload]) {
    const fault = await sound(world, blob, assignment)
    if (fault !== null) return fault
  }
  const envelope = await world.blobs.read(assignment.envelope)
  if (isRefusal(envelope)) return envelope
  const { sha256, length } = assignment.payload
  return { assignment: assignment.id, envelope: toBase64(envelope), payload: { sha256, length }, activate }
}

/** Verifies a cached blob from the disk; what is no longer what was signed for comes again. */
async function sound(world: SiteWorld, blob: BlobId, { campaign, controller }: Assignment): Promise<null | Refusal> {
  if ((await world.blobs.verify(blob)) === null) return null
  return oneAtATime(world, blob, () => mend(world, blob, { campaign, controller }))
}

/** A payload that this controller is to install. Refuses `controller-unknown`, `not-found` for any other blob. */
export async function payloadOf(world: SiteWorld, id: string, sha256: string): Promise<BlobId | Refusal> {
  const assignment = await assignmentOf(world, id)
  if (assignment?.payload.sha256 === sha256) return { sha256, length: assignment.payload.length }
  return refuse('not-found', `blob ${sha256}`, `the payload that ${id} is to install`, 'another blob')
}

// --- Small parts ---

type Agreed = { readonly all: readonly Assignment[]; readonly of: ReadonlyMap<string, Assignment> }

/** Assignments, parsed once for each time that they were committed. */
const parsed = new WeakMap<Uint8Array, Agreed>()

async function agreedOn(world: SiteWorld): Promise<Agreed> {
  const bytes = await world.store.assignments()
  if (bytes === null) return { all: [], of: new Map() }
  const known = parsed.get(bytes)
  if (known !== undefined) return known
  const all = JSON.parse(fromUtf8(bytes)!) as Assignment[]
  const agreed = { all, of: new Map(all.map(one => [one.controller, one])) }
  parsed.set(bytes, agreed)
  return agreed
}

/** The agreed assignments, as they were committed. */
export async function assigned(world: SiteWorld): Promise<readonly Assignment[]> {
  return (await agreedOn(world)).all
}

/** What a controller is to install; undefined when nothing was agreed. */
export async function assignmentOf(world: SiteWorld, controller: string): Promise<Assignment | undefined> {
  return (await agreedOn(world)).of.get(controller)
}

export const workOf = (row: GatewayControllerRow): SiteWork => JSON.parse(row.work) as SiteWork

/** The row after an event of its work; the same row when nothing changes. */
export function step(row: GatewayControllerRow, event: SiteEvent): GatewayControllerRow {
  const before = workOf(row)
  const next = orThrow(decideSiteWork(before, event))
  return next === before ? row : { ...row, work: JSON.stringify(next) }
}

/** An entry of the gateway's own, dated, for the outbox. */
export function boxed(world: SiteWorld, { kind, detail, ...about }: Note): { kind: 'entry'; bytes: Uint8Array } {
  const site = world.site.site
  const entry: AuditEntry = {
    v: 1,
    kind: kind as EntryKind,
    at: world.clock.now(),
    clock: world.clock.quality,
    actor: { kind: 'gateway', id: site },
    site,
    ...about,
    detail,
  }
  return { kind: 'entry', bytes: orThrow(entryBytes(entry)) }
}

export function note(world: SiteWorld, what: Note): Promise<void> {
  return world.store.commit({ outbox: [boxed(world, what)] })
}

export const unknown = (world: SiteWorld, id: string): Refusal =>
  refuse('controller-unknown', `${world.site.site}/${id}`, 'a controller of the site', 'none of that id')

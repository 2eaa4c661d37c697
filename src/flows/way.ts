import { type LinkPolicy, OPEN_LINK, refuseFull, showBytes, timeOver } from '../core/campaign/link.ts'
import { type No, no, type Wait } from '../core/campaign/rules/wait.ts'
import type { SiteWork } from '../core/campaign/site-work.ts'
import { type Way, wayFor } from '../core/campaign/way.ts'
import { fromUtf8, utf8 } from '../core/encoding/bytes.ts'
import { showDuration } from '../core/encoding/quantity.ts'
import { type Instant, instant, type Millis, millis } from '../core/encoding/units.ts'
import { lastReport } from '../core/fleet/attested.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { isRefusalCode } from '../core/refusal/registry.ts'
import type { PatchRef } from '../core/trust/image-target.ts'
import type { Assignment } from '../core/trust/mapping.ts'
import { boxed } from './audit.ts'
import { alsoRefused, patchesRefused } from './patches-refused.ts'
import type { BlobId, SiteWorld } from './ports.ts'

/**
 * How images come to the controllers of a site: by the smallest patch that fits each, or whole, when the site's link policy lets a whole one
 * come. Nothing is fetched here; it is decided what may be.
 */

/** How long a patch that the fleet is still making is waited for, by a counter that no setting of the clock moves. */
export const PATCH_PATIENCE: Millis = millis(600_000)
/** Between two looks at why controllers have no image yet. */
const LOOKED_EVERY: Millis = millis(5_000)
/** Forecasts shorter than this are not worth a word to the fleet. */
const SOON: Millis = millis(60_000)

type Known = {
  /** Since when a patch that is being made is waited for. */
  readonly since: Map<string, Millis>
  /** Why controllers do not have their image, as of the last look, and when that was. */
  waits: readonly Wait[]
  looked: Millis
}
const knownOf = new WeakMap<SiteWorld, Known>()

function known(world: SiteWorld): Known {
  const before = knownOf.get(world)
  if (before !== undefined) return before
  const fresh: Known = { since: new Map(), waits: [], looked: millis(Number.NEGATIVE_INFINITY) }
  knownOf.set(world, fresh)
  return fresh
}

const workName = ({ id, controller }: Pick<Assignment, 'id' | 'controller'>): string => `${controller} ${id}`

/** Where it is kept how much memory each controller has for a patch: a gateway that starts anew must not fetch whole images for that. */
const TAKERS = 'patches'

/** Takes down what a controller says of the memory that it has for a patch, in bytes; null: it applies none. Durable on return. */
export async function noteTaker(world: SiteWorld, controller: string, memory: number | null): Promise<void> {
  const before = await memoryFor(world, controller)
  if (before === memory || (await world.store.controller(controller)) === null) return
  const file = { repo: TAKERS, path: controller }
  // If power fails before this commit, it says so again with its next question.
  await world.store.commit(
    memory === null ? { forgotten: [file] } : { files: [{ ...file, bytes: utf8(String(memory)) }] },
  )
}

async function memoryFor({ store }: SiteWorld, controller: string): Promise<number | null> {
  const bytes = (await store.files(TAKERS)).get(controller)
  const memory = bytes === undefined ? Number.NaN : Number(fromUtf8(bytes))
  return Number.isSafeInteger(memory) ? memory : null
}

/** How the image of an assignment comes to its controller, by what that attests to run, and by the memory that it has for a patch. */
export async function wayOf(world: SiteWorld, assignment: Assignment): Promise<Way> {
  const row = await world.store.controller(assignment.controller)
  const report = row === null ? null : lastReport({ site: world.site.site, ...row }, world.crypto)
  const out = await patchesRefused(world, assignment)
  const way = wayFor(assignment, {
    running: report === null || isRefusal(report) ? '' : report.running.digest,
    memory: await memoryFor(world, assignment.controller),
    isOut: sha256 => out.has(sha256),
  })
  if (way.at === 'coming' && waited(world, assignment) > PATCH_PATIENCE) return { at: 'full' }
  // What is at the site already costs the link nothing.
  const isHere =
    way.at === 'patch' && !(await world.blobs.has(way.patch)) && (await world.blobs.has(assignment.payload))
  return isHere ? { at: 'full' } : way
}

/** How long a patch that is being made was waited for. */
function waited(world: SiteWorld, assignment: Assignment): Millis {
  const { since } = known(world)
  const now = world.steady()
  const began = since.get(workName(assignment)) ?? now
  since.set(workName(assignment), began)
  return millis(now - began)
}

/** A blob that controllers need, in the order in which they are fetched: patches first. */
export type WantedBlob = {
  readonly what: 'patch' | 'image'
  readonly blob: BlobId
  /** One of those that need it, and all of their controllers. */
  readonly assignment: Assignment
  readonly controllers: readonly string[]
}

/** True while a controller has still to be given its image. */
export const needsImage = (work: SiteWork): boolean =>
  work.at === 'staging' || (work.at === 'leaving' && work.next !== null)

/** What is needed of the fleet, and who waits for a patch that is being made, and needs nothing yet. */
export type Needs = { readonly wanted: readonly WantedBlob[]; readonly waiting: ReadonlyMap<string, No> }

/** What is needed for assignments whose controllers have still to be given their image. */
export async function needsOf(world: SiteWorld, assignments: readonly Assignment[]): Promise<Needs> {
  const wanted = new Map<string, WantedBlob>()
  const waiting = new Map<string, No>()
  for (const assignment of assignments) {
    const way = await wayOf(world, assignment)
    if (way.at === 'coming') {
      waiting.set(assignment.controller, beingMade(world, assignment))
      continue
    }
    const what = way.at === 'patch' ? 'patch' : 'image'
    const { sha256, length } = way.at === 'patch' ? way.patch : assignment.payload
    const controllers = [...(wanted.get(sha256)?.controllers ?? []), assignment.controller]
    wanted.set(sha256, { what, blob: { sha256, length }, assignment, controllers })
  }
  const inOrder = [...wanted.values()].sort((a, b) => Number(a.what === 'image') - Number(b.what === 'image'))
  return { wanted: inOrder, waiting }
}

function beingMade(world: SiteWorld, assignment: Assignment): No {
  const left = Math.max(0, PATCH_PATIENCE - waited(world, assignment))
  const because = `the fleet makes a patch for it, which is waited for ${showDuration(left)} more at most`
  return no('link', 'patch', because, { nextPossible: instant(Math.round(world.clock.now() + left)) })
}

const policyOf = ({ link }: SiteWorld): LinkPolicy => link?.policy ?? OPEN_LINK

/** Why a payload is not fetched whole; null: it may be, or it is here. Judged before a byte of it is asked for. */
export async function refuseImage(world: SiteWorld, blob: BlobId): Promise<No | null> {
  if (await world.blobs.has(blob)) return null
  const { sha256, length } = blob
  const left = length - (await world.blobs.partial(blob))
  const { spent = 0 } = world.link ?? {}
  const isAllowed = world.link?.allowed().has(sha256) === true
  return refuseFull(policyOf(world), { left, spent, isAllowed }, world.clock.now(), world.site.zone)
}

/** A patch is not used any more for a piece of work, and why: an entry of the log. Durable on return, with the entry. */
export async function giveUpPatch(
  world: SiteWorld,
  assignment: Assignment,
  patch: PatchRef,
  said: { readonly by: 'controller' | 'gateway'; readonly code: string },
): Promise<void> {
  const { controller, campaign, envelope, id } = assignment
  const detail = { assignment: id, sha256: patch.sha256, base: patch.base, length: patch.length, by: said.by }
  const note = {
    kind: 'patch-refused',
    controller,
    campaign,
    release: envelope.sha256,
    code: said.code,
    detail,
  } as const
  await world.store.exclusive(async () => {
    if ((await patchesRefused(world, assignment)).has(patch.sha256)) return
    const file = await alsoRefused(world, assignment, patch.sha256)
    // If power fails before this commit, the patch is offered again, and refused again; behind it, it was told once and is not offered.
    await world.store.commit({ files: [file], outbox: [boxed(world, note)] })
  })
}

/**
 * A controller could not use the patch that it was offered: it is told in the log, and the controller gets the next smallest, or the whole image as
 * far as the link's policy lets it. Durable on return. Refuses `not-found` (it was offered no such patch), `request-malformed`.
 */
export async function patchRefused(
  world: SiteWorld,
  assignment: Assignment | undefined,
  said: { readonly assignment: string; readonly sha256: string; readonly code: string },
): Promise<null | Refusal> {
  const subject = 'a patch that was refused'
  if (!isRefusalCode(said.code)) return refuse('request-malformed', subject, 'a code of docs/refusals.md', said.code)
  const way = assignment?.id === said.assignment ? await wayOf(world, assignment) : null
  if (assignment === undefined || way?.at !== 'patch' || way.patch.sha256 !== said.sha256) {
    return refuse('not-found', subject, 'a patch that is offered', said.sha256)
  }
  await giveUpPatch(world, assignment, way.patch, { by: 'controller', code: said.code })
  return null
}

/** What is on its way to controllers of the site, or held back, and until when it takes by the link's rate, one behind the other. */
export type Download = Pick<WantedBlob, 'what' | 'blob' | 'controllers'> & {
  /** Bytes that are here. */
  readonly here: number
  readonly waits: No | null
  readonly forecast: { readonly millis: Millis; readonly at: Instant } | null
}

/** What of it is not here. Fetches nothing. */
export async function downloads(world: SiteWorld, { wanted }: Needs): Promise<readonly Download[]> {
  const out: Download[] = []
  let before = 0
  for (const { what, blob, controllers } of wanted) {
    if (await world.blobs.has(blob)) continue
    const here = await world.blobs.partial(blob)
    const waits = what === 'image' ? await refuseImage(world, blob) : null
    const time = waits === null ? timeOver(policyOf(world), blob.length - here) : null
    before += time ?? 0
    const forecast =
      time === null ? null : { millis: millis(before), at: instant(Math.round(world.clock.now() + before)) }
    out.push({ what, blob, controllers, here, waits, forecast })
  }
  return out
}

/**
 * Why controllers do not have their image yet, in the words of every other wait: held back, waited for, or long on its way. Looked at anew
 * every few seconds, however often it is asked.
 */
export async function linkWaits(world: SiteWorld, assignments: readonly Assignment[]): Promise<readonly Wait[]> {
  const last = known(world)
  const now = world.steady()
  if (now - last.looked < LOOKED_EVERY) {
    // Whoever has got its image since waits no more.
    const waiting = new Set(assignments.map(({ controller }) => controller))
    return last.waits.filter(({ controller }) => waiting.has(controller))
  }
  const needs = await needsOf(world, assignments)
  const waits = new Map(needs.waiting)
  for (const download of await downloads(world, needs)) {
    const why = download.waits ?? onItsWay(download)
    for (const controller of download.controllers) if (why !== null) waits.set(controller, why)
  }
  last.looked = now
  last.waits = [...waits].map(([controller, why]) => {
    return { ...why, controller, sentence: `${controller} waits: ${why.because}.` }
  })
  return last.waits
}

function onItsWay({ what, blob, here, forecast }: Download): No | null {
  if (forecast === null || forecast.millis < SOON) return null
  const left = showBytes(blob.length - here)
  const because = `its ${what} comes over the link, ${left} in about ${showDuration(forecast.millis)}`
  return no('link', 'on its way', because, { value: left, nextPossible: forecast.at })
}

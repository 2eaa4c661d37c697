import { memoryOf } from '../core/delta/patch.ts'
import { readPatch } from '../core/delta/whole.ts'
import { toHex } from '../core/encoding/bytes.ts'
import { type Millis, millis } from '../core/encoding/units.ts'
import { FROM_NOTHING, type PatchPair, type PatchRow } from '../core/fleet/patch-rows.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { record } from './audit.ts'
import { directSites, ordersFor } from './direct.ts'
import type { PatchMaker } from './patch-ports.ts'
import { toldMade, toldNotMade } from './patch-told.ts'
import { type By, person } from './persons.ts'
import type { Blobs, FleetWorld } from './ports.ts'

/** Sites whose orders are written anew in one transaction. */
const SITES_AT_ONCE = 64
const NOTHING = new Uint8Array(0)
const DIGEST = /^[0-9a-f]{64}$/

/**
 * Makes the patch that is next in the queue, and writes the orders of the sites anew that waited for it. Answers whether there was one. What it
 * comes to is durable on return, with an entry in the log: `patch-made`, or `patch-not-made` and why.
 *
 * It is called by one at a time. If power fails before the row says that the patch is made, it is made again: the same images make the same
 * bytes, and a blob that is there already stays. If it fails behind that and before all the orders are written, `servePatches` goes on at
 * the next start: who waits is in the store until then.
 */
export async function makeNextPatch(world: FleetWorld, make: PatchMaker): Promise<boolean | Refusal> {
  const row = await world.store.patches.next()
  if (row === null) return false
  const began = world.clock.steady?.() ?? world.clock.now()
  const result = await made(world, row, make)
  // The server ends: the row stays in the queue, and the next start makes it.
  if (isRefusal(result) && result.code === 'patch-cancelled') return result
  const took = millis(Math.max(0, (world.clock.steady?.() ?? world.clock.now()) - began))
  await world.store.exclusive(async () => {
    // Its release may have been revoked meanwhile, or its publisher has brought a patch.
    if ((await world.store.patches.patch(row))?.at !== 'wanted') return
    const settled = settledRow(world, row, isRefusal(result) ? result : { ...result, took })
    await record(world, { patches: [settled] }, [
      settled.at === 'made' ? toldMade(world, settled) : toldNotMade(world, settled, settled),
    ])
  })
  return true
}

/** A patch that is made: where its bytes are, and what applying it takes. */
type MadePatch = { readonly sha256: string; readonly length: number; readonly memory: number }

async function made(world: FleetWorld, { base, target }: PatchPair, make: PatchMaker): Promise<MadePatch | Refusal> {
  const { blobs, crypto, patches } = world
  const subject = `the patch to ${target.slice(0, 16)}`
  if (patches === undefined)
    return refuse('patch-cancelled', subject, 'a server that makes patches', 'it is set to off')
  const old = base === FROM_NOTHING ? NOTHING : await whole(blobs, base)
  if (isRefusal(old)) return old
  const now = await whole(blobs, target)
  if (isRefusal(now)) return now
  // The maker may take the bytes away with it.
  const full = now.length
  const patch = await make(old, now, patches)
  if (isRefusal(patch)) return patch
  const header = readPatch(crypto, patch, subject)
  if (isRefusal(header)) return header
  if (toHex(header.base.digest) !== base || toHex(header.target.digest) !== target) {
    return refuse('patch-not-made', subject, `one from ${base} to ${target}`, 'one between other images')
  }
  if (patch.length >= full)
    return refuse('patch-not-smaller', subject, `less than ${full} bytes`, `${patch.length} bytes`)
  const id = { sha256: toHex(crypto.sha256(patch)), length: patch.length }
  if (!(await blobs.has(id))) {
    const stored = await blobs.append(id, 0, once(patch))
    if (stored !== null) return stored
  }
  return { ...id, memory: memoryOf(header) }
}

async function whole(blobs: Blobs, sha256: string): Promise<Uint8Array | Refusal> {
  const length = await blobs.size(sha256)
  return length === null
    ? refuse('blob-missing', `blob ${sha256}`, 'a blob of that name', 'none')
    : blobs.read({ sha256, length })
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** A row of a patch that is no longer waited for. */
type Settled = Extract<PatchRow, { readonly at: 'made' | 'none' }>

function settledRow(
  world: FleetWorld,
  { base, target }: PatchPair,
  result: Refusal | (MadePatch & { readonly took: Millis }),
): Settled {
  const row = { base, target, since: world.clock.now() }
  if (!isRefusal(result)) return { ...row, ...result, at: 'made', by: 'fleet' }
  const { code, expected, actual } = result
  return { ...row, at: 'none', code, expected, actual }
}

/**
 * Writes the orders of the sites anew that wait for a patch which is made, or will not be: some sites in each transaction. If power fails in
 * between, the others wait until this is called again. Refuses what `directSites` refuses.
 */
export async function servePatches(world: FleetWorld): Promise<null | Refusal> {
  for (;;) {
    const served = await world.store.exclusive(async () => {
      const sites = await world.store.patches.awaiting(SITES_AT_ONCE)
      if (sites.length === 0) return true
      const { orders, wraps, patches, events } = await ordersFor(world, new Set(sites))
      const directed = await directSites(world, orders, world.clock.now())
      if (isRefusal(directed)) return directed
      const change = { patchServed: sites, ...patches, files: directed.files, wraps }
      await record(world, change, [...directed.events, ...events])
      return false
    })
    if (isRefusal(served)) return served
    if (served) return null
  }
}

/**
 * A person wants a patch: it is in the queue on return, durable, also where it was tried before and there was none. One that is made or
 * waits stays what it is. Refuses `patches-off`, `request-malformed`, `blob-missing` (the images are not here in the clear), `patch-queue-full`.
 */
export function wantPatch(world: FleetWorld, by: By, pair: PatchPair): Promise<PatchRow | Refusal> {
  return world.store.exclusive(async () => {
    const { store, clock } = world
    const refused = (await refuseTarget(world, pair.target)) ?? (await refuseBase(world, pair))
    if (refused !== null) return refused
    const before = await store.patches.patch(pair)
    if (before !== null && before.at !== 'none') return before
    const full = await refuseMore(world)
    if (full !== null) return full
    const { base, target } = pair
    const row: PatchRow = { base, target, at: 'wanted', since: clock.now() }
    // If power fails before this commit, nobody asked; after it, it is made.
    await record(world, { patches: [row] }, [{ kind: 'patch-wanted', actor: person(by), detail: { base, target } }])
    return row
  })
}

/**
 * Why patches to a target that are not there could not be had made now, by their base; null: they could. Refuses as `wantPatch` does, and
 * changes nothing. What all of them have in common is looked up once, when this is asked.
 */
export async function refusesWanted(
  world: FleetWorld,
  target: string,
): Promise<(base: string) => Promise<null | Refusal>> {
  const refused = await refuseTarget(world, target)
  if (refused !== null) return async () => refused
  const full = await refuseMore(world)
  return async base => (await refuseBase(world, { base, target })) ?? full
}

/** Of what a pair is refused for, what is so from any base. */
async function refuseTarget({ blobs, patches }: FleetWorld, target: string): Promise<null | Refusal> {
  if (patches === undefined) return refuse('patches-off', 'patches', 'a server that makes them', 'it is set to off')
  return !DIGEST.test(target) || target === FROM_NOTHING ? malformed() : refuseImage(blobs, target)
}

/** And what is so to any target, but itself. */
async function refuseBase({ blobs }: FleetWorld, { base, target }: PatchPair): Promise<null | Refusal> {
  if (base === FROM_NOTHING) return null
  return !DIGEST.test(base) || base === target ? malformed() : refuseImage(blobs, base)
}

const malformed = (): Refusal =>
  refuse('request-malformed', 'patch', 'two SHA-256 in lower-case hex, of two images', 'others')

const refuseImage = async (blobs: Blobs, sha256: string): Promise<null | Refusal> =>
  (await blobs.size(sha256)) === null
    ? refuse('blob-missing', `blob ${sha256}`, 'the images in the clear, as a blob', 'none of that name')
    : null

async function refuseMore({ store, patches }: FleetWorld): Promise<null | Refusal> {
  const { wanted } = await store.patches.counts()
  const most = patches?.queue ?? 0
  return wanted < most ? null : refuse('patch-queue-full', 'patches', `fewer than ${most}`, `${wanted}`)
}

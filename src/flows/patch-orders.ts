import { toHex } from '../core/encoding/bytes.ts'
import { FROM_NOTHING, type PatchChange, type PatchRow, type PatchWait } from '../core/fleet/patch-rows.ts'
import { isRefusal } from '../core/refusal/refusal.ts'
import type { OrderedPatch } from '../core/trust/director-target.ts'
import type { FileRef } from '../core/trust/image-target.ts'
import type { TrustedSet } from '../core/trust/trusted-set.ts'
import { openRepository, targetAt } from './keep.ts'
import type { FleetWorld } from './ports.ts'
import { releaseAt } from './publish.ts'

/**
 * Which patches the orders of some sites name. What is not in the fleet's table is wanted from then on: it is in the queue when the
 * orders are durable, and the orders say that it is coming. Nothing here is in anybody's way: where a patch cannot be had, or looking for
 * it is refused, the order is what it is without one.
 */
export class OrderPatches {
  readonly #world: FleetWorld
  readonly #rows = new Map<string, PatchRow | null>()
  readonly #releases = new Map<string, Patchable | null>()
  readonly #wanted: PatchRow[] = []
  readonly #waits = new Map<string, PatchWait>()
  readonly #sites: ReadonlySet<string>
  #room: number | null = null

  /** `sites`: those whose orders are written. */
  constructor(world: FleetWorld, sites: ReadonlySet<string>) {
    this.#world = world
    this.#sites = sites
  }

  /** What the change that makes the orders durable has to say of patches. */
  get change(): PatchChange {
    if (this.#world.patches === undefined) return {}
    return { patches: this.#wanted, patchServed: [...this.#sites], patchWaits: [...this.#waits.values()] }
  }

  /**
   * The smallest way from what a controller attests to run (`running`, SHA-256; empty: it attests nothing) to a release, when there is one that
   * is smaller than the images themselves. One that is still being made from its own base is waited for.
   */
  async of(site: string, envelope: FileRef, running: Uint8Array): Promise<OrderedPatch | undefined> {
    if (this.#world.patches === undefined) return undefined
    const release = await this.#release(envelope)
    if (release === null) return undefined
    const { target } = release
    const base = running.length === 0 ? FROM_NOTHING : toHex(running)
    if (base === target) return undefined
    const [own, any] = [await this.#row(base, target), await this.#row(FROM_NOTHING, target)]
    const first = own === null || own.at === 'none' ? any : own
    if (first?.at === 'wanted') {
      this.#waits.set(`${site} ${first.base} ${target}`, { site, base: first.base, target })
      return { base: first.base, coming: true }
    }
    const best = [own, any].filter(isMade).sort((a, b) => a.length - b.length)[0]
    if (best === undefined) return undefined
    const { sha256, length, memory } = best
    return { base: best.base, sha256, length, memory }
  }

  async #row(base: string, target: string): Promise<PatchRow | null> {
    const key = `${base} ${target}`
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = (await this.#world.store.patches.patch({ base, target })) ?? (await this.#want(base, target))
      this.#rows.set(key, row)
    }
    return row
  }

  /** Into the queue, while it has room. A base whose payload is not here gets no row: whoever attests what it likes fills no table. */
  async #want(base: string, target: string): Promise<PatchRow | null> {
    const { store, blobs, clock, patches } = this.#world
    if (base !== FROM_NOTHING && (await blobs.size(base)) === null) return null
    this.#room ??= patches!.queue - (await store.patches.counts()).wanted
    if (this.#room <= 0) return null
    this.#room -= 1
    const row: PatchRow = { base, target, at: 'wanted', since: clock.now() }
    this.#wanted.push(row)
    return row
  }

  async #release({ path, sha256, length }: FileRef): Promise<Patchable | null> {
    const known = this.#releases.get(sha256)
    if (known !== undefined) return known
    const found = await patchable(this.#world, { path, sha256, length })
    this.#releases.set(sha256, found)
    return found
  }
}

/** A release whose patches this server makes: its images by their SHA-256, in lower-case hex. */
type Patchable = { readonly target: string }

const isMade = (row: PatchRow | null): row is PatchRow & { readonly at: 'made' } => row?.at === 'made'

/**
 * A release in force that travels in the clear; null for every other. One that was revoked is nobody's target any more: a patch to it would only
 * be downloaded to be refused. Of an encrypted one the fleet has no plaintext: its publisher makes the patches.
 */
async function patchable(world: FleetWorld, envelope: FileRef): Promise<Patchable | null> {
  const set = await imageSet(world)
  if (set === null) return null
  const target = await targetAt(world, set, envelope.path)
  if (isRefusal(target) || target?.sha256 !== envelope.sha256) return null
  const release = await releaseAt(world, envelope)
  if (isRefusal(release) || release.facts.encryption !== null) return null
  return { target: release.facts.imageDigest }
}

/** The image repository as it was verified last, by the timestamp that is over it: the store answers the same one until others are committed. */
const sets = new WeakMap<Uint8Array, TrustedSet>()

async function imageSet(world: FleetWorld): Promise<TrustedSet | null> {
  const timestamp = await world.store.file('image', 'timestamp.json')
  if (timestamp === null) return null
  const known = sets.get(timestamp)
  if (known !== undefined) return known
  const set = await openRepository(world, 'image')
  if (isRefusal(set)) return null
  sets.set(timestamp, set)
  return set
}

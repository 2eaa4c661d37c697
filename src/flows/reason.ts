import type { Coordination } from '../core/campaign/coordinator.ts'
import { waitsForYes } from '../core/campaign/link.ts'
import { no, reasonOf, type Wait } from '../core/campaign/rules/wait.ts'
import { canonicalJson, type Json, JsonFault, type JsonObject } from '../core/encoding/canonical-json.ts'
import {
  dictionary,
  either,
  line,
  list,
  Misfit,
  object,
  type Shape,
  type ShapeOf,
  text,
  whole,
} from '../core/encoding/shape.ts'
import { readJson } from '../core/encoding/strict-json.ts'
import { type Instant, instant } from '../core/encoding/units.ts'
import type { AskingRow } from '../core/fleet/attention.ts'
import { NAME } from '../core/fleet/identity.ts'
import { MAX_CONTROLLERS } from '../core/fleet/topology.ts'
import type { AuditEntry } from '../core/ledger/entry.ts'
import type { Note } from './audit.ts'
import type { FleetWorld, RepoFile, SiteWorld } from './ports.ts'

/**
 * Why controllers wait for their turn: the gateway knows it at every look, and tells the fleet when a reason is a new one; the
 * fleet server keeps what each site last said.
 */

// --- At the gateway ---

/** What is known of those who wait, and what the fleet has been told of it. A new process tells it once more. */
type Known = { waits: ReadonlyMap<string, Wait>; told: ReadonlyMap<string, string>; at: number; apart: number }
const known = new WeakMap<SiteWorld, Known>()

/** Instead of a rule: the reason is over. */
const OVER = 'none'
/** Entries about reasons: so many at a time, and so far apart: further each time that there is news soon again, for a
 * value that flickers about its threshold is one event and not one a minute. */
const MOST_NOTES = 32
const MOST_CONTROLLERS = 500
/** Characters of a reason. */
const MOST_WORDS = 1000
const APART_MILLIS = 30_000
const MOST_APART_MILLIS = 900_000

/** Why a controller that has staged its release does not get its turn; null: it has no reason to wait. */
export const waitOf = (world: SiteWorld, controller: string): Wait | null =>
  known.get(world)?.waits.get(controller) ?? null

/** Every wait of the site. */
export const waitsOf = (world: SiteWorld): readonly Wait[] => [...(known.get(world)?.waits.values() ?? [])]

/** Whether there is something that the fleet was told of, and that may be over. */
export const hasReasons = (world: SiteWorld): boolean => (known.get(world)?.told.size ?? 0) > 0

/**
 * What the fleet is to be told of who waits: a reason when it is a new one, never the same again while only its figures
 * move, and that a reason is over for who got no turn either. Controllers that wait for the same reason stand in one entry.
 * `done` is called when it is durable.
 */
export function tellReasons(
  world: SiteWorld,
  { waits, grants }: Coordination,
  clock: Instant,
): { readonly notes: readonly Note[]; readonly done: () => void } {
  const before = known.get(world)
  const told = new Map(before?.told)
  for (const { controller } of grants) told.delete(controller)
  const now: Known = {
    waits: new Map(waits.map(wait => [wait.controller, wait])),
    told,
    at: before?.at ?? Number.NEGATIVE_INFINITY,
    apart: before?.apart ?? APART_MILLIS,
  }
  known.set(world, now)
  const over = [...told.keys()].filter(id => !now.waits.has(id))
  const news = waits.filter(wait => told.get(wait.controller) !== reasonOf(wait))
  // A clock that was set back must not keep them for itself until it has caught up.
  const passed = Math.abs(clock - now.at)
  const isSoon = passed < now.apart
  if (isSoon || news.length + over.length === 0) return { notes: [], done: () => {} }
  const groups = Map.groupBy(news, wait => `${reasonOf(wait)}\n${wait.value}\n${wait.threshold}`)
  const sent = [...groups.values()].slice(0, MOST_NOTES).map(group => group.slice(0, MOST_CONTROLLERS))
  const ended = over.slice(0, MOST_CONTROLLERS)
  const done = (): void => {
    for (const wait of sent.flat()) told.set(wait.controller, reasonOf(wait))
    for (const id of ended) told.delete(id)
    now.at = clock
    now.apart = passed < MOST_APART_MILLIS ? Math.min(now.apart * 2, MOST_APART_MILLIS) : APART_MILLIS
  }
  return { notes: [...sent.map(withheld), ...(ended.length === 0 ? [] : [withdrawn(ended)])], done }
}

/** They wait no longer: what they were to install is no longer ordered, or is another thing. */
const withdrawn = (controllers: readonly string[]): Note => ({
  kind: 'activation-withheld',
  detail: { ...no(OVER, '', 'it has nothing to wait for any more'), controllers },
})

function withheld(group: readonly Wait[]): Note {
  const { rule, about, because, value, threshold, ageMillis, nextPossible } = group[0]!
  const only = group.length === 1 ? { controller: group[0]!.controller } : {}
  const controllers = group.map(({ controller }) => controller)
  return {
    kind: 'activation-withheld',
    ...only,
    detail: {
      rule,
      about,
      because: because.slice(0, MOST_WORDS),
      value,
      threshold,
      ageMillis,
      nextPossible,
      controllers,
    },
  }
}

// --- At the fleet ---

const nothing: Shape<null> = (value, at) => (value === null ? null : new Misfit(at, 'null', 'something else'))
const name = text('the name of a controller', NAME)
const reasonShape = {
  rule: line(32),
  about: line(400, 0),
  because: line(MOST_WORDS),
  value: either(line(400), nothing),
  threshold: either(line(400), nothing),
  ageMillis: either(whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), nothing),
  nextPossible: either(whole(0, 8_640_000_000_000_000), nothing),
}
const saidShape = object({ ...reasonShape, controllers: list(name, 1, MOST_CONTROLLERS) })
const keptShape = object({
  controllers: dictionary(name, object({ ...reasonShape, at: whole(0, 8_640_000_000_000_000) }), MAX_CONTROLLERS),
})

/** Why a controller of a site waits, as its gateway said, and when (by the gateway's clock). */
export type KeptReason = ShapeOf<typeof keptShape>['controllers'][string]

const MAX_KEPT = 32 << 20
const fileOf = (site: string) => ({ repo: `waits/${site}`, path: 'waits.json' })

/** What a site last said of who waits, by controller. What is not as it was kept (a damaged store) says nothing. */
export async function reasonsAt(world: FleetWorld, site: string): Promise<ReadonlyMap<string, KeptReason>> {
  const { repo, path } = fileOf(site)
  const bytes = await world.store.file(repo, path)
  const json = bytes === null ? null : readJson(bytes, MAX_KEPT)
  const kept = json === null || json instanceof JsonFault ? null : keptShape(json, '')
  return new Map(kept === null || kept instanceof Misfit ? [] : Object.entries(kept.controllers))
}

/** The reasons of a site while a batch of its gateway's entries is taken in. */
export class Reasons {
  readonly #kept: Map<string, KeptReason>
  readonly #site: string
  readonly #now: Instant
  #changed = false
  /** Who of them waits for a yes at the site, or does not any more: an index of what is kept, in step with it. */
  readonly asking: AskingRow[] = []

  private constructor(site: string, kept: ReadonlyMap<string, KeptReason>, now: Instant) {
    this.#site = site
    this.#kept = new Map(kept)
    this.#now = now
  }

  static async of(world: FleetWorld, site: string): Promise<Reasons> {
    return new Reasons(site, await reasonsAt(world, site), world.clock.now())
  }

  /** Follows an entry of the gateway: a turn that was withheld has a reason, one that was granted has none any more. */
  take({ kind, controller, at, detail }: Pick<AuditEntry, 'kind' | 'controller' | 'at' | 'detail'>): void {
    if (kind === 'activation-granted' && controller !== undefined) this.#over(controller)
    const said = kind === 'activation-withheld' ? saidShape(detail, '') : null
    if (said === null || said instanceof Misfit) return
    const { controllers, ...reason } = said
    for (const id of controllers) {
      if (said.rule === OVER) this.#over(id)
      else if (this.#kept.size < MAX_CONTROLLERS || this.#kept.has(id)) this.#set(id, { ...reason, at })
    }
  }

  #set(id: string, reason: KeptReason): void {
    this.#kept.set(id, reason)
    this.#changed = true
    // A gateway's clock may be ahead: nobody waits since tomorrow.
    const since = waitsForYes(reason) ? instant(Math.min(reason.at, this.#now)) : null
    this.asking.push({ site: this.#site, controller: id, since })
  }

  #over(id: string): void {
    if (this.#kept.delete(id)) this.#changed = true
    // Also of one that is not kept: the kept reasons may have been damaged, and read as none.
    this.asking.push({ site: this.#site, controller: id, since: null })
  }

  /** What is to be kept, when it has changed: together with `asking`. If power fails before it is, the batch comes again. */
  files(): readonly RepoFile[] {
    if (!this.#changed) return []
    const controllers = Object.fromEntries(this.#kept) as unknown as JsonObject
    return [{ ...fileOf(this.#site), bytes: canonicalJson({ controllers } as Json) }]
  }
}

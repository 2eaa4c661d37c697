import type { Site, SiteController } from '../fleet/topology.ts'
import { type Obstacle, obstacleTo, type Placed, type Running, rangeText } from './path-rules.ts'
import { type No, no } from './rules/wait.ts'

/**
 * The versions at a site, as its gateway knows them. `runs`, by controller: all that it may run before long: what it attests, and
 * while it is away or on trial also what it becomes and what it may fall back to. `becomes`, by controller: the release
 * that it has been assigned, as far as its envelope can be read.
 */
export type Versions = {
  readonly runs: ReadonlyMap<string, readonly Running[]>
  readonly becomes: ReadonlyMap<string, Running>
}

/**
 * Holds each step against the versions that run beside it, before it is granted: a plan's order was made from what the
 * controllers attested then, and somebody may have been there since. Controllers of a circle that run the same are
 * looked at once.
 */
export class VersionsBeside {
  readonly #versions: Versions
  readonly #circles: ReadonlyMap<string, string | null>
  /** By circle, and within it by version: who runs it. */
  readonly #kinds = new Map<string | null, Map<string, { readonly runs: Running; readonly ids: string[] }>>()

  constructor({ controllers }: Pick<Site, 'controllers'>, versions: Versions) {
    this.#versions = versions
    this.#circles = new Map(controllers.map(({ id, circle }) => [id, circle ?? null]))
    for (const { id, class: name } of controllers) {
      for (const runs of versions.runs.get(id) ?? [{ class: name, version: null, facts: null }]) this.#put(id, runs)
    }
  }

  /** Why a controller may not take its step beside the others; null when it may. */
  before({ id, class: name }: Pick<SiteController, 'id' | 'class'>): No | null {
    const becomes = this.#versions.becomes.get(id)
    if (becomes === undefined) {
      return no('versions', id, 'what its release needs of others is not known: its envelope cannot be read')
    }
    const circle = this.#circles.get(id) ?? null
    const found = obstacleTo({ controller: id, circle, becomes: { ...becomes, class: name } }, this.#beside(id, circle))
    return found === null ? null : noBeside(becomes, found)
  }

  /** A turn was given: from now on the controller may run what it becomes, too. */
  take(id: string): void {
    const becomes = this.#versions.becomes.get(id)
    if (becomes !== undefined) this.#put(id, becomes)
  }

  #put(id: string, runs: Running): void {
    const circle = this.#circles.get(id) ?? null
    const kinds = this.#kinds.get(circle) ?? new Map()
    this.#kinds.set(circle, kinds)
    const key = `${runs.class} ${runs.version} ${JSON.stringify(runs.facts?.dependencies ?? null)}`
    const kind = kinds.get(key) ?? { runs, ids: [] }
    kinds.set(key, kind)
    kind.ids.push(id)
  }

  *#beside(id: string, circle: string | null): Generator<Placed> {
    for (const [other, kinds] of this.#kinds) {
      if (circle !== null && other !== null && other !== circle) continue
      for (const { runs, ids } of kinds.values()) {
        const near = ids.find(one => one !== id)
        if (near !== undefined) yield { id: near, circle: other, runs: [runs] }
      }
    }
  }
}

function noBeside(becomes: Running, { rule, own, near, runs }: Obstacle): No {
  const needs = rangeText(rule.needs)
  const its = runs.version === null ? `what ${near} runs is not known` : `${near} runs ${runs.class} ${runs.version}`
  const because = own
    ? `${rule.of.class} ${rule.of.version} needs ${needs}, and ${its}`
    : `${its}, which needs ${needs}`
  const value = own ? `${runs.class} ${runs.version ?? 'unknown'}` : `${becomes.class} ${becomes.version}`
  return no('versions', near, because, { value, threshold: needs })
}

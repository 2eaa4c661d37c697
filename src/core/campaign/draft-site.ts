import type { Millis, Watts } from '../encoding/units.ts'
import { type Attested, type FleetController, fleetController, refKey } from '../fleet/inventory.ts'
import type { ControllerClass, Duty, Site, SiteController } from '../fleet/topology.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Goals, keyOf, type PublishedRelease } from './draft-fit.ts'
import { findPath, type PathStep, type SitePath } from './path.ts'
import { isStuck, type PathController } from './path-cohorts.ts'
import type { AttestedController } from './path-places.ts'
import type { Shelf } from './path-shelf.ts'
import { flowOf, lossesOf } from './rules/loss.ts'

/** A site as plans are made from it: its description, and what its registered controllers attested, by id. */
export type SourceSite = { readonly site: Site; readonly known: ReadonlyMap<string, KnownController> }

/** What the fleet knows of a registered controller beside its site's description. */
export type KnownController = { readonly attested: Attested | null; readonly decrypts: boolean }

/** A controller that gets a turn: where it is, what it costs the plant, and its steps. */
export type Turn = {
  readonly site: string
  readonly controller: string
  readonly class: string
  readonly duty: Duty
  readonly rack: string | null
  readonly cabinet: string | null
  readonly circle: string | null
  readonly labels: readonly string[]
  readonly watts: Watts
  /** The controllers through which its power flows, the nearest first. */
  readonly above: readonly string[]
  readonly restart: Millis
  readonly from: string
  readonly steps: readonly PathStep<PublishedRelease>[]
}

/** A controller that matched and is not in the plan, with the reason. */
export type PassedOver = { readonly site: string; readonly controller: string; readonly why: Refusal }

/** What decides about the controllers of a site, beside the site. */
export type Asked = {
  readonly selects: (controller: FleetController, board: SiteController) => boolean
  readonly goals: Goals
  readonly shelf: Shelf<PublishedRelease>
  readonly stones: boolean
}

/** A site's part of a draft: turns in order of controller. `least`: the fewest restarts that any order of them takes. */
export type SiteDraft = {
  readonly turns: readonly Turn[]
  readonly least: number
  readonly passedOver: readonly PassedOver[]
}

type Candidate = { readonly of: FleetController; readonly board: SiteController; readonly kind: ControllerClass }

/**
 * Who gets what at one site, and in which order. Whoever cannot come to its release is passed over with the reason, and the
 * others are planned beside it, as it stays.
 */
export function draftSite({ site, known }: SourceSite, { selects, goals, shelf, stones }: Asked): SiteDraft {
  const candidates: Candidate[] = []
  for (const board of site.controllers) {
    // A board that is not registered is a neighbour too: one of which nobody knows what it runs.
    const { attested, decrypts } = known.get(board.id) ?? { attested: null, decrypts: false }
    const of = fleetController(site, board.id, attested, decrypts)
    if (of !== null) candidates.push({ of, board, kind: site.classes[board.class] as ControllerClass })
  }
  candidates.sort((a, b) => (a.board.id < b.board.id ? -1 : 1))
  const wanted = new Map<string, PublishedRelease>()
  const reasons = new Map<string, Refusal>()
  for (const { of, board } of candidates) {
    if (!known.has(of.id) || !selects(of, board)) continue
    const goal = goalOf(of)
    if (isRefusal(goal)) reasons.set(of.id, goal)
    else wanted.set(of.id, goal)
  }
  const { steps, least } = pathsOf()
  const [{ above }, losses] = [flowOf(site), lossesOf(site)]
  const turns = candidates.flatMap(candidate =>
    turnAt(
      site,
      candidate,
      { above: above.get(candidate.of.id) ?? [], watts: losses(candidate.of.id).watts },
      steps.get(candidate.of.id),
    ),
  )
  const passedOver = [...reasons]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([controller, why]) => ({ site: site.site, controller, why }))
  return { turns, least, passedOver }

  /** The release that a controller is to come to, judged as if it were alone. */
  function goalOf(of: FleetController): PublishedRelease | Refusal {
    const key = keyOf(of)
    const goal = goals(of)
    if (isRefusal(goal)) return goal
    if (of.attested === null) return refuse('plan-controller-not-attested', key, 'a signed report', 'none')
    const ways = shelf.waysOf(of as AttestedController, goal)
    if (isRefusal(ways)) return about(key, ways)
    return goal
  }

  /** The steps of all, leaving out one stuck group after the other until the rest has a way. */
  function pathsOf(): Pick<SitePath<PublishedRelease>, 'steps' | 'least'> {
    while (wanted.size > 0) {
      const all = candidates.map(({ of, board }): PathController<PublishedRelease> => {
        return { of, circle: board.circle ?? null, goal: wanted.get(of.id) ?? null }
      })
      const path = findPath(site.site, all, shelf)
      const stuck = isStuck(path) ? path.controllers : stoneless(path.steps)
      if (stuck.length === 0 && !isStuck(path)) return path
      for (const id of stuck) {
        const key = refKey({ site: site.site, controller: id })
        const why = isStuck(path) ? path.why : stoneNeeded(key, id, path.steps.get(id) ?? [])
        reasons.set(id, about(key, why))
        wanted.delete(id)
      }
    }
    return { steps: new Map(), least: 0 }
  }

  /** Those whose way has more than one step, where the plan wants none. */
  function stoneless(steps: ReadonlyMap<string, readonly PathStep<PublishedRelease>[]>): readonly string[] {
    return stones ? [] : [...steps].flatMap(([id, way]) => (way.length > 1 ? id : []))
  }

  function stoneNeeded(key: string, id: string, way: readonly PathStep<PublishedRelease>[]): Refusal {
    const goal = wanted.get(id) as PublishedRelease
    const accepted = known.get(id)?.attested?.anchors ?? []
    const before = `${way
      .slice(0, -1)
      .map(({ release }) => release.path)
      .join(', then ')} before it`
    const code = goal.signers.some(kid => accepted.includes(kid)) ? 'plan-stones-needed' : 'plan-keys-not-accepted'
    return refuse(code, `${key}, ${goal.path}`, before, 'not yet')
  }
}

function turnAt(
  site: Site,
  { of, board, kind }: Candidate,
  flow: Pick<Turn, 'above' | 'watts'>,
  steps: Turn['steps'] | undefined,
): Turn | [] {
  if (steps === undefined) return []
  const { class: name, rack = null, cabinet = null, circle = null, labels = [] } = board
  const place = { rack, cabinet, circle, labels }
  const from = of.attested?.running.version ?? ''
  const plant = { duty: kind.duty, restart: kind.restart, ...flow }
  return { site: site.site, controller: board.id, class: name, ...place, ...plant, from, steps }
}

/** A reason with the controller that it is about. */
const about = (key: string, why: Refusal): Refusal =>
  why.subject.startsWith(key) ? why : { ...why, subject: `${key}, ${why.subject}` }

import { type FleetController, refKey } from '../fleet/inventory.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { type AttestedController, type Place, type SignedRelease, shortestWay } from './path-places.ts'
import { brokenRule, type Running, refuseBeside } from './path-rules.ts'
import { kindOf, type Shelf } from './path-shelf.ts'

/**
 * A controller of a site, as a path is looked for: what the fleet knows of it, the circle that it talks in (null: all of
 * the site), and the release that it is to come to; null when it stays as it is.
 */
export type PathController<Release> = {
  readonly of: FleetController
  readonly circle: string | null
  readonly goal: Release | null
}

/**
 * Controllers that differ in nothing that a path depends on: class, hardware, what they run, floor, keys, goal, and whom
 * they talk to. They take the same steps, one after the other, before any other cohort does.
 *
 * `crowd`: two or more of them talk to each other. `ring`: which circles they are in: -1 without a circle. Circles that are
 * made up alike are one ring. `runs` says for each place what a member runs there.
 */
export type Cohort<Release> = {
  readonly class: string
  readonly members: readonly string[]
  readonly ring: number
  readonly crowd: boolean
  readonly goal: Release
  readonly places: readonly Place<Release>[]
  readonly runs: readonly Running[]
}

/** Controllers that have no path, with the reason. `by`: those that stay as they are and stand in the way. */
export type Stuck = {
  readonly why: Refusal
  readonly controllers: readonly string[]
  readonly by: readonly string[]
}

export const isStuck = (value: object): value is Stuck => 'why' in value

type Mover<Release> = PathController<Release> & { readonly of: AttestedController; readonly goal: Release }

/** What runs beside the movers and does not move: a controller of each kind, by the circle that it is in. */
type Fixed = { readonly circle: string | null; readonly id: string; readonly runs: Running }

/**
 * The cohorts of a site whose controllers have a goal. `singly`: classes whose controllers are each a cohort of its own.
 *
 * Stuck are those whose goal, or a stone that they need, does not go together with a controller that stays as it is
 * (`release-dependency-unmet`, `release-dependency-unknown`), and those that have no way alone (what `placesOf` refuses).
 */
export function cohortsOf<Release extends SignedRelease>(
  site: string,
  controllers: readonly PathController<Release>[],
  { runningOf, runsOf, waysOf }: Shelf<Release>,
  singly: ReadonlySet<string> = new Set(),
): readonly Cohort<Release>[] | Stuck {
  const movers: Mover<Release>[] = []
  const fixed: Fixed[] = []
  for (const one of controllers) {
    if (isMover(one)) movers.push(one)
    else fixed.push({ circle: one.circle, id: one.of.id, runs: runningOf(one.of) })
  }
  const cohorts: Cohort<Release>[] = []
  for (const { members, ring, circle, crowd } of grouped(movers, fixed, singly)) {
    const { of, goal } = members[0]!
    const ids = members.map(member => member.of.id)
    const ways = waysOf(of, goal)
    if (isRefusal(ways)) return { why: ways, controllers: ids, by: [] }
    const runs = ways.map(({ release }) => (release === null ? runningOf(of) : runsOf(release)))
    const open = openPlaces({ site, id: of.id, circle, crowd, places: ways, runs, fixed })
    if ('why' in open) return { ...open, controllers: ids }
    cohorts.push({ class: of.class, members: ids, ring, crowd, goal, runs, places: open })
  }
  return cohorts
}

const isMover = <Release>(one: PathController<Release>): one is Mover<Release> =>
  one.goal !== null && one.of.attested !== null

/** Whether members of two cohorts talk to each other. */
export const meet = (one: Cohort<unknown>, other: Cohort<unknown>): boolean =>
  one.ring === -1 || other.ring === -1 || one.ring === other.ring

type Group<Release> = {
  readonly members: readonly Mover<Release>[]
  readonly ring: number
  readonly circle: string | null
  readonly crowd: boolean
}

/** Puts alike controllers together: first within each circle, then circles that are made up alike. */
function grouped<Release extends SignedRelease>(
  movers: readonly Mover<Release>[],
  fixed: readonly Fixed[],
  singly: ReadonlySet<string>,
): readonly Group<Release>[] {
  const circles = new Map<string | null, Map<string, Mover<Release>[]>>()
  const twins = new Map<string, number>()
  for (const mover of movers) {
    const alike = circles.get(mover.circle) ?? new Map<string, Mover<Release>[]>()
    circles.set(mover.circle, alike)
    const kind = kindOf(mover.of, mover.goal)
    const place = JSON.stringify([mover.circle, kind])
    const twin = twins.get(place) ?? 0
    if (singly.has(mover.of.class)) twins.set(place, twin + 1)
    const name = `${kind} #${twin}`
    const members = alike.get(name) ?? []
    alike.set(name, members)
    members.push(mover)
  }
  const beside = new Map<string | null, Set<Running>>()
  for (const { circle, runs } of fixed) beside.set(circle, (beside.get(circle) ?? new Set()).add(runs))
  const numbers = new Map<Running, number>()
  const numberOf = (runs: Running): number => {
    const number = numbers.get(runs) ?? numbers.size
    numbers.set(runs, number)
    return number
  }
  const rings = new Map<string, (string | null)[]>()
  for (const [circle, alike] of circles) {
    const made = [...alike].map(([name, members]) => `${members.length} ${name}`).sort()
    const around = [...(beside.get(circle) ?? [])].map(numberOf).sort()
    const name = circle === null ? 'site' : JSON.stringify([made, around])
    rings.set(name, [...(rings.get(name) ?? []), circle])
  }
  const groups: Group<Release>[] = []
  for (const [index, ring] of [...rings.values()].entries()) {
    const circle = ring[0] ?? null
    for (const [name, members] of circles.get(circle)!) {
      const all = ring.flatMap(each => circles.get(each)!.get(name)!)
      groups.push({ members: all, ring: circle === null ? -1 : index, circle, crowd: members.length > 1 })
    }
  }
  return groups
}

/** What `openPlaces` looks at: a cohort by one of its members, its ways, and what stays as it is. */
type Look<Release> = {
  readonly site: string
  readonly id: string
  readonly circle: string | null
  readonly crowd: boolean
  readonly places: readonly Place<Release>[]
  readonly runs: readonly Running[]
  readonly fixed: readonly Fixed[]
}

/**
 * The ways of a cohort that stay open beside what does not move, and beside its own members: those that have stepped talk
 * to each other and to those that have not. With none, why: what the goal breaks first, then what a stone breaks.
 */
function openPlaces<Release extends SignedRelease>({
  site,
  id,
  circle,
  crowd,
  places,
  runs,
  fixed,
}: Look<Release>): readonly Place<Release>[] | Omit<Stuck, 'controllers'> {
  const beside = new Map<Running, string>()
  for (const one of fixed) {
    const talks = circle === null || one.circle === null || one.circle === circle
    if (talks && !beside.has(one.runs)) beside.set(one.runs, one.id)
  }
  const closed = runs.map((becomes, at) => {
    if (at === 0) return false
    if (crowd && apart(becomes, becomes)) return true
    for (const near of beside.keys()) if (apart(becomes, near)) return true
    return false
  })
  const open = places.map(({ next, release }, at) => {
    const on = closed[at] ? [] : next.filter(to => !closed[to] && !(crowd && apart(runs[at]!, runs[to]!)))
    return { release, next: on, left: Number.POSITIVE_INFINITY }
  })
  const last = open.length - 1
  for (let at = last; at >= 0; at -= 1) {
    const place = open[at]!
    place.next = place.next.filter(to => Number.isFinite(open[to]!.left))
    place.left = at === last && !closed[at] ? 0 : Math.min(...place.next.map(to => 1 + open[to]!.left))
  }
  if (Number.isFinite(open[0]!.left)) return open
  const name = refKey({ site, controller: id })
  const fellow = `another ${runs[0]!.class} of its circle`
  const first = [...shortestWay(places)].reverse().map(release => places.findIndex(place => place.release === release))
  for (const at of new Set([...first, ...places.keys()])) {
    if (!closed[at]) continue
    for (const [near, other] of beside) {
      const why = refuseBeside(name, runs[at]!, refKey({ site, controller: other }), near)
      const by = fixed.filter(one => one.runs === near).map(one => one.id)
      if (why !== null) return { why, by }
    }
    return { why: refuseBeside(name, runs[at]!, fellow, runs[at]!)!, by: [] }
  }
  return { why: ownRule(name, fellow, places, runs), by: [] }
}

const apart = (one: Running, other: Running): boolean =>
  brokenRule(one, other) !== null || brokenRule(other, one) !== null

/** No place is closed, so a step is: its two versions do not go together in one circle. */
function ownRule(name: string, fellow: string, places: readonly Place<unknown>[], runs: readonly Running[]): Refusal {
  for (const [at, { next }] of places.entries()) {
    for (const to of next) {
      const refusal = refuseBeside(name, runs[to]!, fellow, runs[at]!)
      if (refusal !== null) return refusal
    }
  }
  throw new Error('a cohort without a way, and no rule against one')
}

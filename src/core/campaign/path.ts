import type { Version } from '../firmware/version.ts'
import { isRefusal, refuse } from '../refusal/refusal.ts'
import { puzzleOf, smallestBlock } from './path-blocked.ts'
import { type Cohort, cohortsOf, isStuck, type PathController, type Stuck } from './path-cohorts.ts'
import { orderOf } from './path-order.ts'
import type { SignedRelease } from './path-places.ts'
import { brokenBetween, rangeText, ruleText } from './path-rules.ts'
import { searchMoves } from './path-search.ts'
import type { Shelf } from './path-shelf.ts'
import { MAX_STEPS } from './sheet.ts'

/** States that are looked at before a shortest path is no longer looked for, but any (`searchMoves`): a fraction of a second. */
export const MAX_PATH_STATES = 2_000

/** A step of one controller: the release that it gets, and the order of the step at its site. */
export type PathStep<Release> = { readonly release: Release; readonly order: number }

/** A step that controllers take which are alike, for people to read: from which version, to which release, who. */
export type PathMove<Release> = PathStep<Release> & {
  readonly class: string
  readonly from: Version
  readonly controllers: readonly string[]
}

/**
 * How a site comes to what is asked for: the steps of each controller, by its id; the same as moves, in order; how many
 * restarts it takes; and how many states were looked at to find it.
 */
export type SitePath<Release> = {
  readonly steps: ReadonlyMap<string, readonly PathStep<Release>[]>
  readonly moves: readonly PathMove<Release>[]
  readonly restarts: number
  /** What any path takes at least. As many as `restarts`, unless the search was cut short. */
  readonly least: number
  readonly states: number
}

/**
 * Finds an order of single steps that brings the controllers of a site from what they attest to what they are to run, so
 * that behind every step each one's running release accepts the version of each controller that it talks to, and the other
 * way round. Stones among the published releases are passed where that is the only way, or where keys ask for it. No step is
 * taken that a controller would refuse. It has the fewest restarts; of two with as many it is always the same one.
 *
 * A step waits for every step of a lower `order` among the controllers that it talks to; steps of one order may come in any
 * order and at once.
 *
 * Cohorts are searched, not controllers: what breaks is always a rule between two versions that are there at once, and a
 * second controller with the same version brings no rule that the first did not. So whatever one member of a cohort may do, the
 * others may do right behind it: the mixed states in between hold the versions of before and after, and no other. Of any path
 * the member with the fewest steps can so lead all the others, and the path gets no longer. The one thing that a
 * second member does bring is what its release states of its own class: that is asked of every step of a crowd. Where such releases leave
 * a crowd without a way, or cost it a restart more than each member would need alone, the members of those classes are searched one by one.
 *
 * Stuck, before anything is fetched: what `cohortsOf` refuses; `plan-dependency-cyclic`, which names the smallest set of rules
 * that blocks; `plan-path-given-up` after `MAX_PATH_STATES`; `plan-path-too-long`. `site` names the site.
 */
export function findPath<Release extends SignedRelease>(
  site: string,
  controllers: readonly PathController<Release>[],
  shelf: Shelf<Release>,
): SitePath<Release> | Stuck {
  const cohorts = cohortsOf(site, controllers, shelf)
  const path = isStuck(cohorts) ? cohorts : pathOf(site, cohorts, true)
  // Only where a class has rules for itself can controllers that are alike do better one by one.
  const own = new Set(
    controllers.flatMap(({ of, goal }) => (goal !== null && shelf.ownRules.has(of.class) ? of.class : [])),
  )
  if (own.size === 0) return path
  const alone = restartsAlone(controllers, shelf)
  if (!isStuck(path) && path.restarts === alone) return path
  const each = cohortsOf(site, controllers, shelf, own)
  const singly = isStuck(each) ? each : pathOf(site, each, false)
  if (isStuck(singly)) return isStuck(path) ? path : { ...path, least: alone }
  return isStuck(path) || singly.restarts < path.restarts ? singly : { ...path, least: singly.least }
}

/** What all would take if nobody talked to anybody: no path takes less. */
function restartsAlone<Release extends SignedRelease>(
  controllers: readonly PathController<Release>[],
  { waysOf }: Shelf<Release>,
): number {
  let restarts = 0
  for (const { of, goal } of controllers) {
    if (goal === null || of.attested === null) continue
    const ways = waysOf({ ...of, attested: of.attested }, goal)
    if (!isRefusal(ways)) restarts += ways[0]!.left
  }
  return restarts
}

/** The path of all cohorts. Why there is none is worked out only for who shows it (`reasons`): that may take longer. */
function pathOf<Release extends SignedRelease>(
  site: string,
  cohorts: readonly Cohort<Release>[],
  reasons: boolean,
): SitePath<Release> | Stuck {
  const apart = goalsApart(site, cohorts)
  if (apart !== null) return apart
  const moves: PathMove<Release>[] = []
  let [restarts, least, states] = [0, 0, 0]
  for (const part of partsOf(cohorts)) {
    const puzzle = puzzleOf(part)
    const found = searchMoves(puzzle, MAX_PATH_STATES)
    states += found.states
    if (found.at === 'given-up' || (found.at === 'blocked' && !reasons)) return givenUp(site, part)
    if (found.at === 'blocked') return blocked(site, part)
    restarts += found.weight
    least += found.least
    const orders = orderOf(puzzle, found.moves)
    for (const [at, { piece, from, to }] of found.moves.entries()) {
      const { class: name, members, places, runs } = part[piece]!
      const release = places[to]!.release!
      moves.push({ class: name, from: runs[from]!.version!, release, order: orders[at]!, controllers: members })
    }
  }
  moves.sort((a, b) => a.order - b.order)
  const steps = new Map<string, PathStep<Release>[]>()
  for (const { controllers, release, order } of moves) {
    for (const id of controllers) steps.set(id, [...(steps.get(id) ?? []), { release, order }])
  }
  return tooLong(site, steps) ?? { steps, moves, restarts, least, states }
}

/** More steps for a controller than its place in a plan holds: it takes the first of them in a campaign of their own. */
function tooLong(site: string, all: ReadonlyMap<string, readonly PathStep<SignedRelease>[]>): Stuck | null {
  const long = [...all].filter(([, steps]) => steps.length > MAX_STEPS)
  const [id, steps] = long[0] ?? []
  if (id === undefined || steps === undefined) return null
  const actual = `${steps.length}; the ${MAX_STEPS}th is ${steps[MAX_STEPS - 1]!.release.path}`
  const why = refuse('plan-path-too-long', `${site}/${id}`, `at most ${MAX_STEPS} steps to what is asked for`, actual)
  return { why, controllers: long.map(([id]) => id), by: [] }
}

/** Two releases that are asked for and do not go together: no order helps. */
function goalsApart(site: string, cohorts: readonly Cohort<SignedRelease>[]): Stuck | null {
  const { meets } = puzzleOf(cohorts)
  for (const [at, one] of cohorts.entries()) {
    for (let next = at + 1; next < cohorts.length; next += 1) {
      if (!meets(at, next)) continue
      const other = cohorts[next]!
      const broken = brokenBetween(one.runs.at(-1)!, other.runs.at(-1)!)[0]
      if (broken === undefined) continue
      const beside = broken.of === one.goal.facts ? other : one
      const subject = `${site}, ${broken.of.class} ${broken.of.version}`
      const actual = `${beside.class} ${beside.goal.facts.version}, which is asked for too`
      const why = refuse('release-dependency-unmet', subject, rangeText(broken.needs), actual)
      return { why, by: [], controllers: membersOf([one, other]) }
    }
  }
  return null
}

/** Cohorts that no rule connects come to their goals without each other. */
function partsOf<Release>(cohorts: readonly Cohort<Release>[]): readonly (readonly Cohort<Release>[])[] {
  const { meets, fits, pieces } = puzzleOf(cohorts)
  const connected = (a: number, b: number): boolean =>
    meets(a, b) && pieces[a]!.next.some((_, i) => pieces[b]!.next.some((_, j) => !fits(a, i, b, j)))
  const left = new Set(cohorts.keys())
  const parts: Cohort<Release>[][] = []
  for (const first of left) {
    const part = [first]
    left.delete(first)
    // The list grows while it is read.
    for (const a of part) {
      for (const b of left) {
        if (!connected(a, b)) continue
        left.delete(b)
        part.push(b)
      }
    }
    parts.push(part.toSorted((a, b) => a - b).map(at => cohorts[at]!))
  }
  return parts
}

function blocked(site: string, part: readonly Cohort<SignedRelease>[]): Stuck {
  const { cohorts, rules } = smallestBlock(part)
  const goals = [...new Set(cohorts.map(({ goal }) => `${goal.facts.class} ${goal.facts.version}`))]
  const actual = rules.map(ruleText).join('; ')
  const expected = 'an order in which each step keeps every pair that talks compatible'
  const why = refuse('plan-dependency-cyclic', `${site}, ${goals.join(' and ')}`, expected, actual)
  return { why, by: [], controllers: membersOf(cohorts) }
}

function givenUp(site: string, part: readonly Cohort<SignedRelease>[]): Stuck {
  const classes = [...new Set(part.map(cohort => cohort.class))].join(', ')
  const why = refuse(
    'plan-path-given-up',
    `${site}, ${classes}`,
    `an order among ${MAX_PATH_STATES} states`,
    'none so far',
  )
  return { why, by: [], controllers: membersOf(part) }
}

const membersOf = (cohorts: readonly Cohort<unknown>[]): readonly string[] => cohorts.flatMap(({ members }) => members)

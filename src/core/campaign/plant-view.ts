import type { Instant, Millis } from '../encoding/units.ts'
import { type Point, pointOf } from '../fleet/points.ts'
import type { Permissive } from '../fleet/site-rules.ts'
import type { Site } from '../fleet/topology.ts'
import { flowOf } from './rules/loss.ts'
import { judge, knownAt, type Readings, showValue, wanted } from './rules/readings.ts'
import type { RuleSet } from './rules/resource.ts'
import { reasonOf, type Wait } from './rules/wait.ts'

/**
 * What a site shows of its plant to people who look at it: how each permissive stands, and why controllers wait, with the
 * figures of now. Nothing is decided by it. Ages are of the moment at which it was made: whoever shows it later adds what
 * has passed since.
 */
export type PlantView = {
  /** Why the plant could not be read: a refusal's code; null: it could, or nobody had to. */
  readonly fault: string | null
  readonly permissives: readonly PermissiveStanding[]
  readonly waits: readonly WaitGroup[]
  /** Permissives and reasons that there was no room for. */
  readonly more: number
}

/**
 * How a permissive stands: at how many places (the site, feeders, controllers) it permits, refuses or is not known, and the
 * first of them, the worst first. What is not known does not permit.
 */
export type PermissiveStanding = {
  /** Whose rule it is: `limits of the site`, `campaign NAME`. */
  readonly by: string
  readonly point: Point
  readonly threshold: string
  readonly maxAgeMillis: Millis
  /** For whose controllers it holds; null: for all. */
  readonly classes: readonly string[] | null
  readonly permits: number
  readonly refuses: number
  readonly unknown: number
  readonly worst: readonly PlaceStanding[]
}

export type Stands = 'permits' | 'refuses' | 'unknown'

/** `of`: the feeder or controller; null for the site's. `because`: why it does not permit, as a rule says it. */
export type PlaceStanding = {
  readonly of: string | null
  readonly stands: Stands
  readonly value: string | null
  readonly ageMillis: Millis | null
  readonly because: string | null
}

/** Controllers that wait for the same reason, with its figures of now. */
export type WaitGroup = {
  readonly rule: string
  readonly because: string
  readonly value: string | null
  readonly threshold: string | null
  readonly ageMillis: Millis | null
  readonly nextPossible: Instant | null
  readonly controllers: readonly string[]
}

/** What one view holds at most: it is a picture for people, and travels while somebody looks. */
export const MOST_PERMISSIVES = 64
export const MOST_PLACES = 8
export const MOST_WAITS = 32
export const MOST_WAITING = 100
/** Characters of a sentence, and of a value or threshold. */
export const MOST_WORDS = 240

const WORST: readonly Stands[] = ['unknown', 'refuses', 'permits']

/** The view of a site, by the readings and waits of now. */
export function plantView(
  site: Site,
  sets: readonly Pick<RuleSet, 'by' | 'rules'>[],
  readings: Readings,
  waits: readonly Wait[],
  now: Instant,
  fault: string | null,
): PlantView {
  const rules = sets.flatMap(({ by, rules }) => rules.permissives.map(permissive => ({ by, permissive })))
  const groups = [...Map.groupBy(waits, wait => `${reasonOf(wait)}\n${wait.value}\n${wait.threshold}`).values()]
  return {
    fault,
    permissives: rules
      .slice(0, MOST_PERMISSIVES)
      .map(({ by, permissive }) => standingAt(site, by, permissive, readings, now)),
    waits: groups.slice(0, MOST_WAITS).map(group => waitGroup(group)),
    more: Math.max(0, rules.length - MOST_PERMISSIVES) + Math.max(0, groups.length - MOST_WAITS),
  }
}

function standingAt(
  site: Site,
  by: string,
  permissive: Permissive,
  readings: Readings,
  now: Instant,
): PermissiveStanding {
  const { point, classes, maxAgeMillis } = permissive
  const places = placesOf(site, permissive).map(of => placeStanding(permissive, of, readings, now))
  const count = (stands: Stands): number => places.filter(one => one.stands === stands).length
  return {
    by: short(by),
    point,
    threshold: short(wanted(permissive, pointOf(point))),
    maxAgeMillis,
    classes: classes ?? null,
    permits: count('permits'),
    refuses: count('refuses'),
    unknown: count('unknown'),
    worst: places.toSorted((a, b) => WORST.indexOf(a.stands) - WORST.indexOf(b.stands)).slice(0, MOST_PLACES),
  }
}

/** The places that a permissive asks about: the site, the feeders of those whom it concerns, or these themselves. */
function placesOf(site: Site, { point, classes }: Permissive): readonly (string | null)[] {
  const { scope } = pointOf(point)
  if (scope === 'site') return [null]
  const concerned = site.controllers.filter(one => classes === undefined || classes.includes(one.class))
  if (scope === 'controller') return concerned.map(({ id }) => id)
  const { feeder } = flowOf(site)
  return [...new Set(concerned.flatMap(({ id }) => feeder.get(id) ?? []))]
}

function placeStanding(permissive: Permissive, of: string | null, readings: Readings, now: Instant): PlaceStanding {
  const no = judge(permissive, of, readings, now)
  if (no === null) {
    const known = knownAt(readings, permissive.point, of, permissive.maxAgeMillis, now)
    const value = 'value' in known ? short(showValue(pointOf(permissive.point), known.value)) : null
    return { of, stands: 'permits', value, ageMillis: known.age, because: null }
  }
  const { value, ageMillis, because } = no
  const stands = value === null ? 'unknown' : 'refuses'
  return { of, stands, value: value === null ? null : short(value), ageMillis, because: short(because) }
}

function waitGroup(group: readonly Wait[]): WaitGroup {
  const { rule, because, value, threshold, ageMillis, nextPossible } = group[0]!
  return {
    rule,
    because: short(because),
    value: value === null ? null : short(value),
    threshold: threshold === null ? null : short(threshold),
    ageMillis,
    nextPossible,
    controllers: group.slice(0, MOST_WAITING).map(({ controller }) => controller),
  }
}

const short = (text: string): string => text.slice(0, MOST_WORDS).toWellFormed()

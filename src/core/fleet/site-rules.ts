import { sameBytes } from '../encoding/bytes.ts'
import { canonicalJson, type Json } from '../encoding/canonical-json.ts'
import { durationShape, energyShape, powerShape } from '../encoding/quantity.ts'
import {
  described,
  line,
  list,
  Misfit,
  object,
  type Shape,
  schemaOf,
  shown,
  text,
  then,
  truth,
  whole,
  word,
} from '../encoding/shape.ts'
import { type Instant, instant, type Millis, type WattHours, type Watts } from '../encoding/units.ts'
import { parseUtc } from '../encoding/utc-time.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { NAME } from './identity.ts'
import { isPoint, type Point, pointOf, points } from './points.ts'

/**
 * What must be so at a site before a controller restarts. A plan brings such rules, and a site has its own (`limits`):
 * both hold, always, and the gateway sees to it with the link down. Evaluated in core/campaign/rules.
 */
export type SiteRules = {
  /** Empty: any time. */
  readonly windows: readonly Window[]
  readonly blackouts: readonly Blackout[]
  readonly permissives: readonly Permissive[]
  readonly budgets: readonly Budget[]
  /** How many controllers of the site may be restarting at once; null: as many as the other rules let. */
  readonly restarting: number | null
}

export const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEK)[number]

/**
 * A time of day, on some days of the week, as the clock on the site's wall shows it. `to` not after `from`: it goes over
 * midnight, and belongs to the day on which it begins; the same time twice is a whole day.
 */
export type Window = { readonly days: readonly Weekday[]; readonly from: ClockTime; readonly to: ClockTime }

/** `HH:MM`, 00:00 to 23:59. */
export type ClockTime = string

/** A time in which nobody restarts, once (`to` is exclusive) or again and again. Without regions and sites: everywhere. */
export type Blackout = { readonly why: string } & (Period | Window) & {
    readonly regions?: readonly string[]
    readonly sites?: readonly string[]
  }
export type Period = { readonly from: Instant; readonly to: Instant }

/**
 * What a live value must be: at least `min`, at most `max` in the point's unit, or `is`. A reading that is older than
 * `maxAgeMillis`, missing or from the future says no. `classes`: for whose controllers it holds; without it, for all.
 */
export type Permissive = {
  readonly point: Point
  readonly min?: number
  readonly max?: number
  readonly is?: boolean
  readonly maxAgeMillis: Millis
  readonly classes?: readonly string[]
}

/** What may be offline at once. Site and feeder are kept by the gateway, region and fleet by the fleet server. */
export type Budget = {
  readonly per: 'site' | 'feeder' | 'region' | 'fleet'
  readonly watts?: Watts
  readonly wattHours?: WattHours
  readonly controllers?: number
}

/** Rules that hold nobody back. */
export const NO_RULES: SiteRules = { windows: [], blackouts: [], permissives: [], budgets: [], restarting: null }

const DAY = 86_400_000
const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const names = list(name, 1, 1000)
const clockTime: Shape<ClockTime> = text('a time of day such as 01:30', /^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/)

const days: Shape<readonly Weekday[]> = then(list(word(...WEEK), 1, 7), (value, at) => {
  const ordered = WEEK.filter(day => value.includes(day))
  return ordered.length === value.length ? ordered : new Misfit(at, 'each day once', value.join(', '))
})

const windowShape: Shape<Window> = object({ days, from: clockTime, to: clockTime })

/** An instant, in milliseconds since 1970 or as `2026-12-24T00:00:00Z`. */
export const momentShape: Shape<Instant> = described(
  {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: 8_640_000_000_000_000 },
      { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$' },
    ],
    description: 'a time such as 2026-12-24T00:00:00Z, or its milliseconds since 1970',
  },
  (value, at) => {
    const read = typeof value === 'string' ? parseUtc(value) : value
    const fits = typeof read === 'number' && Number.isSafeInteger(read) && read >= 0 && read <= 8_640_000_000_000_000
    return fits ? instant(read) : new Misfit(at, 'a time such as 2026-12-24T00:00:00Z', shown(value))
  },
)

const where = { regions: names, sites: names }
const recurring = object({ why: line(160), days, from: clockTime, to: clockTime }, where)
const once = then(object({ why: line(160), from: momentShape, to: momentShape }, where), (value, at) =>
  value.from < value.to ? value : new Misfit(at, 'an end after the beginning', 'an end that is not after it'),
)
const blackoutShape: Shape<Blackout> = described(
  () => ({ anyOf: [schemaOf(recurring), schemaOf(once)] }),
  (value, at) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, 'days')
      ? recurring(value, at)
      : once(value, at),
)

const point: Shape<Point> = described({ enum: Object.keys(points) }, (value, at) =>
  typeof value === 'string' && isPoint(value)
    ? value
    : new Misfit(at, `one of ${Object.keys(points).join(', ')}`, shown(value)),
)

const bound = whole(-1e12, 1e12)
const permissiveShape: Shape<Permissive> = then(
  object(
    { point, maxAgeMillis: durationShape(1000, DAY) },
    { min: bound, max: bound, is: truth, classes: list(name, 1, 64) },
  ),
  (value, at) => {
    const of = pointOf(value.point)
    const { min, max, is } = value
    if (of.unit === null) {
      if (is !== undefined && min === undefined && max === undefined) return value
      return new Misfit(at, `"is": true or false, for ${value.point}`, is === undefined ? 'none' : 'a bound')
    }
    if (is !== undefined || (min === undefined && max === undefined)) {
      return new Misfit(at, `"min" or "max", for ${value.point}`, is === undefined ? 'neither' : '"is"')
    }
    if ((min ?? of.min) <= (max ?? of.max) && (min ?? of.min) <= of.max && (max ?? of.max) >= of.min) return value
    const actual = `from ${min ?? of.min} to ${max ?? of.max}`
    return new Misfit(at, `bounds between which ${value.point} can be (${of.min} to ${of.max})`, actual)
  },
)

const budgetShape: Shape<Budget> = then(
  object(
    { per: word('site', 'feeder', 'region', 'fleet') },
    { watts: powerShape(), wattHours: energyShape(), controllers: whole(0, 1_000_000) },
  ),
  (value, at) =>
    value.watts === undefined && value.wattHours === undefined && value.controllers === undefined
      ? new Misfit(at, 'watts, wattHours or controllers', 'none of them')
      : value,
)

const restarting: Shape<number | null> = described(
  { anyOf: [{ type: 'null' }, schemaOf(whole(0, 4096))] },
  (value, at) => (value === null ? null : whole(0, 4096)(value, at)),
)

/**
 * Reads rules, from a plan, a site file or a store. Times, powers and energies may be written with units. A list that is
 * not there is empty. Budgets of zero are read here, and refused by `checkRules`.
 */
export const rulesShape: Shape<SiteRules> = then(
  object(
    {},
    {
      windows: list(windowShape, 0, 64),
      blackouts: list(blackoutShape, 0, 256),
      permissives: list(permissiveShape, 0, 64),
      budgets: list(budgetShape, 0, 64),
      restarting,
    },
  ),
  ({ windows, blackouts, permissives, budgets, restarting: atOnce }): SiteRules => ({
    windows: windows ?? [],
    blackouts: blackouts ?? [],
    permissives: permissives ?? [],
    budgets: budgets ?? [],
    restarting: atOnce ?? null,
  }),
)

/**
 * Reads rules that were written by a program: every member there, whole numbers only. A signed document says what it says
 * in one spelling.
 */
export const storedRulesShape: Shape<SiteRules> = (value, at) => {
  const rules = rulesShape(value, at)
  if (rules instanceof Misfit) return rules
  const same = sameBytes(canonicalJson(value as Json), canonicalJson(rules as unknown as Json))
  return same ? rules : new Misfit(at, 'every member, in whole numbers', 'another spelling of rules')
}

/** What is wrong with rules that have their form. Refuses `rules-budget-zero`: with it nobody would ever restart. */
export function checkRules(rules: SiteRules, subject: string): Refusal | null {
  const zero = (at: string): Refusal => refuse('rules-budget-zero', subject, 'at least 1', `0 at ${at}`)
  for (const [index, { watts, wattHours, controllers }] of rules.budgets.entries()) {
    const at = Object.entries({ watts, wattHours, controllers }).find(([, value]) => value === 0)
    if (at !== undefined) return zero(`budgets[${index}].${at[0]}`)
  }
  return rules.restarting === 0 ? zero('restarting') : null
}

/** What of a site its limits are about. */
type Limited = {
  readonly classes: readonly string[]
  readonly controllers: readonly { readonly feeder?: string; readonly power?: Watts; readonly energy?: WattHours }[]
}

/** A limit on feeders, power or energy of a site whose file gives none of its controllers any. */
function checkCounted({ budgets, permissives }: SiteRules, controllers: Limited['controllers'], subject: string) {
  const has = (what: 'feeder' | 'power' | 'energy'): boolean => controllers.some(one => one[what] !== undefined)
  const nowhere = (what: string, at: string): Refusal =>
    refuse('rules-hold-nowhere', subject, `a controller with a ${what}`, `none, and a limit at limits.${at}`)
  for (const [index, { per, watts, wattHours }] of budgets.entries()) {
    const at = `budgets[${index}]`
    if (per === 'feeder' && !has('feeder')) return nowhere('feeder', at)
    if (watts !== undefined && !has('power')) return nowhere('power', at)
    if (wattHours !== undefined && !has('energy')) return nowhere('energy', at)
  }
  const index = permissives.findIndex(({ point }) => pointOf(point).scope === 'feeder')
  return index >= 0 && !has('feeder') ? nowhere('feeder', `permissives[${index}]`) : null
}

/**
 * What is wrong with rules as a site's own limits, beside what `checkRules` refuses: what could hold nowhere at the site would
 * be believed to hold, and does not. Refuses `site-malformed`, `site-class-unknown`, `rules-hold-nowhere`.
 */
export function checkLimits(limits: SiteRules, { classes, controllers }: Limited, subject: string): Refusal | null {
  for (const [index, { per }] of limits.budgets.entries()) {
    if (per === 'site' || per === 'feeder') continue
    return refuse('site-malformed', subject, '"site" or "feeder"', `"${per}" at limits.budgets[${index}].per`)
  }
  for (const [index, { regions, sites }] of limits.blackouts.entries()) {
    if (regions === undefined && sites === undefined) continue
    const actual = `${regions === undefined ? 'sites' : 'regions'} at limits.blackouts[${index}]`
    return refuse('site-malformed', subject, 'a blackout of this site', actual)
  }
  for (const [index, permissive] of limits.permissives.entries()) {
    const unknown = permissive.classes?.find(name => !classes.includes(name))
    if (unknown === undefined) continue
    const known = classes.join(', ') || 'a class of the site'
    return refuse('site-class-unknown', subject, known, `"${unknown}" at limits.permissives[${index}].classes`)
  }
  return checkRules(limits, `${subject}: limits`) ?? checkCounted(limits, controllers, subject)
}

import { line, Misfit, type Shape, shown, text, whole, word } from '../encoding/shape.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { parseVersionRange, type VersionRange } from '../firmware/version-range.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { NAME } from './identity.ts'
import { MAX_NAMED, NAMED } from './named.ts'

/** What is known of a controller's version: by its own signed word, by somebody's records, or by nobody. */
export const SAID = ['attested', 'claimed', 'nothing'] as const
export type Said = (typeof SAID)[number]

export const STATES = ['stable', 'trial', 'golden'] as const

/** Whole numbers between two ends, both inclusive. */
export type NumberRange = { readonly min?: number; readonly max?: number }

/** Where a controller stands with a campaign: `late` is what is left behind the campaign's deadline. */
export const COMPLIANCE = ['done', 'left', 'late'] as const
export type ComplianceState = (typeof COMPLIANCE)[number]

/**
 * A question about the controllers of a fleet. Every part that is given narrows it; a list asks for any of its words.
 * `labels` must all be there; `anchor` must be accepted, `lacksAnchor` must not (and the controller must have said which
 * keys it accepts). `seenBefore` includes those that were never heard. `differs`: the records claim another version than
 * the controller attests.
 */
export type ControllerQuery = {
  readonly classes?: readonly string[]
  readonly version?: VersionRange
  readonly counter?: NumberRange
  readonly regions?: readonly string[]
  readonly sites?: readonly string[]
  /** Each somewhere in the name of the site, or of its region. */
  readonly named?: readonly string[]
  readonly cabinet?: string
  readonly rack?: string
  readonly labels?: readonly string[]
  readonly anchor?: string
  readonly lacksAnchor?: string
  readonly states?: readonly (typeof STATES)[number][]
  readonly said?: readonly Said[]
  readonly differs?: true
  readonly seenBefore?: Instant
  readonly campaign?: { readonly id: string; readonly is?: ComplianceState }
  /** What who asks may see at all: these regions and these sites. No word says it. */
  readonly reach?: { readonly regions: readonly string[]; readonly sites: readonly string[] }
}

/**
 * Where a page ended: the last controller of it, and when that was last seen, where the order is that of the last sign of life.
 * Pages begin behind a place and not at a number, so that what comes and goes between two pages shifts nothing.
 */
export type Position = { readonly site: string; readonly id: string; readonly seen: number }

/** Words of a list that one question may hold, and characters of one parameter: what a hostile question may cost. */
export const MAX_WORDS = 100
const MAX_PARAMETER = 8192
const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const inName = text('1 to 64 of a-z 0-9 . _ -', NAMED)
const kid = text('a key id of 64 lower-case hex digits', /^[0-9a-f]{64}$/)
const place = line(64)

/** What a question may say: the words of the API's query string, and of the command line behind `--`. */
export const QUERY_WORDS = {
  class: 'classes, with commas',
  version: 'a range such as <4.2, >=4.1, =4.2.0 or 4.1.0..4.2.0',
  counter: 'security counters: <7, <=6, >2, >=3, =7 or 3..7',
  region: 'regions, with commas',
  site: 'sites, with commas',
  named: 'parts of names, with commas: each somewhere in the name of the site or of its region',
  cabinet: 'a cabinet, by the name that the site gives it',
  rack: 'a rack, by the name that the site gives it',
  label: 'labels that a controller must all have, with commas',
  anchor: 'the id of a key whose releases it accepts',
  'lacks-anchor': 'the id of a key whose releases it does not accept',
  state: 'stable, trial or golden, with commas',
  said: 'what the version rests on: attested, claimed or nothing, with commas',
  differs: 'only those whose records claim another version than they attest',
  'seen-before': 'last heard before: an instant such as 2027-01-31T00:00:00Z, or a duration ago such as 30d',
  campaign: 'the controllers of a campaign',
  is: 'with a campaign: done, left or late',
} as const satisfies Readonly<Record<string, string>>

export type QueryWord = keyof typeof QUERY_WORDS

/**
 * Reads a question from its words, each given once. `now`: what durations count back from. Refuses `query-malformed` with
 * the word that does not fit, `version-malformed`.
 */
export function parseQuery(words: Readonly<Record<string, unknown>>, now: Instant): ControllerQuery | Refusal {
  const query: { -readonly [K in keyof ControllerQuery]: ControllerQuery[K] } = {}
  for (const [key, value] of Object.entries(words)) {
    if (!Object.hasOwn(QUERY_WORDS, key)) {
      return refuse('query-malformed', `the word "${key.slice(0, 40)}"`, Object.keys(QUERY_WORDS).join(', '), 'another')
    }
    if (typeof value !== 'string' || value.length === 0 || value.length > MAX_PARAMETER) {
      const actual = typeof value === 'string' ? `${value.length} characters` : shown(value)
      return refuse('query-malformed', key, `one text of 1 to ${MAX_PARAMETER} characters`, actual)
    }
    const fault = put(query, key as QueryWord, value, now)
    if (fault !== null) return fault
  }
  if ((query.cabinet !== undefined || query.rack !== undefined) && query.sites?.length !== 1) {
    return refuse(
      'query-malformed',
      'cabinet and rack',
      'one site beside them: places have names of their site',
      'none',
    )
  }
  const asked = words.is
  if (asked !== undefined && query.campaign === undefined) {
    return refuse('query-malformed', 'is', 'a campaign beside it', 'none')
  }
  if (typeof asked !== 'string' || query.campaign === undefined) return query
  const is = word(...COMPLIANCE)(asked, 'is')
  return is instanceof Misfit ? malformed(is) : { ...query, campaign: { ...query.campaign, is } }
}

type Draft = { -readonly [K in keyof ControllerQuery]: ControllerQuery[K] }

/** Takes one word in; null when it fits. */
function put(query: Draft, key: QueryWord, value: string, now: Instant): Refusal | null {
  switch (key) {
    case 'class':
      return list(value, name, key, some => (query.classes = some))
    case 'region':
      return list(value, name, key, some => (query.regions = some))
    case 'site':
      return list(value, name, key, some => (query.sites = some))
    case 'named':
      return list(value, inName, key, some => (query.named = some), MAX_NAMED)
    case 'label':
      return list(value, name, key, some => (query.labels = some))
    case 'state':
      return list(value, word(...STATES), key, some => (query.states = some))
    case 'said':
      return list(value, word(...SAID), key, some => (query.said = some))
    case 'cabinet':
      return one(value, place, key, it => (query.cabinet = it))
    case 'rack':
      return one(value, place, key, it => (query.rack = it))
    case 'anchor':
      return one(value, kid, key, it => (query.anchor = it))
    case 'lacks-anchor':
      return one(value, kid, key, it => (query.lacksAnchor = it))
    case 'campaign':
      return one(value, name, key, id => (query.campaign = { id }))
    case 'differs':
      return one(value, word('true'), key, () => (query.differs = true))
    case 'version': {
      const range = parseVersionRange(value, key)
      if (isRefusal(range)) return range
      query.version = range
      return null
    }
    case 'counter': {
      const range = numberRange(value)
      if (range === null) return refuse('query-malformed', key, QUERY_WORDS.counter, shown(value))
      query.counter = range
      return null
    }
    case 'seen-before': {
      const at = momentOf(value, now)
      if (at === null) return refuse('query-malformed', key, QUERY_WORDS['seen-before'], shown(value))
      query.seenBefore = at
      return null
    }
    case 'is':
      return null
  }
}

function list<T extends string>(
  value: string,
  of: Shape<T>,
  at: string,
  take: (some: T[]) => void,
  most = MAX_WORDS,
): Refusal | null {
  const parts = value.split(',')
  if (parts.length > most) return refuse('query-malformed', at, `at most ${most} words`, `${parts.length}`)
  const read: T[] = []
  for (const part of parts) {
    const item = of(part.trim(), at)
    if (item instanceof Misfit) return malformed(item)
    read.push(item)
  }
  take([...new Set(read)])
  return null
}

function one<T>(value: string, of: Shape<T>, at: string, take: (it: T) => void): Refusal | null {
  const read = of(value, at)
  if (read instanceof Misfit) return malformed(read)
  take(read)
  return null
}

const malformed = ({ at, expected, actual }: Misfit): Refusal => refuse('query-malformed', at, expected, actual)

const counter = whole(0, 0xffffffff)

/** `<7`, `<=6`, `>2`, `>=3`, `=7`, `3..7` (both included); null for anything else, and for a range with nothing in it. */
function numberRange(value: string): NumberRange | null {
  const [, low, high] = /^(\d{1,10})\.\.(\d{1,10})$/.exec(value) ?? []
  const [, sign, digits] = /^(<=|>=|<|>|=)(\d{1,10})$/.exec(value) ?? []
  const ends = low !== undefined ? [low, high] : digits !== undefined ? [digits] : null
  if (ends === null || ends.some(end => counter(Number(end), '') instanceof Misfit)) return null
  if (low !== undefined) return Number(low) <= Number(high) ? { min: Number(low), max: Number(high) } : null
  const number = Number(digits)
  if (sign === '=') return { min: number, max: number }
  if (sign === '<') return number === 0 ? null : { max: number - 1 }
  if (sign === '<=') return { max: number }
  return { min: sign === '>' ? number + 1 : number }
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000 }

/** An instant in UTC (ISO 8601, with its Z or offset), or so long before now; null for anything else. */
export function momentOf(value: string, now: Instant): Instant | null {
  const [, count, unit] = /^(\d{1,5})(h|d)$/.exec(value) ?? []
  if (count !== undefined) return instant(Math.max(0, now - Number(count) * (UNITS[unit as string] as number)))
  if (value.length > 40) return null
  try {
    return instant(Math.max(0, Temporal.Instant.from(value).epochMilliseconds))
  } catch {
    return null
  }
}

/**
 * Whether the roll-ups by site answer a question: they know class, version, counter, region, site, their names, what is said, the
 * state and the keys, and nothing of a single controller.
 */
export function isCounted({ cabinet, rack, labels, differs, seenBefore, campaign }: ControllerQuery): boolean {
  return [cabinet, rack, labels, differs, seenBefore, campaign].every(part => part === undefined)
}

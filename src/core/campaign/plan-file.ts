import { durationShape } from '../encoding/quantity.ts'
import {
  described,
  dictionary,
  either,
  type JsonSchema,
  line,
  list,
  Misfit,
  object,
  type ShapeOf,
  schemaOf,
  text,
  truth,
  whole,
  word,
} from '../encoding/shape.ts'
import { millis } from '../encoding/units.ts'
import { parseVersionRange, type VersionRange } from '../firmware/version-range.ts'
import { NAME } from '../fleet/identity.ts'
import { checkRules, momentShape, NO_RULES, rulesShape } from '../fleet/site-rules.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { healthShape } from './gate.ts'
import { MAX_PLAN_CONTROLLERS, MAX_PLAN_RELEASES, MAX_PLAN_SITES, MAX_PRIORITY, MAX_WAVES } from './plan.ts'
import type { PlanRequest, Take, WaveRequest } from './plan-request.ts'

/**
 * A plan file: what an operator asks for, in YAML or JSON. docs/campaign-plan.schema.json says the same for editors; it is
 * made from the shapes below. What a file leaves out is as in `DEFAULTS`.
 */

const DAY = 86_400_000
/** Names that one list of a plan file may hold. */
const MAX_NAMES = 20_000

export const DEFAULTS = {
  criticality: 'feature',
  priority: 50,
  soakMillis: millis(600_000),
  timeoutMillis: millis(3_600_000),
  validMillis: millis(7 * DAY),
  retry: { retries: 1, backOffMillis: millis(0), maxBackOffMillis: millis(0) },
} as const

const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const names = list(name, 1, MAX_NAMES)
const pattern = NAME.source.replace(/^\^|\$$/g, '')
const controllers = list(text('a controller as SITE/CONTROLLER', new RegExp(`^${pattern}/${pattern}$`)), 1, MAX_NAMES)
const path = line(512)
const criticality = word('security', 'safety', 'feature', 'content')
const priority = whole(0, MAX_PRIORITY)
const some = whole(1, MAX_PLAN_CONTROLLERS)
const percent = whole(1, 100)
const span = durationShape(0, 90 * DAY)

const range = described<VersionRange>(
  { type: 'string', maxLength: 140, description: 'a range such as <4.2, >=4.1, =4.2.0 or 4.1.0..4.2.0' },
  (value, at) => {
    if (typeof value !== 'string') return new Misfit(at, 'a range of versions such as <4.2', typeof value)
    const read = parseVersionRange(value, at)
    return isRefusal(read) ? new Misfit(at, read.expected, read.actual) : read
  },
)

const takes = object(
  {},
  {
    perClass: some,
    count: some,
    percent,
    labels: names,
    sites: names,
    controllers,
    racks: some,
    cabinets: some,
    circles: some,
    nextSites: whole(1, MAX_PLAN_SITES),
  },
)

const ONE_OF = 'one of perClass, count, percent, labels, sites, controllers, racks, cabinets, circles and nextSites'
const take = described(
  () => ({ anyOf: [{ const: 'rest' }, { ...schemaOf(takes), minProperties: 1, maxProperties: 1 }] }),
  (value, at): Take | Misfit => {
    if (value === 'rest') return { by: 'rest' }
    if (typeof value !== 'object') return new Misfit(at, `"rest", or ${ONE_OF}`, String(value).slice(0, 48))
    const read = takes(value, at)
    if (read instanceof Misfit) return read
    const given = Object.keys(read)
    return given.length === 1 ? takeOf(read) : new Misfit(at, ONE_OF, given.length === 0 ? 'none' : given.join(' and '))
  },
)

function takeOf(read: ShapeOf<typeof takes>): Take {
  const { perClass, count, labels, sites, racks, cabinets, circles, nextSites } = read
  if (perClass !== undefined) return { by: 'class', count: perClass }
  if (count !== undefined) return { by: 'count', count }
  if (read.percent !== undefined) return { by: 'percent', percent: read.percent }
  if (labels !== undefined) return { by: 'labels', labels }
  if (sites !== undefined) return { by: 'sites', sites }
  if (racks !== undefined) return { by: 'unit', unit: 'rack', count: racks }
  if (cabinets !== undefined) return { by: 'unit', unit: 'cabinet', count: cabinets }
  if (circles !== undefined) return { by: 'unit', unit: 'circle', count: circles }
  if (nextSites !== undefined) return { by: 'unit', unit: 'site', count: nextSites }
  return { by: 'controllers', controllers: read.controllers ?? [] }
}

const wave = object(
  { name, take },
  {
    soak: span,
    gate: object(
      {},
      { success: whole(0, 100), failures: whole(0, MAX_PLAN_CONTROLLERS), health: list(healthShape, 1, 16) },
    ),
  },
)

const fileShape = object(
  {
    id: name,
    releases: list(either(path, object({ path }, { criticality })), 1, MAX_PLAN_RELEASES),
    waves: list(wave, 1, MAX_WAVES),
  },
  {
    title: line(160),
    changeRequest: line(120),
    criticality,
    priority,
    notBefore: momentShape,
    notAfter: momentShape,
    validFor: durationShape(60_000, 3650 * DAY),
    steppingStones: truth,
    select: object(
      {},
      {
        regions: names,
        sites: names,
        classes: names,
        labels: names,
        versions: dictionary(name, range, 64),
        controllers,
      },
    ),
    joinIn: name,
    timeout: durationShape(1000, 90 * DAY),
    retry: object(
      { retries: whole(0, 10) },
      { backOff: durationShape(0, 7 * DAY), maxBackOff: durationShape(0, 30 * DAY) },
    ),
    abort: object({}, { failures: whole(0, MAX_PLAN_CONTROLLERS), percent: whole(0, 100) }),
    rules: rulesShape,
    wayBack: list(object({ of: path, to: path }), 1, MAX_PLAN_RELEASES),
    deadline: object({ at: momentShape }, { steps: list(object({ at: momentShape, priority }), 0, 16) }),
  },
)

type File = ShapeOf<typeof fileShape>

/** The JSON Schema of a plan file, for editors and programs. Some rules reach further than a schema does. */
export function planFileSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Voltseal campaign plan',
    description: 'What an operator asks for: docs/campaigns.md. "voltseal campaign plan FILE" makes the plan of it.',
    ...schemaOf(fileShape),
  }
}

/**
 * Reads a plan file from its parsed YAML or JSON. The `actual` of a refusal ends with " at PLACE", such as `waves[2].take`,
 * from which whoever has the file finds line and column. `subject` names it. Refuses `plan-file-malformed`,
 * `plan-times-disordered`, `rules-budget-zero`.
 */
export function parsePlanFile(value: unknown, subject: string): PlanRequest | Refusal {
  const file = fileShape(value, '')
  if (file instanceof Misfit) {
    return refuse('plan-file-malformed', subject, file.expected, `${file.actual} at ${file.at || 'the top'}`)
  }
  return faultOf(file, subject) ?? requestOf(file)
}

function faultOf(file: File, subject: string): Refusal | null {
  if (file.notAfter !== undefined && file.validFor !== undefined) {
    return refuse('plan-file-malformed', subject, 'notAfter or validFor', 'both at validFor')
  }
  if (file.notAfter !== undefined && file.notBefore !== undefined && file.notAfter <= file.notBefore) {
    return refuse('plan-times-disordered', subject, 'an end after the beginning', 'one before it at notAfter')
  }
  const names = new Map<string, number>()
  for (const [index, { name: own }] of file.waves.entries()) {
    const before = names.get(own)
    if (before !== undefined) {
      const actual = `"${own}", as waves[${before}] has, at waves[${index}].name`
      return refuse('plan-file-malformed', subject, 'a name for each wave', actual)
    }
    names.set(own, index)
  }
  const { joinIn, select } = file
  if (joinIn !== undefined && !names.has(joinIn)) {
    return refuse('plan-file-malformed', subject, `one of ${[...names.keys()].join(', ')}`, `"${joinIn}" at joinIn`)
  }
  if (joinIn !== undefined && select?.controllers !== undefined) {
    const expected = 'regions, sites, classes and labels, where others may join'
    return refuse('plan-file-malformed', subject, expected, 'named controllers at select.controllers')
  }
  const paths = new Set<string>()
  for (const [index, release] of file.releases.entries()) {
    const own = typeof release === 'string' ? release : release.path
    if (paths.has(own))
      return refuse('plan-file-malformed', subject, 'each release once', `"${own}" again at releases[${index}]`)
    paths.add(own)
  }
  for (const [index, { of, to }] of (file.wayBack ?? []).entries()) {
    const at = `wayBack[${index}]`
    if (!paths.has(of)) {
      return refuse('plan-file-malformed', subject, 'a release of the plan', `"${of}" at ${at}.of`)
    }
    if (paths.has(to)) {
      return refuse(
        'plan-file-malformed',
        subject,
        'a release that nobody is given on the way there',
        `"${to}" at ${at}.to`,
      )
    }
  }
  const zero = checkRules(file.rules ?? NO_RULES, subject)
  return zero === null ? null : { ...zero, actual: zero.actual.replace(/ at /, ' at rules.') }
}

function requestOf(file: File): PlanRequest {
  const { id, title, changeRequest, notBefore, notAfter, validFor, select = {}, deadline, retry, abort, timeout } = file
  const backOff = retry?.backOff ?? DEFAULTS.retry.backOffMillis
  return {
    id,
    title: title ?? id,
    ...(changeRequest === undefined ? {} : { changeRequest }),
    criticality: file.criticality ?? DEFAULTS.criticality,
    ...(notBefore === undefined ? {} : { notBefore }),
    end: notAfter === undefined ? { afterMillis: validFor ?? DEFAULTS.validMillis } : { at: notAfter },
    priority: file.priority ?? DEFAULTS.priority,
    releases: file.releases.map(release => (typeof release === 'string' ? { path: release } : release)),
    select,
    waves: file.waves.map(waveOf),
    timeoutMillis: timeout ?? DEFAULTS.timeoutMillis,
    retry: {
      retries: retry?.retries ?? DEFAULTS.retry.retries,
      backOffMillis: backOff,
      maxBackOffMillis: retry?.maxBackOff ?? millis(Math.max(backOff, DEFAULTS.retry.maxBackOffMillis)),
    },
    abort: { maxFailures: abort?.failures ?? MAX_PLAN_CONTROLLERS, maxFailurePercent: abort?.percent ?? 100 },
    rules: file.rules ?? NO_RULES,
    ...(deadline === undefined ? {} : { deadline: { at: deadline.at, steps: deadline.steps ?? [] } }),
    joining: file.joinIn ?? null,
    back: file.wayBack ?? [],
    stones: file.steppingStones ?? true,
  }
}

/** A wave without a gate passes when every controller of it is confirmed. */
const waveOf = ({ name, take, soak, gate }: File['waves'][number]): WaveRequest => ({
  name,
  soakMillis: soak ?? DEFAULTS.soakMillis,
  gate: {
    minSuccessPercent: gate?.success ?? 100,
    maxFailures: gate?.failures ?? 0,
    ...(gate?.health === undefined ? {} : { health: gate.health }),
  },
  take,
})

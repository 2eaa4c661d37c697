import { canonicalJson, type Json, JsonFault } from '../encoding/canonical-json.ts'
import { either, exactly, line, list, Misfit, object, text, then, truth, whole, word } from '../encoding/shape.ts'
import { readSpelledJson } from '../encoding/strict-json.ts'
import { type Instant, instant, type Millis, millis } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import { compareVersions, parseVersion, type Version } from '../firmware/version.ts'
import { NAME } from '../fleet/identity.ts'
import { checkRules, type SiteRules, storedRulesShape } from '../fleet/site-rules.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Gate, gateShape, gateWithoutControl } from './gate.ts'
import { type Abort, type Retry, type WayBack, waysBackShape } from './rollout-plan.ts'

/** Why the campaign is run, and what each of its releases is for. */
export type Criticality = 'security' | 'safety' | 'feature' | 'content'

/**
 * A release of the plan: the target path of its envelope in the image repository with the envelope's SHA-256 (hex) and
 * length in bytes, and what an approver wants to read beside it.
 */
export type PlanRelease = {
  readonly path: string
  readonly sha256: string
  readonly length: number
  readonly class: string
  readonly version: Version
  readonly counter: number
  readonly criticality: Criticality
}

/**
 * A wave: so many controllers; who they are is in the sheets. The soak begins when every controller of the wave has been
 * confirmed or has failed.
 */
export type Wave = {
  readonly name: string
  readonly soakMillis: Millis
  readonly gate: Gate
  readonly controllers: number
}

/** By when a critical campaign is to be through: its priority rises at each step. It never opens what the site keeps shut. */
export type Deadline = {
  readonly at: Instant
  readonly steps: readonly { readonly at: Instant; readonly priority: number }[]
}

/** Who a dynamic campaign takes in later, at the sites that it has a sheet for. Each list that is given narrows it. */
export type Joining = {
  readonly regions?: readonly string[]
  readonly sites?: readonly string[]
  readonly classes?: readonly string[]
  readonly labels?: readonly string[]
}

/** `fixed`: whoever is in the sheets. Else: whoever fits later too, in the wave of that index. */
export type Membership = 'fixed' | { readonly dynamic: true; readonly select: Joining; readonly wave: number }

/** What the head says of the sheets: how many, of how many controllers, and the Merkle root over them (hex). */
export type SheetsRoot = { readonly sites: number; readonly controllers: number; readonly root: string }

declare const brand: unique symbol

/**
 * What a plan says, before it is checked: the head, which is what people approve. Times are instants; `timeoutMillis` is per
 * controller. `priority`: of two campaigns that want the same controller, the higher one gets it first.
 */
export type PlanBody = {
  readonly kind: 'voltseal-plan'
  readonly v: 2
  readonly id: string
  readonly title: string
  /** The id of the change request in the operator's own system. */
  readonly changeRequest?: string
  readonly criticality: Criticality
  readonly createdAt: Instant
  /** Who drew it up: whoever did may not approve it. */
  readonly createdBy: string
  readonly notBefore?: Instant
  /** No wave opens and no controller is assigned from this instant on. */
  readonly notAfter: Instant
  readonly priority: number
  readonly releases: readonly PlanRelease[]
  readonly waves: readonly Wave[]
  readonly timeoutMillis: Millis
  readonly retry: Retry
  readonly abort: Abort
  /** What must be so at each site before a controller restarts, beside the site's own limits. */
  readonly rules: SiteRules
  /** What undoes which release, if the campaign has to be rolled back. */
  readonly back?: readonly WayBack[]
  readonly deadline?: Deadline
  readonly membership: Membership
  readonly sheets: SheetsRoot
}

/** A checked head: the times are in order, the waves are of as many controllers as the sheets. */
export type PlanHead = PlanBody & { readonly [brand]: 'PlanHead' }

/** Bounds of one plan. A head stays small, however many controllers stand in the sheets. */
export const MAX_PLAN_BYTES = 1024 * 1024
export const MAX_WAVES = 64
export const MAX_PLAN_RELEASES = 64
export const MAX_PLAN_SITES = 65_536
export const MAX_PLAN_CONTROLLERS = 4_000_000
export const MAX_PRIORITY = 100
/** From when a plan was made to its end: its approval outlives it by a year, and must not hold for ever. Milliseconds. */
export const MAX_PLAN_TIME = 3650 * 86_400_000

const DAY = 86_400_000
const MAX_JOINING = 1000
const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const digest = text('64 lower-case hex digits', /^[0-9a-f]{64}$/)
const moment = then(whole(0, 8_640_000_000_000_000), value => instant(value))
const duration = (min: number, max: number) => then(whole(min, max), value => millis(value))
const criticality = word('security', 'safety', 'feature', 'content')
const priority = whole(0, MAX_PRIORITY)
const version = then(line(64), (value, at) => {
  const read = parseVersion(value, at)
  return isRefusal(read) ? new Misfit(at, read.expected, read.actual) : read
})
const names = list(name, 1, MAX_JOINING)

const planShape = object(
  {
    kind: word('voltseal-plan'),
    v: exactly(2),
    id: name,
    title: line(160),
    criticality,
    createdAt: moment,
    createdBy: line(64),
    notAfter: moment,
    priority,
    releases: list(
      object({
        path: line(512),
        sha256: digest,
        length: whole(1, 2 ** 31),
        class: name,
        version,
        counter: whole(0, 2 ** 32 - 1),
        criticality,
      }),
      1,
      MAX_PLAN_RELEASES,
    ),
    waves: list(
      object({
        name,
        soakMillis: duration(0, 90 * DAY),
        gate: gateShape(MAX_PLAN_CONTROLLERS),
        controllers: whole(0, MAX_PLAN_CONTROLLERS),
      }),
      1,
      MAX_WAVES,
    ),
    timeoutMillis: duration(1, 90 * DAY),
    retry: object({
      retries: whole(0, 10),
      backOffMillis: duration(0, 7 * DAY),
      maxBackOffMillis: duration(0, 30 * DAY),
    }),
    abort: object({ maxFailures: whole(0, MAX_PLAN_CONTROLLERS), maxFailurePercent: whole(0, 100) }),
    rules: storedRulesShape,
    membership: either(
      word('fixed'),
      object({
        dynamic: then(truth, (value, at) => (value ? (true as const) : new Misfit(at, 'true', 'false'))),
        select: object({}, { regions: names, sites: names, classes: names, labels: names }),
        wave: whole(0, MAX_WAVES - 1),
      }),
    ),
    sheets: object({ sites: whole(1, MAX_PLAN_SITES), controllers: whole(1, MAX_PLAN_CONTROLLERS), root: digest }),
  },
  {
    changeRequest: line(120),
    notBefore: moment,
    back: waysBackShape,
    deadline: object({ at: moment, steps: list(object({ at: moment, priority }), 0, 16) }),
  },
)

/**
 * Reads a plan's head from its bytes: at most `limit` of them, canonical JSON, no unknown names. `subject` names it in a
 * refusal. Refuses `plan-not-canonical`, and what `checkPlan` refuses.
 */
export function parsePlan(bytes: Uint8Array, subject: string, limit = MAX_PLAN_BYTES): PlanHead | Refusal {
  const json = readSpelledJson(bytes, limit)
  if (json instanceof JsonFault) return refuse('plan-malformed', subject, 'a plan in JSON', json.message)
  const plan = checkPlan(json.value, subject)
  if (isRefusal(plan)) return plan
  // The plan says what the document says, and nothing else: no name that it does not know was let through.
  if (json.canonical) return plan
  return refuse('plan-not-canonical', subject, 'canonical JSON', 'the same plan in another spelling')
}

/**
 * Checks a head that is already parsed, or was just built. Refuses `plan-malformed`, `plan-times-disordered`,
 * `plan-wave-empty`, `plan-criticality-mixed`, `plan-back-not-newer`, `plan-gate-never-passes`, `rules-budget-zero`,
 * `rules-hold-nowhere`.
 */
export function checkPlan(value: unknown, subject: string): PlanHead | Refusal {
  const plan = planShape(value, '')
  if (plan instanceof Misfit) {
    return refuse('plan-malformed', subject, plan.expected, `${plan.actual} at ${plan.at || 'the top'}`)
  }
  const fault =
    checkTimes(plan, subject) ??
    checkReleases(plan, subject) ??
    checkBack(plan, subject) ??
    checkWaves(plan, subject) ??
    checkGates(plan, subject) ??
    checkRules(plan.rules, `${subject}, rules`) ??
    checkConcerned(plan, subject)
  return fault ?? (plan as PlanHead)
}

function checkTimes(plan: PlanBody, subject: string): Refusal | null {
  const begins = Math.max(plan.createdAt, plan.notBefore ?? 0)
  if (plan.notAfter <= begins) {
    const actual = `from ${formatUtc(instant(begins))} to ${formatUtc(plan.notAfter)} at notAfter`
    return refuse('plan-times-disordered', subject, 'an end after the beginning', actual)
  }
  if (plan.notAfter - plan.createdAt > MAX_PLAN_TIME) {
    const actual = `${formatUtc(plan.notAfter)} at notAfter`
    return refuse('plan-times-disordered', subject, 'an end within 3650 days of when it was made', actual)
  }
  if (plan.retry.maxBackOffMillis < plan.retry.backOffMillis) {
    const actual = `${plan.retry.maxBackOffMillis} after ${plan.retry.backOffMillis} at retry`
    return refuse('plan-times-disordered', subject, 'a longest wait that is no shorter than the first', actual)
  }
  if (plan.deadline === undefined) return null
  const { at: end, steps } = plan.deadline
  if (end <= begins || end > plan.notAfter) {
    return refuse(
      'plan-times-disordered',
      subject,
      'a deadline within the time of the plan',
      `${formatUtc(end)} at deadline.at`,
    )
  }
  let [before, level] = [-1, plan.priority]
  for (const [index, { at, priority }] of steps.entries()) {
    const place = `deadline.steps[${index}]`
    if (at <= before || at > end) {
      return refuse('plan-times-disordered', subject, 'steps in order, up to the deadline', `${at} at ${place}.at`)
    }
    if (priority <= level) {
      const expected = `a priority above ${level}: it rises from step to step`
      return refuse('plan-malformed', subject, expected, `${priority} at ${place}.priority`)
    }
    ;[before, level] = [at, priority]
  }
  return null
}

function checkReleases({ releases }: PlanBody, subject: string): Refusal | null {
  const paths = new Set(releases.map(release => release.path))
  if (paths.size !== releases.length) {
    return refuse('plan-malformed', subject, 'each release once', 'the same path twice at releases')
  }
  const of = (kind: Criticality) => releases.find(({ criticality }) => criticality === kind)?.path
  const [content, safety] = [of('content'), of('safety')]
  if (content === undefined || safety === undefined) return null
  const expected = 'content, or firmware that safety depends on'
  return refuse('plan-criticality-mixed', subject, expected, `both: ${content} and ${safety} at releases`)
}

/** The way back from a release is another release of the plan, of the same class, and one that nobody gets otherwise is fine. */
function checkBack({ back = [], releases }: PlanBody, subject: string): Refusal | null {
  for (const [index, { of, to }] of back.entries()) {
    const [from, other] = [releases[of], releases[to]]
    if (from === undefined || other === undefined) {
      const expected = `releases from 0 to ${releases.length - 1}`
      return refuse('plan-malformed', subject, expected, `${of} and ${to} at back[${index}]`)
    }
    if (from.class !== other.class) {
      return refuse(
        'plan-malformed',
        subject,
        `a release for ${from.class}`,
        `one for ${other.class} at back[${index}].to`,
      )
    }
    // What no controller would take is no way back: a version that is not newer, a counter that is lower.
    if (compareVersions(other.version, from.version) <= 0 || other.counter < from.counter) {
      const expected = `a version above ${from.version}, with a counter of at least ${from.counter}`
      const actual = `${other.version} with counter ${other.counter} at back[${index}].to`
      return refuse('plan-back-not-newer', subject, expected, actual)
    }
  }
  return null
}

function checkGates({ waves }: PlanBody, subject: string): Refusal | null {
  const never = gateWithoutControl(waves)
  if (never === null) return null
  const expected = 'a comparison that may be missing in the last wave, which has no control group'
  return refuse('plan-gate-never-passes', subject, expected, `${never.figure} in wave ${never.wave}`)
}

function checkWaves({ waves, membership, sheets }: PlanBody, subject: string): Refusal | null {
  const names = new Set<string>()
  const joining = membership === 'fixed' ? null : membership.wave
  if (joining !== null && joining >= waves.length) {
    const expected = `a wave from 0 to ${waves.length - 1}`
    return refuse('plan-malformed', subject, expected, `${joining} at membership.wave`)
  }
  let total = 0
  for (const [index, { name, controllers }] of waves.entries()) {
    if (names.has(name)) {
      return refuse('plan-malformed', subject, 'each wave name once', `"${name}" again at waves[${index}].name`)
    }
    names.add(name)
    // A wave that takes in who comes later may begin with nobody.
    if (controllers === 0 && index !== joining) {
      return refuse('plan-wave-empty', subject, 'at least one controller', `none at waves[${index}]`)
    }
    total += controllers
  }
  if (total === sheets.controllers) return null
  return refuse('plan-malformed', subject, `${sheets.controllers} controllers in the waves`, `${total} at waves`)
}

/**
 * Whether a head that was just built can be read again: what is longer than `MAX_PLAN_BYTES` would be stored, and then no
 * campaign could be looked at any more. Refuses `plan-malformed`.
 */
export function checkPlanLength(head: PlanBody, subject: string): Refusal | null {
  const { length } = planBytes(head)
  if (length <= MAX_PLAN_BYTES) return null
  return refuse('plan-malformed', subject, `a plan of at most ${MAX_PLAN_BYTES} bytes`, `${length} bytes`)
}

/**
 * Only controllers that get a release of the plan are asked about its permissives. One for another class (a misspelt one) would
 * be believed to hold, by whoever approves it and at every site: so no such plan is read anywhere.
 */
function checkConcerned({ releases, rules }: PlanBody, subject: string): Refusal | null {
  const known = new Set(releases.map(release => release.class))
  for (const [index, { classes = [] }] of rules.permissives.entries()) {
    const unknown = classes.find(name => !known.has(name))
    if (unknown === undefined) continue
    const expected = `a class that gets a release: ${[...known].join(', ')}`
    return refuse('rules-hold-nowhere', subject, expected, `"${unknown}" at rules.permissives[${index}].classes`)
  }
  return null
}

/** The head's bytes: canonical JSON, what approvers sign and the approval target `campaigns/ID.json` pins. */
export function planBytes(head: PlanBody): Uint8Array {
  // What a plan in memory carries beside its head (its sheets) is not part of it.
  const { sheetOf: _, ...body } = head as PlanBody & { sheetOf?: unknown }
  return canonicalJson(body as unknown as Json)
}

/** True when a dynamic plan takes in a controller that is in no sheet. */
export function joins(
  { membership }: Pick<PlanBody, 'membership'>,
  of: { readonly region: string; readonly site: string; readonly class: string; readonly labels: readonly string[] },
): boolean {
  if (membership === 'fixed') return false
  const { regions, sites, classes, labels } = membership.select
  return (
    (regions?.includes(of.region) ?? true) &&
    (sites?.includes(of.site) ?? true) &&
    (classes?.includes(of.class) ?? true) &&
    (labels?.some(label => of.labels.includes(label)) ?? true)
  )
}

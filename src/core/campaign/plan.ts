import { canonicalJson, type Json, JsonFault } from '../encoding/canonical-json.ts'
import { exactly, line, list, Misfit, object, text, then, whole, word } from '../encoding/shape.ts'
import { readSpelledJson } from '../encoding/strict-json.ts'
import { type Instant, instant, type Millis, millis } from '../encoding/units.ts'
import { parseVersion, type Version } from '../firmware/version.ts'
import { NAME } from '../fleet/identity.ts'
import { type ControllerRef, refKey } from '../fleet/inventory.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'

/** Why the campaign is run. Firmware that safety depends on and content never travel in one campaign. */
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
}

/** A controller's turn: which release of the plan (index into `releases`) it gets. */
export type PlannedController = ControllerRef & { readonly release: number }

/**
 * When the next wave may open: at the end of the soak at least `minSuccessPercent` of the wave's controllers are
 * confirmed. More than `maxFailures` failed controllers in the wave halt the campaign at once. (Percent, since canonical
 * JSON has no fractions.)
 */
export type Gate = { readonly minSuccessPercent: number; readonly maxFailures: number }

/** A wave. The soak begins when every controller of the wave has been confirmed or has failed. */
export type Wave = {
  readonly name: string
  readonly soakMillis: Millis
  readonly gate: Gate
  readonly controllers: readonly PlannedController[]
}

declare const brand: unique symbol

/** What a plan says, before it is checked. `timeoutMillis` and `retries` are per controller. Times are instants. */
export type PlanBody = {
  readonly kind: 'voltseal-plan'
  readonly v: 1
  readonly id: string
  readonly title: string
  /** The id of the change request in the operator's own system. */
  readonly changeRequest?: string
  readonly criticality: Criticality
  readonly createdAt: Instant
  readonly notBefore?: Instant
  /** No wave opens and no controller is assigned from this instant on. */
  readonly notAfter: Instant
  readonly releases: readonly PlanRelease[]
  readonly waves: readonly Wave[]
  readonly timeoutMillis: Millis
  /** How often a controller that timed out, or met a passing fault, gets another try. */
  readonly retries: number
}

/** A checked plan: every release index exists, every controller has one turn, the times are in order. */
export type Plan = PlanBody & { readonly [brand]: 'Plan' }

export const MAX_PLAN_BYTES = 8 * 1024 * 1024
export const MAX_WAVES = 64
export const MAX_PLAN_RELEASES = 64
export const MAX_PLAN_CONTROLLERS = 50_000

const DAY = 86_400_000
const name = text('a name of 1 to 64 of a-z 0-9 . _ -', NAME)
const moment = then(whole(0, 8_640_000_000_000_000), value => instant(value))
const duration = (min: number, max: number) => then(whole(min, max), value => millis(value))
const version = then(line(64), (value, at) => {
  const read = parseVersion(value, at)
  return isRefusal(read) ? new Misfit(at, read.expected, read.actual) : read
})

const planShape = object(
  {
    kind: word('voltseal-plan'),
    v: exactly(1),
    id: name,
    title: line(160),
    criticality: word('security', 'safety', 'feature', 'content'),
    createdAt: moment,
    notAfter: moment,
    releases: list(
      object({
        path: line(512),
        sha256: text('64 lower-case hex digits', /^[0-9a-f]{64}$/),
        length: whole(1, 2 ** 31),
        class: name,
        version,
        counter: whole(0, 2 ** 32 - 1),
      }),
      1,
      MAX_PLAN_RELEASES,
    ),
    waves: list(
      object({
        name,
        soakMillis: duration(0, 90 * DAY),
        gate: object({ minSuccessPercent: whole(0, 100), maxFailures: whole(0, MAX_PLAN_CONTROLLERS) }),
        controllers: list(
          object({ site: name, controller: name, release: whole(0, MAX_PLAN_RELEASES - 1) }),
          1,
          MAX_PLAN_CONTROLLERS,
        ),
      }),
      1,
      MAX_WAVES,
    ),
    timeoutMillis: duration(1, 90 * DAY),
    retries: whole(0, 10),
  },
  { changeRequest: line(120), notBefore: moment },
)

/**
 * Reads a plan from its bytes: at most `limit` of them, canonical JSON, no unknown names. `subject` names it in a
 * refusal. Refuses `plan-malformed`, `plan-not-canonical`, `plan-controller-twice`, `plan-times-disordered`.
 */
export function parsePlan(bytes: Uint8Array, subject: string, limit = MAX_PLAN_BYTES): Plan | Refusal {
  const json = readSpelledJson(bytes, limit)
  if (json instanceof JsonFault) return refuse('plan-malformed', subject, 'a plan in JSON', json.message)
  const plan = checkPlan(json.value, subject)
  if (isRefusal(plan)) return plan
  // The plan says what the document says, and nothing else: no name that it does not know was let through.
  if (json.canonical) return plan
  return refuse('plan-not-canonical', subject, 'canonical JSON', 'the same plan in another spelling')
}

/** Checks a plan that is already parsed, or was just built. Refuses as `parsePlan` does, but for the spelling. */
export function checkPlan(value: unknown, subject: string): Plan | Refusal {
  const plan = planShape(value, '')
  if (plan instanceof Misfit) {
    return refuse('plan-malformed', subject, plan.expected, `${plan.actual} at ${plan.at || 'the top'}`)
  }
  if (plan.notAfter <= Math.max(plan.createdAt, plan.notBefore ?? 0)) {
    const actual = `made ${plan.createdAt}, not before ${plan.notBefore ?? plan.createdAt}, not after ${plan.notAfter}`
    return refuse('plan-times-disordered', subject, 'an end after the beginning', actual)
  }
  return checkTurns(plan, subject) ?? (plan as unknown as Plan)
}

function checkTurns(plan: PlanBody, subject: string): Refusal | null {
  const names = new Set<string>()
  const paths = new Set(plan.releases.map(release => release.path))
  if (paths.size !== plan.releases.length) {
    return refuse('plan-malformed', subject, 'each release once', 'the same path twice at releases')
  }
  const turns = new Map<string, readonly [wave: number, position: number]>()
  const place = (index: number, position: number): string => `waves[${index}].controllers[${position}]`
  for (const [index, wave] of plan.waves.entries()) {
    if (names.has(wave.name)) {
      return refuse('plan-malformed', subject, 'each wave name once', `"${wave.name}" again at waves[${index}].name`)
    }
    names.add(wave.name)
    for (const [position, planned] of wave.controllers.entries()) {
      const key = refKey(planned)
      const earlier = turns.get(key)
      if (earlier !== undefined) {
        return refuse(
          'plan-controller-twice',
          subject,
          'one turn for each controller',
          `${key} at ${place(...earlier)} and ${place(index, position)}`,
        )
      }
      turns.set(key, [index, position])
      if (planned.release >= plan.releases.length) {
        const expected = `a release from 0 to ${plan.releases.length - 1}`
        return refuse('plan-malformed', subject, expected, `${planned.release} at ${place(index, position)}.release`)
      }
    }
  }
  if (turns.size <= MAX_PLAN_CONTROLLERS) return null
  return refuse('plan-malformed', subject, `at most ${MAX_PLAN_CONTROLLERS} controllers`, `${turns.size}`)
}

/** The plan's bytes: canonical JSON, what approvers sign and the approval target `campaigns/ID.json` pins. */
export function planBytes(plan: PlanBody): Uint8Array {
  return canonicalJson(plan as unknown as Json)
}

/** Every controller of the plan with its wave, in order. */
export function* plannedControllers(plan: PlanBody): Generator<PlannedController & { readonly wave: number }> {
  for (const [wave, { controllers }] of plan.waves.entries()) {
    for (const planned of controllers) yield { ...planned, wave }
  }
}

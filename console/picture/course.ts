import type { PlanBody } from '../../src/core/campaign/plan.ts'
import type { CampaignDetail } from '../../src/wire/plan-views.ts'
import { isOver } from './standing.ts'

/** A campaign on a time axis: its waves, planned and as they were. All times are instants. */

/** As much of a plan as its picture needs. */
export type PlanWaves = Pick<PlanBody, 'waves'>

/** A gate: not reached, its wave soaking, passed, holding a pause, or the reason of a halt. */
export type GateState = 'ahead' | 'soaking' | 'passed' | 'held' | 'failed'

/** A stretch of a wave: at work, soaking, paused, or on its way back. `to` null: it goes on. */
export type Stretch = {
  readonly at: 'running' | 'soaking' | 'paused' | 'rolling-back'
  readonly from: number
  readonly to: number | null
}

export type WaveRow = {
  readonly number: number
  readonly name: string
  readonly planned: CampaignDetail['planned'] extends infer P
    ? P extends readonly (infer W)[]
      ? W | null
      : never
    : never
  readonly actual: readonly Stretch[]
  readonly counts: Readonly<Record<string, number>>
  readonly soakMillis: number | null
  readonly watts: number | null
  readonly wattsAtOnce: number | null
  readonly gate: {
    readonly state: GateState
    /** When it was judged, or is to be; null: nobody knows. */
    readonly at: number | null
    /** Measured over threshold; null while the plan is not known. */
    readonly confirmed: { readonly is: number; readonly asked: number } | null
    readonly failed: { readonly is: number; readonly most: number } | null
    readonly rules: CampaignDetail['gates'][number]
  }
}

export type Tick = { readonly at: number; readonly text: string }

export type CoursePicture = {
  readonly from: number
  readonly to: number
  /** Null: the campaign is over, and now is of no matter. */
  readonly now: number | null
  readonly deadline: number | null
  readonly ends: number | null
  readonly ticks: readonly Tick[]
  readonly rows: readonly WaveRow[]
}

/** The picture of a campaign. `now`: the server's clock. */
export function courseOf(campaign: CampaignDetail, plan: PlanWaves | null, now: number): CoursePicture {
  const rows: WaveRow[] = []
  for (const index of campaign.tallies.keys()) rows.push(rowOf(campaign, plan, index, now, rows.at(-1)?.gate.at ?? 0))
  const over = isOver(campaign.state)
  const times = rows.flatMap(({ planned, actual, gate }) => [
    ...(gate.at === null ? [] : [gate.at]),
    ...(planned === null ? [] : [planned.opens, planned.judged]),
    ...actual.flatMap(({ from, to }) => [from, ...(to === null ? [] : [to])]),
  ])
  const last = campaign.course.at(-1)?.since
  if (!over) times.push(now)
  else if (last !== undefined) times.push(last)
  if (times.length === 0) times.push(campaign.createdAt, campaign.notAfter)
  const [first, end] = [Math.min(...times), Math.max(...times)]
  const span = Math.max(60_000, end - first)
  // What lies far behind the course would make it too small to read: it is told in words.
  const near = (at: number | null): number | null => (at !== null && at <= end + span && at >= first ? at : null)
  const [deadline, ends] = [near(campaign.deadline), near(campaign.notAfter)]
  const from = first - span * 0.02
  const to = Math.max(end, deadline ?? 0, ends ?? 0) + span * 0.04
  return { from, to, now: over ? null : now, deadline, ends, ticks: ticksOf(from, to), rows }
}

function rowOf(
  campaign: CampaignDetail,
  plan: PlanWaves | null,
  index: number,
  now: number,
  earliest: number,
): WaveRow {
  const number = index + 1
  const { name = '', counts = {} } = campaign.tallies[index] ?? {}
  const wave = plan?.waves[index]
  const outline = campaign.outline?.waves[index]
  const { confirmed = 0, failed = 0, total = 0, overtaken = 0, withdrawn = 0 } = counts
  const wanted = Math.max(0, total - overtaken - withdrawn)
  const percent = wanted === 0 ? 0 : Math.floor((100 * confirmed) / wanted)
  const planned = campaign.planned?.[index] ?? null
  const actual = stretchesOf(campaign, number)
  return {
    number,
    name,
    planned,
    actual,
    counts,
    soakMillis: wave?.soakMillis ?? null,
    watts: outline?.watts ?? null,
    wattsAtOnce: outline?.wattsAtOnce ?? null,
    gate: {
      state: gateState(campaign, number),
      at:
        judgedAt(campaign, number, wave?.soakMillis ?? null) ??
        toBeJudged(campaign, number, wave, planned, now, earliest),
      confirmed: wave === undefined ? null : { is: percent, asked: wave.gate.minSuccessPercent },
      failed: wave === undefined ? null : { is: failed, most: wave.gate.maxFailures },
      rules: campaign.gates[index] ?? [],
    },
  }
}

/** What of the course was about a wave. A halt and an end stand nowhere: they end what was before. */
function stretchesOf({ course }: CampaignDetail, wave: number): readonly Stretch[] {
  return course.flatMap(({ at, wave: of, since }, index): Stretch[] => {
    if (of !== wave) return []
    if (at !== 'running' && at !== 'soaking' && at !== 'paused' && at !== 'rolling-back') return []
    return [{ at, from: since, to: course[index + 1]?.since ?? null }]
  })
}

/** When the gate of a wave was judged: as the soak ended with the next wave, the end, or a pause by the gate. Of one that soaks: when it will be. */
function judgedAt({ course }: CampaignDetail, wave: number, soak: number | null): number | null {
  const index = course.findLastIndex(({ at, wave: of }) => at === 'soaking' && of === wave)
  const [soaking, next] = [course[index], course[index + 1]]
  if (soaking === undefined) return null
  if (next === undefined) return soak === null ? null : soaking.since + soak
  return next.since
}

/**
 * When a gate is to be judged that was not: as planned, but no earlier than can be now. Of a campaign that ended it stands where it
 * ended, and of waves that it did not come to, nowhere but in the plan.
 */
function toBeJudged(
  { state, wave: open, since }: CampaignDetail,
  number: number,
  wave: PlanWaves['waves'][number] | undefined,
  planned: WaveRow['planned'],
  now: number,
  earliest: number,
): number | null {
  if (planned === null) return null
  if (isOver(state) || state === 'rolling-back') return number === open ? (since ?? planned.judged) : planned.judged
  if (number === open) return Math.max(planned.judged, now + (wave?.soakMillis ?? 0))
  return Math.max(planned.judged, earliest)
}

function gateState({ state, wave, course }: CampaignDetail, number: number): GateState {
  if (state === 'created' || state === 'approved') return 'ahead'
  const passed = course.some(
    ({ at, wave: of }, index) =>
      (at === 'running' && of !== null && of > number) || (at === 'done' && course[index - 1]?.at === 'soaking'),
  )
  if (passed || (state === 'done' && course.every(({ at }) => at !== 'rolling-back'))) return 'passed'
  if (number < wave) return 'passed'
  if (number > wave) return 'ahead'
  if (isOver(state) || state === 'rolling-back') return 'failed'
  if (state === 'paused') return 'held'
  return state === 'soaking' ? 'soaking' : 'ahead'
}

// --- The axis ---

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = [
  1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600,
  2_592_000, 7_776_000, 31_536_000,
].map(seconds => seconds * 1000)
const MOST_TICKS = 7

/** Marks of the axis at whole times of UTC, at most seven. */
export function ticksOf(from: number, to: number): readonly Tick[] {
  const step = STEPS.find(one => (to - from) / one <= MOST_TICKS) ?? (to - from) / MOST_TICKS
  const ticks: Tick[] = []
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push({ at, text: tickText(at, step) })
  return ticks
}

function tickText(at: number, step: number): string {
  const [date = '', time = ''] = new Date(at).toISOString().split('T')
  if (step >= DAY) return date.slice(5)
  if (step < MINUTE) return time.slice(0, 8)
  return at % DAY === 0 ? date.slice(5) : time.slice(0, 5)
}

/** `2027-03-01 21:00 UTC`. */
export const utcText = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** `in 2 h`, `3 min ago`. */
export function fromNow(at: number, now: number, age: (millis: number) => string): string {
  const away = Math.abs(at - now)
  if (away < 1000) return 'now'
  return at > now ? `in ${age(away)}` : `${age(away)} ago`
}

import { type Instant, instant } from '../encoding/units.ts'
import { type Evidence, type Heard, NOTHING_HEARD } from './gate.ts'
import type { RolloutEvent, RolloutState } from './rollout-state.ts'
import { type Work, waveAt } from './rollout-work.ts'
import type { HeardFigure, Turn } from './turn.ts'

/** What a gate knows of health: sums over what controllers tell of themselves, kept as they tell it. */

/** The figures that the gate of a wave compares. */
const compared = (work: Work, wave: number): readonly string[] =>
  (waveAt(work.plan, wave).gate.health ?? []).map(({ figure }) => figure)

/**
 * The wave whose gate is listened for; null: none. A pause changes nothing in the controllers: a gate that did not pass for
 * want of figures opens by those that come.
 */
function listensFor(state: RolloutState): number | null {
  if (state.at === 'running' || state.at === 'soaking') return state.wave
  return state.at === 'paused' && state.from !== 'rolling-back' ? state.wave : null
}

/**
 * Takes the figures of a report into the sums of the wave that is open, and answers the turn with what it must remember. A
 * controller's first report of a figure since the wave opened (or since it confirmed) is where it is counted from; each
 * later one adds by how much it rose. A figure that fell has begun again at zero. Treated are the confirmed controllers of
 * the wave; control are those of the campaign that still wait, of this wave or a later one.
 *
 * The time between two reports is by the controller's own clock, within the time since the wave opened: no controller, with
 * whatever clock, weighs more than one that was heard all the time. Where no time has passed by that clock, nothing is
 * counted: the rise counts with the report that has time, and one whose clock stands is never counted.
 */
export function listen(work: Work, turn: Turn, event: Extract<RolloutEvent, { kind: 'heard' }>): Turn {
  const wave = listensFor(work.head.state)
  const opened = work.head.heard
  if (event.figures === undefined || wave === null || opened?.wave !== wave) return turn
  const updated = turn.at === 'confirmed'
  const control = turn.at === 'waiting' && !turn.begun
  if (!(updated && turn.wave === wave) && !control) return turn
  const at = clamp(event.reportedAt, updated ? turn.since : opened.since, work.now)
  const known = turn.heard?.wave === wave && turn.heard.updated === updated ? turn.heard.figures : {}
  const heard: Record<string, HeardFigure> = { ...known }
  const sums: Record<string, Evidence> = { ...opened.figures }
  for (const name of compared(work, wave)) {
    const count = own(event.figures, name)
    const before = own(known, name)
    if (count === undefined || (before !== undefined && at <= before.at)) continue
    heard[name] = { count, at, counted: before !== undefined }
    if (before === undefined) continue
    const more = risen(before, count, at)
    const sum = own(sums, name) ?? { treated: NOTHING_HEARD, control: NOTHING_HEARD }
    sums[name] = updated ? { ...sum, treated: add(sum.treated, more) } : { ...sum, control: add(sum.control, more) }
  }
  if (Object.keys(heard).every(name => own(known, name) === heard[name])) return turn
  work.keep({ heard: { ...opened, figures: sums } })
  return { ...turn, heard: { wave, updated, figures: heard } }
}

/** By how much a figure rose since it was heard last. */
const risen = (before: HeardFigure, count: number, at: Instant): Heard => ({
  controllers: before.counted ? 0 : 1,
  rose: count < before.count ? count : count - before.count,
  millis: at - before.at,
})

const own = <T>(figures: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(figures, name) ? figures[name] : undefined

const LARGEST = 2 ** 52

/** A sum that has become larger than what counts exactly is made smaller, and its rate stays what it is. */
function add(a: Heard, b: Heard): Heard {
  const [rose, millis] = [a.rose + b.rose, a.millis + b.millis]
  const scale = Math.max(1, rose / LARGEST, millis / LARGEST)
  return {
    controllers: a.controllers + b.controllers,
    rose: Math.floor(rose / scale),
    millis: Math.floor(millis / scale),
  }
}

const clamp = (value: Instant, from: Instant, to: Instant): Instant => instant(Math.min(Math.max(value, from), to))

import { type Instant, instant } from '../encoding/units.ts'
import type { Figures } from '../trust/figures.ts'
import { type Evidence, type Heard, NOTHING_HEARD } from './gate.ts'
import type { RolloutEvent } from './rollout-state.ts'
import { type Work, waveAt } from './rollout-work.ts'
import type { Listened, Turn } from './turn.ts'

/** What a gate knows of health: sums over what controllers tell of themselves, kept as they tell it. */

/** The figures that the gate of a wave compares. */
const compared = (work: Work, wave: number): readonly string[] =>
  (waveAt(work.plan, wave).gate.health ?? []).map(({ figure }) => figure)

/**
 * Takes the figures of a report into the sums of the wave that is open, and answers the turn with what it must remember. A
 * controller's first report since the wave opened (or since it confirmed) is where it is counted from; each later one adds
 * by how much every figure rose. A figure that fell has begun again at zero. Treated are the confirmed controllers of the
 * wave; control are those of the campaign that still wait, of this wave or a later one.
 *
 * The time between two reports is by the controller's own clock, within the time since the wave opened: no controller, with
 * whatever clock, weighs more than one that was heard all the time.
 */
export function listen(work: Work, turn: Turn, event: Extract<RolloutEvent, { kind: 'heard' }>): Turn {
  const { state } = work.head
  if (event.figures === undefined || (state.at !== 'running' && state.at !== 'soaking')) return turn
  const names = compared(work, state.wave)
  if (names.length === 0) return turn
  const updated = turn.at === 'confirmed'
  const control = turn.at === 'waiting' && !turn.begun
  if (!(updated && turn.wave === state.wave) && !control) return turn
  const opened = work.head.heard
  if (opened?.wave !== state.wave) return turn
  const from = updated ? turn.since : opened.since
  const at = clamp(event.reportedAt, from, work.now)
  const figures = Object.fromEntries(Object.entries(event.figures).filter(([name]) => names.includes(name)))
  const known = turn.heard?.wave === state.wave && turn.heard.updated === updated ? turn.heard : null
  if (known === null) return { ...turn, heard: { wave: state.wave, updated, at, figures, counted: false } }
  const next: Listened = {
    ...known,
    at: instant(Math.max(at, known.at)),
    figures: { ...known.figures, ...figures },
    counted: true,
  }
  const sums = { ...opened.figures }
  for (const name of names) {
    const more = risen(known, figures, name, next.at)
    if (more === null) continue
    const before: Evidence = sums[name] ?? { treated: NOTHING_HEARD, control: NOTHING_HEARD }
    sums[name] = updated
      ? { ...before, treated: add(before.treated, more) }
      : { ...before, control: add(before.control, more) }
  }
  work.keep({ heard: { ...opened, figures: sums } })
  return { ...turn, heard: next }
}

/** By how much a figure rose since it was heard last; null: it was not told both times. */
function risen(
  { figures: before, at, counted }: Listened,
  figures: Figures,
  name: string,
  until: Instant,
): Heard | null {
  const [was, is] = [own(before, name), own(figures, name)]
  if (was === undefined || is === undefined) return null
  return { controllers: counted ? 0 : 1, rose: is < was ? is : is - was, millis: until - at }
}

const own = (figures: Figures, name: string): number | undefined =>
  Object.hasOwn(figures, name) ? figures[name] : undefined

const add = (a: Heard, b: Heard): Heard => ({
  controllers: a.controllers + b.controllers,
  rose: Math.min(Number.MAX_SAFE_INTEGER, a.rose + b.rose),
  millis: a.millis + b.millis,
})

const clamp = (value: Instant, from: Instant, to: Instant): Instant => instant(Math.min(Math.max(value, from), to))

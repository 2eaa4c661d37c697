import { list, Misfit, object, type Shape, then, whole, word } from '../encoding/shape.ts'
import { figureName } from '../trust/figures.ts'

/**
 * What stands between a wave and the next one. Percent and counts, since canonical JSON has no fractions.
 * - `minSuccessPercent`: so many of the wave's controllers are confirmed when the soak ends.
 * - `maxFailures`: more failed controllers in the wave halt the campaign at once.
 * - `health`: what the wave's controllers report of themselves, beside those that were not updated yet.
 */
export type Gate = {
  readonly minSuccessPercent: number
  readonly maxFailures: number
  readonly health?: readonly HealthGate[]
}

/**
 * A figure of the reports (core/trust/figures.ts) in the updated controllers against the control group: the controllers of
 * the campaign whose wave has not come. Both are counted while the wave soaks, as a rate: how much the figure rose, by the
 * time for which the controllers were heard. The gate passes while
 *
 *     treated ≤ control × maxPercent / 100 + margin
 *
 * with rates in counts for each 1,000 hours of one controller. `margin` is what may come on top whatever the control says:
 * with a control of zero it is all that is allowed. `minControllers` is how many must have been heard, twice each, in either
 * group. With fewer there is no comparison, and `without` says what that means: `fail` keeps the gate shut, `pass` lets the
 * other rules decide. The gate says in both cases that it did not compare.
 */
export type HealthGate = {
  readonly figure: string
  readonly maxPercent: number
  readonly margin: number
  readonly minControllers: number
  readonly without: 'fail' | 'pass'
}

/** Reads one figure of a gate. */
export const healthShape: Shape<HealthGate> = object({
  figure: figureName,
  maxPercent: whole(0, 100_000),
  margin: whole(0, 1_000_000_000),
  minControllers: whole(1, 1_000_000),
  without: word('fail', 'pass'),
})

/** Reads a gate. `most`: how many controllers a plan may have. Each figure is compared once. */
export const gateShape = (most: number): Shape<Gate> =>
  then(
    object({ minSuccessPercent: whole(0, 100), maxFailures: whole(0, most) }, { health: list(healthShape, 1, 16) }),
    (gate, at) => {
      const figures = (gate.health ?? []).map(({ figure }) => figure)
      const twice = figures.find((figure, index) => figures.indexOf(figure) !== index)
      return twice === undefined ? gate : new Misfit(`${at}.health`, 'each figure once', `"${twice}" twice`)
    },
  )

/** What was heard of one figure in one group: controllers heard twice or more, how much it rose in all, for how long. */
export type Heard = { readonly controllers: number; readonly rose: number; readonly millis: number }
export type Evidence = { readonly treated: Heard; readonly control: Heard }

export const NOTHING_HEARD: Heard = { controllers: 0, rose: 0, millis: 0 }

/** What is counted of a wave for its gate. `left`: those that needed nothing of this campaign any more, or could not be ordered anything. */
export type Counted = {
  readonly confirmed: number
  readonly failed: number
  readonly total: number
  readonly left: number
}

/** One rule of a gate, as it was judged. `compared` is false where there was not enough to compare. */
export type Finding = {
  readonly rule: string
  readonly passes: boolean
  readonly compared: boolean
  readonly sentence: string
}

/** Judges every rule of a gate; it passes when all do. The rules that did not pass come first. */
export function judgeGate(
  gate: Gate,
  counted: Counted,
  heard: ReadonlyMap<string, Evidence>,
): { readonly passes: boolean; readonly findings: readonly Finding[] } {
  const { confirmed, failed, total, left } = counted
  const wanted = total - left
  const findings: Finding[] = [
    {
      rule: 'success',
      compared: true,
      passes: confirmed * 100 >= gate.minSuccessPercent * wanted,
      sentence: `${confirmed} of ${wanted} are confirmed, and ${gate.minSuccessPercent} percent are asked for`,
    },
    {
      rule: 'failures',
      compared: true,
      passes: failed <= gate.maxFailures,
      sentence: `${failed} failed, and ${gate.maxFailures} may`,
    },
    ...(gate.health ?? []).map(rule => compare(rule, heard.get(rule.figure))),
  ]
  findings.sort((a, b) => Number(a.passes) - Number(b.passes))
  return { passes: findings.every(({ passes }) => passes), findings }
}

const KILOHOURS = 1000 * 3_600_000

/** Counts for each 1,000 hours of one controller. */
const rate = ({ rose, millis }: Heard): number => (rose * KILOHOURS) / millis

const enough = ({ controllers, millis }: Heard, min: number): boolean => controllers >= min && millis > 0

function compare(gate: HealthGate, evidence: Evidence | undefined): Finding {
  const { figure: rule, minControllers, without, maxPercent, margin } = gate
  const { treated, control } = evidence ?? { treated: NOTHING_HEARD, control: NOTHING_HEARD }
  if (!enough(treated, minControllers) || !enough(control, minControllers)) {
    const heard = `${rule} was heard of ${treated.controllers} updated controllers and ${control.controllers} others`
    const means = without === 'pass' ? 'the plan lets that pass' : 'the plan does not let that pass'
    const sentence = `${heard}, and ${minControllers} of each are asked for: ${means}`
    return { rule, compared: false, passes: without === 'pass', sentence }
  }
  const [here, there] = [rate(treated), rate(control)]
  const most = (there * maxPercent) / 100 + margin
  const shown = (value: number): string => `${Math.round(value * 100) / 100}`
  const sentence = `${rule} rises by ${shown(here)} in 1,000 hours where it is updated and by ${shown(there)} elsewhere, and ${shown(most)} is allowed`
  return { rule, compared: true, passes: here <= most, sentence }
}

/**
 * The first wave whose gate can never pass, with its figure: the last one has no control group left, so a comparison there
 * that must not be missing would keep the campaign waiting for ever. Null when there is none.
 */
export function gateWithoutControl(
  waves: readonly { readonly name: string; readonly gate: Gate }[],
): { readonly wave: string; readonly figure: string } | null {
  const last = waves.at(-1)
  const rule = last?.gate.health?.find(({ without }) => without === 'fail')
  return last === undefined || rule === undefined ? null : { wave: last.name, figure: rule.figure }
}

/** How much is measured: `full` for figures that are worth something, `tiny` to see that the bench runs. */
export type Scale = 'full' | 'tiny'

/** A ratio that is promised: at most or at least so much. */
export type Target = { readonly bound: 'at most' | 'at least'; readonly ratio: number }

/**
 * One line of the table. `runs` are the single runs behind the medians `measured`, `yardstick` and `ratio`, in the unit
 * of the ratio when there is one, else in `unit`.
 */
export type Line = {
  readonly what: string
  readonly unit: string
  readonly measured: number
  readonly yardstick: number | null
  readonly ratio: number | null
  readonly target: Target | null
  readonly runs: readonly number[]
}

/** Several things side by side, in numbers; null where there is none. */
export type Table = {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly { readonly name: string; readonly cells: readonly (number | null)[] }[]
}

export type Result = {
  readonly lines: readonly Line[]
  readonly tables?: readonly Table[]
  /** What bounds the figure, as this run has shown; plain sentences. */
  readonly bounds: readonly string[]
}

export type Run = {
  readonly scale: Scale
  /** A folder of further pairs of images, NAME.old and NAME.new, that patches are made between. */
  readonly kernels?: string | null
  /** Tells people how far it is; never part of the result. */
  say(progress: string): void
}

/** A figure of the bench. `against` says what its yardstick is. */
export type Figure = {
  readonly name: string
  readonly title: string
  readonly against: string
  run(run: Run): Promise<Result>
}

/** The number of runs that a median is taken of. */
export const RUNS: Readonly<Record<Scale, number>> = { full: 5, tiny: 1 }

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('a median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A line whose ratio is the median of the ratios of the runs: each run has its own yardstick, taken beside it. */
export function ratioLine(
  what: string,
  unit: string,
  runs: readonly { readonly measured: number; readonly yardstick: number }[],
  target: Target | null,
): Line {
  const ratios = runs.map(({ measured, yardstick }) => measured / yardstick)
  return {
    what,
    unit,
    measured: median(runs.map(run => run.measured)),
    yardstick: median(runs.map(run => run.yardstick)),
    ratio: median(ratios),
    target,
    runs: ratios,
  }
}

/** A line without a yardstick. */
export function plainLine(what: string, unit: string, runs: readonly number[]): Line {
  return { what, unit, measured: median(runs), yardstick: null, ratio: null, target: null, runs }
}

/** Whether a line keeps what is promised; null when nothing is. */
export function isMet({ ratio, target }: Line): boolean | null {
  if (ratio === null || target === null) return null
  return target.bound === 'at most' ? ratio <= target.ratio : ratio >= target.ratio
}

/** What is still asked of a device once a fault has struck. */
export type Asked = {
  /** Whatever holds as long as nothing rotted: see the invariants that say `strict`. */
  readonly strict: boolean
  /** That the work comes to its end. Without it, what ran before goes on running. */
  readonly ends: boolean
  /** That golden does not run. */
  readonly running: boolean
  /** That every decision is in the history once, or torn. */
  readonly history: boolean
}

export const EVERYTHING: Asked = { strict: true, ends: true, running: true, history: true }
/** Bits were right, and are not any more: at least golden runs. */
export const AT_LEAST_GOLDEN: Asked = { strict: false, ends: false, running: false, history: true }
/** Nothing was lost, and not everything can be done any more: what is confirmed runs, and the update may never be. */
export const WHAT_WAS_CONFIRMED: Asked = { ...EVERYTHING, ends: false }
/** The same, and golden runs while nothing can be held against the floor. */
export const GOLDEN_MEANWHILE: Asked = { ...EVERYTHING, running: false }

/** What two faults leave to ask. */
export const both = (one: Asked, two: Asked): Asked => ({
  strict: one.strict && two.strict,
  ends: one.ends && two.ends,
  running: one.running && two.running,
  history: one.history && two.history,
})

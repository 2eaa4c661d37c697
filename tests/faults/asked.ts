/** What is still asked of a device once a fault has struck that leaves something it can never do again. */
export type Asked = {
  /** That the work comes to its end. Without it, what ran before goes on running. */
  readonly ends: boolean
  /** That every decision is in the history once, or torn. */
  readonly history: boolean
}

export const EVERYTHING: Asked = { ends: true, history: true }
/** Not everything can be done any more: what is confirmed runs, and the update may never be. */
export const WHAT_WAS_CONFIRMED: Asked = { ...EVERYTHING, ends: false }

/** What two faults leave to ask. */
export const both = (one: Asked, two: Asked): Asked => ({
  ends: one.ends && two.ends,
  history: one.history && two.history,
})

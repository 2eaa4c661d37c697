/** How far a long piece of work on a slot is. `looking`: at what an interrupted download left. `done` and `total` count bytes. */
export type Step = { readonly at: 'looking' | 'erasing' | 'verifying'; readonly done: number; readonly total: number }

/**
 * Work on flash that may take minutes, by steps that take no longer than a megabyte of flash does: between two of them whoever drives it may
 * do other things, or leave off for good, which leaves what a loss of power leaves there.
 */
export type Steps<T> = Generator<Step, T, void>

/** All of it at once, for who has nothing else to do. */
export function allSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

import { type Instant, type Millis, millis } from '../encoding/units.ts'

/**
 * From when on a fleet server has listened without a break: a controller's silence before that says nothing of it. `last`:
 * when the server was last seen awake.
 */
export type Listening = { readonly since: Instant; readonly last: Instant }

/** Longer than this between two looks, and the server slept, or its clock was set. */
export const LONGEST_BREAK = millis(5 * 60_000)

/**
 * A server looks at its clock again. One that was suspended with its machine hears nothing in that time, and a clock that
 * was set says of no controller that it was late: listening begins anew.
 */
export function listensOn({ since, last }: Listening, now: Instant, longest: Millis = LONGEST_BREAK): Listening {
  const began = Math.abs(now - last) > longest ? now : since
  return { since: began, last: now }
}

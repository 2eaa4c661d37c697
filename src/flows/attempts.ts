import type { Attempts, Noise } from '../core/fleet/attempts.ts'

/** What is remembered of failures, for as long as the server runs (and behind a start, see recall.ts). It is bounded. */
export class Memory {
  readonly attempts = new Map<string, Attempts>()
  readonly noise = new Map<string, Noise>()
}

export const MOST_REMEMBERED = 20_000
/** How many that count are passed over for one that does not. */
const PASSED_OVER = 64

/**
 * Remembers something; the oldest goes. What still counts is passed over and counts as new: who tries thousands of names
 * pushes out those, and not the lock of the one that they are after.
 */
export function remember<T>(
  memory: Map<string, T>,
  key: string,
  value: T,
  counts: (value: T) => boolean = () => false,
): void {
  memory.delete(key)
  memory.set(key, value)
  for (let n = 0; memory.size > MOST_REMEMBERED; n += 1) {
    const [[oldest, kept]] = memory as Iterable<[string, T]> as [[string, T]]
    memory.delete(oldest)
    if (n < PASSED_OVER && counts(kept)) memory.set(oldest, kept)
  }
}

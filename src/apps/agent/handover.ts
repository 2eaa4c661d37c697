import type { Bootable, ResetCause } from '../../core/slot/slot.ts'

/**
 * What passes between the two stages. The boot stage is installed with the package and may be older or newer than the
 * second stage, which may come from a slot: so this is small, and its number changes with any other meaning.
 *
 * - The boot stage writes one line of JSON, a `Handover`, to the second stage's standard input, and keeps it open. When
 *   it closes, the boot stage is gone: the second stage ends its whole process group at once.
 * - The second stage writes a byte to its descriptor 3 at least every `watchdogMillis` / 4. One that is silent is killed.
 * - SIGTERM asks it to end in order. It ends with STOPPED, or with RESTART when it wants to be booted again; any other
 *   end is a fault, and counts as a reset by the watchdog.
 */
export type Handover = {
  readonly v: typeof HANDOVER
  readonly folder: string
  readonly slot: Bootable
  readonly trial: boolean
  readonly cause: ResetCause
}

/**
 * The bootloader version of a board that this boot stage starts: it says which second stages it can run, and a release
 * says which boot stages can run it.
 */
export const HANDOVER = 1

export const STOPPED = 0
export const RESTART = 86
/** The descriptor that the second stage gives its signs of life on. */
export const LIFE = 3

/** Reads the handover; null when it is none of this number. */
export function readHandover(line: string): Handover | null {
  try {
    const { v, folder, slot, trial, cause } = Object(JSON.parse(line)) as Partial<Handover>
    const known = v === HANDOVER && typeof folder === 'string' && typeof trial === 'boolean'
    const named = slot === 'a' || slot === 'b' || slot === 'golden'
    return known && named && typeof cause === 'string' ? { v, folder, slot, trial, cause } : null
  } catch {
    return null
  }
}

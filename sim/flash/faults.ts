import type { FlashArea } from '../../src/core/slot/layout.ts'

/** One write to flash, numbered from 0 since the flash was switched on. Offsets and lengths in bytes. */
export type FlashOperation = {
  readonly index: number
  readonly kind: 'program' | 'erase'
  readonly area: FlashArea
  readonly offset: number
  readonly length: number
}

/**
 * What a cut of power does to a write. `before` and `after`: it did not begin, or was whole. `inside`: the power goes
 * when `share` (0 to 1) of it was done; the byte, page or sector where it stopped is left in between. `weak`: what the
 * write was at reads differently from time to time, until it is erased whole.
 */
export type FlashFault =
  | { readonly cut: 'before' }
  | { readonly cut: 'after' }
  | { readonly cut: 'inside'; readonly share: number; readonly weak?: boolean }

/**
 * A write that says nothing of having failed: it did `nothing`, or left one bit (of byte `at`, counted from its start) as
 * it was. The power stays.
 */
export type SilentFault = { readonly silent: 'nothing' } | { readonly silent: 'bit'; readonly at: number }

/** Asked before each write; null lets it go on. */
export type FaultHook = (operation: FlashOperation) => FlashFault | SilentFault | null

/** One read. */
export type FlashRead = { readonly area: FlashArea; readonly offset: number; readonly length: number }

/**
 * What a read meets. `at` is a byte of it, counted from its start.
 * - `power`: the power goes.
 * - `flipped`: the bits of `mask` read wrong, this once.
 * - `rotten`: they have flipped for good, or until the sector is erased.
 * - `weakened`: the eight bytes from there read differently from time to time, until they are erased.
 * - `ecc-once`, `ecc-lasting`: an ECC fault: the read answers null; so does every other of that sector until it is erased.
 */
export type ReadFault =
  | { readonly read: 'power' }
  | { readonly read: 'flipped' | 'rotten'; readonly at: number; readonly mask: number }
  | { readonly read: 'weakened'; readonly at: number }
  | { readonly read: 'ecc-once' }
  | { readonly read: 'ecc-lasting'; readonly at: number }

/** Asked before each read; null lets it go on. */
export type ReadHook = (read: FlashRead) => ReadFault | null

export const noFaults = (): null => null

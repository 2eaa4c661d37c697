import type { FlashArea } from '../../src/flows/ports.ts'

/** One operation on flash, numbered from 0 since the flash was switched on. Offsets and lengths in bytes. */
export type FlashOperation = {
  readonly index: number
  readonly kind: 'program' | 'erase'
  readonly area: FlashArea
  readonly offset: number
  readonly length: number
}

/**
 * What a fault does to an operation. `before` and `after`: the power goes, and the operation did not begin, or was
 * whole. `inside`: the power goes when `share` (0 to 1) of it was done; the byte or sector where it stopped is left in
 * between. `weak`: what the operation was at reads differently from time to time, until it is erased whole.
 */
export type FlashFault =
  | { readonly cut: 'before' }
  | { readonly cut: 'after' }
  | { readonly cut: 'inside'; readonly share: number; readonly weak?: boolean }

/** Asked before each operation; null lets it go on. */
export type FaultHook = (operation: FlashOperation) => FlashFault | null

export const noFaults: FaultHook = () => null

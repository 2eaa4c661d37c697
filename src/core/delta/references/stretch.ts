import type { AddressMap } from '../address-map.ts'

/** Bytes beside a stretch that are looked at to know what a byte in it belongs to. */
export const MARGIN = 16

/** An image and how its addresses are found in it: `load` is where its first byte is run from. */
export type Addressed = { readonly length: number; readonly load: number; readonly map: AddressMap }

/**
 * Old bytes that move: `bytes` are those from `at - MARGIN` to `MARGIN` behind the stretch (zero where the image has none),
 * `by` is how far the stretch moves. Rewritten in place: `bytes` to what they are expected to be, `kinds` to what each belongs to.
 */
export type Stretch = {
  readonly at: number
  readonly by: number
  readonly bytes: Uint8Array
  readonly kinds: Uint8Array
}

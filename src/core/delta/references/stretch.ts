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

/** The kinds of the bytes of a reference, from its first: of a branch, of an address in data, and of a third that each architecture has for itself. */
export const BRANCH = 1
export const POINTER = 5
export const THIRD = 9

/** The four bytes of a word, or of an instruction of two halfwords, belong to a reference of a kind. */
export function mark(kinds: Uint8Array, at: number, kind: number): void {
  for (let part = 0; part < 4; part += 1) kinds[at + part] = kind + part
}

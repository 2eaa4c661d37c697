import { AddressMap } from '../address-map.ts'
import type { Cover } from '../covers.ts'
import { findCovers, type Index } from '../matches.ts'
import { type Architecture, expectedImage } from '../references.ts'
import { PieceIndex, type Pieces, piecesMemory } from './pieces.ts'
import { SuffixIndex } from './suffixes.ts'
import { withTypes } from './type-covers.ts'
import { COSTS, worthwhile } from './worthwhile.ts'

/** Two images, and what is known of them. `load`: where they are run from. */
export type Images = {
  readonly old: Uint8Array
  readonly now: Uint8Array
  readonly architecture: Architecture
  readonly load: number
}

/** An old image of more bytes is sought in by pieces: the order of all its suffixes takes longer the longer it is, and much memory. */
export const LARGE_IMAGE = 4 * 1024 * 1024
/** Bytes of memory for the search that are there when nobody says. */
export const SEARCH_MEMORY = 1024 * 1024 * 1024

/** One search: by what, and how much more a match must have than going on. */
type Round = { readonly index: (old: Uint8Array) => Index; readonly slack: number }

/** The first search is careful; the later ones, whose references fit, follow whatever may be worth it. */
const bySuffixes = (old: Uint8Array): Index => new SuffixIndex(old)
const SMALL: readonly Round[] = [
  { index: bySuffixes, slack: 8 },
  { index: bySuffixes, slack: 3 },
  { index: bySuffixes, slack: 3 },
]

/**
 * Where the new image is like the old one. Where references are known, it is sought again with those of the old image as they are
 * expected to be by what was found before. `memory`: bytes that large images may take for it. Yields how far it is, from 0 to 1.
 */
export function* findAlike(
  { old, now, architecture, load }: Images,
  memory = SEARCH_MEMORY,
): Generator<number, readonly Cover[]> {
  const isLarge = old.length > LARGE_IMAGE
  const all = isLarge ? large(old.length, memory) : SMALL
  const rounds = architecture === 'none' ? all.slice(0, 1) : all
  let covers: readonly Cover[] = []
  for (const [round, { index, slack }] of rounds.entries()) {
    const image = { length: old.length, load, map: new AddressMap(covers) }
    const alike = round === 0 ? old : expectedImage(architecture, old, image)
    const search = findCovers(alike, index(alike), now, { slack })
    let step = search.next()
    for (; !step.done; step = search.next()) yield (round + step.value / now.length) / rounds.length
    covers = worthwhile(step.value, alike, now, isLarge ? COSTS.large : COSTS.usual)
  }
  return isLarge ? withTypes(old, now, covers) : covers
}

/**
 * As many pieces as there is memory for. The second search, with references as they are expected to be, also finds what is short: most of
 * what is found by chance is not worth a cover, and left out.
 */
function large(length: number, memory: number): readonly Round[] {
  let pieces: Pieces = { window: 16, stride: 1 }
  // Beside the pieces, the old image as it is expected to be.
  while (piecesMemory(length, pieces) + length > memory && pieces.stride < length) {
    const stride = pieces.stride * 2
    pieces = { window: Math.max(16, stride), stride }
  }
  const shorter = { ...pieces, window: Math.max(8, pieces.stride) }
  return [
    { index: old => new PieceIndex(old, pieces), slack: 8 },
    { index: old => new PieceIndex(old, shorter), slack: 3 },
  ]
}

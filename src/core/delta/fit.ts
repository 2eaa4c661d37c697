import { SLOT_BITS } from './byte-model.ts'
import type { Cover } from './covers.ts'
import { memoryOf } from './patch.ts'

/** What of a patch takes memory of whoever applies it. */
export type Fit = { readonly covers: readonly Cover[]; readonly slotBits: number; readonly blockBytes: number }

/** A block ends behind the step that filled it: so many bytes more, of a step of which nothing was foreseen. */
const BEYOND = 768
/** Payload bytes of a block at least: what is less goes into heads of blocks. */
const LEAST_BLOCK = 512
const BYTES_OF_COVER =
  memoryOf({ slotBits: 0, covers: 1, longest: 0 }) - memoryOf({ slotBits: 0, covers: 0, longest: 0 })

/**
 * Fits a patch to the memory of whoever applies it, in bytes: shorter blocks first, then fewer slots, until the covers fit, or have half of the
 * memory: then the shortest are left out. What needs more than there is all the same is the smallest that there can be.
 */
export function fitted({ covers, slotBits, blockBytes }: Fit, memory: number): Fit {
  const lengths = [...new Set([blockBytes, Math.max(LEAST_BLOCK, blockBytes >> 2), LEAST_BLOCK])]
  let least: Fit = { covers: [], slotBits: SLOT_BITS.least, blockBytes: LEAST_BLOCK }
  for (let bits = slotBits; bits >= SLOT_BITS.least; bits -= 1) {
    for (const bytes of lengths) {
      const beside = memoryOf({ slotBits: bits, covers: 0, longest: bytes + BEYOND })
      const room = Math.floor((memory - beside) / BYTES_OF_COVER)
      if (room >= covers.length) return { covers, slotBits: bits, blockBytes: bytes }
      if (room > 0) least = { covers: longest(covers, room), slotBits: bits, blockBytes: bytes }
      if (room * BYTES_OF_COVER * 2 >= memory) return least
    }
  }
  return least
}

/** The longest covers, in their order. */
function longest(covers: readonly Cover[], count: number): Cover[] {
  const kept = new Set(covers.toSorted((a, b) => b.length - a.length || a.new - b.new).slice(0, count))
  return covers.filter(cover => kept.has(cover))
}

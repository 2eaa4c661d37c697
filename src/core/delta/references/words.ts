import { type Addressed, MARGIN, THIRD as MEMORY, mark, POINTER, type Stretch } from './stretch.ts'

/**
 * Aligned words of 32 bits, the lowest byte first, that are an address in the image: they are expected to be where what stood there
 * has moved. The lowest bit, by which Thumb tells a function, stays. Words that point to where a Cortex-M has its SRAM are only marked.
 */
export function words(original: Uint8Array, { at, bytes, kinds }: Stretch, { length, load, map }: Addressed): void {
  const view = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let k = (4 - ((load + at - MARGIN) & 3)) & 3; k + 4 <= original.length; k += 4) {
    if (kinds[k] !== 0 || kinds[k + 2] !== 0) continue
    const word = view.getUint32(k, true)
    const offset = (word & ~1) - load
    if (offset >= 0 && offset < length) {
      out.setUint32(k, load + map.to(offset) + (word & 1), true)
      mark(kinds, k, POINTER)
    } else if (word >>> 28 === 2) {
      out.setUint32(k, word, true)
      mark(kinds, k, MEMORY)
    }
  }
}

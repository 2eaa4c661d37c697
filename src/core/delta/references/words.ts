import { type Addressed, MARGIN, THIRD as MEMORY, mark, POINTER, type Stretch } from './stretch.ts'

/**
 * Aligned words of 32 bits, the lowest byte first, that are an address in the image: they are expected to be where what stood there
 * has moved. The lowest bit, by which Thumb tells a function, stays. Words that point to where a Cortex-M has its SRAM are only marked.
 */
export function words(original: Uint8Array, { at, bytes, kinds }: Stretch, { length, load, map }: Addressed): void {
  const view = new DataView(original.buffer, original.byteOffset, original.length)
  const out = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let k = (4 - ((load + at - MARGIN) & 3)) & 3; k + 4 <= original.length; k += 4) {
    const word = view.getInt32(k, true)
    const offset = ((word & ~1) - load) | 0
    const isWithin = offset >= 0 && offset < length
    if ((!isWithin && word >>> 28 !== 2) || kinds[k] !== 0 || kinds[k + 2] !== 0) continue
    out.setInt32(k, isWithin ? (load + map.to(offset) + (word & 1)) | 0 : word, true)
    mark(kinds, k, isWithin ? POINTER : MEMORY)
  }
}

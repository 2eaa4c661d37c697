import { Inflate as Inflater } from 'fflate'
import type { Inflate } from '../../src/core/encoding/zip.ts'

/** Packed bytes that are given to the unpacker at a time: what they can become is bounded before it is looked at. */
const PIECE = 16 * 1024

/** Unpacks in a browser, never more than it is told to, but for what one piece becomes. */
export const inflateBrowser: Inflate = (packed, size) => {
  const out = new Uint8Array(size)
  let length = 0
  let ended = false
  try {
    const inflater = new Inflater((piece, last) => {
      if (length + piece.length > size) throw new RangeError('more than was said')
      out.set(piece, length)
      length += piece.length
      ended = last
    })
    for (let at = 0; at < packed.length; at += PIECE) {
      inflater.push(packed.subarray(at, at + PIECE), at + PIECE >= packed.length)
    }
  } catch {
    return null
  }
  return ended && length === size ? out : null
}

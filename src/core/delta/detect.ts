import { loadAddress } from './load-address.ts'
import type { Architecture } from './references.ts'
import { LARGE_IMAGE } from './search/alike.ts'

/** How an image may be written, and where it is run from: 0 where nobody needs to know. */
export type Likely = { readonly architectures: readonly Architecture[]; readonly load: number }

/** Words that are looked at to know what an image is written in: as many pieces of so many words, spread over all of it. */
const PIECES = 256
const PIECE_WORDS = 1024
/** Of so many words one must be the beginning or the end of a function. */
const ONE_OF = 2000

/**
 * What an image seems to be written in, by looking at some of its words: the architectures that are worth trying, the most likely first, and
 * where it is run from. A large image is not gone through twice: only what is most likely is tried.
 */
export function likely(image: Uint8Array): Likely {
  if (isAarch64(image)) {
    return {
      architectures: image.length > LARGE_IMAGE ? ['aarch64'] : ['aarch64', 'none'],
      load: kernelAddress(image) ?? 0,
    }
  }
  const load = image.length > LARGE_IMAGE ? null : loadAddress(image)
  return load === null ? { architectures: ['none'], load: 0 } : { architectures: ['cortex-m', 'none'], load }
}

/** `RET`, and `STP` of the frame pointer and the link register: each function of AArch64 has them, and hardly anything else does. */
function isAarch64(image: Uint8Array): boolean {
  const view = new DataView(image.buffer, image.byteOffset, image.length)
  const words = Math.floor(image.length / 4)
  const apart = Math.max(PIECE_WORDS, Math.floor(words / PIECES))
  let [seen, functions] = [0, 0]
  for (let piece = 0; piece < words; piece += apart) {
    const end = Math.min(words, piece + PIECE_WORDS)
    for (let word = piece; word < end; word += 1) {
      const is = view.getUint32(4 * word, true)
      if (is === 0xd65f_03c0 || (is & 0xfe40_7fff) >>> 0 === 0xa800_7bfd) functions += 1
    }
    seen += end - piece
  }
  return functions >= Math.max(4, seen / ONE_OF)
}

/** A kernel is run from a multiple of so much (Linux, Documentation/arm64/booting.rst). */
const KERNEL_ALIGNMENT = 0x20_0000
const MOST_POINTERS = 1 << 20
/** So many pointers must lead into it. */
const ENOUGH = 64

/**
 * The lower 32 bits of where a kernel is run from, by its pointers: the place of its size that most of them lead to. Null where there are none.
 */
function kernelAddress(image: Uint8Array): number | null {
  const view = new DataView(image.buffer, image.byteOffset, image.length)
  const pointers = new Uint32Array(MOST_POINTERS)
  let count = 0
  for (let at = 0; at + 8 <= image.length && count < MOST_POINTERS; at += 8) {
    if (view.getUint16(at + 6, true) === 0xffff) pointers[count++] = view.getUint32(at, true)
  }
  const sorted = pointers.subarray(0, count).sort()
  let [best, most] = [0, 0]
  for (let first = 0, end = 0; first < count; first += 1) {
    while (end < count && sorted[end]! - sorted[first]! < image.length) end += 1
    if (end - first <= most) continue
    most = end - first
    best = sorted[first]!
  }
  return most >= ENOUGH ? best - (best % KERNEL_ALIGNMENT) : null
}

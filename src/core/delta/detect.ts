import { ARM, loadAddress, RISCV } from './load-address.ts'
import type { Architecture } from './references.ts'
import { LARGE_IMAGE } from './search/alike.ts'

/** How an image may be written, and where it is run from: 0 where nobody needs to know. */
export type Likely = { readonly architectures: readonly Architecture[]; readonly load: number }

/** Words that are looked at to know what an image is written in: as many pieces of so many words, spread over all of it. */
const PIECES = 256
const PIECE_WORDS = 1024
/** Of so many words one must be the beginning or the end of a function. */
const ONE_OF = 1000
const FEW = 4
/** Of so many words of 32-bit Arm code, and of the data in it, one must be done on no condition. */
const ONE_OF_ARM = 5

/**
 * What an image seems to be written in, by looking at some of its words: the architectures that are worth trying, the most likely first, and
 * where it is run from. A large image is not gone through twice: only what is most likely is tried. What is made from nothing has no references, but
 * what its instructions are like; those of a Cortex-M are what is supposed of anything.
 */
export function likely(old: Uint8Array, now: Uint8Array): Likely {
  if (old.length > 0) return seen(old)
  const [architecture = 'none'] = seen(now).architectures
  return { architectures: [architecture === 'cortex-m' ? 'none' : architecture], load: 0 }
}

function seen(image: Uint8Array): Likely {
  const isLarge = image.length > LARGE_IMAGE
  const of = (architecture: Architecture, load: number | null): Likely => ({
    architectures: isLarge ? [architecture] : [architecture, 'none'],
    load: load ?? 0,
  })
  const counted = count(image)
  if (counted.aarch64 * ONE_OF >= counted.words) return of('aarch64', kernelAddress(image))
  if (counted.riscv * ONE_OF >= counted.words) return of('riscv', loadAddress(image, RISCV))
  if (counted.arm * ONE_OF_ARM >= counted.words)
    return of('arm', isLarge ? null : (loadAddress(image, ARM) ?? loadAddress(image)))
  const load = isLarge ? null : loadAddress(image)
  return load === null ? { architectures: ['none'], load: 0 } : of('cortex-m', load)
}

/**
 * How often functions begin or end. Of AArch64: `RET`, and `STP` of the frame pointer and the link register. Of RISC-V: `C.JR` and `JALR` to
 * the return address. Hardly anything else looks like them. Of 32-bit Arm code: what is done on no condition, most of it.
 */
function count(image: Uint8Array): Readonly<Record<'words' | 'aarch64' | 'riscv' | 'arm', number>> {
  const view = new DataView(image.buffer, image.byteOffset, image.length)
  const all = Math.floor(image.length / 4)
  const apart = Math.max(PIECE_WORDS, Math.floor(all / PIECES))
  // A few by chance are nothing.
  let [words, aarch64, riscv, arm] = [0, -FEW, -FEW, -FEW]
  for (let piece = 0; piece < all; piece += apart) {
    const end = Math.min(all, piece + PIECE_WORDS)
    for (let word = piece; word < end; word += 1) {
      const is = view.getUint32(4 * word, true)
      if (is === 0xd65f_03c0 || (is & 0xfe40_7fff) >>> 0 === 0xa800_7bfd) aarch64 += 1
      if (is >>> 28 === 14) arm += 1
      if (is >>> 16 === 0x8082 || (is & 0xffff) === 0x8082 || is === 0x8067) riscv += 1
    }
    words += end - piece
  }
  return { words, aarch64, riscv, arm }
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
    const upper = view.getUint32(at + 4, true)
    // Small negative numbers have ones all the way.
    if (upper >>> 16 === 0xffff && upper !== 0xffff_ffff) pointers[count++] = view.getUint32(at, true)
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

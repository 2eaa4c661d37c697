import type { Architecture } from '../src/core/delta/references.ts'

/** Images of the vectors: functions that call each other and are pointed to, made by nothing but whole numbers. */

/** Where every image is run from: where AArch64 maps its pages, and Cortex-M has its flash. */
export const LOAD = 0x0800_8000

/** Functions that others may call. */
const FUNCTIONS = 105

/** How a call of so many bytes is written, for architectures that have one here; the others have words of data there. */
const CALLS: Partial<Record<Architecture, (distance: number) => number>> = {
  'cortex-m': distance => {
    const far = distance - 4
    const sign = far < 0 ? 1 : 0
    const [j1, j2] = [((far >> 23) & 1) ^ sign ^ 1, ((far >> 22) & 1) ^ sign ^ 1]
    const first = 0xf000 | (sign << 10) | ((far >> 12) & 0x3ff)
    const second = 0xd000 | (j1 << 13) | (j2 << 11) | ((far >> 1) & 0x7ff)
    return ((second << 16) | first) >>> 0
  },
  // JAL with ra: bits 20, 10 to 1, 11, 19 to 12 of the distance, from the top (RISC-V ISA, 2.5.1).
  riscv: distance => {
    const part = (from: number, bits: number): number => (distance >> from) & ((1 << bits) - 1)
    return ((part(20, 1) << 31) | (part(1, 10) << 21) | (part(11, 1) << 20) | (part(12, 8) << 12) | 0xef) >>> 0
  },
  arm: distance => (0xeb00_0000 | (((distance - 8) >> 2) & 0x00ff_ffff)) >>> 0,
  aarch64: distance => (0x9400_0000 | ((distance >> 2) & 0x03ff_ffff)) >>> 0,
}

/** Numbers that look like chance, from 0 to 255. */
function* noise(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state >>> 24
  }
}

/**
 * An image of functions in an order, so many words long each; between two numbers of the order each has the same bytes, but for where the
 * others stand. Function n has 8 + n % 5 words and calls or points to others from every fourth.
 */
export function linkedImage(architecture: Architecture, order: readonly number[]): Uint8Array {
  const begins = new Map<number, number>()
  let length = 0
  for (const which of order) {
    begins.set(which, length)
    length += 4 * wordsOf(which)
  }
  const image = new Uint8Array(length)
  const view = new DataView(image.buffer)
  for (const which of order) {
    const chance = noise(which + 1)
    const draw = (): number => chance.next().value
    const begin = begins.get(which) as number
    for (let word = 0; word < wordsOf(which); word += 1) {
      const at = begin + 4 * word
      // An addition of two registers, or as good as one.
      let value = (0x0b00_0000 | ((draw() & 31) << 16) | ((draw() & 31) << 5) | (draw() & 31)) >>> 0
      const target = begins.get((which * 7 + word * 3 + draw()) % FUNCTIONS)
      const call = CALLS[architecture]
      if (word % 4 === 2 && target !== undefined && call !== undefined) value = call(target - at)
      if (word % 4 === 3 && word > 4 && target !== undefined) value = LOAD + target + 1
      view.setUint32(at, value, true)
    }
  }
  return image
}

const wordsOf = (which: number): number => 8 + (which % 5)

/** Halfwords that are told apart: by the kind of what they belong to, of four, and by a byte. */
const CLASSES = 4 * 256

/** What it keeps in memory, in bytes. */
export const SHIFTS_BYTES = 2 * 2 * CLASSES

/** A halfword of the old image, and what it belongs to. */
export type Halfword = {
  /** The halfword before it. */
  readonly earlier: number
  readonly old: number
  /** What it is expected to be. */
  readonly expected: number
  /** 0 to 3. */
  readonly kind: number
}

/** What a byte is foretold to be; and 256 where that was otherwise than expected. */
export type Foretold = number

/**
 * By how much halfwords were otherwise than expected. Where a field is put into a structure, or a word into memory, everything behind it
 * moves by as much: what was true of the last halfword that was like this one is likely to be true of this one.
 */
export class Shifts {
  readonly #ofOld = new Int16Array(CLASSES)
  readonly #ofEarlier = new Int16Array(CLASSES)

  /** A halfword of the new image is known. */
  learn({ earlier, old, expected, kind }: Halfword, halfword: number): void {
    const shift = halfword - expected
    this.#ofOld[kind * 256 + (old >> 8)] = shift
    // Behind the same instruction some operands stay and others move: those that stayed say nothing of how far.
    if (shift !== 0) this.#ofEarlier[kind * 256 + (earlier >> 8)] = shift
  }

  /** A byte by what was so of the halfwords that have its upper byte. `odd`: 1 for that byte itself. */
  byOld({ old, expected, kind }: Halfword, odd: number): Foretold {
    return foretold(expected, this.#ofOld[kind * 256 + (old >> 8)]!, odd)
  }

  /** A byte by what was so of the halfwords that stood behind one with the upper byte of the one before it. */
  byEarlier({ earlier, expected, kind }: Halfword, odd: number): Foretold {
    return foretold(expected, this.#ofEarlier[kind * 256 + (earlier >> 8)]!, odd)
  }
}

const foretold = (expected: number, shift: number, odd: number): Foretold =>
  (shift === 0 ? 0 : 256) | (((expected + shift) >> (8 * odd)) & 255)

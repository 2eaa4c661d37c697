import type { Architecture } from './references.ts'

/**
 * Which part of an instruction the next byte of a new image is, of four, where no cover says what stands there: of code with instructions of one or two
 * halfwords, which byte of a halfword, and whether that is an instruction's second; of code with instructions of four bytes, which of these.
 *
 * It is a guess, by what came before, and the same one for writer and reader: data looks like instructions too.
 */
export class Parts {
  readonly #architecture: Architecture
  /** Where the byte behind the last one stands, and whether that one was in a second halfword. */
  #next = 0
  #isSecond = false

  constructor(architecture: Architecture) {
    this.#architecture = architecture
  }

  /** Of the byte at an offset, whose four bytes before are `before`, the newest lowest: from 0 to 3. */
  of(at: number, before: number): number {
    if (this.#architecture === 'aarch64' || this.#architecture === 'arm') return at & 3
    const odd = at & 1
    const follows = at === this.#next
    this.#next = at + 1
    if (odd === 0) this.#isSecond = this.#isLong(before) && !(follows ? this.#isSecond : this.#isLong(before >>> 16))
    else if (!follows) this.#isSecond = false
    return this.#isSecond ? 2 + odd : odd
  }

  /**
   * Whether a halfword, its lower byte above the upper one, begins an instruction of two, when it begins one: in RISC-V by its two lowest bits
   * (Unprivileged ISA 20240411, 1.5), in Thumb, which also stands for whatever is not known, by its five highest (Arm DDI 0403, A5.1).
   */
  #isLong(halfword: number): boolean {
    return this.#architecture === 'riscv' ? ((halfword >>> 8) & 3) === 3 : (halfword & 255) >= 0xe8
  }
}

/**
 * Range coding of single bits, each with a probability of its own (G. N. N. Martin, "Range encoding", Video & Data Recording Conference 1979): a range of 31 bits is
 * cut at each bit, and grows by a byte whenever it has less than 24. Probabilities are those of a 1, in 1/4096, from 1 to 4095.
 */

/** A range at first, and the least that a bit is cut from. */
const WHOLE = 2 ** 31
const LEAST = 2 ** 23

/** What takes a bit to a patch, or brings one from it. Who brings it does not look at `bit`. */
export type BitCoder = { code(probability: number, bit: number): number }

export class BitWriter implements BitCoder {
  /** Where the range begins: 32 bits, of which the highest byte is the next one. */
  #low = 0
  #range = WHOLE
  #bytes = new Uint8Array(1024)
  #length = 0

  code(probability: number, bit: number): number {
    const part = partOf(this.#range, probability)
    if (bit === 1) this.#range = part
    else {
      this.#raise(part)
      this.#range -= part
    }
    while (this.#range < LEAST) {
      this.#put(this.#low >>> 24)
      this.#low = (this.#low << 8) >>> 0
      this.#range *= 256
    }
    return bit
  }

  /** Bytes that were written so far; a few more follow at the end. */
  get length(): number {
    return this.#length
  }

  /** What was written, so that whatever is read behind it changes nothing. The writer begins anew. */
  end(): Uint8Array {
    // A reader is four bytes ahead of the writer, and refuses to take more than eight that were left out: long runs of what is likely end with as many zeros.
    const least = Math.max(0, this.#length - 4)
    // The shortest bytes that stay within the range when zeros follow.
    for (let kept = 0; kept <= 4; kept += 1) {
      const step = 2 ** (32 - 8 * kept)
      const more = Math.ceil(this.#low / step) * step - this.#low
      if (more >= this.#range) continue
      this.#raise(more)
      for (let k = 0; k < kept; k += 1) this.#put((this.#low >>> (24 - 8 * k)) & 0xff)
      break
    }
    let length = this.#length
    while (length > least && this.#bytes[length - 1] === 0) length -= 1
    const written = this.#bytes.slice(0, length)
    this.#low = 0
    this.#range = WHOLE
    this.#length = 0
    return written
  }

  /** What does not fit into 32 bits is carried into the bytes that were written: never before the first one. */
  #raise(by: number): void {
    this.#low += by
    if (this.#low < 2 ** 32) return
    this.#low -= 2 ** 32
    let at = this.#length - 1
    while (this.#bytes[at] === 255) this.#bytes[at--] = 0
    this.#bytes[at] = this.#bytes[at]! + 1
  }

  #put(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }
}

export class BitReader implements BitCoder {
  /** The range, and how far in it what is read is: always less. A range of 2^31 is the same 32 bits as −2^31. */
  #range = WHOLE | 0
  #within = 0
  readonly #bytes: Uint8Array
  #at = 0

  /** Behind the bytes come zeros: the writer leaves those out. The first bit is 0, as writers have it; here too where it is not. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    for (let k = 0; k < 4; k += 1) this.#within = (this.#within << 8) | this.#next()
    this.#within &= WHOLE - 1
  }

  code(probability: number): number {
    const part = partOf(this.#range, probability)
    const bit = this.#within < part ? 1 : 0
    if (bit === 1) this.#range = part
    else {
      this.#within -= part
      this.#range = (this.#range - part) | 0
    }
    while (this.#range < LEAST) {
      this.#range <<= 8
      this.#within = (this.#within << 8) | this.#next()
    }
    return bit
  }

  /** True when more bytes were wanted than any writer would have left out: the bits that come are nobody's. */
  get isBeyond(): boolean {
    return this.#at > this.#bytes.length + 8
  }

  #next(): number {
    const byte = this.#bytes[this.#at] ?? 0
    this.#at += 1
    return byte
  }
}

/** For whoever knows the bits, and goes through what both sides learn from them: what was written before a power cut. */
export class KnownBits implements BitCoder {
  code(_probability: number, bit: number): number {
    return bit
  }
}

/** What of a range is a 1's: the part that comes first. */
const partOf = (range: number, probability: number): number => Math.imul(range >>> 12, probability)

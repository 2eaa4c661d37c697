/**
 * Arithmetic coding of single bits, each with a probability of its own, of 32 bits without carries: an interval is cut at each bit, and
 * its leading bytes are written as soon as both ends have them. Probabilities are those of a 1, in 1/4096, from 1 to 4095.
 */

/** What takes a bit to a patch, or brings one from it. Who brings it does not look at `bit`. */
export type BitCoder = { code(probability: number, bit: number): number }

export class BitWriter implements BitCoder {
  #low = 0
  #high = 0xffffffff
  #bytes = new Uint8Array(1024)
  #length = 0

  code(probability: number, bit: number): number {
    const middle = (this.#low + firstPart(this.#low, this.#high, probability)) >>> 0
    if (bit === 1) this.#high = middle
    else this.#low = middle + 1
    while ((this.#low ^ this.#high) >>> 24 === 0) {
      this.#put(this.#high >>> 24)
      this.#low = (this.#low << 8) >>> 0
      this.#high = ((this.#high << 8) | 0xff) >>> 0
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
    // The shortest bytes that stay within the interval when zeros follow.
    for (let kept = 1; kept <= 4; kept += 1) {
      const step = 2 ** (32 - 8 * kept)
      const value = Math.ceil(this.#low / step) * step
      if (value > this.#high) continue
      for (let k = 0; k < kept; k += 1) this.#put(Math.floor(value / 2 ** (24 - 8 * k)) & 0xff)
      break
    }
    let length = this.#length
    while (length > least && this.#bytes[length - 1] === 0) length -= 1
    const written = this.#bytes.slice(0, length)
    this.#low = 0
    this.#high = 0xffffffff
    this.#length = 0
    return written
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
  // Of the numbers without a sign that these are, the 32 bits: they are added, shifted and told apart as they are.
  #low = 0
  #high = -1
  #value = 0
  readonly #bytes: Uint8Array
  #at = 0

  /** Behind the bytes come zeros: the writer leaves those out. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    for (let k = 0; k < 4; k += 1) this.#value = (this.#value << 8) | this.#next()
  }

  code(probability: number): number {
    const part = firstPart(this.#low, this.#high, probability)
    const bit = (this.#value - this.#low) >>> 0 <= part >>> 0 ? 1 : 0
    if (bit === 1) this.#high = (this.#low + part) | 0
    else this.#low = (this.#low + part + 1) | 0
    while ((this.#low ^ this.#high) >>> 24 === 0) {
      this.#low <<= 8
      this.#high = (this.#high << 8) | 0xff
      this.#value = (this.#value << 8) | this.#next()
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

/** How far an interval's first part reaches, in which a 1 is: 32 bits, whatever their sign is taken for. */
const firstPart = (low: number, high: number, probability: number): number =>
  Math.imul((high - low) >>> 12, probability)

import type { BitCoder } from './arithmetic.ts'
import { Slots } from './odds.ts'

/**
 * A stretch of the new image that is like one of the old: from `old` and from `new` on, `length` bytes. `plain`: its bytes are expected as they were, for
 * what looks like references in it is something else.
 */
export type Cover = { readonly old: number; readonly new: number; readonly length: number; readonly plain?: true }

/** Bits of a cover's numbers at most: an image has less than 2^31 bytes. */
const MOST_BITS = 31
/** Slots of one number: how many bits it has, its two bits behind the first one for each such count, its last two, its sign. */
const OF_NUMBER = 256
const COUNT = 0
const LEADING = 64
const LAST = 192
const SIGN = 255
/** The first number has no sign: its place is for whether a cover is plain. */
const PLAIN = SIGN

/**
 * Covers as numbers, each told from the end of the one before: how far it begins behind that in the new image, how long it is,
 * and how much further or less far in the old. Small numbers take few bits, and how few is learned.
 */
export class CoverCoder {
  readonly #coder: BitCoder
  readonly #slots = new Slots(3 * OF_NUMBER, 60)
  #end = { old: 0, new: 0 }

  constructor(coder: BitCoder) {
    this.#coder = coder
  }

  /** A cover to the coder, or from it: then `cover` is not looked at. What comes may lie anywhere: the reader judges it. */
  code(cover: Cover): Cover {
    const { old, new: now } = this.#end
    const gap = this.#number(0, cover.new - now, now & 1)
    const length = this.#number(1, cover.length - 1, (now + gap) & 1) + 1
    const from = old + gap + this.#signed(2, cover.old - (old + cover.new - now))
    const isPlain = this.#bit(PLAIN, cover.plain === true ? 1 : 0) === 1
    const coded: Cover = { old: from, new: now + gap, length, ...(isPlain ? { plain: true } : {}) }
    this.#end = { old: coded.old + length, new: coded.new + length }
    return coded
  }

  /** The coder that the next covers go to or come from: a block of them has ended. */
  next(coder: BitCoder): CoverCoder {
    const next = new CoverCoder(coder)
    next.#end = this.#end
    next.#slots.take(this.#slots)
    return next
  }

  #signed(of: number, value: number): number {
    const size = this.#number(of, Math.abs(value), 0)
    return size > 0 && this.#bit(of * OF_NUMBER + SIGN, value < 0 ? 1 : 0) === 1 ? -size : size
  }

  /** A number of at most 31 bits: one more than it by the count of its bits and those behind the first. `odd`: where it begins, in the target. */
  #number(of: number, value: number, odd: number): number {
    const at = of * OF_NUMBER
    const one = value + 1
    let bits = 0
    while (bits < MOST_BITS && this.#bit(at + COUNT + bits, one >>> (bits + 1) === 0 ? 0 : 1) === 1) bits += 1
    let read = 1
    for (let place = bits - 1; place >= 0; place -= 1) {
      const bit = (one >>> place) & 1
      const slot = slotOf({ bits, place, odd, before: read & 1 })
      read = read * 2 + (slot < 0 ? this.#coder.code(0x800, bit) : this.#bit(at + slot, bit))
    }
    return read - 1
  }

  #bit(slot: number, bit: number): number {
    const coded = this.#coder.code(this.#slots.likely(slot), bit)
    this.#slots.learn(slot, coded)
    return coded
  }
}

type BitPlace = { readonly bits: number; readonly place: number; readonly odd: number; readonly before: number }

/** The slot of a bit of a number, −1 for one that is as good as chance. `before`: the bit above it. */
function slotOf({ bits, place, odd, before }: BitPlace): number {
  const behind = bits - 1 - place
  if (behind === 0) return LEADING + bits * 4
  if (behind === 1) return LEADING + bits * 4 + 1 + before
  if (place === 1) return LAST + odd
  return place === 0 ? LAST + 2 + odd * 2 + before : -1
}

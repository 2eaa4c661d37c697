import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { AddressMap } from './address-map.ts'
import { BitReader, KnownBits } from './arithmetic.ts'
import { type Cover, CoverCoder } from './covers.ts'
import { ImageWalk, STEP } from './image-walk.ts'
import { memoryOf, type PatchHeader, parseBlock } from './patch.ts'

/**
 * What whoever applies a patch is asked for: bytes of the slot that is run from, or of the one that is written (what was written before a
 * power cut), all of which it answers; and to write bytes at the end of what it wrote before.
 */
export type Ask =
  | { readonly do: 'read-old'; readonly at: number; readonly length: number }
  | { readonly do: 'read-new'; readonly at: number; readonly length: number }
  | { readonly do: 'write'; readonly at: number; readonly bytes: Uint8Array }

type Asking<T> = Generator<Ask, T, Uint8Array>

/** How far an application has come: what is journaled behind each block, once its bytes are durable. */
export type Progress = {
  /** Bytes of the new image that are written. */
  readonly written: number
  /** What the next block's digest must be. */
  readonly next: Uint8Array
}

/**
 * What there is to apply a patch with, in bytes. `memory`: beside what the reading and writing of slots take. `room`: for the new image; the
 * work is linear in it, whatever the patch says.
 */
export type Means = { readonly memory: number; readonly room: number }

const NO_COVER: Cover = { old: 0, new: 0, length: 1 }

/**
 * Applies a patch block by block, strictly forwards. Holds the covers, their map, and what the model has learned: `memoryOf` its header.
 * Nothing is believed: a block is looked at when it has the digest that the header, or the block before, says it has.
 */
export class PatchApplier {
  readonly #crypto: Pick<Crypto, 'sha256'>
  readonly #header: PatchHeader
  #covers: Cover[] = []
  #coverCoder: CoverCoder | null = null
  #walk: ImageWalk | null = null
  #next: Uint8Array

  private constructor(header: PatchHeader, crypto: Pick<Crypto, 'sha256'>) {
    this.#crypto = crypto
    this.#header = header
    this.#next = header.first
  }

  /** Refuses `patch-memory-refused` and `patch-no-room`. Nothing of the size that the header states was taken before. */
  static of(header: PatchHeader, crypto: Pick<Crypto, 'sha256'>, { memory, room }: Means): PatchApplier | Refusal {
    const needed = memoryOf(header)
    if (needed > memory) {
      return refuse('patch-memory-refused', 'the patch', `at most ${memory} bytes of memory`, `${needed} bytes`)
    }
    const { length } = header.target
    if (length > room) return refuse('patch-no-room', 'the patch', `an image of at most ${room} bytes`, `${length}`)
    return new PatchApplier(header, crypto)
  }

  get progress(): Progress {
    return { written: this.#walk?.at ?? 0, next: this.#next }
  }

  /** True when every byte of the new image was written. Whether it is that image, its digest says, read from where it was written. */
  get isWhole(): boolean {
    return this.#covers.length === this.#header.covers && (this.#walk?.at ?? 0) === this.#header.target.length
  }

  /** True while blocks of covers come. They are few; after a restart they are wanted again, and what was written is read. */
  get wantsCovers(): boolean {
    return this.#covers.length < this.#header.covers
  }

  /**
   * Takes the next block. What it asks to write is the next block's bytes and lies within the new image. Refuses what `parseBlock`
   * refuses, and `patch-malformed` for covers outside of the images, or bytes beyond the end. Behind a refusal the applier is not used again.
   */
  *take(bytes: Uint8Array): Asking<null | Refusal> {
    const subject = 'the patch'
    const { longest } = this.#header
    if (this.isWhole) return refuse('patch-malformed', subject, 'an end behind the last byte', 'another block')
    const block = parseBlock(this.#crypto, bytes, { digest: this.#next, longest, subject })
    if (isRefusal(block)) return block
    const coder = new BitReader(block.payload)
    const fault = this.wantsCovers ? this.#takeCovers(coder, block.count) : yield* this.#takeBytes(coder, block.count)
    if (fault !== null) return fault
    if (coder.isBeyond) return refuse('patch-malformed', subject, 'as many bits as the block has', 'more')
    this.#next = block.next
    return null
  }

  /**
   * Goes on where a journal says that it was: reads what is written, and learns from it what it had learned. The covers were taken before.
   * Refuses `patch-malformed` for a journal that is not of this patch.
   */
  *resume({ written, next }: Progress): Asking<null | Refusal> {
    if (this.wantsCovers || written > this.#header.target.length) {
      return refuse('patch-malformed', 'the journal', 'a place in this patch', `${written} bytes written`)
    }
    const walk = this.#begun()
    const known = new KnownBits()
    while (walk.at < written) {
      const length = Math.min(STEP, written - walk.at)
      const bytes = (yield { do: 'read-new', at: walk.at, length }).slice()
      yield* this.#step(walk, known, bytes)
    }
    this.#next = next
    return null
  }

  #takeCovers(coder: BitReader, count: number): null | Refusal {
    const { base, target, covers } = this.#header
    const outside = refuse('patch-malformed', 'the covers', 'stretches within both images, in order', 'others')
    if (count > covers - this.#covers.length) return outside
    this.#coverCoder = this.#coverCoder === null ? new CoverCoder(coder) : this.#coverCoder.next(coder)
    for (let k = 0; k < count; k += 1) {
      const cover = this.#coverCoder.code(NO_COVER)
      if (cover.old < 0 || cover.old + cover.length > base.length) return outside
      if (cover.new + cover.length > target.length) return outside
      this.#covers.push(cover)
    }
    return null
  }

  *#takeBytes(coder: BitReader, count: number): Asking<null | Refusal> {
    const walk = this.#begun()
    const end = walk.at + count
    if (end > this.#header.target.length) {
      return refuse('patch-malformed', 'the patch', `an image of ${this.#header.target.length} bytes`, `${end}`)
    }
    const room = new Uint8Array(STEP)
    while (walk.at < end) {
      const at = walk.at
      const bytes = room.subarray(0, Math.min(STEP, end - at))
      const length = yield* this.#step(walk, coder, bytes)
      // What nobody wrote into the patch is not written into the slot: `take` refuses the block.
      if (coder.isBeyond) return null
      yield { do: 'write', at, bytes: bytes.slice(0, length) }
    }
    return null
  }

  *#step(walk: ImageWalk, coder: BitReader | KnownBits, bytes: Uint8Array): Asking<number> {
    const step = walk.step(coder, bytes)
    for (let next = step.next(); ; ) {
      if (next.done) return next.value
      next = step.next(yield { do: 'read-old', ...next.value })
    }
  }

  #begun(): ImageWalk {
    if (this.#walk !== null) return this.#walk
    const { architecture, slotBits, base, load } = this.#header
    const old = { length: base.length, load, map: new AddressMap(this.#covers) }
    this.#walk = new ImageWalk({ architecture, slotBits, covers: this.#covers, old })
    return this.#walk
  }
}

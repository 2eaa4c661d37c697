import { type Ask, PatchApplier } from '../core/delta/apply.ts'
import { answerOf, carryOut, type PatchSlots } from '../core/delta/carry-out.ts'
import type { Boundary } from '../core/delta/journal.ts'
import { BLOCK_HEAD_BYTES, blockLength, HEADER_BYTES, type PatchHeader, parseHeader } from '../core/delta/patch.ts'
import { fromHex, toHex } from '../core/encoding/bytes.ts'
import { startOf } from '../core/firmware/payload.ts'
import type { Component } from '../core/firmware/release-facts.ts'
import { FROM_NOTHING } from '../core/fleet/patch-rows.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { areaOf } from '../core/slot/layout.ts'
import type { Bootable } from '../core/slot/slot.ts'
import type { PatchRef } from '../core/trust/image-target.ts'
import type { Board, Running } from './boot.ts'
import type { Sink } from './decrypt.ts'
import type { Installation } from './install.ts'
import { PatchJournal } from './patch-journal.ts'
import { SealedPatching } from './sealed-patch.ts'

/** Bytes of flash that are read at a time to hold the base against its digest. */
const HASHED = 64 * 1024
/** Asks that are answered between two looks at what else there is to do, while what is written is learned from. */
const ASKS_AT_ONCE = 2048

const NONE: Uint8Array = new Uint8Array(0)

/** The images in a slot, one behind the other, as a patch sees them. */
class Images {
  readonly #board: Board
  readonly #slot: Bootable
  readonly #components: readonly Component[]
  readonly length: number

  constructor(board: Board, slot: Bootable, components: readonly Component[]) {
    this.#board = board
    this.#slot = slot
    this.#components = components
    this.length = startOf(components, components.length)
  }

  /** A copy of a stretch. Refuses `slot-unreadable`; what is not in the images is a bug of the caller. */
  read(at: number, length: number): Uint8Array | Refusal {
    if (at < 0 || length < 0 || at + length > this.length) throw new Error('a read outside of the images')
    const { flash, device } = this.#board
    const out = new Uint8Array(length)
    for (const [index, { size }] of this.#components.entries()) {
      const start = startOf(this.#components, index)
      const from = Math.max(at, start)
      const until = Math.min(at + length, start + size)
      if (from >= until) continue
      const offset = (index === 0 ? device.imageOffset : 0) + from - start
      const bytes = flash.read(areaOf(this.#slot, index), offset, until - from)
      if (bytes === null) {
        return refuse('slot-unreadable', `slot ${this.#slot}`, `${until - from} bytes at ${offset}`, 'an ECC fault')
      }
      out.set(bytes, from - at)
    }
    return out
  }
}

/**
 * Begins, or goes on with, making the images of an installation from what runs and a patch. The images that run are held against the
 * patch's base from flash, before a byte is written. `memory`: bytes that there are for a patch.
 *
 * Refuses `patch-base-differs`, `patch-memory-refused`, `slot-unreadable`.
 */
export function beginPatch(
  board: Board,
  running: Running,
  installation: Installation,
  patch: PatchRef,
  memory: number,
): Patching | SealedPatching | Refusal {
  const subject = subjectOf(patch)
  const tooMuch = refuseMemory(patch, memory)
  if (tooMuch !== null) return tooMuch
  const isFromNothing = patch.base === FROM_NOTHING
  const base = new Images(board, running.slot, isFromNothing ? [] : running.facts.components)
  const found = digestOf(board, base)
  if (isRefusal(found)) return found
  if (found !== patch.base) return refuse('patch-base-differs', subject, `SHA-256 ${patch.base}`, `SHA-256 ${found}`)
  const of = (ref: PatchRef): Patching => new Patching(board, base, installation, ref, memory)
  return installation.facts.encryption === null ? of(patch) : new SealedPatching(installation, patch, of)
}

/** What refusals call a patch. */
export const subjectOf = ({ sha256 }: PatchRef): string => `patch ${sha256.slice(0, 16)}`

/** Refuses `patch-memory-refused`: a patch that says it needs more bytes of memory than there are for one. */
export function refuseMemory(patch: PatchRef, memory: number): Refusal | null {
  if (patch.memory <= memory) return null
  const expected = `at most ${memory} bytes of memory`
  return refuse('patch-memory-refused', subjectOf(patch), expected, `${patch.memory} bytes`)
}

function digestOf({ crypto }: Board, images: Images): string | Refusal {
  const hash = crypto.sha256Stream()
  for (let at = 0; at < images.length; at += HASHED) {
    const bytes = images.read(at, Math.min(HASHED, images.length - at))
    if (isRefusal(bytes)) return bytes
    hash.update(bytes)
  }
  return toHex(hash.digest())
}

/** A patch that is being applied: as far as its covers are known, and then its blocks of bytes. */
type Applying = { readonly header: PatchHeader; readonly applier: PatchApplier; resumed: boolean }

/**
 * The images of an installation, made from a patch as it comes: what a download is written into. It holds one block, and what the header
 * says; flash holds the rest. Behind a cut, begin again with the same offer: what verifies in flash is kept, and the patch goes on behind
 * the last boundary that is not beyond it, where the journal knows one; without, from its beginning, and what flash holds is passed over.
 */
export class Patching {
  /** Bytes of the patch. */
  readonly total: number
  readonly #board: Board
  readonly #base: Images
  readonly #made: Images
  readonly #installation: Installation
  readonly #patch: PatchRef
  readonly #memory: number
  readonly #journal: PatchJournal
  #applying: Applying | null = null
  /** What is being learned from flash, before the next byte is wanted. */
  #learning: Generator<Ask, null | Refusal, Uint8Array> | null = null
  #answer = NONE
  /** Where the block that is being gathered begins in the patch. */
  #at = 0
  #block: Uint8Array = new Uint8Array(HEADER_BYTES)
  #held = 0
  /** A journal that did not lead on is not asked again. */
  #trusts = true

  constructor(board: Board, base: Images, installation: Installation, patch: PatchRef, memory: number) {
    this.#board = board
    this.#base = base
    this.#made = new Images(board, installation.slot, installation.facts.components)
    this.#installation = installation
    this.#patch = patch
    this.#memory = memory
    this.total = patch.length
    this.#journal = new PatchJournal(board, fromHex(patch.sha256) as Uint8Array)
  }

  get #subject(): string {
    return subjectOf(this.#patch)
  }

  get #sink(): Sink {
    return this.#installation.images
  }

  /** The offset of the byte of the patch that is wanted next. It leaps behind the covers, where a journal knows the way. */
  get offset(): number {
    return this.#at + this.#held
  }

  /**
   * Does a bounded part of what is due before the next byte is taken: to learn from what flash holds. True: nothing is due. Refuses
   * `slot-unreadable`, and what the applier refuses.
   */
  learn(): boolean | Refusal {
    const learning = this.#learning
    if (learning === null) return true
    for (let asked = 0; asked < ASKS_AT_ONCE; asked += 1) {
      const step = learning.next(this.#answer)
      if (step.done) {
        this.#learning = null
        return (step.value === null ? null : this.#failed(step.value)) ?? true
      }
      const answer = answerOf(step.value, this.#slots)
      if (isRefusal(answer)) return this.#failed(answer) ?? true
      this.#answer = answer ?? NONE
    }
    return false
  }

  /**
   * Takes the next piece of the patch, of any length; behind a leap (on by a journal, or back to the beginning when that misled) the rest of
   * a piece is passed over, and `offset` says where to go on.
   * Refuses `install-out-of-order`, `install-too-long`, `patch-…`, `slot-unreadable`, and what `Installation.images` refuses. Behind a
   * refusal it stands at the beginning of the patch, and may be tried again.
   */
  write(offset: number, piece: Uint8Array): Refusal | null {
    if (offset !== this.offset || this.#learning !== null) {
      return refuse('install-out-of-order', this.#subject, `offset ${this.offset}`, `offset ${offset}`)
    }
    if (offset + piece.length > this.total) {
      return refuse('install-too-long', this.#subject, `${this.total} bytes`, `at least ${offset + piece.length} bytes`)
    }
    for (let done = 0; done < piece.length; ) {
      const part = piece.subarray(done, done + this.#block.length - this.#held)
      this.#block.set(part, this.#held)
      this.#held += part.length
      done += part.length
      if (this.#held < this.#block.length) break
      const fault = this.#gathered()
      if (fault !== null) return this.#failed(fault)
      if (this.offset !== offset + done || this.#learning !== null) break
    }
    if (this.offset === this.total && !this.#isWhole) {
      return this.#failed(refuse('patch-malformed', this.#subject, 'a patch that makes the whole image', 'its end'))
    }
    return null
  }

  get #isWhole(): boolean {
    return this.#applying?.applier.isWhole === true && this.#sink.offset === this.#made.length
  }

  /** The head of what comes next is here, or all of it. */
  #gathered(): Refusal | null {
    const applying = this.#applying
    if (applying === null) return this.#begin()
    if (this.#held === BLOCK_HEAD_BYTES) {
      const length = blockLength(this.#block)
      const most = Math.min(BLOCK_HEAD_BYTES + applying.header.longest, this.total - this.#at)
      if (length > most) {
        return refuse('patch-malformed', this.#subject, `a block of at most ${most} bytes`, `${length} bytes`)
      }
      if (length > BLOCK_HEAD_BYTES) {
        const block = new Uint8Array(length)
        block.set(this.#block)
        this.#block = block
        return null
      }
    }
    return this.#takeBlock(applying)
  }

  /** The header: whether it is of this base, these images and this memory is known before any block is. */
  #begin(): Refusal | null {
    const { facts } = this.#installation
    const header = parseHeader(this.#block, this.#subject)
    if (isRefusal(header)) return header
    const { base, target } = header
    if (toHex(base.digest) !== this.#patch.base || base.length !== this.#base.length) {
      const actual = `${base.length} bytes with SHA-256 ${toHex(base.digest)}`
      return refuse('patch-base-differs', this.#subject, `${this.#base.length} bytes, ${this.#patch.base}`, actual)
    }
    if (toHex(target.digest) !== facts.imageDigest || target.length !== facts.imageSize) {
      const actual = `${target.length} bytes with SHA-256 ${toHex(target.digest)}`
      return refuse('patch-target-differs', this.#subject, `${facts.imageSize} bytes, ${facts.imageDigest}`, actual)
    }
    const applier = PatchApplier.of(header, this.#board.crypto, { memory: this.#memory, room: facts.imageSize })
    if (isRefusal(applier)) return applier
    this.#applying = { header, applier, resumed: false }
    this.#next(HEADER_BYTES)
    return this.#leap()
  }

  #takeBlock({ applier, header }: Applying): Refusal | null {
    const hadCovers = applier.wantsCovers
    const fault = carryOut(applier.take(this.#block.subarray(0, this.#held)), this.#slots)
    if (fault !== null) return fault
    this.#next(this.#at + this.#held)
    if (applier.isWhole && this.#at !== this.total) {
      return refuse('patch-malformed', this.#subject, 'an end behind the last byte', `${this.total - this.#at} more`)
    }
    if (hadCovers) return this.#leap()
    const { written, next } = applier.progress
    // If power fails before this row, the next begin goes on from the boundary before.
    if (written < header.target.length) this.#journal.add({ written, offset: this.#at, next })
    return null
  }

  #next(at: number): void {
    this.#at = at
    this.#held = 0
    this.#block = new Uint8Array(this.#applying === null ? HEADER_BYTES : BLOCK_HEAD_BYTES)
  }

  /** With all covers known: on behind the last boundary of what flash holds, after learning from that. */
  #leap(): null {
    const applying = this.#applying
    if (applying === null || applying.applier.wantsCovers || !this.#trusts) return null
    const known = this.#journal.latest(this.#sink.offset)
    if (known === null || !this.#isAhead(known)) return null
    applying.resumed = true
    this.#learning = applying.applier.resume(known)
    this.#answer = NONE
    this.#next(known.offset)
    return null
  }

  #isAhead({ written, offset }: Boundary): boolean {
    return written > 0 && offset > this.#at && offset < this.total
  }

  /** What runs, and what is made; of what is written, what flash does not hold yet is handed on. */
  readonly #slots: PatchSlots = {
    readOld: (at, length) => this.#base.read(at, length),
    readNew: (at, length) => this.#made.read(at, length),
    write: (at, bytes) => {
      const sink = this.#sink
      const from = Math.max(sink.offset, at)
      return from < at + bytes.length ? sink.take(from, bytes.subarray(from - at)) : null
    },
  }

  /**
   * From the beginning of the patch: what the applier holds is worth nothing behind a refusal. Null: a journal led here, and without it
   * the patch may be good.
   */
  #failed(refusal: Refusal): Refusal | null {
    const isLed = this.#applying?.resumed === true
    if (isLed) this.#trusts = false
    this.#applying = null
    this.#learning = null
    this.#next(0)
    return isLed && refusal.code.startsWith('patch-') ? null : refusal
  }
}

import { concat, sameBytes, toHex, utf8 } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import { carriedBy } from '../core/firmware/encryption.ts'
import type { SealedHead } from '../core/firmware/patch-encryption.ts'
import { type Chunk, chunkAt, isChunk, startOf } from '../core/firmware/payload.ts'
import type { Component, ReleaseFacts } from '../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { isErased } from '../core/slot/fields.ts'
import { decideInstall, type InstallEvent, type InstallState, keptChunks } from '../core/slot/install-machine.ts'
import { NO_KEY_CHANGE, refuseChange } from '../core/slot/key-change.ts'
import { areaOf, encodeSlotHeader, type FlashArea, parseSlotHeader, SLOT_HEADER_BYTES } from '../core/slot/layout.ts'
import type { Memory } from '../core/slot/memory.ts'
import { digestPrefix, other, type Slot } from '../core/slot/slot.ts'
import { allSteps, type Steps } from '../core/slot/steps.ts'
import { act, type Board, type Running, verifyBySteps } from './boot.ts'
import { type Decryption, decryptionOf, type Sink } from './decrypt.ts'
import { unfitFor } from './fit.ts'
import { readMemory } from './remember.ts'

/**
 * What is offered to a controller. `update` names the assignment; the record keeps the first 16 bytes of its SHA-256.
 * `wrap`: the content key of an encrypted release, wrapped for this controller.
 */
export type Offer = { readonly envelope: Uint8Array; readonly update: string; readonly wrap?: Uint8Array }

/** Bytes programmed at a time at least; a shorter rest waits for more. Flash with ECC takes each word only once. */
const WRITE_UNIT = 256
/** Bytes erased in one step at most, unless a sector has more. */
const ERASED_AT_ONCE = 1 << 20

/** How the record spells an update's name: the first 16 bytes of its SHA-256, in hex. */
export function updateMark(board: Pick<Board, 'crypto'>, update: string): string {
  return toHex(board.crypto.sha256(utf8(update)).subarray(0, 16))
}

/**
 * Begins, or goes on with, staging an offered release into the inactive slot. Everything that the envelope alone can
 * tell is checked before the first byte of the image: signature, class, hardware, size, counter, bootloader, version,
 * head-room of the counter, the components, the change of keys, and that the version has not failed here before.
 *
 * On return the slot is ready from `Installation.offset` on; an interrupted download of the same envelope is kept as far
 * as its chunks verify in flash. An installation of what is staged already comes back `staged`.
 *
 * `further` is what else a device asks of a release that is signed and fits, before its slot is touched. Of an encrypted
 * release the content key is unwrapped, and known to be the release's own, before the slot is touched too.
 *
 * Refuses: the codes of `openEnvelope`, `acceptFor`, `fitsRooms`, `refuseChange`, `further` and `decryptionOf`,
 * `release-not-encrypted`, `counter-unreadable`,
 * `version-failed-before`, `counter-headroom-spent`, `envelope-larger-than-slot`, `trial-in-progress`, `activation-pending`, `boot-record-missing`,
 * `boot-record-not-written`.
 */
export function beginInstall(...given: Beginning): Installation | Refusal {
  return allSteps(beginInstallBySteps(...given))
}

type Beginning = [
  board: Board,
  running: Running,
  offer: Offer,
  now: Instant,
  further?: (facts: ReleaseFacts) => Refusal | null,
]

/**
 * The same by steps, for who has other things to do beside it: a large slot takes minutes to look through and to erase. Who leaves off
 * between two steps leaves what a loss of power leaves there.
 */
export function* beginInstallBySteps(
  ...[board, running, offer, now, further = () => null]: Beginning
): Steps<Installation | Refusal> {
  const memory = readMemory(board)
  const slot = memory === null ? busy('boot-record-missing', 'blank') : slotFor(memory)
  if (memory === null || isRefusal(slot)) return slot as Refusal
  // Worn record blocks may name another image than the one that runs: that one is never written over.
  if (slot === running.slot) {
    return refuse(
      'boot-record-not-written',
      `slot ${slot}`,
      'a record of what runs',
      `a record that names slot ${other(slot)}`,
    )
  }
  const anchors = board.element.anchors()
  const opened = board.open(offer.envelope, anchors, board.crypto)
  if (isRefusal(opened)) return opened
  const { facts, signers } = opened
  const unfit =
    unfitFor(board, running, memory, facts, offer.envelope.length, slot) ??
    refuseChange(
      { transition: facts.transition, signers, anchors },
      // Whether the counter can be read was asked before.
      {
        counter: facts.counter,
        floor: board.element.counter() ?? 0,
        confirmed: 'keys' in memory.state ? memory.state.keys : NO_KEY_CHANGE,
      },
      `release ${facts.class} ${facts.version}`,
    ) ??
    further(facts)
  if (unfit !== null) return unfit
  const note = memory.slots[slot]
  const update = updateMark(board, offer.update)
  if (memory.state.at === 'candidate') {
    const same = note.digest === digestPrefix(facts.imageDigest) && note.sequence === facts.sequence
    if (same && memory.update === update) {
      return new Installation(board, facts, update, { at: 'staged', slot, total: facts.imageSize }, null)
    }
  }
  const decryption = decryptionOf(board, facts, offer.wrap)
  if (isRefusal(decryption)) return decryption
  if (memory.state.at === 'candidate') {
    // The record stops naming a candidate before its slot is touched. If power fails here, the slot is whole, unnamed.
    const withdrawn = act(board, { kind: 'withdraw' }, now)
    if (isRefusal(withdrawn)) return withdrawn
  }
  const installation = new Installation(
    board,
    facts,
    update,
    { at: 'preparing', slot, total: facts.imageSize },
    decryption,
  )
  yield* installation.prepare(offer.envelope)
  return installation
}

/** Tells the device to try its candidate at the next reset. Durable on return. Refuses `nothing-staged`, `trial-in-progress`. */
export function arm(board: Board, now: Instant): Memory | Refusal {
  const armed = act(board, { kind: 'arm' }, now)
  return isRefusal(armed) ? armed : armed.memory
}

/** Gives a candidate up before it was tried. Durable on return. Refuses `trial-in-progress`. */
export function withdraw(board: Board, now: Instant): Memory | Refusal {
  const withdrawn = act(board, { kind: 'withdraw' }, now)
  return isRefusal(withdrawn) ? withdrawn : withdrawn.memory
}

/** An installation under way. It holds no state that flash does not: after a cut, begin again with the same envelope. */
export class Installation {
  readonly facts: ReleaseFacts
  readonly #board: Board
  readonly #update: string
  #state: InstallState
  /** Bytes taken but not yet programmed: fewer than a write unit, all of one chunk. */
  #pending: Uint8Array = new Uint8Array(0)
  /** Null: what travels is the images themselves. */
  readonly #decryption: Decryption | null

  constructor(board: Board, facts: ReleaseFacts, update: string, state: InstallState, decryption: Decryption | null) {
    this.#board = board
    this.#update = update
    this.facts = facts
    this.#state = state
    this.#decryption = decryption
  }

  get state(): InstallState {
    return this.#state
  }

  get slot(): Slot {
    return this.#state.slot
  }

  /** Bytes of the payload, as it travels. */
  get total(): number {
    return carriedBy(this.facts).length
  }

  /** The offset of the byte of the payload that is wanted next, as it travels. */
  get offset(): number {
    const taken = this.#taken
    return this.#decryption === null
      ? taken === this.#state.total
        ? this.total
        : taken
      : this.#decryption.offset(taken)
  }

  /** Bytes of the images that were taken. */
  get #taken(): number {
    return this.#state.at === 'receiving'
      ? this.#state.received
      : this.#state.at === 'preparing'
        ? 0
        : this.#state.total
  }

  /**
   * Makes the slot ready: keeps what an earlier download of this envelope left, else erases it and writes header and
   * envelope. Called once, by `beginInstall`.
   */
  *prepare(envelope: Uint8Array): Steps<void> {
    const { flash } = this.#board
    const { slot } = this.#state
    const kept = yield* this.#kept(envelope)
    yield* this.#eraseFrom(kept)
    if (kept === 0) {
      const imageBytes = (this.facts.components[0] as Component).size
      const header = encodeSlotHeader({ envelopeBytes: envelope.length, imageBytes })
      // If power fails in this program, no image byte is in flash, and the next begin starts over.
      flash.program(slot, 0, concat(header, envelope))
    }
    this.#advance({ kind: 'prepared', kept })
  }

  /**
   * Takes the next piece of the payload, of any length. Bytes are in flash a write unit at a time; each chunk is verified
   * from flash once it is there; only `finish` makes them count. Refuses `install-out-of-order`, `install-too-long`,
   * `install-closed`, `payload-segment-refused`, and `install-chunk-damaged`: that chunk is erased. `offset` says where to go on.
   */
  write(offset: number, piece: Uint8Array): Refusal | null {
    if (this.#decryption === null) return this.#take(offset, piece)
    const open = decideInstall(this.#state, { kind: 'piece', offset: this.#taken, length: 0 })
    if (isRefusal(open)) return open
    return this.#decryption.write(offset, piece, this.images, `slot ${this.slot}`)
  }

  /** Where the images themselves go, for what decrypts them or makes them: `take` refuses as `write` does. */
  get images(): Sink {
    const taken = () => this.#taken
    return {
      get offset() {
        return taken()
      },
      take: (at, plain) => this.#take(at, plain),
    }
  }

  /** What decrypts a patch of the release that is installed; null: it travels in the clear, and so do its patches. */
  patchDecryption(base: string, head: SealedHead): Decryption | null {
    const between = { base, target: this.facts.imageDigest }
    return this.#decryption?.patch(between, head, this.#board.crypto) ?? null
  }

  /** Takes the next piece of the images. */
  #take(offset: number, piece: Uint8Array): Refusal | null {
    const whole = decideInstall(this.#state, { kind: 'piece', offset, length: piece.length })
    if (isRefusal(whole)) return whole
    let done = 0
    while (done < piece.length) {
      const at = offset + done
      const chunk = chunkAt(this.facts, at) as Chunk
      const end = chunk.at + chunk.length
      const part = piece.subarray(done, done + end - at)
      const refusal = this.#advance({ kind: 'piece', offset: at, length: part.length })
      if (refusal !== null) return refusal
      this.#program(chunk, at, part)
      done += part.length
      if (at + part.length < end) continue
      if (!this.#holds(chunk)) return this.#goBack(chunk)
    }
    return null
  }

  /**
   * Verifies the whole slot from flash and writes the one CANDIDATE record; on return it is durable. A slot that does
   * not verify loses its head, so that the next attempt starts from nothing. Doing it twice is harmless.
   *
   * Refuses `install-incomplete`, `install-closed`, `boot-record-not-written`, and the codes of `verifySlot`.
   */
  finish(now: Instant): ReleaseFacts | Refusal {
    return allSteps(this.finishBySteps(now))
  }

  /** The same by steps: a large slot takes long to verify. Until the last step nothing counts. */
  *finishBySteps(now: Instant): Steps<ReleaseFacts | Refusal> {
    const wanted = this.#advance({ kind: 'finish' })
    if (isRefusal(wanted)) return wanted
    this.#decryption?.forget()
    if (this.#state.at === 'staged') return this.facts
    const { flash } = this.#board
    const { slot } = this.#state
    const image = yield* verifyBySteps(this.#board, slot)
    if (isRefusal(image)) {
      this.#advance({ kind: 'rejected' })
      // If power fails here, the next begin may keep what is spoilt, and ends here again.
      flash.erase(slot, 0, flash.sector(slot))
      return image
    }
    const { imageDigest: digest, sequence, version, counter } = image.facts
    // If power fails in this record, the next boot sees no candidate; the next begin keeps nearly all of the image.
    const staged = act(
      this.#board,
      { kind: 'staged', slot, image: { digest, sequence, version, counter }, update: this.#update },
      now,
    )
    if (isRefusal(staged)) return staged
    this.#advance({ kind: 'verified' })
    return image.facts
  }

  #advance(event: InstallEvent): Refusal | null {
    const decision = decideInstall(this.#state, event)
    if (isRefusal(decision)) return decision
    this.#state = decision.next
    return null
  }

  /** Where the image of a component starts in its area. */
  #start(component: number): number {
    return component === 0 ? this.#board.device.imageOffset : 0
  }

  /** Bytes of the payload that an earlier download of this envelope left, whole and verified. */
  *#kept(envelope: Uint8Array): Steps<number> {
    const { flash, device } = this.#board
    const { slot } = this.#state
    const found = flash.read(slot, 0, SLOT_HEADER_BYTES)
    const header = parseSlotHeader(found, flash.size(slot), device.imageOffset, `slot ${slot}`)
    if (isRefusal(header) || header.envelopeBytes !== envelope.length) return 0
    const inFlash = flash.read(slot, SLOT_HEADER_BYTES, envelope.length)
    if (inFlash === null || !sameBytes(inFlash, envelope)) return 0
    let [good, next] = [0, chunkAt(this.facts, 0)]
    while (next !== null && this.#holds(next)) {
      good += 1
      yield { at: 'looking', done: next.at + next.length, total: this.#state.total }
      next = chunkAt(this.facts, next.at + next.length)
    }
    const kept = keptChunks(good, next !== null && this.#begun(next))
    return this.#sectorBefore(kept)
  }

  /** The byte of the payload at the start of the sector in which chunk `index` begins; 0 in the first. */
  #sectorBefore(index: number): number {
    let chunk = chunkAt(this.facts, 0)
    while (chunk !== null && chunk.index < index) chunk = chunkAt(this.facts, chunk.at + chunk.length)
    if (chunk === null) throw new Error('the last chunk is never kept whole')
    return chunk.at - this.#intoSector(chunk)
  }

  /** Bytes between the start of a sector and the chunk that begins in it; the chunks before it in there are lost with it. */
  #intoSector({ component, offset }: Chunk): number {
    return (this.#start(component) + offset) % this.#board.flash.sector(areaOf(this.slot, component))
  }

  #holds(chunk: Chunk): boolean {
    const { flash, crypto } = this.#board
    const from = this.#start(chunk.component) + chunk.offset
    const bytes = flash.read(areaOf(this.slot, chunk.component), from, chunk.length)
    return bytes !== null && isChunk(this.facts, chunk, crypto.sha256(bytes))
  }

  #begun(chunk: Chunk): boolean {
    const from = this.#start(chunk.component) + chunk.offset
    const bytes = this.#board.flash.read(areaOf(this.slot, chunk.component), from, chunk.length)
    return bytes === null || !isErased(bytes)
  }

  /**
   * Erases what lies behind byte `kept` of the payload, from the end to the front: a cut leaves a beginning, and behind it
   * a gap by which the next begin sees where it was.
   */
  *#eraseFrom(kept: number): Steps<void> {
    const { flash } = this.#board
    const { components } = this.facts
    const stretches: { area: FlashArea; from: number; length: number }[] = []
    for (let component = components.length - 1; component >= 0; component -= 1) {
      const area = areaOf(this.slot, component)
      const within = kept - startOf(components, component)
      if (within >= (components[component] as Component).size) continue
      const from = within <= 0 ? 0 : this.#start(component) + within
      stretches.push({ area, from, length: flash.size(area) - from })
    }
    const total = stretches.reduce((sum, { length }) => sum + length, 0)
    let done = 0
    for (const { area, from, length } of stretches) {
      const sector = flash.sector(area)
      const step = Math.max(sector, ERASED_AT_ONCE - (ERASED_AT_ONCE % sector))
      for (let end = from + length; end > from; end -= step) {
        const start = Math.max(from, end - step)
        // If power fails in this erase, or behind it, the next begin keeps less, or starts over.
        flash.erase(area, start, end - start)
        done += end - start
        yield { at: 'erasing', done, total }
      }
    }
  }

  /** A chunk that does not read as the release names it is taken out, with what shares its first sector. */
  #goBack(chunk: Chunk): Refusal {
    const { flash } = this.#board
    const area = areaOf(this.slot, chunk.component)
    const into = this.#intoSector(chunk)
    const from = this.#start(chunk.component) + chunk.offset - into
    const sectors = Math.ceil((into + chunk.length) / flash.sector(area))
    // If power fails in this erase, the next begin finds fewer good chunks.
    flash.erase(area, from, sectors * flash.sector(area))
    this.#advance({ kind: 'damaged', back: chunk.at - into })
    const subject = `slot ${this.slot}, chunk ${chunk.index + 1} of ${this.facts.chunks.digests.length}`
    const expected = `SHA-256 ${this.facts.chunks.digests[chunk.index]}... over ${chunk.length} bytes`
    return refuse('install-chunk-damaged', subject, expected, `other bytes; go on from byte ${this.offset}`)
  }

  /** Programs whole write units of a chunk and keeps the rest, until the chunk ends. */
  #program({ component, offset, at: chunkStart, length }: Chunk, at: number, part: Uint8Array): void {
    const bytes = this.#pending.length === 0 ? part : concat(this.#pending, part)
    const first = at - chunkStart - this.#pending.length
    const ends = at - chunkStart + part.length === length
    const whole = ends ? bytes.length : bytes.length - (bytes.length % WRITE_UNIT)
    const start = this.#start(component) + offset + first
    // If power fails in this program, the chunk does not verify, or is the last that does: it is fetched again.
    if (whole > 0) this.#board.flash.program(areaOf(this.slot, component), start, bytes.subarray(0, whole))
    this.#pending = bytes.slice(whole)
  }
}

function slotFor(memory: Memory): Slot | Refusal {
  const { state } = memory
  if (state.at === 'blank') return busy('boot-record-missing', state.at)
  if (state.at === 'trial') return busy('trial-in-progress', state.at)
  if (state.at === 'armed') return busy('activation-pending', state.at)
  return other(state.active)
}

const busy = (code: 'boot-record-missing' | 'trial-in-progress' | 'activation-pending', at: string): Refusal =>
  refuse(code, 'controller', 'a confirmed image and a free slot', at)

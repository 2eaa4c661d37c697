import { concat, sameBytes, toHex, utf8 } from '../core/encoding/bytes.ts'
import type { Instant } from '../core/encoding/units.ts'
import { acceptFor } from '../core/firmware/acceptance.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { isErased } from '../core/slot/fields.ts'
import { decideInstall, type InstallEvent, type InstallState, keptBytes } from '../core/slot/install-machine.ts'
import { encodeSlotHeader, parseSlotHeader, SLOT_HEADER_BYTES } from '../core/slot/layout.ts'
import type { Memory } from '../core/slot/memory.ts'
import { hasFailed } from '../core/slot/memory.ts'
import { digestPrefix, other, type Slot } from '../core/slot/slot.ts'
import { act, type Board, type Running, readMemory, verify } from './boot.ts'

/** What is offered to a controller. `update` names the assignment; the record keeps the first 16 bytes of its SHA-256. */
export type Offer = { readonly envelope: Uint8Array; readonly update: string }

/** Bytes programmed at a time at least; a shorter rest waits for more. Flash with ECC takes each word only once. */
const WRITE_UNIT = 256

/** How the record spells an update's name: the first 16 bytes of its SHA-256, in hex. */
export function updateMark(board: Pick<Board, 'crypto'>, update: string): string {
  return toHex(board.crypto.sha256(utf8(update)).subarray(0, 16))
}

/**
 * Begins, or goes on with, staging an offered release into the inactive slot. Everything that the envelope alone can
 * tell is checked before the first byte of the image: signature, class, hardware, size, counter, bootloader, version,
 * head-room of the counter, and that the version has not failed here before.
 *
 * On return the slot is ready from `Installation.offset` on; an interrupted download of the same envelope is kept up
 * to its last whole sector. An installation of what is staged already comes back `staged`.
 *
 * Refuses: the codes of `openEnvelope` and `acceptFor`, `version-failed-before`, `counter-headroom-spent`,
 * `envelope-larger-than-slot`, `trial-in-progress`, `activation-pending`, `boot-record-missing`,
 * `boot-record-not-written`.
 */
export function beginInstall(board: Board, running: Running, offer: Offer, now: Instant): Installation | Refusal {
  const memory = readMemory(board)
  const slot = memory === null ? busy('boot-record-missing', 'blank') : slotFor(memory)
  if (memory === null || isRefusal(slot)) return slot as Refusal
  const opened = board.open(offer.envelope, board.device.anchors, board.crypto)
  if (isRefusal(opened)) return opened
  const { facts } = opened
  const unfit = unfitFor(board, running, memory, facts, offer.envelope.length, slot)
  if (unfit !== null) return unfit
  const note = memory.slots[slot]
  const update = updateMark(board, offer.update)
  if (memory.state.at === 'candidate') {
    const same = note.digest === digestPrefix(facts.imageDigest) && note.sequence === facts.sequence
    if (same && memory.update === update) {
      return new Installation(board, facts, update, { at: 'staged', slot, total: facts.imageSize })
    }
    // The record stops naming a candidate before its slot is touched. If power fails here, the slot is whole, unnamed.
    const withdrawn = act(board, { kind: 'withdraw' }, now)
    if (isRefusal(withdrawn)) return withdrawn
  }
  const installation = new Installation(board, facts, update, { at: 'preparing', slot, total: facts.imageSize })
  installation.prepare(offer.envelope)
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
  /** Image bytes taken but not yet programmed: fewer than a write unit. */
  #pending: Uint8Array = new Uint8Array(0)

  constructor(board: Board, facts: ReleaseFacts, update: string, state: InstallState) {
    this.#board = board
    this.#update = update
    this.facts = facts
    this.#state = state
  }

  get state(): InstallState {
    return this.#state
  }

  get slot(): Slot {
    return this.#state.slot
  }

  /** The offset of the image byte that is wanted next. */
  get offset(): number {
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
  prepare(envelope: Uint8Array): void {
    const { flash, device } = this.#board
    const { slot, total } = this.#state
    const kept = this.#kept(envelope)
    const from = kept > 0 ? device.imageOffset + kept : 0
    // If power fails in this erase, the slot is partly erased: the next begin finds no whole head, or less to keep.
    flash.erase(slot, from, flash.size(slot) - from)
    if (kept === 0) {
      const header = encodeSlotHeader({ envelopeBytes: envelope.length, imageBytes: total })
      // If power fails in this program, no image byte is in flash, and the next begin starts over.
      flash.program(slot, 0, concat(header, envelope))
    }
    this.#advance({ kind: 'prepared', kept })
  }

  /**
   * Takes the next piece of the image, of any length. Bytes are in flash a write unit at a time; only `finish` makes
   * them count. Refuses `install-out-of-order`, `install-too-long`, `install-closed`.
   */
  write(offset: number, piece: Uint8Array): Refusal | null {
    const decision = decideInstall(this.#state, { kind: 'piece', offset, length: piece.length })
    if (isRefusal(decision)) return decision
    if (decision.effects.includes('program')) this.#program(piece, offset + piece.length)
    this.#state = decision.next
    return null
  }

  /**
   * Verifies the whole slot from flash and writes the one CANDIDATE record; on return it is durable. A slot that does
   * not verify loses its head, so that the next attempt starts from nothing. Doing it twice is harmless.
   *
   * Refuses `install-incomplete`, `install-closed`, `boot-record-not-written`, and the codes of `verifySlot`.
   */
  finish(now: Instant): ReleaseFacts | Refusal {
    const wanted = this.#advance({ kind: 'finish' })
    if (isRefusal(wanted)) return wanted
    if (this.#state.at === 'staged') return this.facts
    const { flash } = this.#board
    const { slot } = this.#state
    this.#flush()
    const image = verify(this.#board, slot)
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

  #kept(envelope: Uint8Array): number {
    const { flash, device } = this.#board
    const { slot, total } = this.#state
    const header = parseSlotHeader(
      flash.read(slot, 0, SLOT_HEADER_BYTES),
      flash.size(slot),
      device.imageOffset,
      `slot ${slot}`,
    )
    if (isRefusal(header) || header.imageBytes !== total || header.envelopeBytes !== envelope.length) return 0
    const found = flash.read(slot, SLOT_HEADER_BYTES, envelope.length)
    if (found === null || !sameBytes(found, envelope)) return 0
    const sector = flash.sector(slot)
    const written: boolean[] = []
    for (let at = device.imageOffset; at < flash.size(slot); at += sector) {
      const bytes = flash.read(slot, at, sector)
      written.push(bytes !== null && !isErased(bytes))
    }
    const kept = keptBytes(written, sector)
    return kept >= total ? 0 : kept
  }

  /** Programs whole write units and keeps the rest. `end` is the image offset behind the piece. */
  #program(piece: Uint8Array, end: number): void {
    const { flash, device } = this.#board
    const start = device.imageOffset + end - piece.length - this.#pending.length
    if (this.#pending.length + piece.length < WRITE_UNIT) {
      this.#pending = concat(this.#pending, piece)
      return
    }
    const fill = this.#pending.length === 0 ? 0 : WRITE_UNIT - this.#pending.length
    // If power fails in one of these programs, the last sector with data is erased and fetched again.
    if (fill > 0) flash.program(this.slot, start, concat(this.#pending, piece.subarray(0, fill)))
    const at = fill > 0 ? start + WRITE_UNIT : start
    const whole = piece.length - fill - ((piece.length - fill) % WRITE_UNIT)
    if (whole > 0) flash.program(this.slot, at, piece.subarray(fill, fill + whole))
    this.#pending = piece.slice(fill + whole)
  }

  #flush(): void {
    if (this.#pending.length === 0) return
    const { flash, device } = this.#board
    flash.program(this.slot, device.imageOffset + this.#state.total - this.#pending.length, this.#pending)
    this.#pending = new Uint8Array(0)
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

function unfitFor(
  board: Board,
  running: Running,
  memory: Memory,
  facts: ReleaseFacts,
  envelopeBytes: number,
  slot: Slot,
): Refusal | null {
  const { device, element, flash } = board
  const room = device.imageOffset - SLOT_HEADER_BYTES
  const subject = `release ${facts.class} ${facts.version}`
  const installed = running.slot === 'golden' ? {} : { installed: running.facts }
  const accepted = acceptFor(
    {
      ...(device.vendor === undefined ? {} : { vendor: device.vendor }),
      class: device.class,
      hardware: device.hardware,
      slotBytes: flash.size(slot) - device.imageOffset,
      bootloader: device.bootloader,
      counter: element.counter(),
      ...installed,
    },
    facts,
  )
  if (accepted !== null) return accepted
  if (hasFailed(memory, { digest: facts.imageDigest, sequence: facts.sequence })) {
    return refuse('version-failed-before', subject, 'a version that was not tried here', facts.version)
  }
  if (facts.counter > element.counterLimit) {
    return refuse('counter-headroom-spent', subject, `at most ${element.counterLimit}`, String(facts.counter))
  }
  if (envelopeBytes > room) {
    return refuse('envelope-larger-than-slot', subject, `at most ${room} bytes`, `${envelopeBytes} bytes`)
  }
  return null
}

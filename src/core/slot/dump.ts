import { concat } from '../encoding/bytes.ts'
import { MAX_ENVELOPE_BYTES } from '../firmware/suit-envelope.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { isErased } from './fields.ts'
import { CELL_MAGIC, cellHolds, HISTORY_CELL_BYTES, type HistoryEntry, inspectCell } from './history.ts'
import { parseSlotHeader, SLOT_HEADER_BYTES, SLOT_MAGIC, type SlotHeader } from './layout.ts'
import { type BootRecord, inspectRecord, RECORD_BYTES, RECORD_MAGIC, recordHolds } from './record.ts'

/**
 * Something that was found in a dump, `offset` bytes from its start. `authentic`: the device's MAC is on it; null when
 * no record key was given, and nobody can say.
 */
export type Find<T> = { readonly offset: number; readonly authentic: boolean | null; readonly value: T }

/** A slot's head: its header and the envelope behind it, neither of them believed. Null: the dump ends inside it. */
export type SlotHead = { readonly header: SlotHeader; readonly envelope: Uint8Array | null }

/** How many places are spoilt, and the offsets of the first of them. */
export type Spoilt = { readonly count: number; readonly at: readonly number[] }

/** What lies in a dump of flash, in the order of its bytes. */
export type DumpFinds = {
  readonly bytes: number
  readonly records: readonly Find<BootRecord>[]
  readonly cells: readonly Find<HistoryEntry>[]
  readonly slots: readonly Find<SlotHead>[]
  /** Places that hold neither a record nor nothing, among the records. */
  readonly spoiltRecords: Spoilt
  /** Places that hold neither an entry nor nothing, among the cells of the history. */
  readonly tornCells: Spoilt
  /** True when the dump ends inside a record, a cell or the head of a slot. */
  readonly cutOff: boolean
  /** Finds beyond what is kept: a dump that is full of them was made to be. */
  readonly unlisted: number
}

/** The device's record key, as something that computes a MAC, and equality in constant time. */
export type DumpKey = {
  readonly mac: (message: Uint8Array) => Uint8Array
  readonly equal: (a: Uint8Array, b: Uint8Array) => boolean
}

/** Where a find may begin: flash controllers hand out nothing finer, and every structure is a multiple of it. */
const ALIGNMENT = 16
/** Bytes that must lie behind a place before it is judged: the longest thing that is read whole. */
const LOOKAHEAD = SLOT_HEADER_BYTES + MAX_ENVELOPE_BYTES
/** Places that a run of records or cells is followed over what is none: more than a sector holds. */
const RUN_PLACES = 64
/** Finds that are kept of each kind; of those with a wrong MAC, which anybody can make, fewer. */
const KEPT = { records: 4096, cells: 65_536, slots: 64, wrong: 256 } as const
/** The last bytes of a MAC: erased, they say that the program never came to its end. */
const TAIL = 4

/**
 * Finds boot records, cells of the history and heads of slots in a dump of flash whose geometry is not known, by their
 * magic numbers at multiples of 16 bytes. Takes the dump piece by piece, in memory that does not grow with it. With the
 * device's record key each MAC is checked in constant time; without it nothing that is found is proven.
 *
 * A place that was torn before its magic number was written is seen as torn only between two others of its kind.
 */
export class DumpScan {
  readonly #key: DumpKey | null
  #carry: Uint8Array = new Uint8Array(0)
  /** Where the carry begins in the dump: a multiple of the alignment. */
  #base = 0
  readonly #records: Find<BootRecord>[] = []
  readonly #cells: Find<HistoryEntry>[] = []
  readonly #slots: Find<SlotHead>[] = []
  readonly #recordRun = new Run(RECORD_BYTES)
  readonly #cellRun = new Run(HISTORY_CELL_BYTES)
  #cutOff = false
  #unlisted = 0
  #wrong = 0

  constructor(key: DumpKey | null) {
    this.#key = key
  }

  /** Takes the next bytes of the dump, any number of them. */
  push(piece: Uint8Array): void {
    const bytes = this.#carry.length === 0 ? piece : concat(this.#carry, piece)
    const judged = Math.max(0, bytes.length - LOOKAHEAD)
    const end = judged - (judged % ALIGNMENT)
    this.#scan(bytes, end)
    this.#carry = bytes.slice(end)
    this.#base += end
  }

  /** The dump is over: judges what is left of it, and answers what was found. */
  end(): DumpFinds {
    const rest = this.#carry
    this.#scan(rest, rest.length)
    this.#carry = new Uint8Array(0)
    this.#base += rest.length
    return {
      bytes: this.#base,
      records: this.#records,
      cells: this.#cells,
      slots: this.#slots,
      spoiltRecords: this.#recordRun.spoilt(),
      tornCells: this.#cellRun.spoilt(),
      cutOff: this.#cutOff,
      unlisted: this.#unlisted,
    }
  }

  /** Judges the places of `bytes` below `end`. A loop on purpose: whole dumps pass through it. */
  #scan(bytes: Uint8Array, end: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < end && at + ALIGNMENT <= bytes.length; at += ALIGNMENT) {
      const word = view.getUint32(at, true)
      if (word === RECORD_MAGIC) this.#record(bytes, at)
      else if (word === CELL_MAGIC) this.#cell(bytes, at)
      else {
        const offset = this.#base + at
        if (offset === this.#recordRun.next) this.#recordRun.pass(bytes, at)
        if (offset === this.#cellRun.next) this.#cellRun.pass(bytes, at)
        if (word === SLOT_MAGIC) this.#slot(bytes, at)
      }
    }
  }

  #record(bytes: Uint8Array, at: number): void {
    const place = this.#place(bytes, at, RECORD_BYTES)
    if (place === null) return
    const value = isErased(place.subarray(-TAIL)) ? null : inspectRecord(place)
    this.#recordRun.meet(this.#base + at, value !== null)
    if (value === null) return
    const authentic = this.#key === null ? null : recordHolds(place, this.#key.mac, this.#key.equal)
    this.#keep(this.#records, KEPT.records, { offset: this.#base + at, authentic, value })
  }

  #cell(bytes: Uint8Array, at: number): void {
    const place = this.#place(bytes, at, HISTORY_CELL_BYTES)
    if (place === null) return
    const value = isErased(place.subarray(-TAIL)) ? null : inspectCell(place)
    this.#cellRun.meet(this.#base + at, value !== null)
    if (value === null) return
    const authentic = this.#key === null ? null : cellHolds(place, this.#key.mac, this.#key.equal)
    this.#keep(this.#cells, KEPT.cells, { offset: this.#base + at, authentic, value })
  }

  /** A slot's head has no MAC: its envelope is signed, and who has the anchors can verify it. */
  #slot(bytes: Uint8Array, at: number): void {
    const head = bytes.subarray(at, at + SLOT_HEADER_BYTES)
    const header = parseSlotHeader(head, Number.MAX_SAFE_INTEGER, LOOKAHEAD, 'slot')
    if (isRefusal(header)) return
    const start = at + SLOT_HEADER_BYTES
    const whole = start + header.envelopeBytes <= bytes.length
    if (!whole) this.#cutOff = true
    const envelope = whole ? bytes.slice(start, start + header.envelopeBytes) : null
    this.#keep(this.#slots, KEPT.slots, { offset: this.#base + at, authentic: null, value: { header, envelope } })
  }

  #place(bytes: Uint8Array, at: number, length: number): Uint8Array | null {
    if (at + length <= bytes.length) return bytes.subarray(at, at + length)
    this.#cutOff = true
    return null
  }

  #keep<T>(list: Find<T>[], limit: number, find: Find<T>): void {
    if (find.authentic === false) this.#wrong += 1
    if (list.length >= limit || (find.authentic === false && this.#wrong > KEPT.wrong)) this.#unlisted += 1
    else list.push(find)
  }
}

/** Places of one kind behind one another. Those that are neither whole nor erased are spoilt. */
class Run {
  /** The offset where the next place of the run lies; -1 outside of one. */
  next = -1
  readonly #bytes: number
  readonly #at: number[] = []
  #count = 0
  #passed = 0
  /** Spoilt places since the last one with a magic number: they count when another one follows. */
  #pending: number[] = []

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** A place that has the magic number of its kind. */
  meet(offset: number, whole: boolean): void {
    for (const spoilt of offset === this.next ? this.#pending : []) this.#spoil(spoilt)
    if (!whole) this.#spoil(offset)
    this.next = offset + this.#bytes
    this.#passed = 0
    this.#pending = []
  }

  /** A place of the run that has none. */
  pass(bytes: Uint8Array, at: number): void {
    const place = bytes.subarray(at, at + this.#bytes)
    if (!isErased(place)) this.#pending.push(this.next)
    this.#passed += 1
    this.next = this.#passed < RUN_PLACES ? this.next + this.#bytes : -1
  }

  spoilt(): Spoilt {
    return { count: this.#count, at: this.#at }
  }

  #spoil(offset: number): void {
    this.#count += 1
    if (this.#at.length < KEPT.wrong) this.#at.push(offset)
  }
}

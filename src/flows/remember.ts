import { sameBytes } from '../core/encoding/bytes.ts'
import type { Crypto } from '../core/encoding/crypto.ts'
import type { Instant } from '../core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { BootDecision } from '../core/slot/boot-decision.ts'
import type { Flash, SecureElement } from '../core/slot/hardware.ts'
import {
  encodeCell,
  HISTORY_CELL_BYTES,
  type HistoryEnd,
  type HistoryEntry,
  placeHistory,
  readHistory,
} from '../core/slot/history.ts'
import type { FlashArea } from '../core/slot/layout.ts'
import type { Memory } from '../core/slot/memory.ts'
import { type BootRecord, encodeRecord, RECORD_BYTES } from '../core/slot/record.ts'
import { type Place, placeAfter, type RecordScan, scanBehind, scanRecords } from '../core/slot/record-log.ts'
import { type ResetCause, UNKNOWN_NOTE } from '../core/slot/slot.ts'

/** What the records and the history of a device are kept in, and authenticated with. */
export type Keeping = { readonly flash: Flash; readonly element: SecureElement; readonly crypto: Crypto }

const RECORD_AREAS = ['record0', 'record1'] as const satisfies readonly FlashArea[]
/** Cells tried for one entry before it is given up. */
const HISTORY_ATTEMPTS = 3
/** A device that remembers nothing. */
export const BLANK: Memory = {
  state: { at: 'blank' },
  slots: { a: UNKNOWN_NOTE, b: UNKNOWN_NOTE },
  failed: [],
  update: '',
}

/** What the device remembers; null before its first boot. */
export function readMemory(keeping: Keeping): Memory | null {
  return scanRecordBlocks(keeping).newest?.memory ?? null
}

/** The device's history, oldest first, and how many of its cells are torn. Needs no network and no clock. */
export function history(keeping: Keeping): { readonly entries: readonly HistoryEntry[]; readonly torn: number } {
  return readHistory(historySectors(keeping), keeping.element.mac.bind(keeping.element), keeping.crypto.equal)
}

/**
 * Makes a decision durable: one record, read back, then its line of history. A decision without a note writes nothing.
 * `scan` is where the records end, as the caller has found them.
 */
export function commit(
  keeping: Keeping,
  decision: BootDecision,
  reset: ResetCause,
  now: Instant,
  scan: RecordScan,
): null | Refusal {
  const { note, next } = decision
  if (note === null) return null
  // The history may know a later decision than the record: of a record that has rotted since. Its number is not given twice.
  const known = caughtUp(keeping, scan)
  const numbered = Math.max(scan.newest?.entry.decision ?? 0, known.newest)
  const entry: HistoryEntry = {
    decision: numbered + 1,
    at: now,
    event: note.event,
    phase: note.phase,
    reset,
    slot: note.slot,
    sequence: note.image.sequence,
    version: note.image.version,
    digest: note.image.digest,
    cause: note.cause,
  }
  const written = append(keeping, scan, next, entry)
  if (isRefusal(written)) return written
  // If power fails here, the next boot sees a record whose decision is not in the history yet, and adds it.
  remember(keeping, entry, known)
  return null
}

/**
 * Where the history ends, once it has the decision of the newest record: that one was cut before it was told, or its
 * read-back failed and it is whole all the same.
 */
function caughtUp(keeping: Keeping, { newest }: RecordScan): HistoryEnd {
  return (newest === null ? null : remember(keeping, newest.entry, placed(keeping))) ?? placed(keeping)
}

/**
 * Appends a record and reads it back; answers where the records end then. A place that does not hold it is skipped,
 * together with its number.
 */
export function append(keeping: Keeping, scan: RecordScan, memory: Memory, entry: HistoryEntry): RecordScan | Refusal {
  const { flash, element } = keeping
  const bytes = flash.size('record0')
  let { sequence, newestIn } = scan
  let next: Place | null = scan.next
  while (next !== null) {
    let place: Place = next
    if (place.erase && place !== scan.next) {
      // A block that took nothing may hide the newest record too: what is erased is never where one can be read.
      newestIn = scanRecordBlocks(keeping).newestIn
      if (newestIn === place.block) place = { ...place, block: newestIn === 0 ? 1 : 0 }
    }
    const area = RECORD_AREAS[place.block]
    // If power fails in this erase, the newest record is untouched: it is in the other block.
    if (place.erase) flash.erase(area, 0, flash.size(area))
    const record: BootRecord = { sequence, memory, entry }
    const encoded = encodeRecord(record, message => element.mac(message))
    // If power fails in this program, the next boot sees a spoilt place behind the record before, or the new record.
    flash.program(area, place.index * RECORD_BYTES, encoded)
    const back = flash.read(area, place.index * RECORD_BYTES, RECORD_BYTES)
    if (back !== null && sameBytes(back, encoded)) return scanBehind(record, place, bytes)
    sequence += 1
    next = placeAfter(place, bytes, newestIn)
  }
  return refuse('boot-record-not-written', 'record blocks', 'the record as it was written', 'other bytes')
}

/**
 * Adds a decision to the history unless it is there. A history that cannot be written never stops a boot: the decision
 * is then missing, and its number shows the gap. `end` is where the history ends. Answers it when nothing was written.
 */
function remember(keeping: Keeping, entry: HistoryEntry, end: HistoryEnd): HistoryEnd | null {
  const { flash } = keeping
  let at = end
  for (let attempt = 0; attempt < HISTORY_ATTEMPTS; attempt += 1) {
    if (at.newest >= entry.decision) return at
    const { next } = at
    const cell = encodeCell(entry, message => keeping.element.mac(message))
    // If power fails in this erase, only the oldest entries are lost, as they would have been.
    if (next.erase !== null) flash.erase('history', next.erase, flash.sector('history'))
    // If power fails in this program, the cell is torn and shows it; the next boot adds the decision behind it.
    flash.program('history', next.offset, cell)
    const back = flash.read('history', next.offset, cell.length)
    if (back !== null && sameBytes(back, cell)) return null
    at = placed(keeping)
  }
  return null
}

function placed(keeping: Keeping): HistoryEnd {
  const sectors = historySectors(keeping)
  return placeHistory(
    sectors,
    keeping.flash.sector('history'),
    message => keeping.element.mac(message),
    keeping.crypto.equal,
  )
}

function historySectors(keeping: Keeping): Uint8Array[] {
  const { flash } = keeping
  const bytes = flash.sector('history')
  return Array.from({ length: flash.size('history') / bytes }, (_, index) =>
    readParts(flash, 'history', index * bytes, bytes, HISTORY_CELL_BYTES),
  )
}

export function scanRecordBlocks(keeping: Keeping): RecordScan {
  const { flash } = keeping
  const [one, two] = RECORD_AREAS
  const blocks = [readSurely(flash, one), readSurely(flash, two)] as const
  return scanRecords(blocks, message => keeping.element.mac(message), keeping.crypto.equal)
}

/**
 * A record block, each place of it as two readings agree, or as the third one has it. For one read that goes wrong an older
 * record would be taken for the newest, or the block that holds the newest be erased.
 */
function readSurely(flash: Flash, area: FlashArea): Uint8Array {
  const look = (): Uint8Array => readParts(flash, area, 0, flash.size(area), RECORD_BYTES)
  const [one, two] = [look(), look()]
  if (sameBytes(one, two)) return two
  const sure = look().slice()
  for (let at = 0; at + RECORD_BYTES <= sure.length; at += RECORD_BYTES) {
    const [first, second] = [one.subarray(at, at + RECORD_BYTES), two.subarray(at, at + RECORD_BYTES)]
    if (sameBytes(first, second)) sure.set(first, at)
  }
  return sure
}

/**
 * A stretch of records or of cells of the history, `part` bytes each. What cannot be read of it stands as zeros: neither
 * whole nor free (rule 8). One word with an ECC fault hides no more than the part that it is in.
 */
function readParts(flash: Flash, area: FlashArea, start: number, length: number, part: number): Uint8Array {
  const whole = flash.read(area, start, length)
  if (whole !== null) return whole
  const parts = new Uint8Array(length)
  for (let at = 0; at + part <= length; at += part) {
    const bytes = flash.read(area, start + at, part)
    if (bytes !== null) parts.set(bytes, at)
  }
  return parts
}

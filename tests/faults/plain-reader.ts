import type { SimElement } from '../../sim/secure-element/sim-element.ts'
import type { ObservedFlash } from './observed-flash.ts'

/**
 * Reads records and history by the tables of docs/controller.md, and by nothing of src/core/slot: the judge of a run
 * does not ask the code that it judges. Reads the cells themselves, past every fault.
 */

/** What a record says of a slot. `state`: 0 unknown, 1 candidate, 2 trial, 3 confirmed, 4 failed; half a digest. */
export type PlainNote = { readonly state: number; readonly digest: string }

/** A decision, as a record and a cell of the history tell it. `words` are all of its bytes. */
export type PlainEntry = {
  readonly number: number
  readonly event: (typeof EVENTS)[number] | undefined
  readonly reset: (typeof RESETS)[number] | undefined
  readonly slot: (typeof SLOTS)[number] | undefined
  readonly sequence: number
  readonly version: string
  readonly digest: string
  readonly cause: string
  readonly words: string
}

/** A whole record. `state`: 0 blank, 1 stable, 2 candidate, 3 armed, 4 trial; `slot`: the active one, or the one tried. */
export type PlainRecord = {
  readonly area: 'record0' | 'record1'
  /** Where it lies in that area. */
  readonly at: number
  readonly sequence: bigint
  readonly state: number
  readonly slot: 'a' | 'b'
  readonly failed: readonly string[]
  readonly notes: { readonly a: PlainNote; readonly b: PlainNote }
  readonly entry: PlainEntry
  /** A newer one stands that reads as whole, or does not: it was cut, or has weak bits. */
  readonly doubted: boolean
}

export const RECORD = 512
export const CELL = 160
const ENTRY = 128
const EVENTS = [
  ...(['manufactured', 'boot', 'trial', 'fallback', 'golden', 'halt'] as const),
  ...(['staged', 'withdrawn', 'armed', 'confirmed', 'reverted', 'dropped'] as const),
]
const RESETS = ['power-on', 'power-loss', 'watchdog', 'software'] as const
const SLOTS = ['a', 'b', 'golden', 'none'] as const

type Seen = { readonly stamp: number; readonly record: PlainRecord | null }
const seen = new WeakMap<ObservedFlash, Seen>()

/** The newest whole record whose bytes cannot read otherwise: no weak bits, no ECC fault. Null: there is none. */
export function newestRecord(flash: ObservedFlash, element: SimElement): PlainRecord | null {
  const known = seen.get(flash)
  const stamp = flash.stampOf('records')
  if (known?.stamp === stamp) return known.record
  const found = findRecord(flash, element)
  // The same record stays the same object.
  const same =
    known?.record?.sequence === found?.sequence &&
    known?.record?.entry.words === found?.entry.words &&
    known?.record?.doubted === found?.doubted
  const record = same && known !== undefined && known.record?.at === found?.at ? known.record : found
  seen.set(flash, { stamp, record })
  return record
}

function findRecord(flash: ObservedFlash, element: SimElement): PlainRecord | null {
  const claims: { area: 'record0' | 'record1'; at: number; sequence: bigint }[] = []
  for (const area of ['record0', 'record1'] as const) {
    const bytes = flash.cells(area)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at + RECORD <= bytes.length; at += RECORD) {
      if (view.getUint32(at, false) === 0x56535352)
        claims.push({ area, at, sequence: view.getBigUint64(at + 16, true) })
    }
  }
  claims.sort((one, two) => (one.sequence < two.sequence ? 1 : -1))
  let doubted = false
  for (const { area, at, sequence } of claims) {
    const bytes = flash.cells(area).subarray(at, at + RECORD)
    const damaged = flash.damaged(area, at, RECORD)
    if (damaged) doubted = true
    if (damaged || !holds(bytes, element)) continue
    const failed = Array.from({ length: bytes[7] as number }, (_, index) => hex(bytes, 200 + index * 24 + 8, 16))
    const note = (start: number): PlainNote => ({ state: bytes[start] as number, digest: hex(bytes, start + 24, 16) })
    return {
      area,
      at,
      sequence,
      state: bytes[5] as number,
      slot: bytes[6] === 0 ? 'a' : 'b',
      failed,
      notes: { a: note(56), b: note(128) },
      entry: entryAt(bytes, 344),
      doubted,
    }
  }
  return null
}

const hex = (bytes: Uint8Array, at: number, length: number): string => bytes.subarray(at, at + length).toHex()

/** Text of ASCII, padded with zeros. */
function text(bytes: Uint8Array, at: number, length: number): string {
  const end = bytes.subarray(at, at + length).indexOf(0)
  return Buffer.from(bytes.subarray(at, at + (end < 0 ? length : end))).toString('latin1')
}

function entryAt(bytes: Uint8Array, at: number): PlainEntry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    number: Number(view.getBigUint64(at, true)),
    event: EVENTS[bytes[at + 16] as number],
    reset: RESETS[bytes[at + 18] as number],
    slot: SLOTS[bytes[at + 19] as number],
    sequence: Number(view.getBigUint64(at + 24, true)),
    version: text(bytes, at + 32, 32),
    digest: hex(bytes, at + 64, 16),
    cause: text(bytes, at + 80, 48),
    words: hex(bytes, at, ENTRY),
  }
}

function holds(bytes: Uint8Array, element: SimElement): boolean {
  return Buffer.compare(element.mac(bytes.subarray(0, 480)), bytes.subarray(480, RECORD)) === 0
}

/**
 * A cell of the history, in the order of the flash. `whole`: it has its MAC; `doubtful`: and may read otherwise. `torn`: it
 * has not; `claims` is the number that it bears all the same, if it may read otherwise, else null.
 */
export type PlainCell = { readonly sector: number; readonly at: number } & (
  | { readonly is: 'erased' }
  | { readonly is: 'torn'; readonly claims: number | null }
  | { readonly is: 'whole' | 'doubtful'; readonly entry: PlainEntry }
)

export function plainHistory(flash: ObservedFlash, element: SimElement): readonly PlainCell[] {
  const bytes = flash.cells('history')
  const size = flash.sector('history')
  const cells: PlainCell[] = []
  for (let start = 0; start < bytes.length; start += size) {
    for (let at = start; at + CELL <= start + size; at += CELL) {
      cells.push({ sector: start / size, at, ...cellAt(flash, element, bytes.subarray(at, at + CELL), at) })
    }
  }
  return cells
}

type Content<Cell> = Cell extends PlainCell ? Omit<Cell, 'sector' | 'at'> : never

function cellAt(flash: ObservedFlash, element: SimElement, cell: Uint8Array, at: number): Content<PlainCell> {
  const damaged = flash.damaged('history', at, CELL)
  const view = new DataView(cell.buffer, cell.byteOffset, cell.byteLength)
  const named = view.getUint32(0, false) === 0x56535348
  const mac = element.mac(cell.subarray(0, 144)).subarray(0, 16)
  if (named && Buffer.compare(mac, cell.subarray(144)) === 0) {
    return { is: damaged ? 'doubtful' : 'whole', entry: entryAt(cell, 8) }
  }
  if (!damaged && cell.every(byte => byte === 0xff)) return { is: 'erased' }
  return { is: 'torn', claims: named && damaged ? Number(view.getBigUint64(8, true)) : null }
}

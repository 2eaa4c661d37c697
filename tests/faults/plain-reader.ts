import type { NorFlash } from '../../sim/flash/nor-flash.ts'
import type { SimElement } from '../../sim/secure-element/sim-element.ts'

/**
 * Reads records and history by the tables of docs/controller.md, and by nothing of src/core/slot: the judge of a run
 * does not ask the code that it judges. Reads the cells themselves, past every fault.
 */

/** A whole record. `state`: 0 blank, 1 stable, 2 candidate, 3 armed, 4 trial; `slot`: the active one, or the one tried. */
export type PlainRecord = {
  readonly area: 'record0' | 'record1'
  /** Where it lies in that area. */
  readonly at: number
  readonly sequence: bigint
  readonly state: number
  readonly slot: 'a' | 'b'
  readonly floor: number
  readonly failed: readonly string[]
  /** What the record says is in the slots: 3 is confirmed; the digest is the first half of one. */
  readonly notes: { readonly a: PlainNote; readonly b: PlainNote }
  readonly decision: number
}

/** What a record says of a slot. `state`: 0 unknown, 1 candidate, 2 trial, 3 confirmed, 4 failed. */
export type PlainNote = { readonly state: number; readonly digest: string }

const RECORD = 512
const CELL = 160

/** The newest whole record whose bytes cannot read otherwise: no weak bits, no ECC fault. Null: there is none. */
export function newestRecord(flash: NorFlash, element: SimElement): PlainRecord | null {
  const known = seen.get(flash)
  if (known?.stamp === flash.stamp) return known.record
  const record = findRecord(flash, element)
  seen.set(flash, { stamp: flash.stamp, record })
  return record
}

const seen = new WeakMap<NorFlash, { readonly stamp: number; readonly record: PlainRecord | null }>()

function findRecord(flash: NorFlash, element: SimElement): PlainRecord | null {
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
  for (const { area, at, sequence } of claims) {
    const bytes = flash.cells(area).subarray(at, at + RECORD)
    if (flash.damaged(area, at, RECORD) || !holds(bytes, element)) continue
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const failed = Array.from({ length: bytes[7] as number }, (_, index) => hex(bytes, 200 + index * 24 + 8, 16))
    const note = (start: number): PlainNote => ({ state: bytes[start] as number, digest: hex(bytes, start + 24, 16) })
    return {
      area,
      at,
      sequence,
      state: bytes[5] as number,
      slot: bytes[6] === 0 ? 'a' : 'b',
      floor: Number(view.getBigUint64(24, true)),
      failed,
      notes: { a: note(56), b: note(128) },
      decision: Number(view.getBigUint64(344, true)),
    }
  }
  return null
}

const hex = (bytes: Uint8Array, at: number, length: number): string => bytes.subarray(at, at + length).toHex()

function holds(bytes: Uint8Array, element: SimElement): boolean {
  return Buffer.compare(element.mac(bytes.subarray(0, 480)), bytes.subarray(480, RECORD)) === 0
}

/** The numbers of the whole cells in the order of the flash, and how many cells are neither whole nor erased. */
export type PlainHistory = {
  readonly whole: readonly number[]
  /** Numbers of cells that read as whole, and may read otherwise. */
  readonly doubtful: readonly number[]
  readonly torn: number
}

export function plainHistory(flash: NorFlash, element: SimElement): PlainHistory {
  const whole: number[] = []
  const doubtful: number[] = []
  let torn = 0
  const bytes = flash.cells('history')
  const sector = flash.sector('history')
  for (let start = 0; start < bytes.length; start += sector) {
    for (let at = start; at + CELL <= start + sector; at += CELL) {
      const cell = bytes.subarray(at, at + CELL)
      const damaged = flash.damaged('history', at, CELL)
      const view = new DataView(cell.buffer, cell.byteOffset, cell.byteLength)
      const sound =
        view.getUint32(0, false) === 0x56535348 &&
        Buffer.compare(element.mac(cell.subarray(0, 144)).subarray(0, 16), cell.subarray(144)) === 0
      if (sound) (damaged ? doubtful : whole).push(Number(view.getBigUint64(8, true)))
      if (damaged || (!sound && cell.some(byte => byte !== 0xff))) torn += 1
    }
  }
  return { whole, doubtful, torn }
}

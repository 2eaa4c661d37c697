import { isErased } from './fields.ts'
import { type BootRecord, decodeRecord, peekSequence, RECORD_BYTES } from './record.ts'

/** The two erase blocks that hold records. */
export type RecordBlock = 0 | 1

/** A place for a record. `erase`: the block is erased first; the newest record is then in the other one, always. */
export type Place = { readonly block: RecordBlock; readonly index: number; readonly erase: boolean }

/** What a scan of both blocks found. */
export type RecordScan = {
  readonly newest: BootRecord | null
  readonly newestIn: RecordBlock | null
  /** Where the next record goes, and the sequence that it carries. */
  readonly next: Place
  readonly sequence: number
}

type Mac = (message: Uint8Array) => Uint8Array
type Equal = (a: Uint8Array, b: Uint8Array) => boolean

/**
 * Finds the newest whole record: the highest sequence whose MAC holds. Places are tried from the highest claimed
 * sequence down, so a healthy device computes one MAC. The caller hands a place that it cannot read as zeros: no record,
 * and not free.
 *
 * The next sequence skips one number for each spoilt place behind the newest record. A record that was cut while it
 * was written, and reads as whole on a later day, thus never shares its number with the one that was written instead,
 * and loses to it.
 */
export function scanRecords(blocks: readonly [Uint8Array, Uint8Array], mac: Mac, equal: Equal): RecordScan {
  const claims: { sequence: number; block: RecordBlock; index: number; bytes: Uint8Array }[] = []
  for (const block of [0, 1] as const) {
    const bytes = blocks[block]
    for (let index = 0; index < capacity(bytes); index += 1) {
      const cell = cellAt(bytes, index)
      const sequence = peekSequence(cell)
      if (sequence !== null) claims.push({ sequence, block, index, bytes: cell })
    }
  }
  claims.sort((a, b) => b.sequence - a.sequence)
  for (const claim of claims) {
    const record = decodeRecord(claim.bytes, mac, equal)
    if (record === null) continue
    const bytes = blocks[claim.block]
    const free = freeIndex(bytes)
    const sequence = record.sequence + (free - claim.index)
    return { newest: record, newestIn: claim.block, next: placeAt(claim.block, free, bytes.length), sequence }
  }
  return { newest: null, newestIn: null, next: { block: 0, index: 0, erase: true }, sequence: 1 }
}

/** What a scan finds once `record` has been written at `place` and read back: nothing is read again to know it. */
export function scanBehind(record: BootRecord, place: Place, blockBytes: number): RecordScan {
  const next = placeAt(place.block, place.index + 1, blockBytes)
  return { newest: record, newestIn: place.block, next, sequence: record.sequence + 1 }
}

/**
 * The place after one whose read-back failed: the next in the block, and behind its end the other block, unless that
 * one holds the newest record (`newestIn`; null when there is none yet). Null: no place is left.
 */
export function placeAfter(place: Place, blockBytes: number, newestIn: RecordBlock | null): Place | null {
  if ((place.index + 2) * RECORD_BYTES <= blockBytes)
    return { block: place.block, index: place.index + 1, erase: false }
  if (newestIn === place.block || (newestIn === null && place.block === 0))
    return { block: place.block === 0 ? 1 : 0, index: 0, erase: true }
  return null
}

/** The place at `index` of a block, or the start of the other block when this one is full. */
function placeAt(block: RecordBlock, index: number, blockBytes: number): Place {
  return (index + 1) * RECORD_BYTES <= blockBytes
    ? { block, index, erase: false }
    : { block: block === 0 ? 1 : 0, index: 0, erase: true }
}

const capacity = (bytes: Uint8Array): number => Math.floor(bytes.length / RECORD_BYTES)
const cellAt = (bytes: Uint8Array, index: number): Uint8Array =>
  bytes.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES)

/** The first place behind everything that is not erased. */
function freeIndex(bytes: Uint8Array): number {
  let index = capacity(bytes)
  while (index > 0 && isErased(cellAt(bytes, index - 1))) index -= 1
  return index
}

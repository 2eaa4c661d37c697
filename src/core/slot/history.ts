import { codeOf, getHex, getText, getU64, isErased, putHex, putText, putU64 } from './fields.ts'
import type { Bootable, ResetCause } from './slot.ts'

/**
 * What the device decided, in the order of the byte that stands for it. Append only: a number is never given a second
 * meaning.
 */
export const EVENTS = [
  'manufactured', // the factory image was put in slot a
  'boot', // a confirmed image runs
  'trial', // an unconfirmed image runs, on its budget of tries
  'fallback', // the active image did not verify; the other confirmed one runs
  'golden', // no slot can run; the recovery image runs
  'halt', // not even the recovery image verifies; nothing runs
  'staged', // a verified candidate stands in the inactive slot
  'withdrawn', // the candidate was given up before it was tried
  'armed', // the site said: try the candidate at the next reset
  'confirmed', // the trial image passed its health window
  'reverted', // the trial image failed (cause says why); its version is not tried again
  'dropped', // the candidate or trial image rotted in flash; its version is not blamed
] as const
export type HistoryEvent = (typeof EVENTS)[number]

/** The part of an update that an entry belongs to. */
export const PHASES = ['none', 'install', 'boot', 'trial', 'health'] as const
export type Phase = (typeof PHASES)[number]

const RESETS = ['power-on', 'power-loss', 'watchdog', 'software'] as const satisfies readonly ResetCause[]
const SLOTS = ['a', 'b', 'golden', 'none'] as const

/**
 * One decision. `decision` numbers decisions without a gap and is the entry's key; `at` is milliseconds since 1970, 0
 * when the device did not know the time; `cause` is a short word or two, at most 48 characters of ASCII.
 */
export type HistoryEntry = {
  readonly decision: number
  readonly at: number
  readonly event: HistoryEvent
  readonly phase: Phase
  readonly reset: ResetCause
  readonly slot: Bootable | 'none'
  readonly sequence: number
  readonly version: string
  readonly digest: string
  readonly cause: string
}

/** Bytes of an entry where it is embedded: in the boot record and in a cell of the history. */
export const ENTRY_BYTES = 128
/** Bytes of a cell of the history: magic, entry, 16 bytes of MAC, padding. */
export const HISTORY_CELL_BYTES = 160
/** The first four bytes of a cell, little-endian. */
export const CELL_MAGIC = 0x48535356 // "VSSH"
const CELL_MAC = 144
const CELL_MAC_BYTES = 16

/**
 * Layout of an entry: 0 u64 decision | 8 u64 at | 16 u8 event | 17 u8 phase | 18 u8 reset | 19 u8 slot | 20 zero |
 * 24 u64 sequence | 32 version[32] | 64 digest[16] | 80 cause[48].
 */
export function putEntry(target: Uint8Array, at: number, entry: HistoryEntry): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength)
  putU64(view, at, entry.decision)
  // A clock that says what no clock says is no reason not to boot: 0 stands for a time that is not known.
  putU64(view, at + 8, Number.isSafeInteger(entry.at) && entry.at > 0 ? entry.at : 0)
  target[at + 16] = codeOf(EVENTS, entry.event)
  target[at + 17] = codeOf(PHASES, entry.phase)
  target[at + 18] = codeOf(RESETS, entry.reset)
  target[at + 19] = codeOf(SLOTS, entry.slot)
  putU64(view, at + 24, entry.sequence)
  putText(target, at + 32, 32, entry.version)
  putHex(target, at + 64, 16, entry.digest)
  putText(target, at + 80, 48, entry.cause)
}

export function getEntry(source: Uint8Array, at: number): HistoryEntry | null {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const decision = getU64(view, at)
  const time = getU64(view, at + 8)
  const event = EVENTS[source[at + 16] as number]
  const phase = PHASES[source[at + 17] as number]
  const reset = RESETS[source[at + 18] as number]
  const slot = SLOTS[source[at + 19] as number]
  const sequence = getU64(view, at + 24)
  const version = getText(source, at + 32, 32)
  const cause = getText(source, at + 80, 48)
  if (decision === null || time === null || sequence === null || version === null || cause === null) return null
  if (event === undefined || phase === undefined || reset === undefined || slot === undefined) return null
  return {
    decision,
    at: time,
    event,
    phase,
    reset,
    slot,
    sequence,
    version,
    digest: getHex(source, at + 64, 16),
    cause,
  }
}

type Mac = (message: Uint8Array) => Uint8Array
type Equal = (a: Uint8Array, b: Uint8Array) => boolean

/**
 * A cell: 0 magic "VSSH" | 8 entry | 136 zero | 144 mac[16], the first half of the device's MAC over bytes 0 to 143. A
 * cell with a wrong MAC is torn, and shows as such.
 */
export function encodeCell(entry: HistoryEntry, mac: Mac): Uint8Array {
  const out = new Uint8Array(HISTORY_CELL_BYTES)
  new DataView(out.buffer).setUint32(0, CELL_MAGIC, true)
  putEntry(out, 8, entry)
  out.set(mac(out.subarray(0, CELL_MAC)).subarray(0, CELL_MAC_BYTES), CELL_MAC)
  return out
}

function decodeCell(bytes: Uint8Array, mac: Mac, equal: Equal): HistoryEntry | null {
  return cellHolds(bytes, mac, equal) ? inspectCell(bytes) : null
}

/** True when these bytes name themselves a cell, and the device's MAC is on them. */
export function cellHolds(bytes: Uint8Array, mac: Mac, equal: Equal): boolean {
  if (!isCell(bytes)) return false
  const tag = mac(bytes.subarray(0, CELL_MAC)).subarray(0, CELL_MAC_BYTES)
  return equal(tag, bytes.subarray(CELL_MAC, HISTORY_CELL_BYTES))
}

/**
 * What a cell says of itself, its MAC not looked at: for people who read a dump of flash. Null for bytes that no device
 * writes.
 */
export function inspectCell(bytes: Uint8Array): HistoryEntry | null {
  return isCell(bytes) ? getEntry(bytes, 8) : null
}

function isCell(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return bytes.length === HISTORY_CELL_BYTES && view.getUint32(0, true) === CELL_MAGIC
}

/** Where the next cell goes; `erase` is the sector to erase first, when the ring enters one (null: none). */
export type HistoryPlace = { readonly offset: number; readonly erase: number | null }

/** Where the history ends: the number of its newest whole entry (0: none), and the place of the next one. */
export type HistoryEnd = { readonly newest: number; readonly next: HistoryPlace }

/**
 * Every whole entry in the order of its decision, and the number of torn cells: neither erased nor whole. `sectors` are
 * the ring's sectors in order, null for one that cannot be read.
 */
export function readHistory(
  sectors: readonly (Uint8Array | null)[],
  mac: Mac,
  equal: Equal,
): { readonly entries: readonly HistoryEntry[]; readonly torn: number } {
  const entries = new Map<number, HistoryEntry>()
  let torn = 0
  for (const cell of sectors.flatMap(sector => (sector === null ? [] : cellsOf(sector)))) {
    if (isErased(cell)) continue
    const entry = decodeCell(cell, mac, equal)
    // A cell that was cut while it was written may read as whole on a later day: its entry was written again behind it.
    if (entry === null || entries.has(entry.decision)) torn += 1
    else entries.set(entry.decision, entry)
  }
  return { entries: [...entries.values()].sort((a, b) => a.decision - b.decision), torn }
}

/**
 * Finds the end of the history. The newest entry is found by the numbers that cells claim, highest first, so that a
 * healthy device computes one MAC.
 *
 * Writing goes on behind the newest whole cell, past any torn one, and erases each sector as it enters it, whatever it
 * looks like: a sector whose erase was cut may read as erased and not be.
 */
export function placeHistory(
  sectors: readonly (Uint8Array | null)[],
  sectorBytes: number,
  mac: Mac,
  equal: Equal,
): HistoryEnd {
  const newest = newestCell(sectors, mac, equal)
  if (newest === null) return { newest: 0, next: { offset: 0, erase: 0 } }
  const cells = cellsOf(sectors[newest.sector] as Uint8Array)
  let used = cells.length
  while (used > 0 && isErased(cells[used - 1] as Uint8Array)) used -= 1
  if (used < cells.length) {
    const offset = newest.sector * sectorBytes + used * HISTORY_CELL_BYTES
    return { newest: newest.decision, next: { offset, erase: null } }
  }
  const entered = ((newest.sector + 1) % sectors.length) * sectorBytes
  return { newest: newest.decision, next: { offset: entered, erase: entered } }
}

type Claim = { readonly decision: number; readonly sector: number; readonly at: number }

/** The whole cell with the highest number. Every boot asks: nothing is gathered unless the highest claim is false. */
function newestCell(sectors: readonly (Uint8Array | null)[], mac: Mac, equal: Equal): Claim | null {
  const holds = ({ sector, at }: Claim): boolean =>
    decodeCell((sectors[sector] as Uint8Array).subarray(at, at + HISTORY_CELL_BYTES), mac, equal) !== null
  let first: Claim | null = null
  eachClaim(sectors, (decision, sector, at) => {
    if (first === null || isBehind({ decision, sector, at }, first)) first = { decision, sector, at }
  })
  if (first === null || holds(first)) return first
  const claims: Claim[] = []
  eachClaim(sectors, (decision, sector, at) => claims.push({ decision, sector, at }))
  return claims.sort((a, b) => (isBehind(a, b) ? -1 : 1)).find(holds) ?? null
}

/**
 * Whether a claim is the newer one. Of two under one number one was cut while it was written, and reads as whole now: the
 * other was written behind it, in the next cell, or in the first of the next sector.
 */
function isBehind(claim: Claim, { decision, sector, at }: Claim): boolean {
  if (claim.decision !== decision) return claim.decision > decision
  return claim.sector === sector ? claim.at > at : claim.at < at
}

/** Calls `see` for each cell that looks like one, before its MAC is checked, in the order of the flash. */
function eachClaim(
  sectors: readonly (Uint8Array | null)[],
  see: (decision: number, sector: number, at: number) => void,
): void {
  for (const [sector, bytes] of sectors.entries()) {
    if (bytes === null) continue
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at + HISTORY_CELL_BYTES <= bytes.length; at += HISTORY_CELL_BYTES) {
      const decision = view.getUint32(at, true) === CELL_MAGIC ? getU64(view, at + 8) : null
      if (decision !== null) see(decision, sector, at)
    }
  }
}

function cellsOf(sector: Uint8Array): Uint8Array[] {
  const cells: Uint8Array[] = []
  for (let at = 0; at + HISTORY_CELL_BYTES <= sector.length; at += HISTORY_CELL_BYTES) {
    cells.push(sector.subarray(at, at + HISTORY_CELL_BYTES))
  }
  return cells
}

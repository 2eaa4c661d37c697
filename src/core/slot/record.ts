import { toHex } from '../encoding/bytes.ts'
import { codeOf, getHex, getText, getU64, putHex, putText, putU64 } from './fields.ts'
import { ENTRY_BYTES, getEntry, type HistoryEntry, putEntry } from './history.ts'
import { type KeyIntent, KID_PREFIX_BYTES } from './key-change.ts'
import type { BootState, Memory } from './memory.ts'
import { FAILED_KEPT, type FailedVersion, type Slot, type SlotNote } from './slot.ts'

/**
 * One boot record. `sequence` rises with every append, and by one more for each spoilt place that was skipped, so that
 * no two records ever share a number; `entry` is the decision that the record was written for, so that a history entry
 * that was cut off is made up for at the next boot.
 */
export type BootRecord = { readonly sequence: number; readonly memory: Memory; readonly entry: HistoryEntry }

/** Bytes of a record in flash. */
export const RECORD_BYTES = 512
/** The first four bytes of a record, little-endian. */
export const RECORD_MAGIC = 0x52535356 // "VSSR"
const RECORD_LAYOUT = 1
const MAC_AT = 480
const STATES = ['blank', 'stable', 'candidate', 'armed', 'trial'] as const satisfies readonly BootState['at'][]
const NOTES = ['unknown', 'candidate', 'trial', 'confirmed', 'failed'] as const satisfies readonly SlotNote['state'][]
const KEY_CHANGES = ['none', 'add', 'retire'] as const satisfies readonly KeyIntent['kind'][]
const KID_AT = 32
const NOTE_AT = { a: 56, b: 128 } as const
const FAILED_AT = 200
const FAILED_BYTES = 24
const ENTRY_AT = 344

type Mac = (message: Uint8Array) => Uint8Array
type Equal = (a: Uint8Array, b: Uint8Array) => boolean

/**
 * A record's 512 bytes, little-endian:
 *
 *     0    magic "VSSR"        4 u8 layout (1)   5 u8 state   6 u8 active or trial slot   7 u8 failed versions
 *     8    u8 tries left       9 u8 losses left  10 u8 change of keys: 0 none, 1 a key is added, 2 a key is retired
 *     11   zero
 *     16   u64 sequence        24 u64 floor intent (the counter that the active image was confirmed with)
 *     32   first 8 bytes of the id of that key     40 update id[16]
 *     56   note of slot a[72]  128 note of slot b[72]
 *          (0 u8 state | 8 u64 counter | 16 u64 sequence | 24 digest[16] | 40 version[32])
 *     200  failed versions: 6 of 24 bytes (0 u64 sequence | 8 digest[16])
 *     344  history entry[128]  472 zero
 *     480  MAC over bytes 0 to 479, HMAC-SHA-256 under the device's record key
 */
export function encodeRecord(record: BootRecord, mac: Mac): Uint8Array {
  const out = new Uint8Array(RECORD_BYTES)
  const view = new DataView(out.buffer)
  const { state, slots, failed, update } = record.memory
  view.setUint32(0, RECORD_MAGIC, true)
  out[4] = RECORD_LAYOUT
  out[5] = codeOf(STATES, state.at)
  out[6] = state.at === 'blank' ? 0xff : slotOf(state) === 'a' ? 0 : 1
  out[7] = failed.length
  out[8] = state.at === 'trial' ? state.triesLeft : 0
  out[9] = state.at === 'trial' ? state.lossesLeft : 0
  putU64(view, 16, record.sequence)
  if (state.at !== 'blank' && state.at !== 'trial') {
    putU64(view, 24, state.floor)
    out[10] = codeOf(KEY_CHANGES, state.keys.kind)
    putHex(out, KID_AT, KID_PREFIX_BYTES, state.keys.kind === 'none' ? '' : state.keys.kid)
  }
  putHex(out, 40, 16, update)
  putNote(out, NOTE_AT.a, slots.a)
  putNote(out, NOTE_AT.b, slots.b)
  for (const [index, version] of failed.slice(-FAILED_KEPT).entries()) {
    putU64(view, FAILED_AT + index * FAILED_BYTES, version.sequence)
    putHex(out, FAILED_AT + index * FAILED_BYTES + 8, 16, version.digest)
  }
  putEntry(out, ENTRY_AT, record.entry)
  out.set(mac(out.subarray(0, MAC_AT)), MAC_AT)
  return out
}

/** Reads a record, or null for bytes that the device did not write whole. */
export function decodeRecord(bytes: Uint8Array, mac: Mac, equal: Equal): BootRecord | null {
  return recordHolds(bytes, mac, equal) ? inspectRecord(bytes) : null
}

/** True when these bytes name themselves a record, and the device's MAC is on them. */
export function recordHolds(bytes: Uint8Array, mac: Mac, equal: Equal): boolean {
  return peekSequence(bytes) !== null && equal(mac(bytes.subarray(0, MAC_AT)), bytes.subarray(MAC_AT, RECORD_BYTES))
}

/**
 * What a record says of itself, its MAC not looked at: for people who read a dump of flash. Nothing may be decided on the
 * strength of it. Null for bytes that no device writes.
 */
export function inspectRecord(bytes: Uint8Array): BootRecord | null {
  const sequence = peekSequence(bytes)
  if (sequence === null) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const state = getState(bytes, view)
  const a = getNote(bytes, NOTE_AT.a)
  const b = getNote(bytes, NOTE_AT.b)
  const entry = getEntry(bytes, ENTRY_AT)
  const count = bytes[7] as number
  if (state === null || a === null || b === null || entry === null || count > FAILED_KEPT) return null
  const failed: FailedVersion[] = []
  for (let index = 0; index < count; index += 1) {
    const failedSequence = getU64(view, FAILED_AT + index * FAILED_BYTES)
    if (failedSequence === null) return null
    failed.push({ sequence: failedSequence, digest: getHex(bytes, FAILED_AT + index * FAILED_BYTES + 8, 16) })
  }
  return { sequence, memory: { state, slots: { a, b }, failed, update: getHex(bytes, 40, 16) }, entry }
}

/** The sequence that bytes claim, before their MAC is checked; null when they are not a record of this layout. */
export function peekSequence(bytes: Uint8Array): number | null {
  if (bytes.length !== RECORD_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== RECORD_MAGIC || bytes[4] !== RECORD_LAYOUT) return null
  return getU64(view, 16)
}

function slotOf(state: Exclude<BootState, { at: 'blank' }>): Slot {
  return state.at === 'trial' ? state.slot : state.active
}

function getState(bytes: Uint8Array, view: DataView): BootState | null {
  const at = STATES[bytes[5] as number]
  const slot = bytes[6] === 0 ? 'a' : bytes[6] === 1 ? 'b' : null
  const floor = getU64(view, 24)
  if (at === undefined || floor === null) return null
  if (at === 'blank') return { at }
  if (slot === null) return null
  if (at === 'trial') return { at, slot, triesLeft: bytes[8] as number, lossesLeft: bytes[9] as number }
  const keys = getKeys(bytes)
  return keys === null ? null : { at, active: slot, floor, keys }
}

function getKeys(bytes: Uint8Array): KeyIntent | null {
  const kind = KEY_CHANGES[bytes[10] as number]
  if (kind === undefined) return null
  return kind === 'none' ? { kind } : { kind, kid: toHex(bytes.subarray(KID_AT, KID_AT + KID_PREFIX_BYTES)) }
}

function putNote(target: Uint8Array, at: number, note: SlotNote): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength)
  target[at] = codeOf(NOTES, note.state)
  putU64(view, at + 8, note.counter)
  putU64(view, at + 16, note.sequence)
  putHex(target, at + 24, 16, note.digest)
  putText(target, at + 40, 32, note.version)
}

function getNote(source: Uint8Array, at: number): SlotNote | null {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  const state = NOTES[source[at] as number]
  const counter = getU64(view, at + 8)
  const sequence = getU64(view, at + 16)
  const version = getText(source, at + 40, 32)
  if (state === undefined || counter === null || sequence === null || version === null) return null
  return { state, digest: getHex(source, at + 24, 16), sequence, version, counter }
}

const _fits: 472 = (ENTRY_AT + ENTRY_BYTES) as 472
void _fits

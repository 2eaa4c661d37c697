import { EVENTS, type HistoryEntry, PHASES } from '../../src/core/slot/history.ts'
import { activeOnly, type BootState } from '../../src/core/slot/memory.ts'
import { type BootRecord, encodeRecord, RECORD_BYTES } from '../../src/core/slot/record.ts'
import { FAILED_KEPT, type SlotNote } from '../../src/core/slot/slot.ts'
import { table } from './markdown.ts'

/**
 * The boot record, byte by byte. What the table says is asked of the encoder: each field is changed alone, and nothing
 * but its bytes and the MAC may change; the bytes of no field are zero. A table that lies throws.
 */

const MAC_BYTES = 32
const ZEROS = '00'.repeat(8)
const SIXTEEN = 'ab'.repeat(16)
const NOTE: SlotNote = { state: 'unknown', digest: '', sequence: 0, version: '', counter: 0 }
const ENTRY: HistoryEntry = {
  decision: 0,
  at: 0,
  event: EVENTS[0],
  phase: PHASES[0],
  reset: 'power-on',
  slot: 'a',
  sequence: 0,
  version: '',
  digest: '',
  cause: '',
}
/** Of a record whose every field is 0 where that can be. */
type Parts = {
  readonly state: BootState
  readonly a: SlotNote
  readonly b: SlotNote
  readonly failed: readonly { readonly sequence: number; readonly digest: string }[]
  readonly update: string
  readonly sequence: number
  readonly entry: HistoryEntry
}
const CONFIRMED = activeOnly('a')
const STABLE: BootState = { at: 'stable', ...CONFIRMED }
const adding = (kid: string): Partial<Parts> => ({ state: { ...CONFIRMED, at: 'stable', keys: { kind: 'add', kid } } })
const TRIAL: BootState = { at: 'trial', slot: 'a', triesLeft: 0, lossesLeft: 0 }
const PARTS: Parts = { state: STABLE, a: NOTE, b: NOTE, failed: [], update: '', sequence: 0, entry: ENTRY }
const FAILED = Array.from({ length: FAILED_KEPT }, () => ({ sequence: 0, digest: '' }))

type Field = {
  readonly at: number
  readonly bytes: number
  readonly name: string
  /** Two records that differ in this field only; none for what never changes. */
  readonly differ: readonly [Partial<Parts>, Partial<Parts>] | null
}

/** One byte, or the low one of a number: whatever else the field holds begins there. */
const noteFields = (slot: 'a' | 'b', at: number): Field[] => {
  const differ = (change: Partial<SlotNote>): Field['differ'] => [{}, { [slot]: { ...NOTE, ...change } }]
  return [
    {
      at,
      bytes: 1,
      name: `slot ${slot}: 0 unknown, 1 candidate, 2 trial, 3 confirmed, 4 failed`,
      differ: differ({ state: 'failed' }),
    },
    { at: at + 8, bytes: 8, name: `slot ${slot}: security counter`, differ: differ({ counter: 1 }) },
    { at: at + 16, bytes: 8, name: `slot ${slot}: sequence number of its manifest`, differ: differ({ sequence: 1 }) },
    {
      at: at + 24,
      bytes: 16,
      name: `slot ${slot}: first half of its image’s SHA-256`,
      differ: differ({ digest: SIXTEEN }),
    },
    { at: at + 40, bytes: 32, name: `slot ${slot}: version, zero-padded`, differ: differ({ version: 'v'.repeat(32) }) },
  ]
}

const failedFields = (): Field[] =>
  FAILED.flatMap((_, index): Field[] => {
    const differ = (change: Partial<(typeof FAILED)[number]>): Field['differ'] => [
      { failed: FAILED },
      { failed: FAILED.map((one, other) => (other === index ? { ...one, ...change } : one)) },
    ]
    const at = 200 + index * 24
    return [
      { at, bytes: 8, name: `failed version ${index + 1}: sequence number`, differ: differ({ sequence: 1 }) },
      { at: at + 8, bytes: 16, name: `failed version ${index + 1}: digest`, differ: differ({ digest: SIXTEEN }) },
    ]
  })

const entryFields = (at: number): Field[] => {
  const differ = (change: Partial<HistoryEntry>): Field['differ'] => [{}, { entry: { ...ENTRY, ...change } }]
  const events = EVENTS.map((event, code) => `${code} ${event}`).join(', ')
  const phases = PHASES.map((phase, code) => `${code} ${phase}`).join(', ')
  return [
    { at, bytes: 8, name: 'decision: its number', differ: differ({ decision: 1 }) },
    { at: at + 8, bytes: 8, name: 'decision: time in milliseconds since 1970, 0 unknown', differ: differ({ at: 1 }) },
    { at: at + 16, bytes: 1, name: `decision: ${events}`, differ: differ({ event: 'halt' }) },
    { at: at + 17, bytes: 1, name: `decision: phase: ${phases}`, differ: differ({ phase: 'health' }) },
    {
      at: at + 18,
      bytes: 1,
      name: 'decision: last reset: 0 power-on, 1 power-loss, 2 watchdog, 3 software',
      differ: differ({ reset: 'software' }),
    },
    { at: at + 19, bytes: 1, name: 'decision: 0 slot a, 1 slot b, 2 golden, 3 none', differ: differ({ slot: 'none' }) },
    { at: at + 24, bytes: 8, name: 'decision: sequence number of the image', differ: differ({ sequence: 1 }) },
    { at: at + 32, bytes: 32, name: 'decision: version', differ: differ({ version: 'v'.repeat(32) }) },
    { at: at + 64, bytes: 16, name: 'decision: digest', differ: differ({ digest: SIXTEEN }) },
    { at: at + 80, bytes: 48, name: 'decision: cause', differ: differ({ cause: 'c'.repeat(48) }) },
  ]
}

const FIELDS: readonly Field[] = [
  { at: 0, bytes: 4, name: 'magic `VSSR`', differ: null },
  { at: 4, bytes: 1, name: 'layout, 1', differ: null },
  {
    at: 5,
    bytes: 1,
    name: 'state: 0 blank, 1 stable, 2 candidate, 3 armed, 4 trial',
    differ: [{}, { state: { ...CONFIRMED, at: 'armed' } }],
  },
  {
    at: 6,
    bytes: 1,
    name: 'active slot, on trial the one that is tried: 0 a, 1 b, 255 none',
    differ: [{}, { state: { ...CONFIRMED, at: 'stable', active: 'b' } }],
  },
  { at: 7, bytes: 1, name: 'failed versions: how many', differ: [{}, { failed: FAILED }] },
  { at: 8, bytes: 1, name: 'tries left', differ: [{ state: TRIAL }, { state: { ...TRIAL, triesLeft: 3 } }] },
  { at: 9, bytes: 1, name: 'power losses left', differ: [{ state: TRIAL }, { state: { ...TRIAL, lossesLeft: 20 } }] },
  {
    at: 10,
    bytes: 1,
    name: 'change of keys that the active image was confirmed with: 0 none, 1 adds one, 2 retires one',
    differ: [{}, adding(ZEROS)],
  },
  { at: 16, bytes: 8, name: 'sequence number of the record', differ: [{}, { sequence: 1 }] },
  {
    at: 24,
    bytes: 8,
    name: 'floor: the counter that the active image was confirmed with',
    differ: [{}, { state: { ...CONFIRMED, at: 'stable', floor: 1 } }],
  },
  { at: 32, bytes: 8, name: 'first bytes of the id of that key', differ: [adding(ZEROS), adding('ab'.repeat(8))] },
  { at: 40, bytes: 16, name: 'update: first half of the SHA-256 of its name', differ: [{}, { update: SIXTEEN }] },
  ...noteFields('a', 56),
  ...noteFields('b', 128),
  ...failedFields(),
  ...entryFields(344),
  {
    at: RECORD_BYTES - MAC_BYTES,
    bytes: MAC_BYTES,
    name: 'HMAC-SHA-256 of all before it under the record key',
    differ: null,
  },
]

/** The table, with what no field takes. Throws where it is not what the encoder does. */
export function recordFormat(): string {
  const taken = new Set<number>()
  for (const { at, bytes, name } of FIELDS) {
    for (let byte = at; byte < at + bytes; byte += 1) {
      if (taken.has(byte)) throw new Error(`byte ${byte} has two meanings: ${name}`)
      taken.add(byte)
    }
  }
  for (const field of FIELDS) if (field.differ !== null) check(field, ...field.differ, taken)
  const gaps = gapsBetween(taken).map(([at, bytes]) => ({ at, bytes, name: 'zero' }))
  const rows = [...FIELDS, ...gaps].sort((one, two) => one.at - two.at)
  return table(
    ['offset', 'bytes', 'field'],
    rows.map(({ at, bytes, name }) => [String(at), String(bytes), name]),
  )
}

function check(field: Field, one: Partial<Parts>, two: Partial<Parts>, taken: ReadonlySet<number>): void {
  const [before, after] = [encoded(one), encoded(two)]
  const changed = [...before.keys()].filter(byte => byte < RECORD_BYTES - MAC_BYTES && before[byte] !== after[byte])
  const inside = changed.every(byte => byte >= field.at && byte < field.at + field.bytes)
  if (!inside || changed[0] !== field.at) throw new Error(`not where the table says: ${field.name}: ${changed}`)
  // Text and digests are changed whole: their last byte is the last of the field.
  const whole = field.bytes > 8 || field.at === 32
  if (whole && changed.length !== field.bytes) throw new Error(`not as long as the table says: ${field.name}`)
  for (const byte of after.keys()) {
    if (!taken.has(byte) && after[byte] !== 0) throw new Error(`byte ${byte} is of no field, and not zero`)
  }
}

function encoded(parts: Partial<Parts>): Uint8Array {
  const { state, a, b, failed, update, sequence, entry } = { ...PARTS, ...parts }
  const record: BootRecord = { sequence, memory: { state, slots: { a, b }, failed, update }, entry }
  return encodeRecord(record, () => new Uint8Array(MAC_BYTES))
}

function gapsBetween(taken: ReadonlySet<number>): [at: number, bytes: number][] {
  const gaps: [number, number][] = []
  for (let byte = 0; byte < RECORD_BYTES; byte += 1) {
    if (taken.has(byte)) continue
    const last = gaps.at(-1)
    if (last !== undefined && last[0] + last[1] === byte) last[1] += 1
    else gaps.push([byte, 1])
  }
  return gaps
}

import { MAX_COMPONENTS } from '../firmware/payload.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { HISTORY_CELL_BYTES } from './history.ts'
import { RECORD_BYTES } from './record.ts'
import type { Bootable, Slot } from './slot.ts'

/**
 * A slot in flash (a, b and golden alike):
 *
 *     0             header, 16 bytes: magic "VSSL" | u32 layout version | u32 envelope bytes | u32 image bytes
 *     16            envelope, exactly as it came over the wire
 *     imageOffset   image (at a fixed address, so that it can run in place)
 *
 * The header is not trusted: it only says where to look, within the slot. What it points at is verified.
 */
export const SLOT_HEADER_BYTES = 16
/** The first four bytes of a slot, little-endian. */
export const SLOT_MAGIC = 0x4c535356 // "VSSL"
const SLOT_LAYOUT = 1

/** The areas of a group's further images: their image from byte 0 on, without a header. */
export type PartArea = `${Slot}${1 | 2 | 3}`

/** The parts of a controller's flash. `record0` and `record1` are separate erase blocks. */
export type FlashArea = 'record0' | 'record1' | Bootable | PartArea | 'history' | 'journal'

/** The area that holds the image of a component (0: the slot itself, behind header and envelope). */
export function areaOf(slot: Bootable, component: number): Bootable | PartArea {
  return component === 0 ? slot : (`${slot}${component}` as PartArea)
}

type Area = { readonly size: number; readonly sector: number }

/**
 * Sizes in bytes. `imageOffset` is a multiple of the slot's sector. `parts`: one area for each further component of a
 * group, in each of the two slots; none on most boards. `journal`: where boundaries of a patch are kept (core/delta/journal.ts); a board
 * without one applies patches all the same, from their beginning behind each loss of power.
 */
export type Geometry = {
  readonly record: Area
  readonly slot: Area
  readonly golden: Area
  readonly history: Area
  readonly parts?: readonly Area[]
  readonly journal?: Area
  readonly imageOffset: number
}

export type SlotHeader = { readonly envelopeBytes: number; readonly imageBytes: number }

export function encodeSlotHeader(header: SlotHeader): Uint8Array {
  const out = new Uint8Array(SLOT_HEADER_BYTES)
  const view = new DataView(out.buffer)
  view.setUint32(0, SLOT_MAGIC, true)
  view.setUint32(4, SLOT_LAYOUT, true)
  view.setUint32(8, header.envelopeBytes, true)
  view.setUint32(12, header.imageBytes, true)
  return out
}

/**
 * Reads a slot's header against the slot's bounds. Refuses `slot-empty` (no header, or a sector that cannot be read) and
 * `slot-header-invalid` (lengths that leave the slot).
 */
export function parseSlotHeader(
  bytes: Uint8Array | null,
  slotBytes: number,
  imageOffset: number,
  subject: string,
): SlotHeader | Refusal {
  if (bytes === null || bytes.length < SLOT_HEADER_BYTES) {
    return refuse('slot-empty', subject, 'a slot header', 'an unreadable sector')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== SLOT_MAGIC) return refuse('slot-empty', subject, 'a slot header', 'none')
  const layout = view.getUint32(4, true)
  if (layout !== SLOT_LAYOUT) return refuse('slot-header-invalid', subject, `layout ${SLOT_LAYOUT}`, `layout ${layout}`)
  const envelopeBytes = view.getUint32(8, true)
  const imageBytes = view.getUint32(12, true)
  const envelopeRoom = imageOffset - SLOT_HEADER_BYTES
  if (envelopeBytes === 0 || envelopeBytes > envelopeRoom) {
    return refuse('slot-header-invalid', subject, `an envelope of 1 to ${envelopeRoom} bytes`, `${envelopeBytes}`)
  }
  const imageRoom = slotBytes - imageOffset
  if (imageBytes === 0 || imageBytes > imageRoom) {
    return refuse('slot-header-invalid', subject, `an image of 1 to ${imageRoom} bytes`, `${imageBytes}`)
  }
  return { envelopeBytes, imageBytes }
}

/** Records that a record block must hold at least, so that torn ones never use up a block within one recovery. */
export const MIN_RECORDS_PER_BLOCK = 4

/** Every area of a flash with its size and sector, in the order in which they lie in an image of the whole. */
export function areasOf(geometry: Geometry): readonly (readonly [FlashArea, Area])[] {
  const parts = geometry.parts ?? []
  const further = (slot: Slot) => parts.map((part, index) => [areaOf(slot, index + 1), part] as const)
  return [
    ['record0', geometry.record],
    ['record1', geometry.record],
    ['a', geometry.slot],
    ...further('a'),
    ['b', geometry.slot],
    ...further('b'),
    ['golden', geometry.golden],
    ['history', geometry.history],
    ...(geometry.journal === undefined ? [] : [['journal', geometry.journal] as const]),
  ]
}

/** Names what is wrong with a geometry, or null. A wrong one is a bug of whoever makes the board, not an expected failure. */
export function faultOf(geometry: Geometry): string | null {
  for (const [name, area] of Object.entries({
    record: geometry.record,
    slot: geometry.slot,
    golden: geometry.golden,
    history: geometry.history,
    ...(geometry.journal === undefined ? {} : { journal: geometry.journal }),
    ...Object.fromEntries((geometry.parts ?? []).map((part, index) => [`part ${index + 1}`, part])),
  })) {
    if (!(area.sector > 0) || !(area.size > 0) || area.size % area.sector !== 0) {
      return `${name}: the size is not a multiple of the sector`
    }
  }
  if ((geometry.parts ?? []).length >= MAX_COMPONENTS) return `parts: more than ${MAX_COMPONENTS - 1}`
  if (geometry.record.size < MIN_RECORDS_PER_BLOCK * RECORD_BYTES) return 'record: a block holds too few records'
  if (geometry.history.sector < HISTORY_CELL_BYTES) return 'history: a sector holds no cell'
  if (geometry.journal !== undefined && geometry.journal.size < 2 * geometry.journal.sector) {
    return 'journal: fewer than two sectors'
  }
  if (geometry.history.size < 2 * geometry.history.sector) return 'history: fewer than two sectors'
  if (geometry.imageOffset % geometry.slot.sector !== 0 || geometry.imageOffset <= SLOT_HEADER_BYTES) {
    return 'imageOffset is not a multiple of the slot sector'
  }
  if (geometry.imageOffset >= Math.min(geometry.slot.size, geometry.golden.size)) return 'imageOffset leaves no room'
  return null
}

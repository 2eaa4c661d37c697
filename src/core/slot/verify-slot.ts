import { toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { fitsDevice, fitsRooms, type Room } from '../firmware/acceptance.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import type { Anchor, OpenEnvelope } from '../firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { parseSlotHeader, SLOT_HEADER_BYTES } from './layout.ts'
import type { Steps } from './steps.ts'

/**
 * What a device is: set at manufacture, and the yardstick of every image. `bootloader` is its own version, `components`
 * the images that it runs, first its own. `anchors` are the keys of the factory: golden is verified with them for ever,
 * slots a and b with those that the secure element accepts today.
 */
export type DeviceIdentity = {
  readonly vendor?: string
  readonly class: string
  readonly hardware: string
  readonly bootloader: number
  readonly components: readonly string[]
  readonly anchors: readonly Anchor[]
  /** Bytes from the slot's start to its image. */
  readonly imageOffset: number
  /** Takes encrypted releases only. What is in flash already, from the factory too, is none of this rule's business. */
  readonly requireEncryption?: boolean
}

/** An area of flash: `read` answers null for what cannot be read, and may answer a view that the next write invalidates. */
export type SlotReader = {
  readonly bytes: number
  read(offset: number, length: number): Uint8Array | null
}

/** A slot: one area for each component, the first with header and envelope before its image. */
export type SlotReaders = readonly [SlotReader, ...SlotReader[]]

/** An image that may run. Its digest was computed from flash; `facts` come from the envelope that `signers` have signed. */
export type VerifiedSlot = {
  readonly facts: ReleaseFacts
  readonly envelope: Uint8Array
  readonly signers: readonly string[]
}

/** Bytes of image hashed at a time. A multiple of every sector size in use. */
const HASH_CHUNK = 1024 * 1024

/**
 * Verifies a slot the way the bootloader does at every power-up: the envelope's signature against the anchors, class,
 * hardware revision, bootloader range and security counter, then the digest of the images in flash, those of a group
 * one behind the other. One pass over them, no copy, a megabyte in a step.
 *
 * `counter` is the device's security counter, or null for the golden slot: its image is as old as the device, cannot
 * be replaced, and never does more than ask for an update, so no floor is held against it.
 *
 * Refuses `slot-empty`, `slot-header-invalid`, `slot-unreadable`, `slot-size-disagrees`, `slot-image-damaged`, the codes
 * of `openEnvelope`, those of `fitsDevice` and those of `fitsRooms`. (SUIT manifest, draft-ietf-suit-manifest §6.3:
 * verify before invoking.)
 */
export function* verifySlot(
  areas: SlotReaders,
  device: DeviceIdentity,
  anchors: readonly Anchor[],
  counter: number | null,
  open: OpenEnvelope,
  crypto: Crypto,
  subject: string,
): Steps<VerifiedSlot | Refusal> {
  const [slot] = areas
  const header = parseSlotHeader(slot.read(0, SLOT_HEADER_BYTES), slot.bytes, device.imageOffset, subject)
  if (isRefusal(header)) return header
  const inFlash = slot.read(SLOT_HEADER_BYTES, header.envelopeBytes)
  if (inFlash === null) return unreadable(subject, SLOT_HEADER_BYTES)
  const envelope = inFlash.slice()
  const opened = open(envelope, anchors, crypto)
  if (isRefusal(opened)) return opened
  const { facts, signers } = opened
  const rooms = roomsOf(device, areas)
  const unfit =
    fitsDevice(
      {
        ...(device.vendor === undefined ? {} : { vendor: device.vendor }),
        class: device.class,
        hardware: device.hardware,
        slotBytes: rooms.reduce((sum, { bytes }) => sum + bytes, 0),
        bootloader: device.bootloader,
        counter: counter ?? 0,
      },
      facts,
    ) ?? fitsRooms(rooms, facts)
  if (unfit !== null) return unfit
  const size = facts.components[0]?.size
  if (size !== header.imageBytes) {
    return refuse('slot-size-disagrees', subject, `${size} bytes`, `${header.imageBytes} bytes`)
  }
  const digest = yield* digestOf(areas, device.imageOffset, facts, crypto, subject)
  if (isRefusal(digest)) return digest
  if (digest !== facts.imageDigest) {
    return refuse('slot-image-damaged', subject, `SHA-256 ${facts.imageDigest}`, `SHA-256 ${digest}`)
  }
  return { facts, envelope, signers }
}

/** The rooms that a slot has for the images of its device. */
export function roomsOf(device: DeviceIdentity, areas: readonly { readonly bytes: number }[]): Room[] {
  return areas.map(({ bytes }, index) => ({
    name: device.components[index] as string,
    bytes: index === 0 ? bytes - device.imageOffset : bytes,
  }))
}

/** The digest of the images, as they lie in flash, in the order of the payload. */
function* digestOf(
  areas: SlotReaders,
  imageOffset: number,
  { components, imageSize: total }: ReleaseFacts,
  crypto: Crypto,
  subject: string,
): Steps<string | Refusal> {
  const hash = crypto.sha256Stream()
  let done = 0
  for (const [index, { size }] of components.entries()) {
    const start = index === 0 ? imageOffset : 0
    for (let at = 0; at < size; at += HASH_CHUNK) {
      const part = (areas[index] as SlotReader).read(start + at, Math.min(HASH_CHUNK, size - at))
      if (part === null) return unreadable(subject, start + at)
      hash.update(part)
      done += part.length
      yield { at: 'verifying', done, total }
    }
  }
  return toHex(hash.digest())
}

const unreadable = (subject: string, offset: number): Refusal =>
  refuse('slot-unreadable', subject, 'readable flash', `a fault at or behind byte ${offset}`)

import { toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { fitsDevice } from '../firmware/acceptance.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import type { Anchor, OpenEnvelope } from '../firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { parseSlotHeader, SLOT_HEADER_BYTES } from './layout.ts'

/** What a device is: set at manufacture, and the yardstick of every image. `bootloader` is its own version. */
export type DeviceIdentity = {
  readonly vendor?: string
  readonly class: string
  readonly hardware: string
  readonly bootloader: number
  readonly anchors: readonly Anchor[]
  /** Bytes from the slot's start to its image. */
  readonly imageOffset: number
}

/** A slot's flash: `read` answers null for what cannot be read, and may answer a view that the next write invalidates. */
export type SlotReader = {
  readonly bytes: number
  read(offset: number, length: number): Uint8Array | null
}

/** An image that may run. `imageDigest` was computed from flash; `facts` come from the verified envelope. */
export type VerifiedSlot = { readonly facts: ReleaseFacts; readonly envelope: Uint8Array }

/** Bytes of image hashed at a time. A multiple of every sector size in use. */
const HASH_CHUNK = 1024 * 1024

/**
 * Verifies a slot the way the bootloader does at every power-up: the envelope's signature against the device's
 * anchors, class, hardware revision, bootloader range and security counter, then the digest of the image in flash. One
 * pass over the image, no copy.
 *
 * `counter` is the device's security counter, or null for the golden slot: its image is as old as the device, cannot
 * be replaced, and never does more than ask for an update, so no floor is held against it.
 *
 * Refuses `slot-empty`, `slot-header-invalid`, `slot-unreadable`, `slot-size-disagrees`, `slot-image-damaged`, the codes
 * of `openEnvelope` and those of `fitsDevice`. (SUIT manifest, draft-ietf-suit-manifest §6.3: verify before invoking.)
 */
export function verifySlot(
  slot: SlotReader,
  device: DeviceIdentity,
  counter: number | null,
  open: OpenEnvelope,
  crypto: Crypto,
  subject: string,
): VerifiedSlot | Refusal {
  const header = parseSlotHeader(slot.read(0, SLOT_HEADER_BYTES), slot.bytes, device.imageOffset, subject)
  if (isRefusal(header)) return header
  const inFlash = slot.read(SLOT_HEADER_BYTES, header.envelopeBytes)
  if (inFlash === null) return unreadable(subject, SLOT_HEADER_BYTES)
  const envelope = inFlash.slice()
  const opened = open(envelope, device.anchors, crypto)
  if (isRefusal(opened)) return opened
  const { facts } = opened
  const unfit = fitsDevice(
    {
      ...(device.vendor === undefined ? {} : { vendor: device.vendor }),
      class: device.class,
      hardware: device.hardware,
      slotBytes: slot.bytes - device.imageOffset,
      bootloader: device.bootloader,
      counter: counter ?? 0,
    },
    facts,
  )
  if (unfit !== null) return unfit
  if (facts.imageSize !== header.imageBytes) {
    return refuse('slot-size-disagrees', subject, `${facts.imageSize} bytes`, `${header.imageBytes} bytes`)
  }
  const digest = digestOf(slot, device.imageOffset, facts.imageSize, crypto, subject)
  if (isRefusal(digest)) return digest
  if (digest !== facts.imageDigest) {
    return refuse('slot-image-damaged', subject, `SHA-256 ${facts.imageDigest}`, `SHA-256 ${digest}`)
  }
  return { facts, envelope }
}

function digestOf(slot: SlotReader, start: number, length: number, crypto: Crypto, subject: string): string | Refusal {
  const hash = crypto.sha256Stream()
  for (let at = 0; at < length; at += HASH_CHUNK) {
    const part = slot.read(start + at, Math.min(HASH_CHUNK, length - at))
    if (part === null) return unreadable(subject, start + at)
    hash.update(part)
  }
  return toHex(hash.digest())
}

const unreadable = (subject: string, offset: number): Refusal =>
  refuse('slot-unreadable', subject, 'readable flash', `a fault at or behind byte ${offset}`)

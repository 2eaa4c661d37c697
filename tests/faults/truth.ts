import type { FlashArea } from '../../src/core/slot/layout.ts'
import { areaOf } from '../../src/core/slot/layout.ts'
import type { Bootable, Slot } from '../../src/core/slot/slot.ts'
import type { Device } from './device.ts'
import { newestRecord } from './plain-reader.ts'
import type { Made } from './releases.ts'

/**
 * What is so, whatever the device believes: the cells themselves, compared byte for byte with the releases that were
 * signed. Nothing is asked that is being judged.
 */

/** Bytes of a slot's header. */
const HEADER = 16

/** A slot's header by the table of docs/controller.md: magic, layout, bytes of envelope and of image. */
function headerOf({ envelope, facts }: Made): Uint8Array {
  const header = Buffer.from('VSSL............')
  header.writeUInt32LE(1, 4)
  header.writeUInt32LE(envelope.length, 8)
  header.writeUInt32LE(facts.components[0]?.size ?? 0, 12)
  return header
}

export const SLOTS = ['a', 'b'] as const satisfies readonly Slot[]

export const releaseOf = (device: Device, version: string): Made | undefined =>
  Object.values(device.releases).find(({ facts }) => facts.version === version)

/** The release of an image, by the digest or the part of it that a record keeps. */
export const releaseByDigest = (device: Device, digest: string): Made | undefined =>
  digest === '' ? undefined : Object.values(device.releases).find(({ facts }) => facts.imageDigest.startsWith(digest))

/**
 * Whether the cells of a slot are those of a release, envelope and images. `weak` bytes count as right: they have no value
 * of their own, and when they were read for the last time they fell so.
 */
export function holdsRelease(device: Device, slot: Bootable, { envelope, facts, image }: Made, weak = true): boolean {
  const { imageOffset } = device.board.device
  const holds = (area: FlashArea, at: number, bytes: Uint8Array): boolean => {
    const cells = device.flash.cells(area)
    const same = Buffer.compare(cells.subarray(at, at + bytes.length), bytes) === 0
    if (!weak) return same && !device.flash.damaged(area, at, bytes.length)
    return same || bytes.every((byte, index) => cells[at + index] === byte || device.flash.damaged(area, at + index, 1))
  }
  let start = 0
  return (
    holds(slot, HEADER, envelope) &&
    facts.components.every(({ size }, index) => {
      const part = image.subarray(start, start + size)
      start += size
      return index === 0 ? holds(slot, imageOffset, part) : holds(areaOf(slot, index), 0, part)
    })
  )
}

/** The release that a slot holds whole, header included, with nothing wrong about any of its bytes; else null. */
export function imageIn(device: Device, slot: Bootable): Made | null {
  for (const release of Object.values(device.releases)) {
    const cells = device.flash.cells(slot).subarray(0, HEADER)
    if (Buffer.compare(cells, headerOf(release)) !== 0 || device.flash.damaged(slot, 0, HEADER)) continue
    if (holdsRelease(device, slot, release, false)) return release
  }
  return null
}

/** The image of a slot that may run: whole, signed by an accepted key, not below the counter, and not remembered as failed. */
export function goodImage(device: Device, slot: Slot): Made | null {
  const image = imageIn(device, slot)
  if (image === null) return null
  const kids = device.element.anchors().map(({ kid }) => kid)
  const failed = newestRecord(device.flash, device.element)?.failed ?? []
  const may =
    image.facts.counter >= device.element.counter() &&
    image.signers.some(kid => kids.includes(kid)) &&
    !failed.includes(image.facts.imageDigest.slice(0, 32))
  return may ? image : null
}

import { chmodSync, closeSync, openSync, renameSync, writeSync } from 'node:fs'
import type { ReleaseFacts } from '../../core/firmware/release-facts.ts'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { areaOf, type FlashArea } from '../../core/slot/layout.ts'
import type { Bootable } from '../../core/slot/slot.ts'
import type { Board } from '../../flows/boot.ts'
import { removeFile } from './files.ts'

/** The component that is the plant's application, and the one that is the second stage of the agent itself. */
export const APPLICATION = 'app'
export const SECOND_STAGE = 'agent'

type Image = { readonly name: string; readonly area: FlashArea; readonly offset: number; readonly size: number }

/** Bytes copied at a time. */
const STRETCH = 1024 * 1024

/** Where the images of a release stand in flash, in the order of its payload. */
function imagesOf(board: Board, slot: Bootable, facts: ReleaseFacts): readonly Image[] {
  return facts.components.map(({ name, size }, index) => {
    return { name, area: areaOf(slot, index), offset: index === 0 ? board.device.imageOffset : 0, size }
  })
}

export const holds = (facts: ReleaseFacts, component: string): boolean =>
  facts.components.some(({ name }) => name === component)

/**
 * Copies the image of one component out of a verified slot into a file, `mode` and all, and hashes the whole payload
 * while it does: the file gets its name only when the bytes that went into it were the signed ones, so that what is
 * executed is what was hashed. Refuses `slot-unreadable`, `slot-image-damaged`: flash has changed since it was verified.
 * Throws when the file cannot be written.
 */
export function copyOut(
  board: Board,
  slot: Bootable,
  facts: ReleaseFacts,
  component: string,
  target: string,
  mode: number,
): null | Refusal {
  const temporary = `${target}.new`
  // One that was cut off before its rename may be closed to writing.
  removeFile(temporary)
  try {
    const damaged = writeOut(board, slot, facts, component, temporary)
    if (damaged !== null) return damaged
    // Nobody needs it after a loss of power: it is copied anew at each start, so it is not synced.
    chmodSync(temporary, mode)
    renameSync(temporary, target)
    return null
  } finally {
    // A part of it would only fill the disk.
    removeFile(temporary)
  }
}

function writeOut(
  board: Board,
  slot: Bootable,
  facts: ReleaseFacts,
  component: string,
  target: string,
): null | Refusal {
  const subject = `slot ${slot}`
  const hash = board.crypto.sha256Stream()
  const file = openSync(target, 'wx', 0o600)
  try {
    for (const { name, area, offset, size } of imagesOf(board, slot, facts)) {
      for (let at = 0; at < size; at += STRETCH) {
        const part = board.flash.read(area, offset + at, Math.min(STRETCH, size - at))
        if (part === null)
          return refuse('slot-unreadable', subject, 'readable flash', `a fault at or behind byte ${at}`)
        hash.update(part)
        if (name === component) for (let done = 0; done < part.length; ) done += writeSync(file, part, done)
      }
    }
  } finally {
    closeSync(file)
  }
  const digest = hash.digest().toHex()
  if (digest !== facts.imageDigest) {
    return refuse('slot-image-damaged', subject, `SHA-256 ${facts.imageDigest}`, `SHA-256 ${digest}`)
  }
  return null
}

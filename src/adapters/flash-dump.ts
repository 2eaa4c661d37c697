import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Crypto } from '../core/encoding/crypto.ts'
import { inspectEnvelope } from '../core/firmware/suit-open.ts'
import { notRead } from '../core/refusal/not-read.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { type DumpKey, DumpScan } from '../core/slot/dump.ts'
import { type DumpImage, findImage, type ReadDump } from '../core/slot/dump-image.ts'
import type { DumpPart } from '../core/slot/dump-view.ts'
import { SLOT_HEADER_BYTES } from '../core/slot/layout.ts'

/** Bytes read at a time. */
const PIECE = 1 << 20
/** Bytes that stand for what cannot be read: a page of most devices. */
const HOLE = 4096
/** The largest dump that is read, in bytes. A device without an end is thereby none. */
const MAX_DUMP = 64 * 2 ** 30
/** Unreadable bytes after which a device is given up. */
const MAX_HOLES = 16 * 2 ** 20
/** Files of a folder that are read, and folders that are looked into below it. */
const MAX_FILES = 64
const DEPTH = 2
/** Images that are looked for in a file. */
const MAX_IMAGES = 8

/** Reads bytes at a position into a buffer; answers how many, 0 at the end. Throws what the system throws. */
export type ReadAt = (buffer: Uint8Array, position: number) => number

/** A part of a dump, and how many bytes of it could not be read and stand as zeros. */
export type ReadPart = DumpPart & { readonly unreadable: number }

/**
 * Scans a dump: a file, a block or character device, or a folder with a file for each area (an agent's, a simulated
 * controller's). Streams: memory does not grow with it. Only reads.
 *
 * Refuses `file-missing`, `file-unreadable` (none that can be read, or too many holes), `file-too-large`.
 */
export function readDump(path: string, key: DumpKey | null, crypto: Crypto): ReadPart[] | Refusal {
  try {
    const files = statSync(path).isDirectory() ? filesOf(path, DEPTH) : [path]
    if (files.length > MAX_FILES) return refuse('file-unreadable', path, `at most ${MAX_FILES} files`, 'more')
    const parts: ReadPart[] = []
    for (const file of files) {
      const part = readPart(file, key, crypto)
      if (isRefusal(part)) return part
      parts.push(part)
    }
    return parts
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return refuse('file-missing', path, 'a dump of flash', 'none of that name')
    if (code === undefined) throw error
    return notRead(path, code)
  }
}

function filesOf(folder: string, depth: number): string[] {
  const out: string[] = []
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    // What has gone meanwhile, and what links to nothing, is no part of a dump; nor are the sockets of a running agent.
    const status = statSync(path, { throwIfNoEntry: false })
    if (status === undefined) continue
    if (status.isDirectory() && depth > 1) out.push(...filesOf(path, depth - 1))
    else if (status.isFile() || status.isBlockDevice()) out.push(path)
    if (out.length > MAX_FILES) break
  }
  return out
}

function readPart(file: string, key: DumpKey | null, crypto: Crypto): ReadPart | Refusal {
  const handle = openSync(file, 'r')
  try {
    const status = fstatSync(handle)
    if (!status.isFile() && !status.isBlockDevice() && !status.isCharacterDevice()) {
      return refuse('file-unreadable', file, 'a file, a device or a folder', 'something else')
    }
    if (status.size > MAX_DUMP) return tooLarge(file)
    const read: ReadAt = (buffer, position) => readSync(handle, buffer, 0, buffer.length, position)
    const part = scanDump(file, read, key)
    return isRefusal(part) ? part : { ...part, images: imagesOf(part, read, crypto) }
  } finally {
    closeSync(handle)
  }
}

/** Scans what `read` answers, to its end. A page that cannot be read (EIO) stands as zeros: no record, and not free. */
export function scanDump(file: string, read: ReadAt, key: DumpKey | null): ReadPart | Refusal {
  const scan = new DumpScan(key)
  const buffer = new Uint8Array(PIECE)
  let [position, unreadable] = [0, 0]
  while (position <= MAX_DUMP) {
    // Behind a hole the pieces are pages until one can be read, so that only what is unreadable is lost.
    const length = readOrNull(read, buffer, position) ?? readOrNull(read, buffer.subarray(0, HOLE), position)
    if (length === 0) return { file, finds: scan.end(), unreadable }
    if (length === null) {
      unreadable += HOLE
      if (unreadable > MAX_HOLES) return refuse('file-unreadable', file, 'a device that can be read', 'EIO throughout')
      scan.push(new Uint8Array(HOLE))
    } else scan.push(buffer.subarray(0, length))
    position += length ?? HOLE
  }
  return tooLarge(file)
}

/** Looks for the images of the first slots: a device has three. */
function imagesOf({ finds }: DumpPart, read: ReadAt, crypto: Crypto): ReadonlyMap<number, DumpImage | null> {
  const images = new Map<number, DumpImage | null>()
  const bytesAt: ReadDump = (offset, length) => {
    if (offset + length > finds.bytes) return null
    const bytes = new Uint8Array(length)
    return readOrNull(read, bytes, offset) === length ? bytes : null
  }
  for (const { offset, value } of finds.slots.slice(0, MAX_IMAGES)) {
    const seen = value.envelope === null ? null : inspectEnvelope(value.envelope, crypto)
    if (seen === null || isRefusal(seen)) continue
    images.set(offset, findImage(bytesAt, offset, SLOT_HEADER_BYTES + value.header.envelopeBytes, seen.facts, crypto))
  }
  return images
}

function readOrNull(read: ReadAt, buffer: Uint8Array, position: number): number | null {
  try {
    return read(buffer, position)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return null
    throw error
  }
}

const tooLarge = (file: string): Refusal => refuse('file-too-large', file, `at most ${MAX_DUMP} bytes`, 'more')

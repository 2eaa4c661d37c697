import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { Ranges } from './ranges.ts'

/** What failed with an area of flash, and the error's code; `short`: its file or device ends before the area does. */
export type Trouble = { readonly during: 'open' | 'read' | 'write'; readonly code: string }

/** Takes what failed. */
export type Hear = (trouble: Trouble) => void

export type Sizes = { readonly size: number; readonly sector: number }

/** The calls on an open file; a test brings ones that fail. */
export type FileCalls = Pick<typeof import('node:fs'), 'readSync' | 'writeSync' | 'fdatasyncSync'>
const REAL: FileCalls = { readSync, writeSync, fdatasyncSync }

/**
 * One area of flash on a file or a block device. Nothing here throws for a disk that fails: a write that was not done is
 * heard of, and what it was to write is not believed from then on, whatever the page cache says: it reads as null until a
 * later write to it succeeds. A read that fails answers null.
 */
export class AreaFile {
  readonly size: number
  readonly sector: number
  readonly #fd: number | null
  /** Why nothing can be written, where that is known from the start. */
  readonly #closed: string | null
  readonly #hear: Hear
  readonly #calls: FileCalls
  readonly #unsure = new Ranges()

  constructor({ size, sector }: Sizes, fd: number | null, closed: string | null, hear: Hear, calls: FileCalls = REAL) {
    this.size = size
    this.sector = sector
    this.#fd = fd
    this.#closed = closed
    this.#hear = hear
    this.#calls = calls
  }

  /** False: nothing stands for this area; it reads null and takes no write. */
  get there(): boolean {
    return this.#fd !== null
  }

  get isDevice(): boolean {
    return this.#fd !== null && fstatSync(this.#fd).isBlockDevice()
  }

  read(offset: number, length: number): Uint8Array | null {
    if (this.#fd === null || this.#unsure.meets(offset, offset + length)) return null
    const bytes = new Uint8Array(length)
    try {
      for (let at = 0; at < length; ) {
        const count = this.#calls.readSync(this.#fd, bytes, at, length - at, offset + at)
        if (count === 0) return this.#failed('read', 'short')
        at += count
      }
    } catch (error) {
      return this.#failed('read', codeOf(error))
    }
    return bytes
  }

  /** Durable on return, unless a trouble was heard. If power fails before, any part of the bytes may be there. */
  write(offset: number, data: Uint8Array): void {
    this.#durably(offset, offset + data.length, fd => this.#writeAll(fd, data, offset))
  }

  /**
   * From the last sector to the first, as every flash does it here. What reads as erased is not written again: that would
   * wear the disk, and leave what is there.
   */
  fill(offset: number, length: number, value: number): void {
    const blank = new Uint8Array(this.sector).fill(value)
    this.#durably(offset, offset + length, fd => {
      for (let at = offset + length - this.sector; at >= offset; at -= this.sector) {
        const there = this.read(at, this.sector)
        if (there === null || Buffer.compare(there, blank) !== 0) this.#writeAll(fd, blank, at)
      }
    })
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
  }

  #durably(start: number, end: number, write: (fd: number) => void): void {
    if (this.#fd === null || this.#closed !== null) {
      this.#failed('write', this.#closed ?? 'ENXIO')
      return
    }
    try {
      write(this.#fd)
      this.#calls.fdatasyncSync(this.#fd)
      this.#unsure.remove(start, end)
    } catch (error) {
      // The page cache may show it as written, and the disk as it was, or as anything between the two.
      this.#unsure.add(start, end)
      this.#failed('write', codeOf(error))
    }
  }

  #writeAll(fd: number, data: Uint8Array, offset: number): void {
    for (let at = 0; at < data.length; ) at += this.#calls.writeSync(fd, data, at, data.length - at, offset + at)
  }

  #failed(during: Trouble['during'], code: string): null {
    this.#hear({ during, code })
    return null
  }
}

/**
 * Opens what stands for an area. What cannot be written is opened for reading; what is not there, or is shorter than the
 * area, has a stand-in that reads null and takes no write. `writable` false: for reading only, and that is no trouble.
 */
export function openArea(path: string, sizes: Sizes, writable: boolean, hear: Hear): AreaFile {
  let closed: string | null = writable ? null : 'EROFS'
  let fd: number | null = null
  try {
    if (writable) fd = openSync(path, 'r+')
  } catch (error) {
    closed = codeOf(error)
  }
  try {
    fd ??= openSync(path, 'r')
  } catch (error) {
    hear({ during: 'open', code: codeOf(error) })
    return new AreaFile(sizes, null, null, hear)
  }
  if (writable && closed !== null) hear({ during: 'write', code: closed })
  const end = reaches(fd, sizes.size)
  if (end === null) return new AreaFile(sizes, fd, closed, hear)
  hear({ during: 'open', code: end })
  closeSync(fd)
  return new AreaFile(sizes, null, null, hear)
}

/**
 * Null when the last byte of an area can be read, or is there and cannot be: then it is a fault of its sector. A device
 * tells no size; whether its last byte can be reached does.
 */
function reaches(fd: number, size: number): string | null {
  try {
    return readSync(fd, new Uint8Array(1), 0, 1, size - 1) === 1 ? null : 'short'
  } catch (error) {
    return codeOf(error) === 'EIO' ? null : codeOf(error)
  }
}

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message

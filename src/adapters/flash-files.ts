import { closeSync, fdatasyncSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { areasOf, type FlashArea, faultOf, type Geometry } from '../core/slot/layout.ts'
import type { Flash } from '../flows/ports.ts'

/** The file or block device of an area. */
export type PathOf = (area: FlashArea) => string

type Area = { readonly fd: number; readonly size: number; readonly sector: number }

const ERASED = 0xff

/**
 * A controller's flash on files or block devices, one for each area. What it answers for is durable: every program and
 * every erase ends with fdatasync. The sizes are those of the geometry, whatever the files have behind them. A file that
 * is shorter, or that the disk cannot read (EIO), answers null there, as flash with an ECC fault does. The golden area is
 * open for reading only: nothing in this process can write it.
 *
 * A disk that does not write is dead I/O: program and erase throw, and the process that uses them ends. What the disk
 * then holds is what a loss of power would have left.
 */
export class FlashFiles implements Flash {
  readonly #areas: ReadonlyMap<FlashArea, Area>

  private constructor(areas: ReadonlyMap<FlashArea, Area>) {
    this.#areas = areas
  }

  /**
   * Opens what `create` made. Refuses `board-area-missing` (no such file, or not for this user) and `board-area-short`
   * (fewer bytes than the geometry asks for).
   */
  static open(geometry: Geometry, path: PathOf): FlashFiles | Refusal {
    const areas = openAreas(geometry, path, area => (area === 'golden' ? 'r' : 'r+'))
    return isRefusal(areas) ? areas : new FlashFiles(areas)
  }

  /**
   * Makes erased flash and opens it with golden writable: for manufacture only. A path that is there is used as it is
   * (a block device) and erased; one that is not becomes a file of mode 0600. Durable on return. Refuses
   * `board-area-missing`, `board-area-short` and `no-space`.
   */
  static create(geometry: Geometry, path: PathOf): FlashFiles | Refusal {
    const names = areasOf(geometry).map(([area]) => area)
    for (const area of names) {
      try {
        // If power fails while this writes, there is no board.json yet: the half-made board is made again.
        const fd = openSync(path(area), 'a', 0o600)
        fsyncSync(fd)
        closeSync(fd)
      } catch (error) {
        return missing(area, path(area), error)
      }
    }
    const areas = openAreas(geometry, path, () => 'r+', true)
    if (isRefusal(areas)) return areas
    const flash = new FlashFiles(areas)
    for (const [name, area] of areas) {
      const full = flash.#blankNew(name, area, path(name))
      if (full === null) continue
      flash.close()
      return full
    }
    for (const folder of new Set(names.map(area => dirname(path(area))))) syncFolder(folder)
    return flash
  }

  has(area: FlashArea): boolean {
    return this.#areas.has(area)
  }

  size(area: FlashArea): number {
    return this.#area(area).size
  }

  sector(area: FlashArea): number {
    return this.#area(area).sector
  }

  read(area: FlashArea, offset: number, length: number): Uint8Array | null {
    const place = this.#area(area)
    checkRange(area, place, offset, length)
    return readAt(place, offset, length)
  }

  program(area: FlashArea, offset: number, data: Uint8Array): void {
    const place = this.#area(area)
    checkRange(area, place, offset, data.length)
    writeAll(place.fd, data, offset)
    // If power fails before this returns, any part of the bytes may be there: the callers expect it.
    fdatasyncSync(place.fd)
  }

  erase(area: FlashArea, offset: number, length: number): void {
    const place = this.#area(area)
    checkRange(area, place, offset, length)
    if (offset % place.sector !== 0 || length % place.sector !== 0) throw new Error(`erase of ${area} is not by sector`)
    this.#blank(place, offset, length)
  }

  close(): void {
    for (const { fd } of this.#areas.values()) closeSync(fd)
  }

  /**
   * From the last sector to the first, as every flash does it here. What reads as erased is not written again: that would
   * wear the disk, and leave what is there.
   */
  #blank(place: Area, offset: number, length: number): void {
    const blank = new Uint8Array(place.sector).fill(ERASED)
    for (let at = offset + length - place.sector; at >= offset; at -= place.sector) {
      const there = readAt(place, at, place.sector)
      if (there === null || Buffer.compare(there, blank) !== 0) writeAll(place.fd, blank, at)
    }
    fdatasyncSync(place.fd)
  }

  /** Erases an area that may not be there whole: a device ends where it ends, a disk may be full. */
  #blankNew(name: FlashArea, area: Area, path: string): null | Refusal {
    try {
      this.#blank(area, 0, area.size)
      return null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      const wanted = `${area.size} bytes`
      return fstatSync(area.fd).isBlockDevice()
        ? refuse('board-area-short', `${name}, ${path}`, wanted, 'fewer')
        : refuse('no-space', path, wanted, 'a full disk')
    }
  }

  #area(name: FlashArea): Area {
    const area = this.#areas.get(name)
    if (area === undefined) throw new Error(`the board has no area ${name}`)
    return area
  }
}

function openAreas(
  geometry: Geometry,
  path: PathOf,
  flags: (area: FlashArea) => string,
  growing = false,
): ReadonlyMap<FlashArea, Area> | Refusal {
  const fault = faultOf(geometry)
  if (fault !== null) throw new Error(`flash geometry: ${fault}`)
  const areas = new Map<FlashArea, Area>()
  const give = (refusal: Refusal): Refusal => {
    for (const { fd } of areas.values()) closeSync(fd)
    return refusal
  }
  for (const [name, { size, sector }] of areasOf(geometry)) {
    const file = path(name)
    try {
      const area: Area = { fd: openSync(file, flags(name)), size, sector }
      areas.set(name, area)
      // A device tells no size: whether its last byte can be reached does.
      if (!growing && !reaches(area)) {
        return give(refuse('board-area-short', `${name}, ${file}`, `${size} bytes`, 'fewer'))
      }
    } catch (error) {
      return give(missing(name, file, error))
    }
  }
  return areas
}

/** A byte behind which nothing is needed can be read, or is there and cannot be: then it is a fault of its sector. */
function reaches({ fd, size }: Area): boolean {
  try {
    return readSync(fd, new Uint8Array(1), 0, 1, size - 1) === 1
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EIO'
  }
}

function readAt({ fd }: Area, offset: number, length: number): Uint8Array | null {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    let count: number
    try {
      count = readSync(fd, bytes, at, length - at, offset + at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EIO') return null
      throw error
    }
    if (count === 0) return null
    at += count
  }
  return bytes
}

function writeAll(fd: number, data: Uint8Array, offset: number): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at, offset + at)
}

function checkRange(area: FlashArea, { size }: Area, offset: number, length: number): void {
  if (offset < 0 || length < 0 || offset + length > size) throw new Error(`${area}: ${offset}+${length} is not in it`)
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

const missing = (area: FlashArea, path: string, error: unknown): Refusal =>
  refuse(
    'board-area-missing',
    `${area}, ${path}`,
    'a file or device that this user may use',
    (error as NodeJS.ErrnoException).code ?? (error as Error).message,
  )

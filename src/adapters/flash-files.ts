import { closeSync, fdatasyncSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { faultOf, type Geometry } from '../core/slot/layout.ts'
import type { Flash, FlashArea } from '../flows/ports.ts'

/** A file or a block device for each area. */
export type AreaPaths = Readonly<Record<FlashArea, string>>

type Area = { readonly path: string; readonly fd: number; readonly size: number; readonly sector: number }

/** Bytes written at a time while a slot is erased. */
const STRETCH = 1024 * 1024
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
  static open(geometry: Geometry, paths: AreaPaths): FlashFiles | Refusal {
    const areas = openAreas(geometry, paths, area => (area === 'golden' ? 'r' : 'r+'))
    return isRefusal(areas) ? areas : new FlashFiles(areas)
  }

  /**
   * Makes erased flash and opens it with golden writable: for manufacture only. A path that is there is used as it is
   * (a block device) and erased; one that is not becomes a file of mode 0600. Durable on return. Refuses
   * `board-area-missing` and `board-area-short`.
   */
  static create(geometry: Geometry, paths: AreaPaths): FlashFiles | Refusal {
    for (const area of areaNames(geometry)) {
      try {
        // If power fails while this writes, there is no board.json yet: the half-made board is made again.
        const fd = openSync(paths[area], 'a', 0o600)
        fsyncSync(fd)
        closeSync(fd)
      } catch (error) {
        return missing(area, paths[area], error)
      }
    }
    const areas = openAreas(geometry, paths, () => 'r+', true)
    if (isRefusal(areas)) return areas
    const flash = new FlashFiles(areas)
    for (const area of areas.values()) flash.#blank(area, 0, area.size)
    for (const folder of new Set(Object.values(paths).map(path => dirname(path)))) syncFolder(folder)
    return flash
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

  /** What reads as erased is not written again: it would wear the disk, and leave what is there. */
  #blank(place: Area, offset: number, length: number): void {
    const blank = new Uint8Array(Math.min(STRETCH, length)).fill(ERASED)
    for (let at = offset; at < offset + length; at += blank.length) {
      const bytes = Math.min(blank.length, offset + length - at)
      const part = blank.subarray(0, bytes)
      const there = readAt(place, at, bytes)
      if (there === null || Buffer.compare(there, part) !== 0) writeAll(place.fd, part, at)
    }
    fdatasyncSync(place.fd)
  }

  #area(name: FlashArea): Area {
    const area = this.#areas.get(name)
    if (area === undefined) throw new Error(`the board has no area ${name}`)
    return area
  }
}

/** The areas that a board of this geometry has. */
export function areaNames(_geometry: Geometry): readonly FlashArea[] {
  return ['record0', 'record1', 'a', 'b', 'golden', 'history']
}

function placeOf(geometry: Geometry, area: FlashArea): { readonly size: number; readonly sector: number } {
  if (area === 'record0' || area === 'record1') return geometry.record
  if (area === 'golden') return geometry.golden
  return area === 'history' ? geometry.history : geometry.slot
}

function openAreas(
  geometry: Geometry,
  paths: AreaPaths,
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
  for (const name of areaNames(geometry)) {
    const path = paths[name]
    try {
      const area: Area = { path, fd: openSync(path, flags(name)), ...placeOf(geometry, name) }
      areas.set(name, area)
      // A device tells no size: whether its last byte can be reached does.
      if (!growing && !reaches(area)) {
        return give(refuse('board-area-short', `${name}, ${path}`, `${area.size} bytes`, 'fewer'))
      }
    } catch (error) {
      return give(missing(name, path, error))
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

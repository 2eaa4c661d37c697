import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Flash } from '../../core/slot/hardware.ts'
import { areasOf, type FlashArea, faultOf, type Geometry } from '../../core/slot/layout.ts'
import { AreaFile, codeOf, openArea, type Trouble } from './area-file.ts'

/** The file or block device of an area. */
export type PathOf = (area: FlashArea) => string

/** What failed with which area. */
export type AreaTrouble = Trouble & { readonly area: FlashArea }

type Areas = ReadonlyMap<FlashArea, AreaFile>

const ERASED = 0xff
/** What a controller can boot from: without all of these there is no board. */
const BOOTABLE: readonly FlashArea[] = ['a', 'b', 'golden']

/**
 * A controller's flash on files or block devices, one for each area. What it answers for is durable: every program and
 * every erase ends with fdatasync. The sizes are those of the geometry, whatever the files have behind them. The golden
 * area is open for reading only: nothing in this process can write it.
 *
 * A disk that fails is flash that fails, and no fault of this program: storage at the end of its life takes no write any
 * more, and what runs from it has to go on. So `program` and `erase` never throw for it: what they did not do is not
 * there when it is read back, which every caller does. A read that fails answers null, as flash with an ECC fault does. An
 * area whose file is gone or too short reads null and takes no write.
 */
export class FlashFiles implements Flash {
  readonly #areas: Areas

  private constructor(areas: Areas) {
    this.#areas = areas
  }

  /**
   * Opens what `create` made, however much of it is left. `hear` is told of each kind of failure once for each area.
   * Refuses `board-area-missing` (no such file, or not for this user) and `board-area-short` (fewer bytes than the
   * geometry asks for) when that is so of both slots and of golden: then nothing is there to boot from.
   */
  static open(geometry: Geometry, path: PathOf, hear: (trouble: AreaTrouble) => void = () => {}): FlashFiles | Refusal {
    const heard = new Set<string>()
    const missing: Refusal[] = []
    const areas = openAreas(geometry, path, trouble => {
      const { area, during, code } = trouble
      if (during === 'open' && BOOTABLE.includes(area)) missing.push(unusable(trouble, path))
      const kind = `${area} ${during} ${code}`
      if (!heard.has(kind)) hear(trouble)
      heard.add(kind)
    })
    const [first] = missing
    if (first === undefined || missing.length < BOOTABLE.length) return new FlashFiles(areas)
    closeAll(areas)
    return first
  }

  /**
   * Makes erased flash and opens it with golden writable: for manufacture only, and strict. A path that is there is used
   * as it is (a block device) and erased; one that is not becomes a file of mode 0600. Durable on return. Refuses
   * `board-area-missing`, `board-area-short` and `no-space`. What it answers throws for a disk that fails.
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
        return unusable({ area, during: 'open', code: codeOf(error) }, path)
      }
    }
    const areas = new Map<FlashArea, AreaFile>()
    for (const [area, sizes] of areasOf(geometry)) {
      const strictly = ({ during, code }: Trouble): void => {
        // What is being made need not be there whole yet; but what is written is.
        if (during === 'write') throw Object.assign(new Error(`${area} takes no write: ${code}`), { code })
      }
      const file = new AreaFile(sizes, openSync(path(area), 'r+'), null, strictly)
      areas.set(area, file)
      const full = blankNew(area, file, path(area))
      if (full === null) continue
      closeAll(areas)
      return full
    }
    for (const folder of new Set(names.map(area => dirname(path(area))))) syncFolder(folder)
    return new FlashFiles(areas)
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
    const file = this.#area(area)
    checkRange(area, file, offset, length)
    return file.read(offset, length)
  }

  program(area: FlashArea, offset: number, data: Uint8Array): void {
    const file = this.#area(area)
    checkRange(area, file, offset, data.length)
    file.write(offset, data)
  }

  erase(area: FlashArea, offset: number, length: number): void {
    const file = this.#area(area)
    checkRange(area, file, offset, length)
    if (offset % file.sector !== 0 || length % file.sector !== 0) throw new Error(`erase of ${area} is not by sector`)
    file.fill(offset, length, ERASED)
  }

  close(): void {
    closeAll(this.#areas)
  }

  #area(name: FlashArea): AreaFile {
    const area = this.#areas.get(name)
    if (area === undefined) throw new Error(`the board has no area ${name}`)
    return area
  }
}

function openAreas(geometry: Geometry, path: PathOf, hear: (trouble: AreaTrouble) => void): Areas {
  const fault = faultOf(geometry)
  if (fault !== null) throw new Error(`flash geometry: ${fault}`)
  const areas = areasOf(geometry).map(([area, sizes]) => {
    const file = openArea(path(area), sizes, area !== 'golden', trouble => hear({ ...trouble, area }))
    return [area, file] as const
  })
  return new Map(areas)
}

/** Erases an area that may not be there whole: a device ends where it ends, a disk may be full. */
function blankNew(area: FlashArea, file: AreaFile, path: string): null | Refusal {
  try {
    file.fill(0, file.size, ERASED)
    return null
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error
    const wanted = `${file.size} bytes`
    return file.isDevice
      ? refuse('board-area-short', `${area}, ${path}`, wanted, 'fewer')
      : refuse('no-space', path, wanted, 'a full disk')
  }
}

function checkRange(area: FlashArea, { size }: AreaFile, offset: number, length: number): void {
  if (offset < 0 || length < 0 || offset + length > size) throw new Error(`${area}: ${offset}+${length} is not in it`)
}

function closeAll(areas: Areas): void {
  for (const file of areas.values()) file.close()
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function unusable({ area, code }: AreaTrouble, path: PathOf): Refusal {
  const subject = `${area}, ${path(area)}`
  return code === 'short'
    ? refuse('board-area-short', subject, 'the bytes that the board was made with', 'fewer')
    : refuse('board-area-missing', subject, 'a file or device that this user may use', code)
}

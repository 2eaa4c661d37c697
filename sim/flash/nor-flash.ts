import { closeSync, existsSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import type { Geometry } from '../../src/core/slot/layout.ts'
import { areasOf, faultOf } from '../../src/core/slot/layout.ts'
import type { Flash, FlashArea } from '../../src/flows/ports.ts'
import { type Random, seeded } from '../clock/random.ts'
import { type FaultHook, type FlashFault, type FlashOperation, noFaults } from './faults.ts'
import { PowerLost } from './power-lost.ts'

type Place = { readonly start: number; readonly size: number; readonly sector: number }
type Weak = { readonly start: number; readonly end: number }

export type NorFlashOptions = {
  readonly geometry: Geometry
  /** Keeps the flash in this file, written through: killing the process is then a loss of power. */
  readonly file?: string
  /** Decides what a cut leaves in the byte or sector that it hits, and what weak bits read. */
  readonly seed?: number
}

/**
 * NOR flash in memory, with an optional file behind it. Programming clears bits, erasing sets whole sectors. Reads are
 * views, not copies, except where weak bits lie. `faults` is asked before each program and erase; a cut throws
 * PowerLost, and every use after it is a bug until `powerUp`.
 */
export class NorFlash implements Flash {
  faults: FaultHook = noFaults
  readonly #places: Readonly<Partial<Record<FlashArea, Place>>>
  readonly #cells: Uint8Array
  readonly #file: number | null
  #random: Random
  #weak: Weak[] = []
  readonly #unreadable = new Set<number>()
  readonly #worn = new Set<FlashArea>()
  #operations = 0
  #on = true
  #goldenOpen = false

  constructor(options: NorFlashOptions) {
    const { geometry } = options
    const fault = faultOf(geometry)
    if (fault !== null) throw new Error(`flash geometry: ${fault}`)
    let start = 0
    const places: Partial<Record<FlashArea, Place>> = {}
    for (const [area, { size, sector }] of areasOf(geometry)) {
      places[area] = { start, size, sector }
      start += size
    }
    this.#places = places
    this.#cells = new Uint8Array(start).fill(0xff)
    this.#random = seeded(options.seed ?? 1)
    this.#file = options.file === undefined ? null : this.#attach(options.file)
  }

  size(area: FlashArea): number {
    return this.#place(area).size
  }

  sector(area: FlashArea): number {
    return this.#place(area).sector
  }

  read(area: FlashArea, offset: number, length: number): Uint8Array | null {
    this.#needPower()
    const start = this.#at(area, offset, length)
    const end = start + length
    for (const sector of this.#unreadable) {
      if (sector < end && sector + this.#place(area).sector > start) return null
    }
    const weak = this.#weak.filter(range => range.start < end && range.end > start)
    if (weak.length === 0) return this.#cells.subarray(start, end)
    const out = this.#cells.slice(start, end)
    for (const range of weak) {
      for (let at = Math.max(range.start, start); at < Math.min(range.end, end); at += 1) {
        out[at - start] = (out[at - start] as number) ^ (this.#byte() & this.#byte())
      }
    }
    return out
  }

  program(area: FlashArea, offset: number, data: Uint8Array): void {
    const start = this.#at(area, offset, data.length)
    this.#operate({ index: this.#operations, kind: 'program', area, offset, length: data.length }, fault => {
      const whole = fault?.cut === 'inside' ? Math.floor(data.length * fault.share) : data.length
      for (let index = 0; index < whole; index += 1) {
        this.#cells[start + index] = (this.#cells[start + index] as number) & (data[index] as number)
      }
      if (fault?.cut === 'inside' && whole < data.length) {
        // The byte where it stopped: some of the bits that should be cleared are.
        this.#cells[start + whole] = (this.#cells[start + whole] as number) & ((data[whole] as number) | this.#byte())
        if (fault.weak === true)
          this.#weak.push({ start: start + whole, end: Math.min(start + whole + 8, start + data.length) })
      } else if (fault?.cut === 'inside' && fault.weak === true && data.length > 0) {
        this.#weak.push({ start: start + Math.max(0, whole - 8), end: start + whole })
      }
      this.#write(start, data.length)
    })
  }

  erase(area: FlashArea, offset: number, length: number): void {
    const { sector } = this.#place(area)
    if (offset % sector !== 0 || length % sector !== 0) throw new Error(`erase of ${area} is not by sector`)
    const start = this.#at(area, offset, length)
    this.#operate({ index: this.#operations, kind: 'erase', area, offset, length }, fault => {
      const exact = fault?.cut === 'inside' ? length * fault.share : length
      const whole = exact - (exact % sector)
      // From the last sector to the first (see ports.ts).
      const edge = start + length - whole
      this.#blank(edge, start + length, sector)
      if (fault?.cut === 'inside' && whole < length)
        this.#tear(edge - sector, sector, (exact % sector) / sector, fault.weak === true)
      else if (fault?.cut === 'inside' && fault.weak === true && length > 0) {
        this.#weak.push({ start, end: start + sector })
      }
      this.#write(start, length)
    })
  }

  /** Programs and erases so far. A test that enumerates faults counts a faultless run first. */
  get operations(): number {
    return this.#operations
  }

  /** Ends the use of this flash; only the file, when there is one, lives on. */
  powerOff(): void {
    this.#on = false
  }

  powerUp(): void {
    this.#on = true
  }

  /** Takes the file's handle away. The flash is gone for this process. */
  close(): void {
    this.#on = false
    if (this.#file !== null) closeSync(this.#file)
  }

  /** Writes to flash at manufacture, golden included: the write protection is set behind it. No fault strikes here. */
  manufacture(area: FlashArea, offset: number, data: Uint8Array): void {
    const hook = this.faults
    this.faults = noFaults
    this.#goldenOpen = true
    this.program(area, offset, data)
    this.#goldenOpen = false
    this.faults = hook
    this.#operations -= 1
  }

  /** A fault: flips the bits of `mask` in one byte, for ever or until it is erased. */
  rot(area: FlashArea, offset: number, mask = 0x01): void {
    const at = this.#at(area, offset, 1)
    this.#cells[at] = (this.#cells[at] as number) ^ mask
    this.#write(at, 1)
  }

  /** A fault: the sector at `offset` answers null to every read until it is erased. */
  eccFault(area: FlashArea, offset: number): void {
    const { sector } = this.#place(area)
    this.#unreadable.add(this.#at(area, offset - (offset % sector), sector))
  }

  /** A fault: the area is worn out; programs and erases of it do nothing from now on, and say nothing. */
  wearOut(area: FlashArea): void {
    this.#worn.add(area)
  }

  /** A fault: these bytes read differently from time to time until they are erased. */
  weaken(area: FlashArea, offset: number, length: number): void {
    const start = this.#at(area, offset, length)
    this.#weak.push({ start, end: start + length })
  }

  /** A copy of everything, for a test that goes on from here more than once. */
  snapshot(): Uint8Array {
    return this.#cells.slice()
  }

  /** Puts a snapshot of the same geometry back. Weak bits and faults are gone; the seed decides those to come. */
  restore(snapshot: Uint8Array, seed = 1): void {
    this.#random = seeded(seed)
    this.#cells.set(snapshot)
    this.#weak = []
    this.#unreadable.clear()
    this.#worn.clear()
    this.#operations = 0
    this.#on = true
    this.#write(0, snapshot.length)
  }

  #operate(operation: FlashOperation, work: (fault: FlashFault | null) => void): void {
    this.#needPower()
    if (operation.area === 'golden' && !this.#goldenOpen) throw new Error('the golden slot is write-protected')
    const fault = this.faults(operation)
    this.#operations += 1
    if (fault?.cut !== 'before' && !this.#worn.has(operation.area)) work(fault)
    if (fault === null) return
    this.#on = false
    throw new PowerLost(`${fault.cut} ${operation.kind} ${operation.index} of ${operation.area} at ${operation.offset}`)
  }

  #blank(start: number, end: number, sector: number): void {
    this.#cells.fill(0xff, start, end)
    this.#weak = this.#weak.filter(range => range.end <= start || range.start >= end)
    for (let at = start; at < end; at += sector) this.#unreadable.delete(at)
  }

  /** An erase that stopped inside a sector: early, few bits have risen; late, all have, but not for good. */
  #tear(start: number, sector: number, share: number, weak: boolean): void {
    for (let at = start; at < start + sector; at += 1) {
      const risen =
        share > 0.9 ? 0xff : share > 0.4 ? this.#byte() | this.#byte() : share > 0 ? this.#byte() & this.#byte() : 0
      this.#cells[at] = (this.#cells[at] as number) | risen
    }
    if (weak) this.#weak.push({ start, end: start + sector })
  }

  #needPower(): void {
    if (!this.#on) throw new Error('flash is used without power')
  }

  #byte(): number {
    return Math.floor(this.#random() * 256)
  }

  #at(area: FlashArea, offset: number, length: number): number {
    const place = this.#place(area)
    if (offset < 0 || length < 0 || offset + length > place.size)
      throw new Error(`outside of ${area}: ${offset}+${length}`)
    return place.start + offset
  }

  #place(area: FlashArea): Place {
    const place = this.#places[area]
    if (place === undefined) throw new Error(`no area ${area} in this flash`)
    return place
  }

  #attach(file: string): number {
    const fresh = !existsSync(file)
    const handle = openSync(file, fresh ? 'wx+' : 'r+', 0o600)
    if (fresh) writeSync(handle, this.#cells, 0, this.#cells.length, 0)
    else if (fstatSync(handle).size !== this.#cells.length) throw new Error(`${file} is not a flash of this geometry`)
    else readSync(handle, this.#cells, 0, this.#cells.length, 0)
    return handle
  }

  #write(start: number, length: number): void {
    if (this.#file !== null) writeSync(this.#file, this.#cells, start, length, start)
  }
}

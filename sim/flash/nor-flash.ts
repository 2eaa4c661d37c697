import { closeSync, existsSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import type { Flash } from '../../src/core/slot/hardware.ts'
import type { FlashArea, Geometry } from '../../src/core/slot/layout.ts'
import { areasOf, faultOf } from '../../src/core/slot/layout.ts'
import { type Random, seeded } from '../clock/random.ts'
import { Damage, type DamageState, HEALTHY } from './damage.ts'
import { type FaultHook, type FlashFault, noFaults, type ReadFault, type ReadHook, type SilentFault } from './faults.ts'
import { PowerLost } from './power-lost.ts'
import { UNWORN, Wear, type WearState } from './wear.ts'

type Place = { readonly start: number; readonly size: number; readonly sector: number }

export type NorFlashOptions = {
  readonly geometry: Geometry
  /** Keeps the flash in this file, written through: killing the process is then a loss of power. */
  readonly file?: string
  /** Decides what a cut leaves in the byte or sector that it hits, and what weak bits read. */
  readonly seed?: number
  /** Bytes that are programmed at once: a cut leaves any of their bits behind. Unset: byte after byte. */
  readonly page?: number
  /**
   * Bytes of a word with an error-correcting code, as in the flash of many microcontrollers: a word that was programmed
   * twice, or not to its end, is an ECC fault to read until its sector is erased. Unset: no such code.
   */
  readonly eccWord?: number
  /**
   * Bytes that are rewritten whole at each program, as a block device does: a cut inside a program costs all that stands
   * in its block. Counted from the start of the area. Unset: none.
   */
  readonly block?: number
}

/** Everything that a flash holds, for a test that goes on from here more than once. */
export type FlashState = {
  readonly cells: Uint8Array
  readonly written: Uint8Array
  readonly damage: DamageState
  readonly wear: WearState
}

/** How many bytes go weak at once. */
const WEAKENED = 8

/**
 * NOR flash in memory, with an optional file behind it. Programming clears bits, erasing sets whole sectors. Reads are
 * views, not copies, except where weak bits lie. `faults` is asked before each program and erase, `readFaults` before each
 * read; a cut throws PowerLost, and every use after it is a bug until `powerUp`.
 */
export class NorFlash implements Flash {
  faults: FaultHook = noFaults
  readFaults: ReadHook = noFaults
  readonly #places: Readonly<Partial<Record<FlashArea, Place>>>
  readonly #cells: Uint8Array
  readonly #file: number | null
  readonly #page: number | null
  readonly #word: number | null
  readonly #block: number | null
  /** One byte for each word with a code: 1 when it was programmed since its last erase. */
  readonly #written: Uint8Array
  readonly #damage = new Damage()
  #random: Random
  readonly #wear = new Wear()
  #operations = 0
  #stamp = 0
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
    this.#page = options.page ?? null
    this.#word = options.eccWord ?? null
    this.#block = options.block ?? null
    this.#written = new Uint8Array(this.#word === null ? 0 : Math.ceil(start / this.#word))
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
    const fault = this.readFaults === noFaults ? null : this.readFaults({ area, offset, length })
    if (fault !== null && !this.#meet(fault, start, this.#place(area))) return null
    if (this.#wear.isDead(area)) return null
    const end = start + length
    if (this.#damage.fails(start, end, this.#random)) return null
    const bytes = this.#damage.read(this.#cells, start, end, this.#random)
    if (fault?.read !== 'flipped' || length === 0) return bytes
    const flipped = bytes.slice()
    flipped[fault.at] = (flipped[fault.at] as number) ^ fault.mask
    return flipped
  }

  program(area: FlashArea, offset: number, data: Uint8Array): void {
    const start = this.#at(area, offset, data.length)
    this.#operate('program', area, offset, data.length, fault => {
      if (fault === null || ('cut' in fault && fault.cut === 'after')) return this.#clear(start, data)
      if ('silent' in fault) {
        if (fault.silent === 'nothing') return
        const at = start + Math.min(fault.at, data.length - 1)
        const bit = (this.#cells[at] as number) & ~(data[at - start] as number)
        this.#clear(start, data)
        // The lowest bit that should have been cleared stays set.
        this.#cells[at] = (this.#cells[at] as number) | (bit & -bit)
      } else if ('cut' in fault && fault.cut === 'inside') {
        this.#stop(start, data, fault.share, fault.weak === true)
        this.#spoil(this.#place(area), offset, data.length)
      }
    })
  }

  erase(area: FlashArea, offset: number, length: number): void {
    const { sector } = this.#place(area)
    if (offset % sector !== 0 || length % sector !== 0) throw new Error(`erase of ${area} is not by sector`)
    const start = this.#at(area, offset, length)
    this.#operate('erase', area, offset, length, fault => {
      if (fault === null || ('cut' in fault && fault.cut === 'after')) return this.#blank(start, start + length)
      if ('silent' in fault) {
        if (fault.silent === 'nothing') return
        const at = start + Math.min(fault.at, length - 1)
        const zero = ~(this.#cells[at] as number) & 0xff
        this.#blank(start, start + length)
        // The lowest bit that was clear stays clear.
        this.#cells[at] = 0xff & ~(zero & -zero)
      } else if ('cut' in fault && fault.cut === 'inside') {
        const exact = length * fault.share
        const whole = exact - (exact % sector)
        // From the last sector to the first (see ports.ts).
        const edge = start + length - whole
        this.#blank(edge, start + length)
        if (whole < length) this.#tear(edge - sector, sector, (exact % sector) / sector, fault.weak === true)
        else if (fault.weak === true && length > 0) this.#damage.weaken(start, start + sector)
      }
    })
  }

  /** Programs and erases so far: what writes. */
  get operations(): number {
    return this.#operations
  }

  /** Another number each time that anything in the cells, or wrong with them, has changed. */
  get stamp(): number {
    return this.#stamp
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

  /** What the cells hold, whatever a read would meet. A view, and no operation: for whoever judges a run. */
  cells(area: FlashArea): Uint8Array {
    const { start, size } = this.#place(area)
    return this.#cells.subarray(start, start + size)
  }

  /** All that is wrong with it apart from the bytes in its cells. No operation either. */
  get hurt(): { readonly damage: DamageState; readonly wear: WearState } {
    return { damage: this.#damage.state, wear: this.#wear.state }
  }

  /** Whether a read of these bytes may meet weak bits or an ECC fault. No operation either. */
  damaged(area: FlashArea, offset: number, length: number): boolean {
    const start = this.#at(area, offset, length)
    return this.#wear.isDead(area) || this.#damage.touches(start, start + length)
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
    const start = this.#at(area, offset - (offset % sector), sector)
    this.#damage.breakRange(start, start + sector, true)
    this.#stamp += 1
  }

  /** A fault: the area is worn out; the next programs and erases of it, unset: all, do nothing, and say nothing. */
  wearOut(area: FlashArea, writes = Number.POSITIVE_INFINITY): void {
    this.#wear.wearOut(area, writes)
  }

  /** Ends all wear that would have ended. */
  relieve(): void {
    this.#wear.relieve()
  }

  /** A fault: the area is dead; it answers null to every read, and its programs and erases do nothing, for ever. */
  kill(area: FlashArea): void {
    this.#wear.kill(area)
    this.#stamp += 1
  }

  /** A fault: these bytes read differently from time to time until they are erased. */
  weaken(area: FlashArea, offset: number, length: number): void {
    const start = this.#at(area, offset, length)
    this.#damage.weaken(start, start + length)
    this.#stamp += 1
  }

  /** A dump: the bytes of every area, one behind the other. */
  snapshot(): Uint8Array {
    return this.#cells.slice()
  }

  /** Puts a dump back: nothing is wrong with the flash then, and the power is on. */
  restore(dump: Uint8Array, seed = 1): void {
    const words = new Uint8Array(this.#written.length)
    if (this.#word !== null)
      words.forEach((_, word) => {
        const bytes = dump.subarray(word * (this.#word ?? 0), (word + 1) * (this.#word ?? 0))
        words[word] = bytes.every(byte => byte === 0xff) ? 0 : 1
      })
    this.load({ cells: dump, written: words, damage: HEALTHY, wear: UNWORN }, seed)
  }

  save(): FlashState {
    return {
      cells: this.#cells.slice(),
      written: this.#written.slice(),
      damage: this.#damage.state,
      wear: this.#wear.state,
    }
  }

  /** Puts back what `save` gave, on the same geometry, with the power on. The seed decides what cuts and weak bits to come leave. */
  load(state: FlashState, seed = 1): void {
    this.#cells.set(state.cells)
    this.#written.set(state.written)
    this.#damage.restore(state.damage)
    this.#wear.restore(state.wear)
    this.#operations = 0
    this.#on = true
    this.reseed(seed)
    this.#write(0, state.cells.length)
  }

  /** Decides anew what cuts and weak bits leave from now on. */
  reseed(seed: number): void {
    this.#random = seeded(seed)
  }

  #operate(
    kind: 'program' | 'erase',
    area: FlashArea,
    offset: number,
    length: number,
    work: (fault: FlashFault | SilentFault | null) => void,
  ): void {
    this.#needPower()
    if (area === 'golden' && !this.#goldenOpen) throw new Error('the golden slot is write-protected')
    const index = this.#operations
    const fault = this.faults({ index, kind, area, offset, length })
    this.#operations += 1
    const cut = fault !== null && 'cut' in fault ? fault.cut : null
    if (cut !== 'before' && this.#wear.takes(area)) {
      work(fault)
      this.#write(this.#place(area).start + offset, length)
    }
    if (cut !== null) this.#lose(`${cut} ${kind} ${index} of ${area} at ${offset}`)
  }

  #needPower(): void {
    if (!this.#on) throw new Error('flash is used without power')
  }

  #lose(where: string): never {
    this.#on = false
    throw new PowerLost(where)
  }

  /** Applies what a read meets; false: it answers null this once. */
  #meet(fault: ReadFault, start: number, { start: area, size, sector }: Place): boolean {
    if (fault.read === 'power') this.#lose(`before a read at ${start - area}`)
    if (fault.read === 'ecc-once') return false
    this.#stamp += 1
    const at = start + fault.at
    if (fault.read === 'rotten') {
      this.#cells[at] = (this.#cells[at] as number) ^ fault.mask
      this.#write(at, 1)
    } else if (fault.read === 'weakened') {
      // Eight bytes of the area: fewer would read right too often, and what is behind it belongs to another one.
      const from = Math.min(at, area + size - WEAKENED)
      this.#damage.weaken(from, from + WEAKENED)
    } else if (fault.read === 'ecc-lasting') {
      const from = at - ((at - area) % sector)
      this.#damage.breakRange(from, from + sector, true)
    }
    return true
  }

  /** A program that comes to its end. */
  #clear(start: number, data: Uint8Array): void {
    this.#lower(start, data)
    this.#encode(start, start + data.length)
  }

  #lower(start: number, data: Uint8Array): void {
    for (let index = 0; index < data.length; index += 1) {
      this.#cells[start + index] = (this.#cells[start + index] as number) & (data[index] as number)
    }
  }

  /** A program that stops: the byte or page where it does holds some of the bits; the word with a code is spoilt. */
  #stop(start: number, data: Uint8Array, share: number, weak: boolean): void {
    const exact = Math.floor(data.length * share)
    const whole = this.#page === null ? exact : Math.max(0, exact - ((start + exact) % this.#page))
    const step = this.#page === null ? 1 : this.#page - ((start + whole) % this.#page)
    const end = Math.min(data.length, whole + step)
    this.#lower(start, data.subarray(0, whole))
    for (let index = whole; index < end; index += 1) {
      this.#cells[start + index] = (this.#cells[start + index] as number) & ((data[index] as number) | this.#byte())
    }
    this.#encode(start, start + end)
    if (this.#word !== null && whole < end) {
      const from = start + whole - ((start + whole) % this.#word)
      this.#damage.breakRange(from, start + end, !weak)
    }
    if (!weak || data.length === 0) return
    if (whole < data.length) this.#damage.weaken(start + whole, start + Math.min(data.length, Math.max(end, whole + 8)))
    else this.#damage.weaken(start + Math.max(0, whole - 8), start + whole)
  }

  /** What stands beside a program that stopped, in the same blocks: other bits, or nothing that can be read. */
  #spoil({ start, size }: Place, offset: number, length: number): void {
    if (this.#block === null) return
    const from = offset - (offset % this.#block)
    const end = Math.min(size, Math.ceil((offset + length) / this.#block) * this.#block)
    if (this.#byte() < 128) this.#damage.breakRange(start + from, start + end, true)
    for (let at = start + from; at < start + end; at += 1) {
      this.#cells[at] = (this.#cells[at] as number) ^ (this.#byte() & this.#byte())
    }
  }

  /** Notes the words with a code that a program reached; one that was programmed before is spoilt. */
  #encode(start: number, end: number): void {
    if (this.#word === null) return
    for (let word = Math.floor(start / this.#word); word * this.#word < end; word += 1) {
      if (this.#written[word] === 1) this.#damage.breakRange(word * this.#word, (word + 1) * this.#word, true)
      this.#written[word] = 1
    }
  }

  #blank(start: number, end: number): void {
    this.#cells.fill(0xff, start, end)
    this.#damage.heal(start, end)
    if (this.#word !== null) this.#written.fill(0, Math.floor(start / this.#word), Math.ceil(end / this.#word))
  }

  /** An erase that stopped inside a sector: early, few bits have risen; late, all have, but not for good. */
  #tear(start: number, sector: number, share: number, weak: boolean): void {
    for (let at = start; at < start + sector; at += 1) {
      const risen =
        share > 0.9 ? 0xff : share > 0.4 ? this.#byte() | this.#byte() : share > 0 ? this.#byte() & this.#byte() : 0
      this.#cells[at] = (this.#cells[at] as number) | risen
    }
    if (weak) this.#damage.weaken(start, start + sector)
    if (this.#word === null || share === 0) return
    // A code that no longer fits its word: spoilt, or as it happens not.
    for (let at = start; at < start + sector; at += this.#word) {
      if (this.#byte() < 128) this.#damage.breakRange(at, at + this.#word, !weak)
    }
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
    else {
      // One that was made before boards had a journal, which stands last, ends where that begins.
      const made = fstatSync(handle).size
      const known = made === this.#cells.length || made === this.#places.journal?.start
      if (!known) throw new Error(`${file} is not a flash of this geometry`)
      readSync(handle, this.#cells, 0, made, 0)
      writeSync(handle, this.#cells, made, this.#cells.length - made, made)
    }
    return handle
  }

  /** Behind every change of the cells or the damage. */
  #write(start: number, length: number): void {
    this.#stamp += 1
    if (this.#file !== null) writeSync(this.#file, this.#cells, start, length, start)
  }
}

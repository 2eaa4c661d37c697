import { NorFlash, type NorFlashOptions } from '../../sim/flash/nor-flash.ts'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { FlashArea } from '../../src/core/slot/layout.ts'
import type { Gate } from './gate.ts'
import { type FlashSeen, joined, type Proof, proofOfRead, proofOfWear, proofOfWrite, type Stretch } from './proof.ts'

/** The simulated flash, with somebody beside it who looks at the cells when a fault is to strike: did it? */
export class ObservedFlash extends NorFlash {
  readonly #gate: Gate
  /** Numbers of changes that were made to other areas than the records, and than the history. */
  readonly #elsewhere = { records: 0, history: 0 }

  constructor(options: NorFlashOptions, gate: Gate) {
    super(options)
    this.#gate = gate
  }

  /** Another number each time that the records, or the history, may have changed. */
  stampOf(part: 'records' | 'history'): number {
    return this.stamp - this.#elsewhere[part]
  }

  override read(area: FlashArea, offset: number, length: number): Uint8Array | null {
    if (!this.#gate.aims) return super.read(area, offset, length)
    return this.#observed(
      area,
      offset,
      length,
      cells => cells,
      () => super.read(area, offset, length),
    )
  }

  override program(area: FlashArea, offset: number, data: Uint8Array): void {
    const before = this.stamp
    const full = (cells: Uint8Array): Uint8Array => cells.map((byte, index) => byte & (data[index] as number))
    try {
      if (!this.#gate.aims) super.program(area, offset, data)
      else this.#observed(area, offset, data.length, full, () => super.program(area, offset, data))
    } finally {
      this.#changed(area, before)
    }
  }

  override erase(area: FlashArea, offset: number, length: number): void {
    const before = this.stamp
    const full = (cells: Uint8Array): Uint8Array => new Uint8Array(cells.length).fill(0xff)
    try {
      if (!this.#gate.aims) super.erase(area, offset, length)
      else this.#observed(area, offset, length, full, () => super.erase(area, offset, length))
    } finally {
      this.#changed(area, before)
    }
  }

  #changed(area: FlashArea, before: number): void {
    if (area !== 'record0' && area !== 'record1') this.#elsewhere.records += this.stamp - before
    if (area !== 'history') this.#elsewhere.history += this.stamp - before
  }

  #observed<Answer>(
    area: FlashArea,
    offset: number,
    length: number,
    full: (cells: Uint8Array) => Uint8Array,
    work: () => Answer,
  ): Answer {
    const number = this.#gate.struck.length
    const before = this.#stretch(area, offset, length)
    let [lost, answer]: [boolean, Answer | null] = [false, null]
    try {
      answer = work()
      return answer
    } catch (error) {
      lost = error instanceof PowerLost
      throw error
    } finally {
      const after = this.#stretch(area, offset, length)
      const bytes = answer instanceof Uint8Array ? answer : null
      this.#prove(number, { before, after, lost, full: full(before.cells), answer: bytes })
    }
  }

  #stretch(area: FlashArea, offset: number, length: number): Stretch {
    const { damage, wear } = this.hurt
    const dead = wear.dead.includes(area)
    return {
      cells: this.cells(area).slice(offset, offset + length),
      hurt: this.damaged(area, offset, length),
      damage,
      wear,
      dead,
      writable: !dead && (wear.worn[area] ?? 0) === 0,
    }
  }

  #prove(number: number, seen: FlashSeen): void {
    const fault = this.#gate.struck[number]
    if (fault === undefined) return
    const { effect, operation } = fault
    const proofs: Proof[] = []
    if (operation.kind === 'read') {
      if (effect.read !== undefined) proofs.push(proofOfRead(effect.read, seen))
    } else if (effect.flash !== undefined) proofs.push(proofOfWrite(effect.flash, seen))
    if (effect.dies !== undefined || effect.wears !== undefined) proofs.push(proofOfWear(effect, seen))
    if (proofs.length > 0) fault.proof = joined(proofs)
  }
}

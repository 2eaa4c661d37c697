import type { FlashArea } from '../../src/core/slot/layout.ts'
import type { Device } from './device.ts'
import { newestRecord } from './plain-reader.ts'

/**
 * How many different things a run has come through: seeds are no states. What is hashed is told by its 53 bits; of a
 * million, one or none falls together with another by chance.
 */

const AREAS: readonly FlashArea[] = [
  ...(['record0', 'record1', 'history'] as const),
  ...(['a', 'a1', 'a2', 'a3', 'b', 'b1', 'b2', 'b3', 'golden'] as const),
]
const YEAR = 365 * 86_400_000

/** Two hashes side by side (FNV-1a over words, with different primes), as one whole number. */
class Hash {
  #one = 0x811c_9dc5 | 0
  #two = 0x9e37_79b9 | 0

  words(words: Int32Array): this {
    let [one, two] = [this.#one, this.#two]
    for (let index = 0; index < words.length; index += 1) {
      const word = words[index] as number
      one = Math.imul(one ^ word, 0x0100_0193)
      two = Math.imul((two ^ word) + (two >>> 15), 0x85eb_ca6b)
    }
    this.#one = one
    this.#two = two
    return this
  }

  text(text: string): this {
    const letters = new Int32Array(text.length)
    for (let at = 0; at < text.length; at += 1) letters[at] = text.charCodeAt(at)
    return this.words(letters)
  }

  get number(): number {
    const mixed = Math.imul(this.#one ^ (this.#one >>> 16), 0xc2b2_ae35)
    return ((this.#two ^ (this.#two >>> 13)) & 0x1f_ffff) * 0x1_0000_0000 + (mixed >>> 0)
  }
}

/** A device as a fault has left it: flash and what is wrong with it, the element, what runs, and how the next reset is told. */
export function stateOf(device: Device, where: string): number {
  const hash = new Hash().text(where)
  const components = device.board.device.components.length
  for (const area of AREAS) {
    const number = Number(area.slice(1))
    if (area.length === 2 && number >= components) continue
    const cells = device.flash.cells(area)
    hash.words(new Int32Array(cells.buffer, cells.byteOffset, cells.byteLength >> 2))
  }
  const { damage, wear, counter, anchors } = { ...device.flash.hurt, ...device.element.snapshot() }
  const { ram, cause, hung, harm, rounds } = device
  const running = ram === null ? null : [ram.running.slot, ram.running.facts.version, ram.running.trial, rounds]
  const year = Math.round(device.clock.now() / YEAR)
  const kids = anchors.map(({ kid }) => kid)
  return hash.text(JSON.stringify([damage, wear, counter, kids, running, cause, hung, harm, year])).number
}

/** What a run came to, once it was at rest. */
export function outcomeOf(device: Device, where: string): number {
  const { counter, anchors } = device.element.snapshot()
  const running = device.ram?.running
  const record = newestRecord(device.flash, device.element)
  const told = [
    ...[running?.slot, running?.facts.version, running?.trial, counter, anchors.map(({ kid }) => kid)],
    ...[record?.state, record?.slot, record?.failed, record?.notes],
  ]
  return new Hash().text(where).text(JSON.stringify(told)).number
}

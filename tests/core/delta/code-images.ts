import { drawn } from './images.ts'

/** Functions of an image that a seed makes: their bytes, with a call, and an address, of another function now and then. */
export type Function = {
  readonly words: Uint32Array
  readonly calls: readonly { word: number; of: number; kind: 'call' | 'address' }[]
}

/** How an architecture writes a call from one place to another, and an address: into the words at `word`. */
export type Linker = {
  readonly call: (words: Uint32Array, word: number, distance: number) => void
  readonly address: (words: Uint32Array, word: number, from: number, to: number) => void
}

/** So many functions; those with the same number are the same, from whatever seed. */
export function functions(count: number): Function[] {
  return Array.from({ length: count }, (_, which) => {
    const noise = drawn(which + 1, 400)
    const words = new Uint32Array(20 + (noise[0]! % 70))
    // Instructions that refer to nothing: additions of one register to another, in AArch64 and as good as any elsewhere.
    for (let word = 0; word < words.length; word += 1)
      words[word] = 0x0b00_0000 | (noise[word + 1]! << 5) | (noise[word + 101]! & 31)
    const calls: { word: number; of: number; kind: 'call' | 'address' }[] = []
    for (let word = 3; word + 3 < words.length; word += 4 + (noise[word]! % 5)) {
      const of = (noise[word + 200]! * 256 + noise[word + 201]!) % count
      calls.push({ word, of, kind: noise[word + 202]! % 3 === 0 ? 'address' : 'call' })
    }
    return { words, calls }
  })
}

/** An image of functions in an order, linked: each where the ones before it end. */
export function linked(all: readonly Function[], order: readonly number[], { call, address }: Linker): Uint8Array {
  const at = new Map<number, number>()
  let length = 0
  for (const which of order) {
    at.set(which, length)
    length += all[which]!.words.length * 4
  }
  const image = new Uint32Array(length / 4)
  for (const which of order) {
    const { words, calls } = all[which]!
    const begin = at.get(which)!
    const own = words.slice()
    for (const { word, of, kind } of calls) {
      const target = at.get(of)
      if (target === undefined) continue
      const from = begin + 4 * word
      if (kind === 'call') call(own, word, target - from)
      else address(own, word, from, target)
    }
    image.set(own, begin / 4)
  }
  return new Uint8Array(image.buffer)
}

/** Two images of the same 900 functions. In the new one some are gone, and some stand elsewhere: everything behind them has moved. */
export function moved(linker: Linker): { readonly old: Uint8Array; readonly now: Uint8Array } {
  const all = functions(900)
  const inOrder = all.map((_, which) => which)
  const order = [
    ...inOrder.slice(5, 300),
    ...inOrder.slice(600, 640),
    ...inOrder.slice(310, 600),
    ...inOrder.slice(640),
  ]
  return { old: linked(all, inOrder, linker), now: linked(all, order, linker) }
}

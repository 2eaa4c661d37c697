import type { Ask, PatchApplier } from '../../../src/core/delta/apply.ts'
import { blockLength, HEADER_BYTES } from '../../../src/core/delta/patch.ts'
import { isRefusal, type Refusal } from '../../../src/core/refusal/refusal.ts'

/** Two slots in memory: the old one can be read anywhere within it, the new one is written forwards alone. */
export class MemorySlots {
  readonly old: Uint8Array
  readonly written: Uint8Array
  end = 0

  constructor(old: Uint8Array, room: number) {
    this.old = old
    this.written = new Uint8Array(room)
  }

  /** Carries out what is asked. Throws for what no applier may ask. */
  run<T>(asking: Generator<Ask, T, Uint8Array>): T {
    for (let step = asking.next(NOTHING); ; ) {
      if (step.done) return step.value
      step = asking.next(this.#do(step.value))
    }
  }

  #do(ask: Ask): Uint8Array {
    if (ask.do === 'write') {
      if (ask.at !== this.end || ask.at + ask.bytes.length > this.written.length) throw new Error('written elsewhere')
      this.written.set(ask.bytes, ask.at)
      this.end += ask.bytes.length
      return NOTHING
    }
    const [bytes, length] = ask.do === 'read-old' ? [this.old, this.old.length] : [this.written, this.end]
    if (ask.at < 0 || ask.length < 0 || ask.at + ask.length > length) throw new Error('read outside')
    return bytes.subarray(ask.at, ask.at + ask.length)
  }
}

const NOTHING = new Uint8Array(0)

/** The blocks of a patch, each with where it begins. */
export function blocksOf(patch: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = []
  for (let at = HEADER_BYTES; at < patch.length; ) {
    const length = at + 4 > patch.length ? patch.length - at : blockLength(patch.subarray(at))
    blocks.push(patch.subarray(at, at + length))
    at += Math.max(1, length)
  }
  return blocks
}

/** Gives an applier block after block, until one is refused or there is none left. */
export function takeAll(applier: PatchApplier, slots: MemorySlots, blocks: readonly Uint8Array[]): null | Refusal {
  for (const block of blocks) {
    const fault = slots.run(applier.take(block))
    if (isRefusal(fault)) return fault
  }
  return null
}

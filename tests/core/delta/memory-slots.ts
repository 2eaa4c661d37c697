import type { PatchApplier } from '../../../src/core/delta/apply.ts'
import { carryOut, type PatchSlots } from '../../../src/core/delta/carry-out.ts'
import type { Refusal } from '../../../src/core/refusal/refusal.ts'

/** Two slots in memory: the old one can be read anywhere within it, the new one is written forwards alone. Throws for what no applier may ask. */
export class MemorySlots implements PatchSlots {
  readonly old: Uint8Array
  readonly written: Uint8Array
  end = 0

  constructor(old: Uint8Array, room: number) {
    this.old = old
    this.written = new Uint8Array(room)
  }

  readOld(at: number, length: number): Uint8Array {
    return within(this.old, at, length)
  }

  readNew(at: number, length: number): Uint8Array {
    return within(this.written.subarray(0, this.end), at, length)
  }

  write(at: number, bytes: Uint8Array): null {
    if (at !== this.end || at + bytes.length > this.written.length) throw new Error('written elsewhere')
    this.written.set(bytes, at)
    this.end += bytes.length
    return null
  }
}

function within(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (!(at >= 0 && length >= 0 && at + length <= bytes.length)) throw new Error('read outside')
  return bytes.subarray(at, at + length)
}

/** Gives an applier block after block, until one is refused or there is none left. */
export function takeAll(applier: PatchApplier, slots: MemorySlots, blocks: Iterable<Uint8Array>): null | Refusal {
  for (const block of blocks) {
    const fault = carryOut(applier.take(block), slots)
    if (fault !== null) return fault
  }
  return null
}

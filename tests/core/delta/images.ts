import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { createPatch, type PatchOrder } from '../../../src/core/delta/create.ts'

/** Bytes that a seed makes, the same each time. */
export function drawn(seed: number, length: number): Uint8Array {
  let state = seed | 1
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    return (state >>> 24) & 255
  })
}

/** The whole patch. */
export function patchOf(order: PatchOrder): Uint8Array {
  const work = createPatch(crypto, order)
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

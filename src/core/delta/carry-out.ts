import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import type { Ask } from './apply.ts'

/**
 * The two slots of whoever applies a patch. Each answers why it cannot, and then nothing more is asked: bytes that cannot be read, or were not
 * written. What is read may be a view, good until the next write.
 */
export type PatchSlots = {
  /** Bytes of the slot that is run from, all of those that are asked for. */
  readOld(at: number, length: number): Uint8Array | Refusal
  /** Bytes of the slot that is written, from before a power cut. */
  readNew(at: number, length: number): Uint8Array | Refusal
  /** Writes at the end of what was written before. */
  write(at: number, bytes: Uint8Array): null | Refusal
}

/**
 * Carries out what an applier asks for (`take`, `resume`), and answers what it comes to. A refusal is one of the applier or of a slot: behind it the
 * applier is not used again. Whether what was written is durable is the slots' matter.
 */
export function carryOut<T>(asking: Generator<Ask, T, Uint8Array>, slots: PatchSlots): T | Refusal {
  for (let step = asking.next(NOTHING); ; ) {
    if (step.done) return step.value
    const answer = answerOf(step.value, slots)
    if (isRefusal(answer)) return answer
    step = asking.next(answer ?? NOTHING)
  }
}

/** What the slots answer to one ask; null for what they have written. */
export function answerOf(ask: Ask, slots: PatchSlots): Uint8Array | null | Refusal {
  if (ask.do === 'write') return slots.write(ask.at, ask.bytes)
  return ask.do === 'read-old' ? slots.readOld(ask.at, ask.length) : slots.readNew(ask.at, ask.length)
}

const NOTHING = new Uint8Array(0)

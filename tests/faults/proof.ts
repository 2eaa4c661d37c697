import type { DamageState } from '../../sim/flash/damage.ts'
import type { FlashFault, ReadFault, SilentFault } from '../../sim/flash/faults.ts'
import type { WearState } from '../../sim/flash/wear.ts'
import type { Effect } from './mode.ts'

/**
 * Whether a fault that struck did something, told from what was there before and behind it, and not from the plan. `effect`:
 * it did what its mode says. `none`: there was nothing that it could have done, as of a write that is lost where it would
 * have changed no bit; it is counted apart. `ignored`: it could have, and did not: then the run proves nothing.
 */
export type Proof = 'effect' | 'none' | 'ignored'

/** What is so of a stretch of flash. `hurt`: a read of it may meet weak bits or an ECC fault. */
export type Stretch = {
  readonly cells: Uint8Array
  readonly hurt: boolean
  readonly damage: DamageState
  readonly wear: WearState
  /** Writes of its area take effect, and its area can be read. */
  readonly writable: boolean
  readonly dead: boolean
}

/** An operation on flash that a fault struck. `lost`: the power went in it; `full`: what its cells would hold, had nothing struck. */
export type FlashSeen = {
  readonly before: Stretch
  readonly after: Stretch
  readonly lost: boolean
  readonly full: Uint8Array
  /** What a read answered. */
  readonly answer: Uint8Array | null
}

const when = (did: boolean): Proof => (did ? 'effect' : 'ignored')
const same = (one: Uint8Array, two: Uint8Array): boolean => Buffer.compare(one, two) === 0

/** Several effects of one fault: none of them may have been ignored. */
export function joined(proofs: readonly Proof[]): Proof {
  if (proofs.includes('ignored')) return 'ignored'
  return proofs.includes('effect') ? 'effect' : 'none'
}

/** A program or an erase. */
export function proofOfWrite(fault: FlashFault | SilentFault, { before, after, lost, full }: FlashSeen): Proof {
  const [asBefore, asFull] = [same(after.cells, before.cells), same(after.cells, full)]
  if ('silent' in fault) {
    if (lost) return 'ignored'
    // Where nothing was to be changed, or nothing can be, a write that is not done is no other than one that is.
    if (!before.writable || (same(before.cells, full) && !before.hurt)) return 'none'
    if (fault.silent === 'nothing') return when(asBefore)
    const at = Math.min(fault.at, full.length - 1)
    return before.cells[at] === full[at] ? 'none' : when(after.cells[at] !== full[at])
  }
  if (!lost) return 'ignored'
  if (fault.cut === 'before') return when(asBefore)
  if (!before.writable) return asBefore ? 'none' : 'ignored'
  if (fault.cut === 'after') return when(asFull)
  if (fault.weak === true) return when(after.hurt)
  // All of it was done, or nothing: the cut behind it and the one before it leave the same.
  return (asBefore || asFull) && !after.hurt ? 'none' : 'effect'
}

export function proofOfRead(fault: ReadFault, { before, after, lost, answer }: FlashSeen): Proof {
  if (fault.read === 'power') return when(lost)
  if (fault.read === 'rotten') return when(!same(before.cells, after.cells))
  if (fault.read === 'weakened') return when(before.damage !== after.damage && after.hurt)
  if (before.dead) return answer === null ? 'none' : 'ignored'
  if (fault.read === 'ecc-lasting') return when(answer === null && after.hurt)
  // Bytes that may read wrong anyway prove nothing.
  if (before.hurt) return 'none'
  return fault.read === 'ecc-once' ? when(answer === null) : when(answer !== null && !same(answer, before.cells))
}

/** An area that dies or wears out. */
export function proofOfWear({ dies, wears }: Effect, { before, after }: FlashSeen): Proof {
  if (before.dead || (dies === undefined && !before.writable)) return 'none'
  if (dies !== undefined) return when(after.dead)
  return wears === undefined ? 'none' : when(before.wear !== after.wear && same(before.cells, after.cells))
}

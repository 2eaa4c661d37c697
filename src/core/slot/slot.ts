import type { Transition } from '../firmware/release-facts.ts'

/** The two slots that the boot chain chooses between. `golden` stands apart: recovery only, never updated. */
export type Slot = 'a' | 'b'
export type Bootable = Slot | 'golden'

export function other(slot: Slot): Slot {
  return slot === 'a' ? 'b' : 'a'
}

/** Hexadecimal characters of an image digest that the record and the history keep: 16 bytes. */
export const DIGEST_PREFIX = 32

export function digestPrefix(digest: string): string {
  return digest.slice(0, DIGEST_PREFIX)
}

/** What the record says of a slot. A hint: flash is verified before anything runs, whatever stands here. */
export type SlotNote = {
  readonly state: 'unknown' | 'candidate' | 'trial' | 'confirmed' | 'failed'
  /** The first 16 bytes of the image's SHA-256, in lower-case hex; empty when unknown. */
  readonly digest: string
  readonly sequence: number
  readonly version: string
  readonly counter: number
}

export const UNKNOWN_NOTE: SlotNote = { state: 'unknown', digest: '', sequence: 0, version: '', counter: 0 }

/** A version that was tried and did not hold, or was refused by the device: never staged again. */
export type FailedVersion = { readonly sequence: number; readonly digest: string }

/** Failed versions that the record remembers; the oldest makes room. */
export const FAILED_KEPT = 6

/** What a verification of flash found. `digest` is the image's whole SHA-256 in lower-case hex. */
export type Verdict =
  | {
      readonly good: true
      readonly digest: string
      readonly sequence: number
      readonly version: string
      readonly counter: number
      /** The change of keys that its manifest asks for. */
      readonly transition: Transition | null
      /** Ids of the accepted keys whose signature held. */
      readonly signers: readonly string[]
    }
  | { readonly good: false; readonly reason: string }

/** Why the last reset happened, as the reset controller tells it. */
export type ResetCause = 'power-on' | 'power-loss' | 'watchdog' | 'software'

/** The power went, as far as anyone knows: the last operation on flash may be half done. */
export function isPowerReset(cause: ResetCause): boolean {
  return cause === 'power-on' || cause === 'power-loss'
}

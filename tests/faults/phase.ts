import type { Refusal } from '../../src/core/refusal/refusal.ts'
import type { Behaviour, Device } from './device.ts'
import type { Releases } from './releases.ts'

/** What of a run says which versions may run. */
export type Seen = {
  readonly device: Device
  /** Versions that were seen confirmed and stand, newest last. */
  readonly witness: { readonly confirmed: readonly string[] }
}

/**
 * A part of an update in which faults strike. `prepare` brings a device that has booted once to right before it; `step`
 * is the next thing that a site or the world does, wherever the device is; `done` says that the phase is over. What
 * happens behind it is `step` again, up to `settled`.
 */
export type Phase = {
  readonly name: string
  readonly says: string
  readonly wanted: keyof Releases
  readonly behaviour: Behaviour
  /** What has been seen confirmed when it begins, newest last. */
  readonly confirmed: readonly (keyof Releases)[]
  /** What was confirmed before, and its slot is lost since. */
  readonly before?: readonly (keyof Releases)[]
  /** Only on a board with several images. */
  readonly groups?: true
  readonly prepare: (device: Device) => void
  readonly step: (device: Device) => Refusal | null
  readonly done: (device: Device) => boolean
  readonly settled: (device: Device) => boolean
  /** Of a device that is in a bad state as it begins: which versions may run until it is out of it, golden included. */
  readonly mayRun?: (version: string, seen: Seen) => boolean
  /** It begins with record blocks that take no write for a while. */
  readonly wears?: true
  /** Resets that it brings along by itself, told as the image's own. */
  readonly blames?: number
  /** On which boards pairs are made in it; unset: on all that have some. */
  readonly pairs?: 'smallest' | 'none'
}

import type { Slot } from '../../src/core/slot/slot.ts'
import type { Device } from './device.ts'
import { newestRecord, type PlainEntry, plainHistory } from './plain-reader.ts'
import { imageIn, releaseByDigest, SLOTS } from './truth.ts'

/** What a run has seen: the truth that the device is held against. Plain values: copied with the device's state. */
export type Witness = {
  /** Versions that were seen confirmed and stand, newest last. */
  readonly confirmed: readonly string[]
  /** Versions that were ever seen confirmed. */
  readonly ever: readonly string[]
  /** The slot that a confirmed image was last seen to run from. */
  readonly home: Slot
  /** Versions that were seen given up. */
  readonly failed: readonly string[]
  /** Boots into the same unconfirmed image, by version. */
  readonly trials: Readonly<Record<string, number>>
  /** Rounds that a trial of a version was watched for in one boot, at most. */
  readonly rounds: Readonly<Record<string, number>>
  /** The security counter when it was looked at last, and the highest that a confirmation allowed. */
  readonly counter: number
  readonly allowed: number
  /** It began without a record: only the history knew the numbers of decisions. */
  readonly blank: boolean
  /** Numbers of decisions that only a record told which a cut has left half-way: it read as whole for a while. */
  readonly unsure: readonly number[]
  /** Every decision as its record told it, oldest first; at the start of a phase, as the history has them. */
  readonly decisions: readonly PlainEntry[]
}

/** Decisions that are kept: more than any of the rings holds. */
const KEPT = 64
const STABLE = 1
/** Rounds of a window that was over before the run began. */
const LONG = 1000

/** What a run has seen before its first step: taken from the device as its preparation, without a fault, left it. */
export function witnessOf(device: Device, confirmed: readonly string[]): Witness {
  const counter = device.element.counter()
  const record = newestRecord(device.flash, device.element)
  const running = device.ram?.running
  const rounds = running?.trial === true ? { [running.facts.version]: device.rounds } : {}
  // A confirmation that was cut behind its record was watched.
  const watched = record === null ? undefined : releaseByDigest(device, record.notes[record.slot].digest)
  const owed = watched === undefined || record?.state !== STABLE ? {} : { [watched.facts.version]: LONG }
  const last = confirmed.at(-1)
  const cells = plainHistory(device.flash, device.element)
  const told = cells.flatMap(cell => (cell.is === 'whole' ? [cell.entry] : []))
  // A cut behind the record leaves its decision to be told at the next boot.
  const owing = record === null || told.some(({ number }) => number === record.entry.number) ? [] : [record.entry]
  return {
    confirmed,
    ever: confirmed,
    home: SLOTS.find(slot => last !== undefined && imageIn(device, slot)?.facts.version === last) ?? 'a',
    failed: [],
    trials: {},
    rounds: { ...rounds, ...owed },
    counter,
    allowed: counter,
    blank: record === null,
    unsure: [],
    decisions: [...told, ...owing].sort((one, two) => one.number - two.number),
  }
}

/** The version stands confirmed from here on. One that stood before takes the place of what was confirmed behind it. */
export function confirmedIn(witness: Witness, version: string, slot: Slot): Witness {
  const { confirmed, ever } = witness
  const before = confirmed.includes(version) ? confirmed.slice(0, confirmed.indexOf(version)) : confirmed
  return {
    ...witness,
    confirmed: [...before, version],
    ever: ever.includes(version) ? ever : [...ever, version],
    home: slot,
  }
}

/** A decision was made: it takes the place of those from its number on. */
export const withDecision = (witness: Witness, entry: PlainEntry): Witness => ({
  ...witness,
  decisions: [...witness.decisions.filter(({ number }) => number < entry.number), entry].slice(-KEPT),
})

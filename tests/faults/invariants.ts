import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { areaOf } from '../../src/core/slot/layout.ts'
import type { Bootable } from '../../src/core/slot/slot.ts'
import type { BootOutcome } from '../../src/flows/boot.ts'
import type { FlashArea } from '../../src/flows/ports.ts'
import { BUDGET, type Device } from './device.ts'
import type { Operation } from './mode.ts'
import { newestRecord, plainHistory } from './plain-reader.ts'
import type { Made } from './releases.ts'

/**
 * The invariants of the design's chapter on the controller, one function each, with its sentence. A function answers what
 * is wrong, or null. Some hold only as long as nothing rotted: `strict` says whether a fault of that class has struck.
 */

/** What a run has seen: the truth that the device is held against. Plain values: copied with the device's state. */
export type Witness = {
  /** Versions that were seen confirmed, newest last. */
  readonly confirmed: readonly string[]
  /** Versions that were seen given up. */
  readonly failed: readonly string[]
  /** Boots into the same unconfirmed image, by version. */
  readonly trials: Readonly<Record<string, number>>
  /** Rounds that a trial of a version was watched for in one boot, at most. */
  readonly rounds: Readonly<Record<string, number>>
  /** The security counter when it was looked at last, and the highest that a record allowed. */
  readonly counter: number
  readonly allowed: number
}

export type Look = {
  readonly device: Device
  readonly witness: Witness
  readonly strict: boolean
  /** Whether something runs that is not golden. */
  readonly running: boolean
  /** In a phase that begins with harm done: whether a version may run in it. */
  readonly mayRun: ((version: string) => boolean) | null
  /** Resets that the phase brings along by itself, told as the image's own. */
  readonly blames: number
}
type Judged = string | null

const releaseOf = (device: Device, version: string): Made | undefined =>
  Object.values(device.releases).find(({ facts }) => facts.version === version)

/** "Cuts only: every next boot runs a verified, non-golden image" / "Cuts plus one rotten slot: at least golden." */
export function runsSomething(outcome: BootOutcome, { device, strict, running, mayRun }: Look): Judged {
  if (outcome.at === 'halted') {
    const golden = device.gate.struck.some(({ operation }) => operation.area === 'golden')
    return golden && !strict ? null : `nothing runs: ${outcome.reason}`
  }
  return running && mayRun === null && outcome.running.slot === 'golden' ? 'golden runs, and nothing has rotted' : null
}

/** A device that is in a bad state runs what is left, and nothing else; golden too, when no other image is left to try. */
export function runsWhatIsLeft(outcome: BootOutcome, look: Look): Judged {
  const { strict, running, mayRun } = look
  if (!strict || mayRun === null || outcome.at === 'halted') return null
  const { slot, facts } = outcome.running
  if (mayRun(facts.version) || (slot === 'golden' && (!running || spentByResets(look)))) return null
  return `${facts.version} runs from ${slot}, which it may not as the phase began`
}

/** As many resets were told as the image's own as it has tries: it counts as failed, whoever was to blame. */
export const spentByResets = ({ device, blames }: Pick<Look, 'device' | 'blames'>): boolean =>
  device.gate.struck.filter(({ mode }) => mode.blames === true).length + blames >= BUDGET.tries

/** "… runs a verified image": what the cells hold is, byte for byte, a release that was signed. */
export function runsWhatWasSigned(outcome: BootOutcome, { device }: Look): Judged {
  if (outcome.at === 'halted') return null
  const { slot, facts } = outcome.running
  const release = releaseOf(device, facts.version)
  if (release === undefined) return `an unknown version runs: ${facts.version}`
  return holdsRelease(device, slot, release) ? null : `slot ${slot} runs as ${facts.version}, and does not hold it`
}

/** Whether the cells of a slot are those of a release, header and envelope included. */
export function holdsRelease(device: Device, slot: Bootable, { envelope, facts, image }: Made): boolean {
  const { imageOffset } = device.board.device
  const holds = (area: FlashArea, at: number, bytes: Uint8Array): boolean => {
    const cells = device.flash.cells(area)
    if (Buffer.compare(cells.subarray(at, at + bytes.length), bytes) === 0) return true
    // Weak bits have no value of their own: when they were read for the last time, they fell right.
    return bytes.every((byte, index) => cells[at + index] === byte || device.flash.damaged(area, at + index, 1))
  }
  let start = 0
  return (
    holds(slot, 16, envelope) &&
    facts.components.every(({ size }, index) => {
      const part = image.subarray(start, start + size)
      start += size
      return index === 0 ? holds(slot, imageOffset, part) : holds(areaOf(slot, index), 0, part)
    })
  )
}

/** "… at or above the counter." Golden apart: it is as old as the device, and only asks for an update. */
export function runsAtOrAboveTheCounter(outcome: BootOutcome, { device }: Look): Judged {
  if (outcome.at === 'halted' || outcome.running.slot === 'golden') return null
  const { version, counter } = outcome.running.facts
  const floor = device.element.counter()
  return counter < floor ? `${version} with counter ${counter} runs below the floor ${floor}` : null
}

/** "The counter never falls and never exceeds the confirmed image's." */
export function counterKeepsItsPlace({ device, witness }: Look): Judged {
  const now = device.element.counter()
  if (now < witness.counter) return `the counter fell from ${witness.counter} to ${now}`
  return now > witness.allowed ? `the counter is ${now}; the confirmed image's is ${witness.allowed}` : null
}

/** Anchor rotation: "never revoke the key in use": whatever runs, a key that is accepted has signed it. */
export function keyInUseStays({ device }: Look): Judged {
  const kids = device.element.anchors().map(({ kid }) => kid)
  if (kids.length === 0) return 'no key is accepted any more'
  const running = device.ram?.running
  if (running === undefined || running.slot === 'golden') return null
  const release = releaseOf(device, running.facts.version)
  return release?.signers.some(kid => kids.includes(kid)) === true
    ? null
    : `${running.facts.version} runs, and no key that is accepted has signed it`
}

/** The change of keys follows its record, as the counter does: an image that is watched and healthy asks for it. */
export function keysFollowTheirRecord({ device, strict }: Look): Judged {
  const record = newestRecord(device.flash, device.element)
  if (record === null && !strict) return null
  if (record === null || record.state === 0 || record.state === 4) return 'keys change outside of a confirmed state'
  const release = Object.values(device.releases).find(({ facts }) =>
    facts.imageDigest.startsWith(record.digests[record.slot]),
  )
  return release?.facts.transition == null ? 'keys change for an image that does not ask for it' : null
}

/** Rule 6, at the moment of the raise: one STABLE record with the floor intent, read back, then the counter. */
export function raiseFollowsItsRecord({ device, strict }: Look): Judged {
  const record = newestRecord(device.flash, device.element)
  // It may have been lost since it was read.
  if (record === null) return strict ? 'the counter rises, and no record can be read' : null
  if (record.state !== 1 && record.state !== 2 && record.state !== 3) return 'the counter rises in a trial'
  const release = Object.values(device.releases).find(({ facts }) =>
    facts.imageDigest.startsWith(record.digests[record.slot]),
  )
  if (release === undefined) return 'the counter rises for an image that nobody made'
  return device.behaviour(release.facts.version) === 'healthy' || release === device.releases.first
    ? null
    : `the counter rises for ${release.facts.version}, which is not healthy`
}

/** "A confirm once observed never reverts without rot." */
export function confirmStands(outcome: BootOutcome, { witness, strict, running }: Look): Judged {
  if (!strict || outcome.at === 'halted') return null
  const { facts, trial, slot } = outcome.running
  const [last, first] = [witness.confirmed.at(-1), witness.confirmed.includes(facts.version)]
  // Golden takes the release in anew that it could not see to be there.
  if (facts.version === last && (!trial || !running)) return null
  // A newer one, on trial or with its confirmation to be finished, is what an update is.
  if (!first) return null
  return `${last} was confirmed, and ${facts.version} runs in ${slot}${trial ? ' on trial' : ''}`
}

/** Rounds of readings without which no window is over: each counts as at most a quarter of it. */
const LEAST_ROUNDS = 4

/** Rules 5 and 6: confirmed "only after the health window", "never for want of a fallback". */
export function confirmedOnlyWhenWatched(version: string, { device, witness, strict }: Look): Judged {
  if (!strict || witness.confirmed.includes(version)) return null
  const rounds = witness.rounds[version] ?? 0
  if (rounds < LEAST_ROUNDS) return `${version} counts as confirmed, and was watched for ${rounds} rounds`
  return device.behaviour(version) === 'healthy' ? null : `${version} counts as confirmed, and is not healthy`
}

/** "Unconfirmed runs are bounded": by the budget of tries and the budget of losses. */
export function trialsAreBounded({ witness, strict, running }: Look): Judged {
  const most = BUDGET.tries + BUDGET.losses
  // A trial that was dropped unseen, by rot or by a counter that could not be read, may be begun anew.
  const over = Object.entries(witness.trials).find(([, runs]) => runs > (strict && running ? most : 3 * most))
  return over === undefined ? null : `${over[0]} ran unconfirmed ${over[1]} times`
}

/** Rule 9: a failed version is remembered. */
export function failedStaysFailed(outcome: BootOutcome, { witness, strict }: Look): Judged {
  if (!strict || outcome.at === 'halted') return null
  const { version } = outcome.running.facts
  return witness.failed.includes(version) ? `${version} failed here, and runs again` : null
}

/** "Writes touch only the inactive slot, the record blocks and the history." */
export function writesOnlyWhereItMay(operation: Operation, { device, strict }: Look): Judged {
  const { area, kind } = operation
  if (kind !== 'program' && kind !== 'erase') return null
  if (area === 'history') return null
  const record = newestRecord(device.flash, device.element)
  if (area === 'record0' || area === 'record1') {
    return strict && kind === 'erase' && record?.area === area ? `${area} is erased, and holds the newest record` : null
  }
  if (device.ram === null) return `a boot writes to ${area}`
  const slot = area?.charAt(0)
  if (device.ram.running.slot === slot) return `a write to ${area}, which runs`
  if (!strict) return null
  if (record === null) return `a write to ${area} with no record`
  if (record.state !== 1 && record.state !== 2) return `a write to ${area} in the state ${record.state}`
  return record.slot === slot ? `a write to ${area}, which is active` : null
}

/** "Each boot decision is in the history exactly once, or is detectably torn." */
export function historyIsWhole({ device, strict }: Look): Judged {
  const { whole, doubtful, torn } = plainHistory(device.flash, device.element)
  const sure = new Set(whole)
  const known = new Set([...whole, ...doubtful])
  if (known.size === 0) return torn > 0 && !strict ? null : 'the history is empty'
  const numbers = [...known].sort((one, two) => one - two)
  const first = numbers[0] as number
  const last = numbers.at(-1) as number
  const missing = last - first + 1 - numbers.length
  const onHistory = device.gate.struck.filter(({ operation }) => operation.area === 'history')
  // Of what rotted in the history nothing is expected; nor of a cell that answered twice that it cannot be read.
  const gone = !strict && (onHistory.some(({ mode }) => mode.loses) || onHistory.length > 1)
  if (missing > torn && !gone) return `${missing} decisions are missing, and ${torn} cells are torn`
  if (!strict) return null
  if (sure.size !== whole.length) return `a decision is there twice: ${whole.join(' ')}`
  const record = newestRecord(device.flash, device.element)
  return record === null || record.decision === last || torn > 0
    ? null
    : `decision ${record.decision} is the record's, ${last} the last of the history`
}

/** "Any number of resets converges": two boots behind each other run the same; a trial apart, whose budget they use up. */
export function bootsAlike(one: BootOutcome, two: BootOutcome): Judged {
  if (one.at === 'running' && one.running.trial) return null
  const text = (outcome: BootOutcome): string =>
    outcome.at === 'halted'
      ? 'halted'
      : `${outcome.running.slot} ${outcome.running.facts.version} ${outcome.running.trial}`
  return text(one) === text(two) ? null : `${text(one)}, then ${text(two)}`
}

/** "Any number of resets converges": the work that was cut comes to its end. `state` says where it stopped. */
export const comesToItsEnd = (done: boolean, state: unknown): Judged =>
  done ? null : `not there after many steps; the last said ${isRefusal(state) ? state.code : JSON.stringify(state)}`

/** "Every injected fault fired." */
export const everyFaultStruck = (device: Device): Judged =>
  device.gate.spent ? null : `${device.gate.struck.length} faults struck, and not all that were planned`

import { isRefusal } from '../../src/core/refusal/refusal.ts'
import type { Slot } from '../../src/core/slot/slot.ts'
import type { BootOutcome } from '../../src/flows/boot.ts'
import { BUDGET, type Device } from './device.ts'
import type { Struck } from './gate.ts'
import { floorUnknown, isLost, isTorn, LOOKS, recordsGone, recordWriteLost, rotOf } from './lost.ts'
import type { Phase } from './phase.ts'
import { newestRecord, type PlainRecord } from './plain-reader.ts'
import { goodImage, holdsRelease, imageIn, releaseByDigest, releaseOf, SLOTS } from './truth.ts'
import type { Witness } from './witness.ts'

/**
 * The invariants of the design's chapter on the controller about what runs, one function each, with its sentence. A
 * function answers what is wrong, or null. Rot waives a law only where it struck, and only what is said there:
 *
 * - of the history: nothing in here;
 * - of the slot that runs: that its image runs, for as long as the other one, or golden, does;
 * - of the other slot: nothing;
 * - of the records: what the lost record told is decided anew. A confirmed image may go on trial again, or give way to
 *   the one that the record before it names; what failed may be tried again, on a new budget. What the newest record
 *   that is left says holds, and golden never runs for it.
 *
 * One read that goes wrong waives nothing anywhere. An area that died has rotted whole. What the modes themselves say that
 * nothing can do any more (asked.ts) is waived too.
 */

/** `recent`: the faults that struck since the last power-up began; `stood`: the newest record when it did. */
export type Look = {
  readonly device: Device
  readonly witness: Witness
  readonly recent: readonly Struck[]
  readonly stood: PlainRecord | null
  readonly phase: Phase
}
export type Judged = string | null

/** The parts of a flash that what runs hangs on. */
export const PARTS = ['records', 'a', 'b'] as const
const CONFIRMED = 3
/** Records in the smallest block: the writes that an attempt to write one may lose. */
const PLACES = 4
const [STABLE, CANDIDATE] = [1, 2]

/** "Every next boot runs a verified, non-golden image" / "Plus one rotten slot: at least golden": and only if neither is good. */
export function runsSomething(outcome: BootOutcome, look: Look): Judged {
  const { device, witness, recent, phase } = look
  if (outcome.at === 'running' && outcome.running.slot !== 'golden') return null
  const what = outcome.at === 'halted' ? `nothing runs (${outcome.reason})` : 'golden runs'
  const { struck } = device.gate
  const golden = outcome.at === 'running'
  if (floorUnknown(struck, recent) && (golden || isLost(struck, 'golden'))) return null
  // A trial that cannot be counted does not run.
  const uncounted = recordsGone(struck) || recordWriteLost(recent) || rotOf(recent, 'records').length > 0
  if (golden && outcome.problem?.code === 'boot-record-not-written' && uncounted) return null
  if (!golden && uncounted && isLost(struck, 'golden')) return null
  const { facts } = device.releases.golden
  const bare = phase.mayRun?.(facts.version, look) === true
  if (bare && (golden || isLost(struck, 'golden'))) return null
  const good = SLOTS.find(slot => rotOf(recent, slot).length < LOOKS && goodImage(device, slot) !== null)
  if (good !== undefined) return `${what}, and slot ${good} holds an image that may run`
  // With nothing else left, an image is tried whose last write was cut: it may read as whole for as long as the trial is.
  const torn = isTorn(struck, witness.home) && isLost(struck, witness.home === 'a' ? 'b' : 'a')
  const gone =
    bare || torn || isLost(struck, witness.home) || (isLost(struck, 'records') && failedAnew(device, witness.home))
  if (!gone && !spentByResets(look, phase.blames))
    return `${what}, and nothing of slot ${witness.home}, which ran, has rotted`
  return !golden && !isLost(struck, 'golden') ? `${what}, and golden has not rotted` : null
}

/** The image that was confirmed is whole, and was given up: on trial again, for want of the record that confirmed it. */
function failedAnew(device: Device, home: Slot): boolean {
  const image = imageIn(device, home)
  return image !== null && failedNow(device).includes(image.facts.version)
}

/** A device that is in a bad state runs what is left, and nothing else: golden too, when no other image is left to try. */
export function runsWhatIsLeft(outcome: BootOutcome, look: Look): Judged {
  const { device, recent, phase } = look
  if (phase.mayRun === undefined || outcome.at === 'halted') return null
  const { struck } = device.gate
  if (PARTS.some(part => isLost(struck, part))) return null
  const { slot, facts } = outcome.running
  const golden = slot === 'golden' && (floorUnknown(struck, recent) || spentByResets(look, phase.blames))
  if (golden || phase.mayRun(facts.version, look)) return null
  return `${facts.version} runs from ${slot}, which it may not as the phase began`
}

/** As many resets were told as the image's own as it has tries: it counts as failed, whoever was to blame. */
export function spentByResets({ device: { gate } }: Pick<Look, 'device'>, blames = 0): boolean {
  const { struck } = gate
  const resets = struck.reduce((sum, { mode, effect }) => {
    // As long as records are worn each attempt to write one fails, and a restart follows.
    const spell =
      effect.wears === undefined ? 1 : Math.ceil(Math.min(effect.wears.writes, BUDGET.tries * PLACES) / PLACES)
    return sum + (mode.blames === true ? spell : 0)
  }, rotOf(struck, 'records').length)
  return resets + blames >= BUDGET.tries
}

/** "… runs a verified image": what the cells hold is, byte for byte, a release that was signed. */
export function runsWhatWasSigned(outcome: BootOutcome, { device }: Look): Judged {
  if (outcome.at === 'halted') return null
  const { slot, facts } = outcome.running
  const release = releaseOf(device, facts.version)
  if (release === undefined) return `an unknown version runs: ${facts.version}`
  return holdsRelease(device, slot, release) ? null : `slot ${slot} runs as ${facts.version}, and does not hold it`
}

/** "… at or above the counter." Golden apart: it is as old as the device, and only asks for an update. */
export function runsAtOrAboveTheCounter(outcome: BootOutcome, { device }: Look): Judged {
  if (outcome.at === 'halted' || outcome.running.slot === 'golden') return null
  const { version } = outcome.running.facts
  const counter = releaseOf(device, version)?.facts.counter ?? 0
  const floor = device.element.counter()
  return counter < floor ? `${version} with counter ${counter} runs below the floor ${floor}` : null
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

/**
 * "A confirm once observed never reverts without rot": of the confirmed image's own slot, or of the record that named it.
 * Where a record was lost, the newest one that is left names the image.
 */
export function confirmStands(outcome: BootOutcome, look: Look): Judged {
  const { device, witness, recent } = look
  if (outcome.at === 'halted') return null
  const { facts, trial, slot } = outcome.running
  const last = witness.confirmed.at(-1)
  if (facts.version === last && !trial) return null
  // A newer one, on trial or with its confirmation to be finished, is what an update is. So is the same one again, which
  // golden took in when its slot could not be read.
  if (!witness.confirmed.includes(facts.version)) return null
  if (facts.version === last && slot !== witness.home) return null
  const home = isLost(device.gate.struck, 'records') ? homeBy(look) : witness.home
  if (home === null || rotOf(recent, home).length >= LOOKS) return null
  const stands = imageIn(device, home)?.facts.version
  if (stands === undefined || (home === witness.home && stands !== last)) return null
  if (stands === facts.version && !trial) return null
  return `${stands} was confirmed and is whole, and ${facts.version} runs in ${slot}${trial ? ' on trial' : ''}`
}

/** The slot of the image that the newest record says is confirmed, as the power-up began; null: none, or it may be lost. */
function homeBy({ device, stood, recent }: Look): Slot | null {
  if (stood === null || rotOf(recent, 'records').length > 0) return null
  if (stood.state !== STABLE && stood.state !== CANDIDATE) return null
  const { state, digest } = stood.notes[stood.slot]
  const image = goodImage(device, stood.slot)
  const named = image !== null && image === releaseByDigest(device, digest)
  return state === CONFIRMED && named ? stood.slot : null
}

/** Rounds of readings without which no window is over: each counts as at most a quarter of it. */
const LEAST_ROUNDS = 4

/** Rules 5 and 6: confirmed "only after the health window", "never for want of a fallback". */
export function confirmedOnlyWhenWatched(version: string, { device, witness, phase }: Look): Judged {
  if (witness.ever.includes(version)) return null
  // The record of what was confirmed before the phase may be the newest that is left.
  const before = phase.before?.some(name => device.releases[name].facts.version === version) === true
  if (before && PARTS.some(part => isLost(device.gate.struck, part))) return null
  const rounds = witness.rounds[version] ?? 0
  if (rounds < LEAST_ROUNDS) return `${version} counts as confirmed, and was watched for ${rounds} rounds`
  return device.behaviour(version) === 'healthy' ? null : `${version} counts as confirmed, and is not healthy`
}

/**
 * "Unconfirmed runs are bounded": by the budget of tries and the budget of losses. A record that was lost may give the
 * budget back; an image that rotted, or a floor that could not be read, lets it come again with a new one.
 */
export function trialsAreBounded({ device, witness }: Look): Judged {
  const { struck } = device.gate
  const silent = struck.filter(({ effect }) => effect.silent !== undefined).length
  const again = PARTS.reduce((sum, part) => sum + rotOf(struck, part).length, silent)
  const most = (BUDGET.tries + BUDGET.losses) * (1 + again)
  const over = Object.entries(witness.trials).find(([, runs]) => runs > most)
  return over === undefined ? null : `${over[0]} ran unconfirmed ${over[1]} times`
}

/** Rule 9: a failed version is remembered. Where a record was lost: what the newest one that is left remembers. */
export function failedStaysFailed(outcome: BootOutcome, { device, witness, stood, recent }: Look): Judged {
  if (outcome.at === 'halted') return null
  const { version, imageDigest } = outcome.running.facts
  const lost = isLost(device.gate.struck, 'records')
  const known = rotOf(recent, 'records').length === 0 && stood?.failed.includes(imageDigest.slice(0, 32)) === true
  const failed = lost ? known : witness.failed.includes(version)
  return failed ? `${version} failed here, and runs again` : null
}

/** What the newest whole record remembers as failed, by version. */
export function failedNow(device: Device): readonly string[] {
  const failed = newestRecord(device.flash, device.element)?.failed ?? []
  return Object.values(device.releases)
    .filter(({ facts }) => failed.includes(facts.imageDigest.slice(0, 32)))
    .map(({ facts }) => facts.version)
}

/** "Any number of resets converges": two boots behind each other run the same; a trial apart, whose budget they use up. */
export function bootsAlike(one: BootOutcome, two: BootOutcome, device: Device): Judged {
  if (one.at === 'running' && one.running.trial) return null
  // Golden gives way to an image whose weak bits fell right for once.
  const golden = one.at === 'running' && one.running.slot === 'golden'
  if (golden && two.at === 'running' && imageIn(device, two.running.slot) === null) return null
  const text = (outcome: BootOutcome): string =>
    outcome.at === 'halted'
      ? 'halted'
      : `${outcome.running.slot} ${outcome.running.facts.version} ${outcome.running.trial}`
  return text(one) === text(two) ? null : `${text(one)}, then ${text(two)}`
}

/** "Any number of resets converges": the work that was cut comes to its end. `state` says where it stopped. */
export const comesToItsEnd = (done: boolean, state: unknown): Judged =>
  done ? null : `not there after many steps; the last said ${isRefusal(state) ? state.code : JSON.stringify(state)}`

/** "Every injected fault fired": and did something, or could not have. */
export function everyFaultStruck({ gate: { spent, struck } }: Device): Judged {
  if (!spent) return `${struck.length} faults struck, and not all that were planned`
  const idle = struck.find(({ proof }) => proof === null || proof === 'ignored')
  return idle === undefined
    ? null
    : `${idle.mode.name} struck a ${idle.operation.kind} of ${idle.operation.area ?? 'the element'}, and did nothing`
}

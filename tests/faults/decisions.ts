import type { BootOutcome } from '../../src/flows/boot.ts'
import type { Device } from './device.ts'
import type { Judged } from './invariants.ts'
import type { PlainEntry, PlainRecord } from './plain-reader.ts'
import { releaseByDigest } from './truth.ts'

/**
 * Whether a decision tells what happened: its event, slot, version and cause are held against what the record says before
 * and behind it, and against what a boot came to. Nothing is taken from the words themselves.
 */

const other = (slot: 'a' | 'b'): 'a' | 'b' => (slot === 'a' ? 'b' : 'a')
const [STABLE, CANDIDATE, ARMED, TRIAL] = [1, 2, 3, 4]

type Wanted = { readonly event: PlainEntry['event']; readonly slot: 'a' | 'b'; readonly digest: string }

/** What a running device decided, from the states before and behind it; null: nothing that it may decide. */
function decidedRunning(before: PlainRecord, after: PlainRecord): Wanted | null {
  const idle = other(after.slot)
  const was = before.notes
  if (before.state === TRIAL && after.state === STABLE) {
    const slot = before.slot
    return { event: after.slot === slot ? 'confirmed' : 'reverted', slot, digest: was[slot].digest }
  }
  if (before.slot !== after.slot) return null
  if (after.state === CANDIDATE) return { event: 'staged', slot: idle, digest: after.notes[idle].digest }
  if (before.state === CANDIDATE && after.state === ARMED)
    return { event: 'armed', slot: idle, digest: was[idle].digest }
  const waits = before.state === CANDIDATE || before.state === ARMED
  return waits && after.state === STABLE ? { event: 'withdrawn', slot: idle, digest: was[idle].digest } : null
}

/** A decision of a running device. */
export function tellsWhatWasDone(device: Device, before: PlainRecord, after: PlainRecord): Judged {
  const { entry } = after
  const wanted = decidedRunning(before, after)
  if (wanted === null) return `${entry.event} was decided, from the state ${before.state} to ${after.state}`
  return isAbout(device, entry, wanted)
}

function isAbout(device: Device, entry: PlainEntry, { event, slot, digest }: Wanted): Judged {
  const facts = releaseByDigest(device, digest)?.facts
  const right =
    entry.event === event &&
    entry.slot === slot &&
    entry.digest === digest &&
    entry.version === facts?.version &&
    entry.sequence === facts.sequence
  const told = `${entry.event} ${entry.slot} ${entry.version}`
  return right ? null : `decision ${entry.number} reads: ${told}; it was: ${event} ${slot} ${facts?.version}`
}

/** How a boot's decision names what ran, by itself or behind the failure that it tells of. */
function ranAs(before: PlainRecord, outcome: BootOutcome): string {
  if (outcome.at === 'halted') return 'halt none'
  const { slot, trial } = outcome.running
  if (slot === 'golden') return 'golden golden'
  if (trial) return `trial ${slot}`
  const active = before.state === TRIAL ? other(before.slot) : before.slot
  return `${slot === active ? 'boot' : 'fallback'} ${slot}`
}

/** The decision of a boot that came to `outcome`; `reset` is how it was told of its reset. */
export function tellsWhatBooted(
  device: Device,
  before: PlainRecord,
  after: PlainRecord,
  reset: string,
  outcome: BootOutcome,
): Judged {
  const { entry } = after
  const ran = ranAs(before, outcome)
  if (entry.reset !== reset) return `decision ${entry.number} tells of a reset by ${entry.reset}; it was ${reset}`
  if (entry.event === 'reverted' || entry.event === 'dropped') {
    const slot = before.state === TRIAL ? before.slot : other(before.slot)
    const { digest } = before.notes[slot]
    if ((before.state !== TRIAL && before.state !== ARMED) || !entry.cause.endsWith(`; ${ran}`)) {
      return `decision ${entry.number} tells that ${slot} was ${entry.event} (${entry.cause}); it was: ${ran}`
    }
    if (after.failed.includes(digest) !== (entry.event === 'reverted'))
      return `${entry.event}, and ${digest} is not noted so`
    return isAbout(device, entry, { event: entry.event, slot, digest })
  }
  const image = outcome.at === 'running' ? outcome.running.facts : null
  const right = `${entry.event} ${entry.slot}` === ran && entry.version === (image?.version ?? '')
  const told = `${entry.event} ${entry.slot} ${entry.version}`
  return right ? null : `decision ${entry.number} reads: ${told}; it was: ${ran} ${image?.version ?? ''}`
}

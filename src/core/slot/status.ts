import { instant } from '../encoding/units.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import type { Anchor } from '../firmware/suit-open.ts'
import type { Figures } from '../trust/figures.ts'
import type { Report, ReportedVersion } from '../trust/report.ts'
import type { HistoryEntry } from './history.ts'
import type { Memory } from './memory.ts'
import { type Bootable, other, type SlotNote } from './slot.ts'

/**
 * What a controller says of itself: the content of its report. The door adds kind, site, number, time, event and what
 * it answers to, and has it signed.
 */
export type ControllerStatus = Pick<
  Report,
  | 'controller'
  | 'state'
  | 'running'
  | 'previous'
  | 'golden'
  | 'staged'
  | 'armed'
  | 'counter'
  | 'anchors'
  | 'attempts'
  | 'assignment'
  | 'figures'
>

/** Attempts that a status tells at most, the newest. */
const ATTEMPTS = 8

export function statusOf(seen: {
  readonly controller: string
  readonly running: { readonly slot: Bootable; readonly trial: boolean; readonly facts: ReleaseFacts }
  readonly memory: Memory
  readonly golden: ReleaseFacts | null
  readonly counter: number | null
  readonly anchors: readonly Anchor[]
  readonly entries: readonly HistoryEntry[]
  readonly assignment: string | null
  /** What it counts beside the decisions of its history. */
  readonly figures: Figures
}): ControllerStatus {
  const { running, memory, golden, assignment, entries } = seen
  const { state, slots } = memory
  const second = running.slot === 'golden' ? null : slots[other(running.slot)]
  const pending = state.at === 'candidate' || state.at === 'armed' ? slots[other(state.active)] : null
  return {
    controller: seen.controller,
    state: running.slot === 'golden' ? 'golden' : running.trial ? 'trial' : 'stable',
    running: { ...factsAt(running.facts), slot: running.slot },
    ...(second !== null && second.state === 'confirmed' ? { previous: noteAt(second) } : {}),
    ...(golden === null ? {} : { golden: factsAt(golden) }),
    ...(pending === null ? {} : { staged: noteAt(pending) }),
    armed: state.at === 'armed',
    // One that cannot be read is told as 0: below every floor, so that somebody looks.
    counter: seen.counter ?? 0,
    anchors: seen.anchors.map(({ kid }) => kid),
    attempts: entries
      .filter(entry => entry.event === 'reverted' || entry.event === 'dropped')
      .slice(-ATTEMPTS)
      .map(({ version, sequence, digest, at, phase, cause }) => ({
        version,
        sequence,
        digest,
        at: instant(at),
        phase,
        cause,
      })),
    ...(assignment === null ? {} : { assignment }),
    figures: { ...seen.figures, decisions: entries.at(-1)?.decision ?? 0 },
  }
}

const factsAt = (facts: ReleaseFacts): ReportedVersion => ({
  version: facts.version,
  sequence: facts.sequence,
  digest: facts.imageDigest,
})

const noteAt = (note: SlotNote): ReportedVersion => ({
  version: note.version,
  sequence: note.sequence,
  digest: note.digest,
})

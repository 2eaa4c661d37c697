import type { Report, ReportedVersion } from '../trust/report.ts'

/**
 * What an assignment is about, as far as a report can tell: its id, the SHA-256 (hex) of the image, and the sequence
 * number of the manifest. The image alone is not enough: the same image may be released again, with a higher counter.
 */
export type Wanted = { readonly assignment: string; readonly image: string; readonly sequence: number }

/** How a piece of work ended, by the controller's own signed word. */
export type Outcome =
  | { readonly result: 'confirmed' }
  | { readonly result: 'reverted'; readonly cause: string }
  | { readonly result: 'refused'; readonly code: string }

/** Digests in reports may be cut to this many hex digits: what a boot record has room for. */
const PREFIX = 32

/** True when a version of a report is the wanted one. Its digest may be whole or cut. */
export function isWanted({ digest, sequence }: ReportedVersion, wanted: Wanted): boolean {
  return sequence === wanted.sequence && digest !== '' && digest.slice(0, PREFIX) === wanted.image.slice(0, PREFIX)
}

/**
 * What a controller's signed report says of an assignment; null while it is open. Judged by what runs and what failed,
 * not by the report's event: a controller that lost power after it confirmed tells so in the report of its next boot.
 *
 * An image that was dropped at boot, before its trial, is not an outcome: it was damaged in flash, and is staged again.
 */
export function outcomeOf(report: Report, wanted: Wanted): Outcome | null {
  const { state, running, event, attempts, refusal } = report
  if (state === 'stable' && running.digest === wanted.image && running.sequence === wanted.sequence)
    return { result: 'confirmed' }
  if (event === 'refused' && report.assignment === wanted.assignment && refusal !== undefined) {
    return { result: 'refused', code: refusal.code }
  }
  const busy = state === 'trial' || report.armed === true || isStaged(report, wanted)
  const failed = attempts.findLast(attempt => attempt.phase !== 'boot' && isWanted(attempt, wanted))
  return failed === undefined || busy ? null : { result: 'reverted', cause: failed.cause }
}

/**
 * Whether a controller that had confirmed an assignment runs something else now: another release, or golden. A trial is
 * the beginning of other work, and not yet an answer.
 */
export function hasRegressed({ state, running }: Report, wanted: Wanted): boolean {
  return state === 'golden' || (state === 'stable' && !isWanted(running, wanted))
}

/**
 * Whether a controller runs something newer than what it would get: nothing older is ever installed, so the order would be
 * refused. Another campaign, or somebody at the site, came first.
 */
export function isOvertaken({ state, running }: Report, wanted: Wanted): boolean {
  return state === 'stable' && running.sequence > wanted.sequence && !isWanted(running, wanted)
}

/** True for a controller that is neither on trial nor about to be: it restarts for nothing of ours. */
export function isSettled({ state, armed }: Report): boolean {
  return state !== 'trial' && armed !== true
}

/** How a controller stands, by its own last word. `busy`: on trial, or about to be; `golden`: its rescue image runs. */
export type Standing = 'stable' | 'busy' | 'golden'

export function standingOf(report: Report): Standing {
  if (!isSettled(report)) return 'busy'
  return report.state === 'golden' ? 'golden' : 'stable'
}

/** True when the controller holds the assignment's release verified and ready to be tried. */
export function isStaged(report: Report, wanted: Wanted): boolean {
  return report.staged !== undefined && isWanted(report.staged, wanted)
}

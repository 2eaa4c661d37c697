import type { Figures } from '../trust/figures.ts'
import type { Report, ReportedAttempt } from '../trust/report.ts'

/** What can happen to a version that its makers want to know of. Alarms come from the figures of reports. */
export const INCIDENTS = ['revert', 'golden', 'refusal', 'watchdog', 'alarm'] as const
export type IncidentKind = (typeof INCIDENTS)[number]
export type IncidentCounts = Readonly<Record<IncidentKind, number>>

export const NO_INCIDENTS: IncidentCounts = { revert: 0, golden: 0, refusal: 0, watchdog: 0, alarm: 0 }

/** What a trial ends with whose resets no loss of power explains: a watchdog, or a crash (core/slot/power-up.ts). */
const TRIES_SPENT = /^tries spent/

/** What one report says happened to a version of its class. */
export type Happened = { readonly version: string; readonly counts: IncidentCounts }

/**
 * What a report tells beyond the one before it: what happened to which version (how long each was watched: exposure.ts).
 *
 * - A revert counts for the version that failed, one that the controller fell back to golden from for the version of before,
 *   a refusal for the version that refused, an alarm for the version that ran when the time between the reports began.
 * - Attempts are compared with those of the report before, so that one that was told in a report that never came is
 *   counted all the same, and one that is told twice is counted once. A trial that the watchdog or a crash ended is a revert and a watchdog reset.
 */
export function incidentsOf(before: Report | null, report: Report): Happened[] {
  const byVersion = new Map<string, Record<IncidentKind, number>>()
  const of = (version: string): Record<IncidentKind, number> => {
    const known = byVersion.get(version) ?? { ...NO_INCIDENTS }
    byVersion.set(version, known)
    return known
  }
  for (const attempt of fresh(before, report)) {
    of(attempt.version).revert += 1
    if (TRIES_SPENT.test(attempt.cause)) of(attempt.version).watchdog += 1
  }
  if (before !== null && report.state === 'golden' && before.state !== 'golden') of(before.running.version).golden += 1
  if (before !== null) of(before.running.version).alarm += risen(before.figures, report.figures, ALARMS)
  if (report.event === 'refused') of(report.running.version).refusal += 1
  const all = [...byVersion].filter(([, counts]) => INCIDENTS.some(kind => counts[kind] > 0))
  return all.map(([version, counts]) => ({ version, counts }))
}

/** The figure of a report that counts alarms (core/trust/figures.ts). */
const ALARMS = 'alarms'

/** How much a figure rose between two reports that both tell it; one that fell has begun again at zero. */
function risen(before: Figures | undefined, now: Figures | undefined, name: string): number {
  if (before === undefined || now === undefined || !Object.hasOwn(before, name) || !Object.hasOwn(now, name)) return 0
  const [was, is] = [before[name] as number, now[name] as number]
  return is < was ? is : is - was
}

/** Attempts that the report before did not tell. Those of before the first report are history, and nobody's experience. */
function fresh(before: Report | null, report: Report): readonly ReportedAttempt[] {
  if (before === null) return report.event === 'reverted' ? report.attempts.slice(-1) : []
  // A device that does not know the time tells two failures in the same words: each was told as often as it stands there.
  const told = new Map<string, number>()
  for (const key of before.attempts.map(keyOf)) told.set(key, (told.get(key) ?? 0) + 1)
  return report.attempts.filter(attempt => {
    const times = told.get(keyOf(attempt)) ?? 0
    if (times > 0) told.set(keyOf(attempt), times - 1)
    // One that was dropped at boot rotted in flash: its version is not blamed (core/slot/history.ts).
    return times === 0 && attempt.phase !== 'boot'
  })
}

const keyOf = ({ at, version, sequence, digest, phase, cause }: ReportedAttempt): string =>
  JSON.stringify([at, version, sequence, digest, phase, cause])

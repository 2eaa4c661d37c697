import type { JsonObject } from '../encoding/canonical-json.ts'
import type { Report } from '../trust/report.ts'

/** What the log keeps of a report beside the gateway's origin: enough to tell what ran, and to find the report again. */
export function reportDetail(report: Report): JsonObject {
  const { sequence, at, event, state, running, counter, assignment, staged, attempts, refusal } = report
  const last = attempts.at(-1)
  return {
    sequence,
    at,
    event,
    state,
    version: running.version,
    digest: running.digest,
    slot: running.slot,
    counter,
    ...(assignment === undefined ? {} : { assignment }),
    ...(staged === undefined ? {} : { staged: staged.version }),
    ...(last === undefined ? {} : { lastAttempt: { ...last } }),
    ...(refusal === undefined ? {} : { refusal: { ...refusal } }),
  }
}

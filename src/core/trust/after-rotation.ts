import type { Instant } from '../encoding/units.ts'
import type { Common, Document } from './metadata.ts'
import type { TrustedSet } from './trusted-set.ts'

/**
 * The highest version that a repository reaches by itself: one a second for a hundred years is below it. Whoever holds
 * the online keys can drive the numbers above it (the fast-forward attack, TUF 1.0.34 §1.5.2).
 */
export const MAX_GROWN_VERSION = 2 ** 32

/**
 * What a server goes on from when its root has changed. `before` is its set under the old root, `after` what `updateRoot`
 * made of it. Clients that saw keys of timestamp or snapshot go have forgotten the versions of both (TUF 1.0.34 §5.3.11);
 * the server numbers on from its own all the same, so that no file name is ever used twice: mirrors keep files by name.
 * Only versions that somebody has driven up begin anew, at the seconds since 1970: above all that were used honestly.
 * Where clients have not forgotten, no version goes back.
 */
export function goOn(before: TrustedSet, after: TrustedSet, now: Instant): TrustedSet {
  const { timestamp, snapshot, targets } = before
  const forgotten = after.timestamp === null && timestamp !== null
  if (!forgotten) return { ...after, timestamp, snapshot, targets }
  return {
    ...after,
    timestamp: renumbered(timestamp, now),
    snapshot: renumbered(snapshot, now),
    targets: renumbered(targets, now),
  }
}

function renumbered<T extends Common>(document: Document<T> | null, now: Instant): Document<T> | null {
  if (document === null || document.signed.version <= MAX_GROWN_VERSION) return document
  return { ...document, signed: { ...document.signed, version: Math.floor(now / 1000) } }
}

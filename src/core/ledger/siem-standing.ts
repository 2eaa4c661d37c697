import { after, type Instant, type Millis, millis } from '../encoding/units.ts'
import type { Refusal } from '../refusal/refusal.ts'

/**
 * Where a receiver of the log stands. Syslog over TLS has no acknowledgement: what was written to a connection may lie in a
 * buffer on either side when it breaks. What there is, is its end (RFC 5425 section 4.4): a receiver that has read to the end of
 * what we sent closes too. So a connection that carried something is ended in order from time to time; what it carried has then
 * been read by the receiver's process. It counts as settled, and is never sent again, when nothing has broken for a while
 * behind it: a process that dies takes with it what it has read and not yet written.
 *
 * Everything that is not settled when a connection breaks is sent again. That is what may come twice, and nothing else.
 */

/** A connection is ended when the oldest entry that it carried is as old as this, */
export const CONFIRM: Millis = millis(10_000)
/** or when it has carried so many. */
export const MOST_UNCONFIRMED = 2000
/** How long a receiver has to live on behind what it read, until that counts as settled. */
export const SETTLE: Millis = millis(10_000)
/** How long it takes nothing until a person is told, in the log too. */
export const PATIENCE: Millis = millis(15 * 60_000)

const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 60_000

/** Everything below `index` had been read by `at`. */
type Mark = { readonly index: number; readonly at: Instant }

export type Standing = {
  /** Everything below it is settled. */
  readonly settled: number
  /** What was read and is not settled yet, the oldest first. */
  readonly marks: readonly Mark[]
  /** The first entry that was not handed to the connection. */
  readonly next: number
  /** When the connection that stands was opened, and when the first entry on it was handed over; null: none. */
  readonly open: { readonly since: Instant; readonly carries: Instant | null } | null
  /** It is to be ended as soon as it has carried everything below this, for somebody who waits to know; null: nobody does. */
  readonly hurried: number | null
  /** Failures in a row, when the next try is due, and the last one of them. */
  readonly failures: number
  readonly due: Instant
  readonly fault: Refusal | null
  /** Since when it fails; null: it does not. */
  readonly troubledSince: Instant | null
  /** When it had everything that there was, the last time. */
  readonly levelAt: Instant
}

/**
 * A process begins: with what is settled, since what else arrived nobody knows any more. `lost`: the log says that the receiver takes
 * nothing, and that holds until it does.
 */
export const begin = (settled: number, lost: boolean, now: Instant): Standing => ({
  settled,
  marks: [],
  next: settled,
  open: null,
  hurried: null,
  failures: 0,
  due: now,
  fault: null,
  troubledSince: lost ? now : null,
  levelAt: now,
})

/** Everything below it was read by the receiver. */
export const confirmedOf = ({ settled, marks }: Standing): number => marks.at(-1)?.index ?? settled

export const opened = (standing: Standing, now: Instant): Standing => ({
  ...standing,
  open: { since: now, carries: null },
})

/** Entries below `next` were handed to the connection; `size` is the log's. */
export function handed(standing: Standing, next: number, size: number, now: Instant): Standing {
  const { open } = standing
  const carries = open?.carries ?? (next > standing.next ? now : null)
  return {
    ...standing,
    next,
    open: open === null ? null : { ...open, carries },
    levelAt: next >= size ? now : standing.levelAt,
  }
}

/** How many entries may still be handed to the connection before it is ended. */
export const roomOf = (standing: Standing): number => MOST_UNCONFIRMED - (standing.next - confirmedOf(standing))

/** Whether the connection is to be ended now, to learn what has arrived. */
export function wantsEnd(standing: Standing, now: Instant): boolean {
  const { open, hurried, next } = standing
  if (open === null || open.carries === null) return false
  return (hurried !== null && next >= hurried) || roomOf(standing) <= 0 || now - open.carries >= CONFIRM
}

/** The connection has ended in order: the receiver has read all of it. */
export const ended = (standing: Standing, now: Instant): Standing => ({
  ...well(standing),
  marks: [...standing.marks, { index: standing.next, at: now }],
  open: null,
  // Who came while it was being ended waits for the next one.
  hurried: standing.hurried !== null && standing.next < standing.hurried ? standing.hurried : null,
  due: now,
})

/** What has been read for long enough is settled; a connection that has held for long enough is no trouble any more. */
export function settle(standing: Standing, now: Instant): Standing {
  const old = standing.marks.filter(({ at }) => now - at >= SETTLE)
  const { open } = standing
  const next = open !== null && open.carries === null && now - open.since >= SETTLE ? well(standing) : standing
  if (old.length === 0) return next
  return { ...next, settled: (old.at(-1) as Mark).index, marks: standing.marks.slice(old.length) }
}

/**
 * A connection could not be made or broke: everything that is not settled is sent again, behind a pause that grows from a second
 * to a minute, of which between half and all by `chance` (0 to 1), so that many who lost one receiver do not come back together.
 */
export function broke(before: Standing, fault: Refusal, now: Instant, chance: number): Standing {
  const standing = settle(before, now)
  const failures = standing.failures + 1
  const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures - 1, 16))
  return {
    ...standing,
    marks: [],
    next: standing.settled,
    open: null,
    failures,
    due: after(now, millis(Math.round(pause * (0.5 + chance / 2)))),
    fault,
    troubledSince: standing.troubledSince ?? now,
  }
}

/** Somebody waits until everything below `upTo` has been read: the next try is due now, and is confirmed as soon as it carried that. */
export const hurry = (standing: Standing, upTo: number, now: Instant): Standing => ({
  ...standing,
  hurried: Math.max(upTo, standing.hurried ?? 0),
  due: now,
})

/** Whether it has been failing for so long that a person has to know. */
export const isLost = ({ troubledSince }: Standing, now: Instant): boolean =>
  troubledSince !== null && now - troubledSince >= PATIENCE

/** Whether it takes entries, and not fast enough to have all of them for as long. */
export const isBehind = ({ levelAt }: Standing, now: Instant): boolean => now - levelAt >= PATIENCE

const well = (standing: Standing): Standing => ({ ...standing, failures: 0, fault: null, troubledSince: null })

import type { Instant } from '../core/encoding/units.ts'
import {
  type AttemptRule,
  type Attempts,
  afterFailure,
  FROM_ANYWHERE,
  FROM_ONE_ADDRESS,
  type Noise,
  waitFor,
} from '../core/fleet/attempts.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'

/** What is remembered of failures, for as long as the server runs (and behind a start, see recall.ts). It is bounded. */
export class Memory {
  readonly attempts = new Map<string, Attempts>()
  readonly noise = new Map<string, Noise>()
}

export const MOST_REMEMBERED = 20_000
/** How many that count are passed over for one that does not. */
const PASSED_OVER = 64

/**
 * Remembers something; the oldest goes. What still counts is passed over and counts as new: who tries thousands of names
 * pushes out those, and not the lock of the one that they are after.
 */
export function remember<T>(
  memory: Map<string, T>,
  key: string,
  value: T,
  counts: (value: T) => boolean = () => false,
): void {
  memory.delete(key)
  memory.set(key, value)
  for (let n = 0; memory.size > MOST_REMEMBERED; n += 1) {
    const [[oldest, kept]] = memory as Iterable<[string, T]> as [[string, T]]
    memory.delete(oldest)
    if (n < PASSED_OVER && counts(kept)) memory.set(oldest, kept)
  }
}

/** Whether a failure was at a way in that names nobody: no account has such a name. */
export const isWay = (claimed: string): boolean => claimed.startsWith('(')

/** Refuses `sign-in-locked`: too many failures, of this name from this address or from anywhere. */
export function refuseLocked(memory: Memory, account: string, address: string, now: Instant): null | Refusal {
  const { attempts } = memory
  const wait = Math.max(waitFor(attempts.get(`${account} ${address}`), now), waitFor(attempts.get(account), now))
  if (wait === 0) return null
  const seconds = Math.ceil(wait / 1000)
  return refuse('sign-in-locked', `the sign-in of ${account}`, 'fewer wrong passwords', `another try in ${seconds} s`)
}

/** Counts a failure; answers how it is taken back, as long as no other came behind it. */
export function failed({ attempts }: Memory, account: string, address: string, now: Instant): () => void {
  const count = (key: string, rule: AttemptRule): (() => void) => {
    const before = attempts.get(key)
    const next = afterFailure(before, now, rule)
    // One failure is a slip, or one of a thousand names.
    remember(attempts, key, next, ({ failures }) => failures > 1)
    return () => {
      if (attempts.get(key) !== next) return
      if (before === undefined) attempts.delete(key)
      else attempts.set(key, before)
    }
  }
  const here = count(`${account} ${address}`, FROM_ONE_ADDRESS)
  // Of a way in that names nobody: whoever fails at it keeps nobody else from it.
  const counted = isWay(account) ? [here] : [here, count(account, FROM_ANYWHERE)]
  return () => {
    for (const one of counted) one()
  }
}

/** Who knows the password is no guesser, here or anywhere: what was counted against the account is forgotten. */
export function succeeded({ attempts }: Memory, account: string, address: string): void {
  attempts.delete(`${account} ${address}`)
  attempts.delete(account)
}

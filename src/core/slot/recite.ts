import type { Crypto } from '../encoding/crypto.ts'
import { type DecisionRange, type DeviceDecision, decisionDigest, MAX_DECISIONS } from '../trust/device-history.ts'
import type { HistoryEntry } from './history.ts'

/** A stretch of history as it will be told: the part of a statement that the ring decides. */
export type Recital = DecisionRange & {
  readonly before?: string
  readonly decisions: readonly DeviceDecision[]
  readonly lost: readonly DecisionRange[]
}

/**
 * The next stretch of a ring from a decision on, at most `MAX_DECISIONS` of them: what it has, and from-to what it has
 * lost, be it overwritten, torn or with a MAC that does not hold. Null when it has nothing newer. `entries`: the ring, oldest
 * first. A ring whose numbers end before `next` has begun anew: it tells itself from its first number.
 */
export function recite(entries: readonly HistoryEntry[], next: number, crypto: Pick<Crypto, 'sha256'>): Recital | null {
  const newest = entries.at(-1)?.decision ?? 0
  if (newest === 0 || newest === next - 1) return null
  const from = newest < next ? 1 : next
  const told = entries.filter(({ decision }) => decision >= from).slice(0, MAX_DECISIONS)
  const decisions = told.map(plain)
  const lost: DecisionRange[] = []
  let at = from
  for (const { decision } of decisions) {
    if (decision > at) lost.push({ from: at, to: decision - 1 })
    at = decision + 1
  }
  const front = entries.find(({ decision }) => decision === from - 1)
  const before = front === undefined ? {} : { before: decisionDigest(crypto, plain(front)) }
  return { from, to: at - 1, ...before, decisions, lost }
}

/** What a device's flash holds is a text of whatever bytes: what is not printable is told as a question mark. */
const printable = (value: string): string => value.replaceAll(/[^\x20-\x7e]/g, '?')

const plain = (entry: HistoryEntry): DeviceDecision => ({
  ...entry,
  sequence: Math.min(entry.sequence, 0xffffffff),
  version: printable(entry.version).slice(0, 32),
  cause: printable(entry.cause).slice(0, 48),
})

import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { type DeviceHistory, decisionDigest } from '../trust/device-history.ts'

/**
 * How far a device's history was told, by the key that signed it: the newest decision, its digest (empty: the ring had lost it), the
 * number of the statement; the newest decision that a report attested, and up to where it was already said that what was
 * attested was not told.
 */
export type DevicePlace = {
  readonly told: number
  readonly digest: string
  readonly sequence: number
  readonly attested: number
  readonly missed: number
}

export const NOTHING_TOLD: DevicePlace = { told: 0, digest: '', sequence: 0, attested: 0, missed: 0 }

/** Why a sequence does not simply go on. Each is a refusal code as well, with what it means and what to do. */
export type BreakCode =
  | 'history-gap'
  | 'history-lost'
  | 'history-repeated'
  | 'history-rewritten'
  | 'history-restarted'
  | 'history-withheld'

/** A break of a device's sequence: numbers of decisions, both ends included. */
export type HistoryBreak = { readonly code: BreakCode; readonly from: number; readonly to: number }

/**
 * How a stretch of history fits behind what was told before. Everything that is signed and new is taken in, and what is
 * odd about it is said: a device that rewrote its history would else have found a way to tell nothing any more.
 *
 * - `history-gap`: numbers in front of it that were never told. Whoever stood between left them out.
 * - `history-lost`: numbers that the device's ring had lost.
 * - `history-repeated`: numbers that were told before, with the same end.
 * - `history-rewritten`: what was told before reads otherwise now.
 * - `history-restarted`: the device's numbers went back; it begins anew.
 *
 * Refuses `history-replayed`: a statement that is not newer than the last.
 */
export function judgeHistory(
  place: DevicePlace,
  told: DeviceHistory,
  crypto: Pick<Crypto, 'sha256'>,
): { readonly place: DevicePlace; readonly breaks: readonly HistoryBreak[] } | Refusal {
  if (told.sequence <= place.sequence) {
    const subject = `history of ${told.site}/${told.controller}`
    return refuse('history-replayed', subject, `a sequence above ${place.sequence}`, String(told.sequence))
  }
  const last = told.decisions.at(-1)
  const digest = last?.decision === told.to ? decisionDigest(crypto, last) : ''
  const order = breakOf(place, told, crypto)
  const lost = told.lost.map(({ from, to }) => ({ code: 'history-lost', from, to }) as const)
  const again = order?.code === 'history-restarted'
  const attested = again ? { attested: 0, missed: 0 } : { attested: place.attested, missed: place.missed }
  const next = { told: told.to, digest, sequence: told.sequence, ...attested }
  return { place: next, breaks: [...(order === null ? [] : [order]), ...lost] }
}

function breakOf(place: DevicePlace, told: DeviceHistory, crypto: Pick<Crypto, 'sha256'>): HistoryBreak | null {
  const { from, to } = told
  if (from > place.told + 1) return { code: 'history-gap', from: place.told + 1, to: from - 1 }
  if (from === place.told + 1) {
    const differs = told.before !== undefined && place.digest !== '' && told.before !== place.digest
    return differs ? { code: 'history-rewritten', from: place.told, to: place.told } : null
  }
  if (to < place.told) return { code: 'history-restarted', from: to + 1, to: place.told }
  const same = told.decisions.find(({ decision }) => decision === place.told)
  const known = same === undefined || place.digest === '' || decisionDigest(crypto, same) === place.digest
  return { code: known ? 'history-repeated' : 'history-rewritten', from, to: place.told }
}

/**
 * What a report adds: the newest decision that it attests. A device tells its history before each report, so whatever the
 * report *before* attested has been told by now; if it was not, somebody held it back (`history-withheld`), and that is said
 * once for each number.
 */
export function judgeAttested(
  place: DevicePlace,
  decisions: number,
): { readonly place: DevicePlace; readonly withheld: HistoryBreak | null } {
  const known = Math.max(place.told, place.missed)
  const behind = place.attested > known
  const withheld = behind ? ({ code: 'history-withheld', from: known + 1, to: place.attested } as const) : null
  return { place: { ...place, attested: decisions, missed: behind ? place.attested : place.missed }, withheld }
}

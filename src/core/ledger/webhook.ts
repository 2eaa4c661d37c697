import { toBase64, utf8 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { after, type Instant, millis } from '../encoding/units.ts'
import { formatUtc } from '../encoding/utc-time.ts'
import type { AuditEntry } from './entry.ts'
import type { EntryKind } from './entry-kinds.ts'

/** What a subscription wants to hear: these kinds of entries (all, when there are none), of one site or of all. */
export type Wish = { readonly events: readonly string[]; readonly site: string | null }

/** What is told to nobody: it is about telling itself, and who cannot be told would have to be told that. */
const SILENT: ReadonlySet<EntryKind> = new Set<EntryKind>(['delivery-abandoned', 'delivery-repeated'])

export function wants({ events, site }: Wish, entry: AuditEntry): boolean {
  if (SILENT.has(entry.kind)) return false
  return (events.length === 0 || events.includes(entry.kind)) && (site === null || entry.site === site)
}

/** How often a message is tried before it is set aside. */
export const TRIES = 12
const FIRST_PAUSE = 5_000
const LONGEST_PAUSE = 3_600_000

/**
 * When a message that failed `failures` times is tried again: 5 s, twice as long each time, an hour at most; and of that
 * between half and all, by `chance` (0 to 1), so that many who fail together do not come back together.
 */
export function nextTry(now: Instant, failures: number, chance: number): Instant {
  const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures - 1, 20))
  return after(now, millis(Math.round(pause * (0.5 + chance / 2))))
}

/** A message as it is sent: its body and the headers of Standard Webhooks 1.0. */
export type Message = { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }

/**
 * The message that tells of an entry. Its id is the same at each try, so that a receiver knows what it has had; the
 * signature is over id, time of sending and body (Standard Webhooks 1.0, symmetric: HMAC-SHA-256).
 */
export function messageOf(
  webhook: string,
  index: number,
  entry: AuditEntry,
  now: Instant,
  secret: Uint8Array,
  crypto: Crypto,
): Message {
  const text = JSON.stringify({ type: entry.kind, timestamp: formatUtc(entry.at), data: { index, ...entry } })
  const [id, time] = [`${webhook}.${index}`, String(Math.floor(now / 1000))]
  const signature = toBase64(crypto.hmacSha256(secret, utf8(`${id}.${time}.${text}`)))
  return {
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': time,
      'webhook-signature': `v1,${signature}`,
    },
    body: utf8(text),
  }
}

/** A secret as receivers are given it. */
export const secretText = (secret: Uint8Array): string => `whsec_${toBase64(secret)}`

import { type Refusal, refuse } from '../core/refusal/refusal.ts'

/**
 * The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header-07 §2): a string of RFC 8941, in quotes,
 * that its sender never uses for another request. 16 to 128 characters; a UUID does well.
 */
const KEY = /^"([A-Za-z0-9._:~-]{16,128})"$/

/** How long an answer is kept for whoever asks again, in milliseconds. */
export const KEPT_MILLIS = 24 * 3_600_000

/** The key of a header; null without one. Refuses `idempotency-key-malformed`. */
export function readIdempotencyKey(header: string | string[] | undefined): string | null | Refusal {
  if (header === undefined) return null
  const key = KEY.exec(`${header}`)?.[1]
  const expected = '16 to 128 characters of A-Z a-z 0-9 . _ : ~ - in double quotes'
  return key ?? refuse('idempotency-key-malformed', 'the Idempotency-Key', expected, 'another text')
}

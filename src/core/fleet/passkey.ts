import { toHex } from '../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { either, exactly, line, Misfit, object, text, then, truth, whole } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { after, type Instant, instant, millis } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { PasskeyRow } from './account-rows.ts'
import { NAME } from './identity.ts'

/**
 * A passkey: a key that never leaves its authenticator, by which somebody signs in (WebAuthn Level 3). The store has its public
 * half and nothing secret. `credential`, `user` and `publicKey` (COSE) are base64url, as the browser speaks of them.
 */
export type Passkey = {
  readonly v: 1
  /** SHA-256 of the credential id, in hex: what it is found by. */
  readonly id: string
  readonly credential: string
  readonly account: string
  /** What its owner calls it. */
  readonly label: string
  /** What the authenticator knows the account by: random, the same for all passkeys of an account. */
  readonly user: string
  readonly publicKey: string
  /** The signature counter of the last sign-in (§6.1.1); 0 where the authenticator does not count. */
  readonly counter: number
  /** Whether it is kept on several devices (flag BS, §6.1.3). */
  readonly synced: boolean
  readonly createdAt: Instant
  readonly used: Instant | null
}

/** Passkeys of one account at most. */
export const MOST_PASSKEYS = 10
/** The longest credential id that WebAuthn allows, in bytes (§4), and the random handle of an account. */
export const MAX_CREDENTIAL_ID = 1023
export const USER_BYTES = 32

/** How long after a sign-in somebody may add a way to sign in, in milliseconds. */
export const FRESH = millis(5 * 60_000)
/** How far the clock may have been corrected meanwhile. */
const SKEW = millis(60_000)

const BASE64URL = /^[A-Za-z0-9_-]+$/
const moment = then(whole(0, 8_640_000_000_000_000), value => instant(value))
const encoded = (max: number) =>
  then(text('base64url', BASE64URL), (value, at) =>
    value.length <= max ? value : new Misfit(at, `base64url of at most ${max} characters`, `${value.length}`),
  )
const nothing = (value: unknown, at: string): null | Misfit =>
  value === null ? null : new Misfit(at, 'null', 'something else')

const shape = object({
  v: exactly(1),
  id: text('64 hex digits', /^[0-9a-f]{64}$/),
  credential: encoded(1364),
  account: text('the name of an account', NAME),
  label: line(120),
  user: encoded(88),
  publicKey: encoded(2048),
  counter: whole(0, 0xffff_ffff),
  synced: truth,
  createdAt: moment,
  used: either(moment, nothing),
})

export const passkeyRow = (passkey: Passkey): PasskeyRow => ({
  id: passkey.id,
  account: passkey.account,
  passkey: canonicalJson(passkey as unknown as Json),
})

/** Reads a stored passkey. Refuses `account-malformed`. */
export function parsePasskey(bytes: Uint8Array, subject: string): Passkey | Refusal {
  const json = readJson(bytes, 16 * 1024)
  if (json instanceof JsonFault) return refuse('account-malformed', subject, 'a passkey in JSON', json.message)
  const read = shape(json, '')
  if (!(read instanceof Misfit)) return read as Passkey
  return refuse('account-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
}

/** What a passkey is found by. */
export const passkeyId = (credential: Uint8Array, crypto: Crypto): string => toHex(crypto.sha256(credential))

/**
 * Judges the counter that came with a signature (§6.1.1, §7.2 step 22): one that does not go forward comes from a copy, or from the
 * original behind a copy. An authenticator that never counts says 0. Refuses `passkey-copied`.
 */
export function refuseCopied({ counter, label, account }: Passkey, next: number): null | Refusal {
  if (next > counter || (next === 0 && counter === 0)) return null
  return refuse('passkey-copied', `the passkey ${label} of ${account}`, `a counter above ${counter}`, `${next}`)
}

/**
 * Judges how long ago somebody signed in who wants to add a way to sign in: whoever finds a session open cannot make themselves at
 * home with it. `since` null: they did not sign in. Refuses `session-not-fresh`.
 */
export function refuseStale(account: string, since: Instant | null, now: Instant): null | Refusal {
  const expected = `a sign-in within ${FRESH / 60_000} minutes`
  if (since === null) return refuse('session-not-fresh', account, expected, 'a certificate or a token')
  if (now < after(since, FRESH) && now >= since - SKEW) return null
  return refuse('session-not-fresh', account, expected, 'one of before')
}

import { fromHex, toBase64Url, toHex, utf8 } from '../encoding/bytes.ts'
import { canonicalJson, type Json, JsonFault } from '../encoding/canonical-json.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { either, exactly, line, list, Misfit, object, text, then, whole, word } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { after, type Instant, instant, type Millis, millis } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { grantShape } from './account.ts'
import { NAME } from './identity.ts'
import { type Grant, grantText } from './roles.ts'

/**
 * A secret that stands for an account: a token that a program keeps, the session of a command line, or that of a browser. The
 * store has its SHA-256 and never the secret. A secret of 256 random bits needs no slow hash: there is nothing to guess.
 */
export type Credential = {
  readonly v: 1
  /** What it is found by: 64 random bits in hex, no secret. */
  readonly id: string
  readonly kind: CredentialKind
  readonly account: string
  /** What its owner calls it. */
  readonly label: string
  /** SHA-256 of the whole secret text, in hex. */
  readonly sha256: string
  /** What it allows of what its account may do; null: all of it. */
  readonly grants: readonly Grant[] | null
  readonly createdAt: Instant
  readonly createdBy: string
  readonly expiresAt: Instant
  readonly revoked: null | { readonly at: Instant; readonly by: string }
}

/** `session` goes with a command line, in a header; `browser` goes in a cookie, and nowhere else. */
export type CredentialKind = 'token' | 'session' | 'browser'

const LETTERS: Readonly<Record<CredentialKind, string>> = { token: 't', session: 's', browser: 'b' }

/** The text of a secret: what scanners for leaked secrets can look for. */
const SECRET = /^voltseal_([tsb])_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/
/** The longest text that is looked at. */
const SECRET_LENGTH = 80

/** The longest lives, in milliseconds. A session is over after half a day at most (NIST SP 800-63B-4 §2.2.3 allows a day). */
export const MAX_TOKEN_LIFE = millis(400 * 86_400_000)
export const SESSION_LIFE = millis(12 * 3_600_000)
/** After how long without a request the session of a browser is over (NIST SP 800-63B-4 §2.2.3 allows an hour). */
export const IDLE_LIFE = millis(30 * 60_000)

/** The secret text of 8 and 32 random bytes. Shown once. */
export function secretText(kind: CredentialKind, id: Uint8Array, random: Uint8Array): string {
  if (id.length !== 8 || random.length !== 32) throw new Error('a secret is made of 8 and 32 random bytes')
  return `voltseal_${LETTERS[kind]}_${toHex(id)}_${toBase64Url(random)}`
}

/** What a presented text says of itself; null when it is no secret of ours. */
export function readSecret(presented: string): { readonly kind: CredentialKind; readonly id: string } | null {
  if (presented.length > SECRET_LENGTH) return null
  const [, letter, id] = SECRET.exec(presented) ?? []
  const kind = (['token', 'session', 'browser'] as const).find(one => LETTERS[one] === letter)
  return kind === undefined || id === undefined ? null : { kind, id }
}

export const secretDigest = (secret: string, crypto: Crypto): Uint8Array => crypto.sha256(utf8(secret))

const shape = object({
  v: exactly(1),
  id: text('16 hex digits', /^[0-9a-f]{16}$/),
  kind: word('token', 'session', 'browser'),
  account: text('the name of an account', NAME),
  label: line(120),
  sha256: text('64 hex digits', /^[0-9a-f]{64}$/),
  grants: either(list(grantShape, 0, 64), (value: unknown, at: string): null | Misfit =>
    value === null ? null : new Misfit(at, 'null', 'something else'),
  ),
  createdAt: moment(),
  createdBy: line(128),
  expiresAt: moment(),
  revoked: either(object({ at: moment(), by: line(128) }), (value: unknown, at: string): null | Misfit =>
    value === null ? null : new Misfit(at, 'null', 'something else'),
  ),
})

function moment() {
  return then(whole(0, 8_640_000_000_000_000), value => instant(value))
}

export const credentialBytes = (credential: Credential): Uint8Array =>
  canonicalJson({ ...credential, grants: credential.grants?.map(grantText) ?? null } as unknown as Json)

/** Reads a stored credential. Refuses `account-malformed`. */
export function parseCredential(bytes: Uint8Array, subject: string): Credential | Refusal {
  const json = readJson(bytes, 64 * 1024)
  if (json instanceof JsonFault) return refuse('account-malformed', subject, 'a credential in JSON', json.message)
  const read = shape(json, '')
  if (!(read instanceof Misfit)) return read as Credential
  return refuse('account-malformed', subject, read.expected, `${read.actual} at ${read.at || 'the top'}`)
}

/** What is compared when no credential of that id is there: the answer takes as long. */
const NOBODY = new Uint8Array(32)

/**
 * Judges a presented secret against what is stored under its id (null: nothing). Who does not know the secret learns
 * nothing: not whether the id is there, nor that it is expired or revoked. Refuses `credential-unknown`,
 * `credential-revoked`, `credential-expired`.
 */
export function refuseCredential(
  presented: string,
  kind: CredentialKind,
  stored: Credential | null,
  lastUse: Instant | null,
  now: Instant,
  crypto: Crypto,
): null | Refusal {
  const known = stored === null ? NOBODY : (fromHex(stored.sha256) ?? NOBODY)
  const same = crypto.equal(secretDigest(presented, crypto), known)
  if (!same || stored === null || stored.kind !== kind) {
    return refuse('credential-unknown', 'the token or session', 'one that this fleet gave out', 'another one')
  }
  return refuseEnded(stored, lastUse, now)
}

/** Whether a credential of this fleet is in force. Refuses `credential-revoked`, `credential-expired`. */
export function refuseEnded(stored: Credential, lastUse: Instant | null, now: Instant): null | Refusal {
  const subject = `${stored.kind} ${stored.id} of ${stored.account}`
  if (stored.revoked !== null) return refuse('credential-revoked', subject, 'one in force', 'one that was revoked')
  if (now >= stored.expiresAt) return refuse('credential-expired', subject, 'one in force', 'one whose time is over')
  // A clock that was set back makes nothing younger than it was when it was made.
  if (now < stored.createdAt - SKEW) return refuse('credential-expired', subject, 'one that was made', 'one of later')
  const idle = stored.kind === 'browser' && now >= after(lastUse ?? stored.createdAt, IDLE_LIFE)
  return idle ? refuse('credential-expired', subject, 'one that is used', 'one that was left alone too long') : null
}

/** How far the clock may have been corrected since a credential was made, in milliseconds. */
const SKEW: Millis = millis(5 * 60_000)

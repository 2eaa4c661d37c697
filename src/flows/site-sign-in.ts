import { toHex } from '../core/encoding/bytes.ts'
import type { JsonObject } from '../core/encoding/canonical-json.ts'
import { plainText } from '../core/encoding/plain-text.ts'
import { after, type Instant } from '../core/encoding/units.ts'
import {
  type Credential,
  readSecret,
  refuseCredential,
  SESSION_LIFE,
  secretDigest,
  secretText,
} from '../core/fleet/credential.ts'
import type { SitePerson } from '../core/fleet/site-people.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { failed, type Memory, refuseLocked, succeeded } from './attempts.ts'
import { note } from './audit.ts'
import type { PasswordHash, Random, SitePeople } from './people-ports.ts'
import type { SiteWorld } from './ports.ts'
import { noteRefusalAt } from './refused.ts'
import { siteAddress, sitePseudonym } from './site-people.ts'

/**
 * Signing in at a gateway's own page, by a password that the gateway itself knows: nobody else is asked, so that it works with the link
 * down. Sessions are in memory, and end with the process.
 */

/** What the page's door needs to let people sign in. */
export type SiteReception = {
  readonly world: SiteWorld
  readonly random: Random
  readonly people: SitePeople
  readonly passwords: PasswordHash
  readonly memory: Memory
  readonly sessions: SiteSessions
}

type Held = { readonly credential: Credential; readonly password: string; used: Instant }

/** Sessions of one person that are in force at most: the oldest goes. */
export const MOST_SITE_SESSIONS = 8

/** The sessions that a gateway's page has begun since it started. */
export class SiteSessions {
  readonly #held = new Map<string, Held>()

  get(id: string): Held | null {
    return this.#held.get(id) ?? null
  }

  add(held: Held): void {
    const { id, account } = held.credential
    const theirs = [...this.#held.values()].filter(one => one.credential.account === account)
    for (const { credential } of theirs.slice(0, Math.max(0, theirs.length + 1 - MOST_SITE_SESSIONS))) {
      this.#held.delete(credential.id)
    }
    this.#held.set(id, held)
  }

  end(id: string): void {
    this.#held.delete(id)
  }
}

/** A session that was begun: its secret is shown this once. */
export type SiteBegun = { readonly person: SitePerson; readonly secret: string; readonly expiresAt: Instant }

/** Somebody who has signed in, with the id of their session. */
export type SiteWho = { readonly person: SitePerson; readonly session: string }

/** How a refused sign-in at the page is called in the log, and which door that was. */
const SIGN_IN = 'sign-in at the page'
export const PAGE_DOOR = 'the page'

/**
 * Signs somebody in. What they typed is in no refusal of the log: a name that nobody has may be a password in the wrong field. That
 * they came in is in the gateway's log on return. Refuses `sign-in-locked`, `sign-in-busy`, `sign-in-wrong` (the same for a wrong name
 * as for a wrong password, after as long), `site-people-unusable`; recorded.
 */
export async function signInAtSite(
  reception: SiteReception,
  asked: { readonly account: string; readonly password: string },
  address: string,
): Promise<SiteBegun | Refusal> {
  const begun = await judged(reception, asked, address)
  if (isRefusal(begun)) await tell(reception, asked.account, address, begun)
  return begun
}

async function judged(
  reception: SiteReception,
  asked: { readonly account: string; readonly password: string },
  address: string,
): Promise<SiteBegun | Refusal> {
  const { world, people, passwords, memory } = reception
  const now = world.clock.now()
  const account = plainText(asked.account, 64)
  const locked = refuseLocked(memory, account, address, now)
  if (locked !== null) return locked
  // Counted before it is judged: who asks a hundred times at once has asked a hundred times.
  const takeBack = failed(memory, account, address, now)
  const before = inForce(people, account)
  const right = isRefusal(before) ? before : await passwords.matches(asked.password, before?.password ?? null)
  if (isRefusal(before) || isRefusal(right)) {
    // Nothing was judged, so nothing was guessed.
    takeBack()
    return right as Refusal
  }
  // To judge it took a while: who was shut out meanwhile, or has another password, is judged by that.
  const known = inForce(people, account)
  if (isRefusal(known)) return known
  if (!right || known === null || known.password !== before?.password) return wrong(account)
  succeeded(memory, account, address)
  return begin(reception, known, address, now)
}

async function begin(
  { world, random, sessions }: SiteReception,
  { person, password }: InForce,
  address: string,
  now: Instant,
): Promise<SiteBegun> {
  const id = random.bytes(8)
  const secret = secretText('browser', id, random.bytes(32))
  const made = { v: 1, id: toHex(id), kind: 'browser', account: person.name, createdBy: person.name } as const
  const expiresAt = after(now, SESSION_LIFE)
  const sha256 = toHex(secretDigest(secret, world.crypto))
  const kept = { label: 'the page of the gateway', sha256, grants: null, createdAt: now, expiresAt, revoked: null }
  const who = { account: sitePseudonym(world, person), role: person.role, session: made.id }
  // If power fails before this commit, nobody was let in; after it, the log tells of a session whose secret nobody has.
  await note(world, { kind: 'site-access-granted', detail: { ...who, address: siteAddress(world, person, address) } })
  sessions.add({ credential: { ...made, ...kept }, password, used: now })
  return { person, secret, expiresAt }
}

/**
 * Whose session a secret is, judged anew at each request: who is shut out, or has another password, is out with the next one.
 * `watching`: a page asks by itself: that keeps no session alive. Refuses `credential-unknown`, `credential-expired`, `credential-revoked`,
 * `site-people-unusable`.
 */
export function admitAtSite(
  { world, people, sessions }: SiteReception,
  secret: string,
  watching: boolean,
): SiteWho | Refusal {
  const said = readSecret(secret)
  const held = said === null ? null : sessions.get(said.id)
  const now = world.clock.now()
  const fault = refuseCredential(secret, 'browser', held?.credential ?? null, held?.used ?? null, now, world.crypto)
  if (fault !== null) return fault
  const { credential, password } = held!
  const known = inForce(people, credential.account)
  if (isRefusal(known)) return known
  if (known === null || known.password !== password) {
    sessions.end(credential.id)
    return refuse('credential-revoked', 'the session', 'one of somebody who may sign in', 'one that was ended')
  }
  if (!watching) held!.used = now
  return { person: known.person, session: credential.id }
}

/** Signs out: the session is worth nothing from now on, and the log says so on return. */
export async function signOutAtSite({ world, sessions }: SiteReception, { person, session }: SiteWho): Promise<void> {
  sessions.end(session)
  await note(world, { kind: 'site-access-ended', detail: { account: sitePseudonym(world, person), session } })
}

type InForce = { readonly person: SitePerson; readonly password: string }

function inForce(people: SitePeople, name: string): InForce | null | Refusal {
  const all = people.now()
  // Where the file lies and what is wrong with it, the gateway's log and its command line say: not a page that anybody opens.
  if (isRefusal(all)) return refuse(all.code, 'the list of people', 'one that can be used', 'another one')
  const person = all.find(one => one.name === name)
  return person?.standing.at === 'in-force' ? { person, password: person.standing.password } : null
}

const wrong = (account: string): Refusal =>
  refuse('sign-in-wrong', account, 'a name with its own password', 'another pair')

/** A refused sign-in in the gateway's log: who it was about, where that is somebody on the list, and no word that was typed. */
async function tell(
  { world, people }: SiteReception,
  typed: string,
  address: string,
  { code, expected, actual }: Refusal,
): Promise<void> {
  const all = people.now()
  const person = isRefusal(all) ? undefined : all.find(({ name }) => name === typed)
  const more: JsonObject =
    person === undefined ? {} : { account: sitePseudonym(world, person), address: siteAddress(world, person, address) }
  const refusal = refuse(code, 'the page of the gateway', expected, actual)
  await noteRefusalAt(world, { controller: null, attempt: SIGN_IN, at: PAGE_DOOR, more }, refusal)
}

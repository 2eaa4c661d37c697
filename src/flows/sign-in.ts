import { sameBytes, toHex } from '../core/encoding/bytes.ts'
import { plainText } from '../core/encoding/plain-text.ts'
import { after, type Instant, millis } from '../core/encoding/units.ts'
import type { Account } from '../core/fleet/account.ts'
import type { CredentialRow } from '../core/fleet/account-rows.ts'
import {
  type Credential,
  credentialBytes,
  parseCredential,
  SESSION_LIFE,
  secretDigest,
  secretText,
} from '../core/fleet/credential.ts'
import { NAME } from '../core/fleet/identity.ts'
import { passkeyRow } from '../core/fleet/passkey.ts'
import type { Proof } from '../core/fleet/proof.ts'
import type { Grant } from '../core/fleet/roles.ts'
import { addressOf, type Telling, tried } from '../core/ledger/telling.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { accountOf, inForce, type Who } from './admit.ts'
import { failed, isWay, type Memory, refuseLocked, succeeded } from './attempts.ts'
import { record } from './audit.ts'
import type { IdentityProvider, PasswordHash, Random, Vouched } from './people-ports.ts'
import { person } from './persons.ts'
import type { FleetWorld } from './ports.ts'
import { NOBODY, noteRefusal } from './refused.ts'

/** What a door needs to let people sign in: who vouches for them, and what it remembers of those who failed. */
export type Reception = {
  readonly world: FleetWorld
  readonly random: Random
  /** By name. `local` is the fleet's own. */
  readonly providers: ReadonlyMap<string, IdentityProvider>
  readonly memory: Memory
}

/** The fleet's own provider: an account's name and its password. It says the same of a wrong name and of a wrong password. */
export function localIdentities(world: Pick<FleetWorld, 'store'>, passwords: PasswordHash): IdentityProvider {
  return {
    name: 'local',
    label: 'Password',
    way: 'password',
    begin: async () => ({ at: 'password' }),
    finish: async proof => {
      if (proof.at !== 'password') return wrong('a sign-in')
      const known = NAME.test(proof.account) ? await world.store.password(proof.account) : null
      const right = await passwords.matches(proof.password, known)
      if (isRefusal(right)) return right
      return right ? { subject: proof.account } : wrong(plainText(proof.account, 64))
    },
  }
}

const wrong = (subject: string): Refusal =>
  refuse('sign-in-wrong', subject, 'an account with its own password', 'another pair')

/** A session that was begun: its secret is shown this once. */
export type Begun = {
  readonly account: string
  readonly secret: string
  readonly expiresAt: Instant
  /** Where they wanted to go, when another party brought them back. */
  readonly to: string | null
}

/**
 * Signs a person in. The session is a new one, whatever the request brought along. Durable on return. Refuses
 * `sign-in-locked`, `identity-unlinked`, `account-disabled`, and what the provider's `finish` refuses.
 */
export async function signIn(
  reception: Reception,
  provider: string,
  proof: Proof,
  from: { readonly address: string; readonly kind: 'session' | 'browser' },
): Promise<Begun | Refusal> {
  const { world, memory } = reception
  const now = world.clock.now()
  const claimed = claimedBy(provider, proof)
  const locked = refuseLocked(memory, claimed, from.address, now)
  if (locked !== null) {
    await noteRefusal(reception, NOBODY, SIGN_IN, locked, whoTried(claimed, from.address))
    return locked
  }
  // Counted before it is judged: who asks a hundred times at once has asked a hundred times.
  const takeBack = failed(memory, claimed, from.address, now)
  const hash = await hashOf(world, proof)
  const proved = await proven(reception, provider, proof)
  if (isRefusal(proved)) {
    // Nothing was judged, so nothing was guessed: who could count names as fast as they are turned away would flood the memory.
    if (!isGuess(proved)) takeBack()
    await noteRefusal(reception, NOBODY, SIGN_IN, proved, whoTried(claimed, from.address))
    return proved
  }
  const begun = await world.store.exclusive(() => begin(reception, provider, proof, from, { ...proved, hash, now }))
  if (isRefusal(begun)) await noteRefusal(reception, NOBODY, SIGN_IN, begun, whoTried(claimed, from.address))
  else succeeded(memory, claimed, from.address)
  return begun
}

/**
 * Begins the session, unless what was proved holds no more: to judge a password takes a while. Who changes it, or is disabled,
 * in that while has ended all sessions, and this one would come behind them. A passkey that was removed meanwhile, or has signed in
 * with the same counter, is another one than was judged.
 */
async function begin(
  reception: Reception,
  provider: string,
  proof: Proof,
  from: { readonly address: string; readonly kind: 'session' | 'browser' },
  proved: Proven & { readonly hash: string | null; readonly now: Instant },
): Promise<Begun | Refusal> {
  const { world } = reception
  const { hash, now, passkey, to = null } = proved
  const account = await inForce(world, proved.account.id)
  if (isRefusal(account)) return account
  if ((await hashOf(world, proof)) !== hash) return wrong(account.id)
  const kept = passkey === undefined ? null : await world.store.passkey(passkey.judged.id)
  if (passkey !== undefined && (kept === null || !sameBytes(kept.passkey, passkey.judged.passkey))) {
    return wrong(account.id)
  }
  const label = `signed in from ${from.address}`
  const wanted = { kind: from.kind, label, grants: null, expiresAt: after(now, SESSION_LIFE) } as const
  const { secret, sha256, row } = mint(reception, account.id, account.id, wanted, now)
  const used = passkey === undefined ? {} : { passkey: passkey.judged.id }
  const address = addressOf(account.id, from.address)
  const detail = { by: provider, session: row.id, kind: from.kind, address, ...used }
  const forgotten = await outlived(world, account.id, now)
  // If power fails behind this commit, there is a session whose secret nobody has: it ends by itself. Before it, a passkey's counter
  // is the one of before, and the same answer counts again for nobody: its challenge is gone.
  const actor = { ...person(account.id), key: sha256 }
  const passkeys = passkey === undefined ? [] : [passkeyRow(passkey.next)]
  await record(world, { credentials: [row], forgotten, passkeys }, [{ kind: 'access-granted', actor, detail }])
  return { account: account.id, secret, expiresAt: wanted.expiresAt, to }
}

/** What a password is judged by: it is another one as soon as the password is set anew. */
const hashOf = async ({ store }: FleetWorld, proof: Proof): Promise<string | null> =>
  proof.at === 'password' ? store.password(proof.account) : null

/** What a failure is counted against: the name that was typed, and where none is typed the way in: there, nobody guesses. */
const claimedBy = (provider: string, proof: Proof): string =>
  proof.at === 'password' ? plainText(proof.account, 64) : `(${plainText(provider, 200)})`

/** Whether a refusal says that something was judged, and found wrong. */
const isGuess = ({ code }: Refusal): boolean => code === 'sign-in-wrong' || code === 'passkey-copied'

/** How a refused sign-in is called in the log. */
export const SIGN_IN = 'sign-in'

/** The name that somebody tried, and where they came from: people both, whether the name is an account's or not. */
function whoTried(claimed: string, address: string) {
  if (isWay(claimed)) return { people: [], detail: { address: addressOf(claimed, address) } }
  const detail: { readonly [name: string]: Telling } = { account: tried(claimed), address: addressOf(claimed, address) }
  return { people: [tried(claimed)], detail }
}

/**
 * Judges a password outside of a sign-in, as slowly as there. Refuses `sign-in-locked`, `sign-in-wrong`, and what the check
 * refuses.
 */
export async function refuseGuess(
  { world, memory }: Pick<Reception, 'world' | 'memory'>,
  account: string,
  where: string,
  isRight: () => Promise<boolean | Refusal>,
): Promise<null | Refusal> {
  const now = world.clock.now()
  const locked = refuseLocked(memory, account, where, now)
  if (locked !== null) return locked
  failed(memory, account, where, now)
  const right = await isRight()
  if (isRefusal(right)) return right
  if (!right) return refuse('sign-in-wrong', account, 'the password of before', 'another one')
  succeeded(memory, account, where)
  return null
}

/**
 * Sessions of an account that a new one takes the place of: those that have been over for a month, and the oldest of more
 * than an account may have in force. Tokens stay: whose they were is asked for years later.
 */
async function outlived(world: FleetWorld, account: string, now: Instant): Promise<string[]> {
  const sessions: Credential[] = []
  for (const { id, credential } of await world.store.credentials(account)) {
    const stored = parseCredential(credential, `credential ${id}`)
    // One that cannot be read is no session that is over: it stays for whoever looks.
    if (!isRefusal(stored) && stored.kind !== 'token') sessions.push(stored)
  }
  const inForce = sessions
    .filter(({ revoked, expiresAt }) => revoked === null && now < expiresAt)
    .sort((a, b) => b.createdAt - a.createdAt)
  const over = sessions.filter(({ expiresAt }) => now >= after(expiresAt, KEPT_SESSION))
  return [...over, ...inForce.slice(MOST_SESSIONS - 1)].map(({ id }) => id)
}

const KEPT_SESSION = millis(30 * 86_400_000)
/** Sessions of one account that are in force at most: whoever knows a password fills the store no further. */
export const MOST_SESSIONS = 32

type Proven = Omit<Vouched, 'subject'> & { readonly account: Account }

/** The account of somebody whom a provider vouches for; whether it is in force is seen when the session begins. */
async function proven({ world, providers }: Reception, name: string, proof: Proof): Promise<Proven | Refusal> {
  const provider = providers.get(name)
  if (provider === undefined) return wrong(plainText(name, 64))
  const finished = await provider.finish(proof)
  if (isRefusal(finished)) return finished
  const { subject, ...more } = finished
  const isOther = provider.way === 'redirect'
  const account = isOther ? await known(world, name, subject) : await accountOf(world, subject)
  if (isRefusal(account)) return account
  // A service has tokens, and no password that somebody could type.
  if (account !== null && account.kind === 'person') return { account, ...more }
  if (!isOther) return wrong(plainText(subject, 64))
  // Whom the other party knows has proved who they are: what an administrator needs to link them is no secret from them.
  return refuse('identity-unlinked', name, 'an account that is linked to this subject', subject)
}

async function known(world: FleetWorld, provider: string, subject: string): Promise<Account | null | Refusal> {
  for (const { id } of await world.store.accounts()) {
    const account = await accountOf(world, id)
    if (isRefusal(account)) return account
    if (account?.externals.some(one => one.provider === provider && one.subject === subject) === true) return account
  }
  return null
}

/** A new credential: the text that is shown once, and what is stored of it. */
export function mint(
  { world, random }: Pick<Reception, 'world' | 'random'>,
  account: string,
  by: string,
  wanted: Pick<Credential, 'kind' | 'label' | 'expiresAt'> & { readonly grants: readonly Grant[] | null },
  now: Instant,
): { readonly secret: string; readonly sha256: string; readonly row: CredentialRow } {
  const id = random.bytes(8)
  const secret = secretText(wanted.kind, id, random.bytes(32))
  const sha256 = toHex(secretDigest(secret, world.crypto))
  const made = { v: 1, id: toHex(id), account, sha256, createdAt: now, createdBy: by, revoked: null } as const
  return { secret, sha256, row: { id: made.id, account, credential: credentialBytes({ ...made, ...wanted }) } }
}

/** Signs out: the session (or the token) is worth nothing from now on. Durable on return. */
export async function signOut(world: FleetWorld, who: Who): Promise<null | Refusal> {
  const { credential } = who
  if (credential === null) return null
  return world.store.exclusive(async () => {
    const row = await world.store.credential(credential)
    const stored = row === null ? null : parseCredential(row.credential, `credential ${credential}`)
    if (isRefusal(stored)) return stored
    if (stored === null || stored.revoked !== null) return null
    const revoked = { ...stored, revoked: { at: world.clock.now(), by: who.id } }
    const next = { id: stored.id, account: stored.account, credential: credentialBytes(revoked) }
    const detail = { credential: stored.id, kind: stored.kind }
    await record(world, { credentials: [next] }, [{ kind: 'access-ended', actor: person(who), detail }])
    return null
  })
}

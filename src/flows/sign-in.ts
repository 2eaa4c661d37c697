import { toHex } from '../core/encoding/bytes.ts'
import { plainText } from '../core/encoding/plain-text.ts'
import { after, type Instant, millis } from '../core/encoding/units.ts'
import type { Account } from '../core/fleet/account.ts'
import type { CredentialRow } from '../core/fleet/account-rows.ts'
import {
  type Attempts,
  afterFailure,
  FROM_ANYWHERE,
  FROM_ONE_ADDRESS,
  type Noise,
  takeNoise,
  waitFor,
} from '../core/fleet/attempts.ts'
import {
  type Credential,
  credentialBytes,
  parseCredential,
  SESSION_LIFE,
  secretDigest,
  secretText,
} from '../core/fleet/credential.ts'
import { NAME } from '../core/fleet/identity.ts'
import type { Proof } from '../core/fleet/proof.ts'
import type { Grant } from '../core/fleet/roles.ts'
import type { Actor } from '../core/ledger/entry.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { accountOf, type Who } from './admit.ts'
import { record } from './audit.ts'
import type { IdentityProvider, PasswordHash, Random } from './people-ports.ts'
import type { FleetWorld } from './ports.ts'

/** What a door needs to let people sign in: who vouches for them, and what it remembers of those who failed. */
export type Reception = {
  readonly world: FleetWorld
  readonly random: Random
  /** By name. `local` is the fleet's own. */
  readonly providers: ReadonlyMap<string, IdentityProvider>
  readonly memory: Memory
}

/**
 * What is remembered of failures, for as long as the server runs. It is bounded: who tries many names pushes out their own
 * oldest tries, and a lock over all addresses stays as long as its account is tried.
 */
export class Memory {
  readonly attempts = new Map<string, Attempts>()
  readonly noise = new Map<string, Noise>()
}

const MOST_REMEMBERED = 20_000

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key)
  memory.set(key, value)
  if (memory.size <= MOST_REMEMBERED) return
  const [oldest] = memory.keys()
  memory.delete(oldest!)
}

/** The fleet's own provider: an account's name and its password. It says the same of a wrong name and of a wrong password. */
export function localIdentities(world: Pick<FleetWorld, 'store'>, passwords: PasswordHash): IdentityProvider {
  return {
    name: 'local',
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
export type Begun = { readonly account: string; readonly secret: string; readonly expiresAt: Instant }

/**
 * Signs a person in. The session is a new one, whatever the request brought along. Durable on return. Refuses
 * `sign-in-locked`, `sign-in-wrong`, `sign-in-busy`, `account-disabled`.
 */
export async function signIn(
  reception: Reception,
  provider: string,
  proof: Proof,
  from: { readonly address: string; readonly kind: 'session' | 'browser' },
): Promise<Begun | Refusal> {
  const { world, memory } = reception
  const now = world.clock.now()
  const claimed = proof.at === 'password' ? plainText(proof.account, 64) : provider
  const locked = refuseLocked(memory, claimed, from.address, now)
  if (locked !== null) return locked
  // Counted before it is judged: who asks a hundred times at once has asked a hundred times.
  failed(memory, claimed, from.address, now)
  const account = await proven(reception, provider, proof)
  if (isRefusal(account)) {
    await noteRefusal(reception, null, `sign-in from ${from.address}`, account)
    return account
  }
  succeeded(memory, claimed, from.address)
  const label = `signed in from ${from.address}`
  const wanted = { kind: from.kind, label, grants: null, expiresAt: after(now, SESSION_LIFE) } as const
  const { secret, row } = mint(reception, account.id, account.id, wanted, now)
  const detail = { by: provider, session: row.id, kind: from.kind, address: from.address }
  await world.store.exclusive(async () => {
    const forgotten = await overLongAgo(world, account.id, now)
    // If power fails behind this commit, there is a session whose secret nobody has: it ends by itself.
    await record(world, { credentials: [row], forgotten }, [
      { kind: 'access-granted', actor: person(account.id), detail },
    ])
  })
  return { account: account.id, secret, expiresAt: wanted.expiresAt }
}

function refuseLocked(memory: Memory, account: string, address: string, now: Instant): null | Refusal {
  const { attempts } = memory
  const wait = Math.max(waitFor(attempts.get(`${account} ${address}`), now), waitFor(attempts.get(account), now))
  if (wait === 0) return null
  const seconds = Math.ceil(wait / 1000)
  return refuse('sign-in-locked', `the sign-in of ${account}`, 'fewer wrong passwords', `another try in ${seconds} s`)
}

function failed({ attempts }: Memory, account: string, address: string, now: Instant): void {
  const pair = `${account} ${address}`
  remember(attempts, pair, afterFailure(attempts.get(pair), now, FROM_ONE_ADDRESS))
  remember(attempts, account, afterFailure(attempts.get(account), now, FROM_ANYWHERE))
}

/** Who knows the password is no guesser, here or anywhere: what was counted against the account is forgotten. */
function succeeded({ attempts }: Memory, account: string, address: string): void {
  attempts.delete(`${account} ${address}`)
  attempts.delete(account)
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

/** Sessions of an account that have been over for a month. Tokens stay: whose they were is asked for years later. */
async function overLongAgo(world: FleetWorld, account: string, now: Instant): Promise<string[]> {
  const ids: string[] = []
  for (const { id, credential } of await world.store.credentials(account)) {
    const stored = parseCredential(credential, `credential ${id}`)
    // One that cannot be read is no session that is over: it stays for whoever looks.
    if (isRefusal(stored) || stored.kind === 'token') continue
    if (now >= after(stored.expiresAt, KEPT_SESSION)) ids.push(id)
  }
  return ids
}

const KEPT_SESSION = millis(30 * 86_400_000)

/** The account of somebody whom a provider vouches for. */
async function proven({ world, providers }: Reception, name: string, proof: Proof): Promise<Account | Refusal> {
  const provider = providers.get(name)
  if (provider === undefined) return wrong(plainText(name, 64))
  const finished = await provider.finish(proof)
  if (isRefusal(finished)) return finished
  const account =
    name === 'local' ? await accountOf(world, finished.subject) : await known(world, name, finished.subject)
  if (isRefusal(account)) return account
  // A service has tokens, and no password that somebody could type.
  if (account === null || account.kind !== 'person') return wrong(plainText(finished.subject, 64))
  if (account.standing.at === 'active') return account
  return refuse('account-disabled', account.id, 'an account in force', 'one that is disabled')
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
): { readonly secret: string; readonly row: CredentialRow } {
  const id = random.bytes(8)
  const secret = secretText(wanted.kind, id, random.bytes(32))
  const sha256 = toHex(secretDigest(secret, world.crypto))
  const made = { v: 1, id: toHex(id), account, sha256, createdAt: now, createdBy: by, revoked: null } as const
  return { secret, row: { id: made.id, account, credential: credentialBytes({ ...made, ...wanted }) } }
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
    await record(world, { credentials: [next] }, [{ kind: 'access-ended', actor: person(who.id), detail }])
    return null
  })
}

export const person = (id: string): Actor => ({ kind: 'person', id })

/** The actor of a refused attempt by somebody who is nobody here. */
const STRANGER = 'stranger'

/**
 * Records a refused attempt of an account, or of a stranger (null), unless the same one has filled enough of the log in the
 * last minutes: then it is counted, and the count is told with the next that is recorded.
 */
export async function noteRefusal(
  { world, memory }: Pick<Reception, 'world' | 'memory'>,
  account: string | null,
  attempt: string,
  refusal: Refusal,
): Promise<void> {
  const name = account ?? STRANGER
  const { next, write, leftOut } = takeNoise(memory.noise.get(name), world.clock.now())
  remember(memory.noise, name, next)
  if (!write) return
  const { code, subject, expected, actual } = refusal
  const detail = { attempt, subject, expected, actual, ...(leftOut === 0 ? {} : { leftOut }) }
  await world.store.exclusive(() => record(world, {}, [{ kind: 'access-refused', actor: person(name), code, detail }]))
}

import { fromBase64Url, toBase64Url } from '../core/encoding/bytes.ts'
import { spkiOfCose } from '../core/encoding/cose-key.ts'
import type { Instant } from '../core/encoding/units.ts'
import { parseCredential } from '../core/fleet/credential.ts'
import {
  MAX_CREDENTIAL_ID,
  MOST_PASSKEYS,
  type Passkey,
  parsePasskey,
  passkeyId,
  passkeyRow,
  refuseStale,
  USER_BYTES,
} from '../core/fleet/passkey.ts'
import type { PasskeyAttestation } from '../core/fleet/proof.ts'
import { personal } from '../core/ledger/telling.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { passkeyOf, type Passkey as TrustPasskey } from '../core/trust/passkey.ts'
import { accountOf, inForce, type Who } from './admit.ts'
import { record } from './audit.ts'
import { CEREMONY, CHALLENGE_BYTES, type PasskeyPlace } from './passkey-identities.ts'
import { Pending } from './pending.ts'
import type { PasskeyJudge, Random } from './people-ports.ts'
import { person } from './persons.ts'
import type { FleetWorld } from './ports.ts'

/** What an authenticator is asked for a new passkey: base64url, as browsers take it. `known`: credentials that the account has. */
export type PasskeyWanted = {
  readonly challenge: string
  readonly rpId: string
  readonly user: string
  readonly account: string
  readonly name: string
  readonly known: readonly string[]
  readonly timeoutMillis: number
}

type Begun = { readonly account: string; readonly user: string }

/** Where people add passkeys to their own accounts. */
export class Passkeys {
  readonly #world: FleetWorld
  readonly #random: Random
  readonly #judge: PasskeyJudge
  readonly #place: PasskeyPlace
  readonly #begun = new Pending<Begun>(CEREMONY)

  constructor(world: FleetWorld, random: Random, judge: PasskeyJudge, place: PasskeyPlace) {
    this.#world = world
    this.#random = random
    this.#judge = judge
    this.#place = place
  }

  /** Begins one. Nothing is durable. Refuses `session-not-fresh`, `passkeys-too-many`, `account-missing` (a service has tokens). */
  async begin(who: Who): Promise<PasskeyWanted | Refusal> {
    const { clock } = this.#world
    const known = await this.#mayAdd(who)
    if (isRefusal(known)) return known
    const challenge = toBase64Url(this.#random.bytes(CHALLENGE_BYTES))
    // The same for all of an account's passkeys: an authenticator then has one of them, and not several that look alike.
    const user = known[0]?.user ?? toBase64Url(this.#random.bytes(USER_BYTES))
    this.#begun.put(challenge, who.id, { account: who.id, user }, clock.now())
    return {
      challenge,
      rpId: this.#place.rpId,
      user,
      account: who.id,
      name: who.account.name,
      known: known.map(({ credential }) => credential),
      timeoutMillis: CEREMONY.life,
    }
  }

  /**
   * Adds a passkey to the account of who asks. Durable on return. Refuses `sign-in-over` (the challenge), `passkey-refused`,
   * `account-malformed` (a name that is none), and what `begin` refuses.
   */
  async add(
    who: Who,
    { challenge, label, ...answer }: PasskeyAttestation & { readonly challenge: string; readonly label: string },
  ): Promise<Passkey | Refusal> {
    const world = this.#world
    const begun = this.#begun.take(challenge, world.clock.now())
    if (begun === null || begun.account !== who.id) {
      return refuse(
        'sign-in-over',
        'a passkey',
        'a challenge of this account and of the last minutes, once',
        'another one',
      )
    }
    const refused = (expected: string, actual: string): Refusal => refuse('passkey-refused', label, expected, actual)
    const credential = fromBase64Url(answer.credential)
    if (credential === null || credential.length === 0 || credential.length > MAX_CREDENTIAL_ID) {
      return refused(`a credential id of 1 to ${MAX_CREDENTIAL_ID} bytes`, 'another one')
    }
    const made = await this.#judge.made(answer, { challenge, ...this.#place })
    if (made === null) return refused('a new passkey for this console, with its person verified', 'something else')
    const id = passkeyId(credential, world.crypto)
    return world.store.exclusive(async () => {
      const may = await this.#mayAdd(who)
      if (isRefusal(may)) return may
      // Attestation is not asked for: whoever sends another's credential id would put their own key in its place (§7.1 step 27).
      if ((await world.store.passkey(id)) !== null) return refused('one that is not registered', 'one that is')
      const [account, createdAt] = [who.id, world.clock.now()] as const
      const { user } = begun
      const next: Passkey = {
        v: 1,
        id,
        credential: answer.credential,
        account,
        label,
        user,
        ...made,
        createdAt,
        used: null,
      }
      const row = passkeyRow(next)
      // What could not be read back would take all passkeys of the account with it.
      const read = parsePasskey(row.passkey, `a passkey of ${account}`)
      if (isRefusal(read)) return read
      const detail = { event: 'passkey-added', account: personal(account), passkey: id, label }
      // If power fails before this commit, the authenticator has a key that nobody knows, and its owner adds it again.
      await record(world, { passkeys: [row] }, [{ kind: 'account-changed', actor: person(who), detail }])
      return next
    })
  }

  /**
   * The public part of a passkey as a key for approvals: what a ceremony takes in. Of other kinds than ES256 there is none. Refuses
   * `not-found`, `passkey-refused`, `account-malformed`.
   */
  async handedOut(account: string, id: string): Promise<TrustPasskey | Refusal> {
    const meant = await passkeyAt(this.#world, account, id)
    if (isRefusal(meant)) return meant
    const cose = fromBase64Url(meant.publicKey)
    const spki = cose === null ? null : spkiOfCose(cose)
    const key = spki === null ? null : passkeyOf({ ...this.#place, spki, credentialId: meant.credential })
    return key ?? refuse('passkey-refused', meant.label, 'an ES256 key, by HTTPS or at localhost', 'another one')
  }

  /** The passkeys of an account that may have one more now. */
  async #mayAdd(who: Who): Promise<readonly Passkey[] | Refusal> {
    const { store, clock } = this.#world
    const account = await inForce(this.#world, who.id)
    if (isRefusal(account)) return account
    if (account.kind !== 'person') return refuse('account-missing', who.id, 'the account of a person', 'a service')
    const since = await sessionSince(store, who)
    if (isRefusal(since)) return since
    const stale = refuseStale(who.id, since, clock.now())
    if (stale !== null) return stale
    const known = await passkeysOf(this.#world, who.id)
    if (isRefusal(known) || known.length < MOST_PASSKEYS) return known
    return refuse('passkeys-too-many', `passkeys of ${who.id}`, `at most ${MOST_PASSKEYS}`, 'another one')
  }
}

/** When somebody signed in; null: they came with a certificate or a token. */
async function sessionSince(store: FleetWorld['store'], { by, credential }: Who): Promise<Instant | null | Refusal> {
  if (credential === null || (by !== 'browser' && by !== 'session')) return null
  const row = await store.credential(credential)
  const stored = row === null ? null : parseCredential(row.credential, `credential ${credential}`)
  return stored === null || isRefusal(stored) ? stored : stored.createdAt
}

/** The passkeys of an account, by age. Refuses `account-malformed`. */
export async function passkeysOf(
  { store }: Pick<FleetWorld, 'store'>,
  account: string,
): Promise<readonly Passkey[] | Refusal> {
  const all: Passkey[] = []
  for (const { id, passkey } of await store.passkeys(account)) {
    const stored = parsePasskey(passkey, `passkey ${id}`)
    if (isRefusal(stored)) return stored
    all.push(stored)
  }
  return all.sort((a, b) => a.createdAt - b.createdAt)
}

/**
 * Calls a passkey of an account something else. Durable on return; the same again changes nothing. Refuses `account-missing`,
 * `account-malformed` (a name that is none), `not-found`, `token-manages-itself`.
 */
export function renamePasskey(
  world: FleetWorld,
  editor: Who,
  account: string,
  id: string,
  label: string,
): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    const meant = await managed(world, editor, account, id)
    if (isRefusal(meant)) return meant
    const row = passkeyRow({ ...meant, label })
    // What could not be read back would take all passkeys of the account with it.
    const read = parsePasskey(row.passkey, `a passkey of ${account}`)
    if (isRefusal(read)) return read
    if (label === meant.label) return null
    const detail = {
      event: 'passkey-renamed',
      account: personal(account),
      passkey: id,
      label,
      labelBefore: meant.label,
    }
    // If power fails before this commit, it is called as before, and is renamed again.
    await record(world, { passkeys: [row] }, [{ kind: 'account-changed', actor: person(editor), detail }])
    return null
  })
}

/** A passkey that somebody may manage. Refuses `token-manages-itself`, `account-missing`, `account-malformed`, `not-found`. */
async function managed(world: FleetWorld, editor: Who, account: string, id: string): Promise<Passkey | Refusal> {
  if (editor.by === 'token') return refuse('token-manages-itself', account, 'a sign-in or a certificate', 'a token')
  const owner = await accountOf(world, account)
  if (isRefusal(owner)) return owner
  if (owner === null) return refuse('account-missing', account, 'an account of this fleet', 'none of that name')
  return passkeyAt(world, account, id)
}

/** A passkey of an account. Refuses `account-malformed`, `not-found`. */
async function passkeyAt(world: Pick<FleetWorld, 'store'>, account: string, id: string): Promise<Passkey | Refusal> {
  const all = await passkeysOf(world, account)
  if (isRefusal(all)) return all
  const meant = all.find(one => one.id === id)
  return meant ?? refuse('not-found', `a passkey of ${account}`, 'one of the account', 'none of that id')
}

/** Removes a passkey of an account. Durable on return. Refuses `account-missing`, `not-found`, `token-manages-itself`. */
export function removePasskey(world: FleetWorld, editor: Who, account: string, id: string): Promise<null | Refusal> {
  return world.store.exclusive(async () => {
    const meant = await managed(world, editor, account, id)
    if (isRefusal(meant)) return meant
    const { label } = meant
    const detail = { event: 'passkey-removed', account: personal(account), passkey: id, label }
    // If power fails before this commit, it is still good, and is removed again.
    await record(world, { droppedPasskeys: [id] }, [{ kind: 'account-changed', actor: person(editor), detail }])
    return null
  })
}

import { fromBase64Url, toBase64Url } from '../core/encoding/bytes.ts'
import { millis } from '../core/encoding/units.ts'
import { parsePasskey, passkeyId, refuseCopied } from '../core/fleet/passkey.ts'
import type { Challenge, Proof } from '../core/fleet/proof.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { Pending, type PendingBounds } from './pending.ts'
import type { Caller, IdentityProvider, PasskeyJudge, Random, Vouched } from './people-ports.ts'
import type { FleetWorld } from './ports.ts'

/** The name of the way to sign in with a passkey. */
export const PASSKEY = 'passkey'

/** Where passkeys are good: the console's own origin, and the host that browsers bind them to (WebAuthn Level 3 §5.1.2, RP ID). */
export type PasskeyPlace = { readonly origin: string; readonly rpId: string }

/** How long somebody may take to find their key and to be verified by it, and how many may do so at once. */
export const CEREMONY: PendingBounds = { life: millis(5 * 60_000), most: 4096, mostOfOne: 64 }

/** Bytes of a challenge (§13.4.3 wants at least 16). */
export const CHALLENGE_BYTES = 32

/**
 * Sign-in with a passkey: its authenticator verifies the person, and shows by itself which accounts it has keys of (discoverable
 * credentials). A challenge is the server's, good once and for five minutes; the passkey's counter goes forward with each sign-in.
 */
export class PasskeyIdentities implements IdentityProvider {
  readonly name = PASSKEY
  readonly label = 'Passkey'
  readonly way = 'passkey'
  readonly #world: Pick<FleetWorld, 'store' | 'clock' | 'crypto'>
  readonly #random: Random
  readonly #judge: PasskeyJudge
  readonly #place: PasskeyPlace
  readonly #begun = new Pending<true>(CEREMONY)

  constructor(
    world: Pick<FleetWorld, 'store' | 'clock' | 'crypto'>,
    random: Random,
    judge: PasskeyJudge,
    place: PasskeyPlace,
  ) {
    this.#world = world
    this.#random = random
    this.#judge = judge
    this.#place = place
  }

  async begin({ address }: Pick<Caller, 'address'>): Promise<Challenge> {
    const challenge = toBase64Url(this.#random.bytes(CHALLENGE_BYTES))
    this.#begun.put(challenge, address, true, this.#world.clock.now())
    return { at: 'passkey', challenge, rpId: this.#place.rpId, timeoutMillis: CEREMONY.life }
  }

  async finish(proof: Proof): Promise<Vouched | Refusal> {
    if (proof.at !== 'passkey') return refuse('sign-in-wrong', 'a sign-in', 'a passkey', `a ${proof.at}`)
    const { store, clock, crypto } = this.#world
    const { challenge } = proof
    if (this.#begun.take(challenge, clock.now()) === null) {
      return refuse('sign-in-over', 'a sign-in', 'a challenge of the last minutes, once', 'another one')
    }
    const wrong = refuse('sign-in-wrong', 'a sign-in', 'a passkey of this fleet', 'another one')
    const credential = fromBase64Url(proof.credential)
    const judged = credential === null ? null : await store.passkey(passkeyId(credential, crypto))
    if (judged === null) return wrong
    const passkey = parsePasskey(judged.passkey, `passkey ${judged.id}`)
    if (isRefusal(passkey)) return passkey
    // §7.2 step 6: the key says whose it is, and so does the store.
    if (proof.userHandle !== passkey.user) return wrong
    const signed = await this.#judge.signed(proof, { challenge, ...this.#place }, passkey.publicKey)
    if (signed === null) return wrong
    const { counter, synced } = signed
    const next = { ...passkey, counter, synced, used: clock.now() }
    return refuseCopied(passkey, counter) ?? { subject: passkey.account, passkey: { judged, next } }
  }
}

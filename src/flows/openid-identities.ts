import { toBase64Url, utf8 } from '../core/encoding/bytes.ts'
import { plainText } from '../core/encoding/plain-text.ts'
import { millis } from '../core/encoding/units.ts'
import type { Challenge, Proof } from '../core/fleet/proof.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { Pending, type PendingBounds } from './pending.ts'
import type { Caller, IdentityProvider, OpenIdParty, Random, Vouched } from './people-ports.ts'
import type { FleetWorld } from './ports.ts'

/** How long somebody may be at the other party's page, and how many may be at once. */
const AWAY: PendingBounds = { life: millis(10 * 60_000), most: 4096, mostOfOne: 64 }

const SECRET_BYTES = 32
/** The longest `sub` (OpenID Connect Core 1.0 §2), in letters of ASCII. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/

type Begun = {
  readonly nonce: string
  readonly verifier: string
  readonly browser: Uint8Array
  readonly to: string | null
}

/**
 * Sign-in by the word of another party. What a sign-in is bound to is kept here and never in the page: the state, which is good
 * once, the nonce, PKCE's verifier, and the browser in which it began: the address that ends it is worth nothing in another one.
 */
export class OpenIdIdentities implements IdentityProvider {
  readonly name: string
  readonly label: string
  readonly way = 'redirect'
  readonly #world: Pick<FleetWorld, 'clock' | 'crypto'>
  readonly #random: Random
  readonly #party: OpenIdParty
  readonly #begun = new Pending<Begun>(AWAY)

  constructor(
    world: Pick<FleetWorld, 'clock' | 'crypto'>,
    random: Random,
    { issuer, label, party }: { readonly issuer: string; readonly label: string; readonly party: OpenIdParty },
  ) {
    this.#world = world
    this.#random = random
    this.#party = party
    this.name = issuer
    this.label = label
  }

  async begin({ address, browser, to }: Caller): Promise<Challenge | Refusal> {
    const { clock, crypto } = this.#world
    const secret = (): string => toBase64Url(this.#random.bytes(SECRET_BYTES))
    const [state, nonce, verifier] = [secret(), secret(), secret()]
    const challenge = toBase64Url(crypto.sha256(utf8(verifier)))
    const url = await this.#party.page({ state, nonce, challenge })
    if (isRefusal(url)) return url
    this.#begun.put(state, address, { nonce, verifier, browser: crypto.sha256(utf8(browser)), to }, clock.now())
    return { at: 'redirect', url, state }
  }

  async finish(proof: Proof): Promise<Vouched | Refusal> {
    if (proof.at !== 'redirect') return refuse('sign-in-wrong', this.name, 'a visit to its page', `a ${proof.at}`)
    const { clock, crypto } = this.#world
    const { state, parameters, browser } = proof
    const begun = this.#begun.take(state, clock.now())
    const here = crypto.equal(begun?.browser ?? NOBODY, crypto.sha256(utf8(browser)))
    if (begun === null || !here) {
      return refuse('sign-in-over', this.name, 'a sign-in that began in this browser, once', 'another one')
    }
    const subject = await this.#party.redeem(parameters, { state, nonce: begun.nonce, verifier: begun.verifier })
    if (isRefusal(subject)) return subject
    if (SUBJECT.test(subject)) return { subject, to: begun.to }
    return refuse('sign-in-wrong', this.name, 'a sub of 1 to 255 letters of ASCII', plainText(subject, 40))
  }
}

const NOBODY = new Uint8Array(32)

import { toHex, utf8 } from '../../src/core/encoding/bytes.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import type { Challenge, Proof } from '../../src/core/fleet/proof.ts'
import { type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import type { IdentityProvider, Random } from '../../src/flows/people-ports.ts'
import type { Clock } from '../../src/flows/ports.ts'

type Pending = { readonly verifier: string; readonly nonce: string; readonly until: Instant }
type Code = { readonly subject: string; readonly nonce: string; readonly challenge: string }

/**
 * Another party that vouches for people, as OpenID Connect's code flow does it, without a network: a page that somebody signs
 * in at, a code that is good once, `state`, `nonce` and PKCE. The second implementation of the port: what holds of it holds of
 * the real one.
 */
export class TestProvider implements IdentityProvider {
  readonly name = 'https://id.example'
  readonly #crypto: Crypto
  readonly #random: Random
  readonly #clock: Clock
  readonly #pending = new Map<string, Pending>()
  readonly #codes = new Map<string, Code>()

  constructor(crypto: Crypto, random: Random, clock: Clock) {
    this.#crypto = crypto
    this.#random = random
    this.#clock = clock
  }

  async begin(): Promise<Challenge> {
    const [state, verifier, nonce] = [this.#secret(), this.#secret(), this.#secret()]
    this.#pending.set(state, { verifier, nonce, until: instant(this.#clock.now() + 600_000) })
    const query = new URLSearchParams({ state, nonce, code_challenge: this.#digest(verifier) })
    return { at: 'redirect', url: `${this.name}/authorize?${query}`, state }
  }

  /** What the provider's page does when somebody has signed in there: the parameters of the address it sends them back to. */
  page(url: string, subject: string): Readonly<Record<string, string>> {
    const asked = new URL(url).searchParams
    const code = this.#secret()
    this.#codes.set(code, {
      subject,
      nonce: asked.get('nonce') ?? '',
      challenge: asked.get('code_challenge') ?? '',
    })
    return { code, state: asked.get('state') ?? '' }
  }

  async finish(proof: Proof): Promise<{ readonly subject: string } | Refusal> {
    const wrong = (actual: string): Refusal => refuse('sign-in-wrong', this.name, 'a sign-in that began here', actual)
    if (proof.at !== 'redirect') return wrong('a password')
    const begun = this.#pending.get(proof.state)
    // Good once, whatever comes of it.
    this.#pending.delete(proof.state)
    if (begun === undefined || this.#clock.now() >= begun.until) return wrong('another state')
    if (proof.parameters.state !== proof.state) return wrong('another state')
    const code = this.#codes.get(proof.parameters.code ?? '')
    this.#codes.delete(proof.parameters.code ?? '')
    if (code === undefined) return wrong('another code')
    if (code.challenge !== this.#digest(begun.verifier) || code.nonce !== begun.nonce)
      return wrong('the code of another')
    return { subject: code.subject }
  }

  #secret(): string {
    return toHex(this.#random.bytes(16))
  }

  #digest(text: string): string {
    return toHex(this.#crypto.sha256(utf8(text)))
  }
}

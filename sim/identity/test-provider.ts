import { toBase64Url, toHex, utf8 } from '../../src/core/encoding/bytes.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import type { OpenIdParty, Random } from '../../src/flows/people-ports.ts'

type Code = { readonly subject: string; readonly nonce: string; readonly challenge: string }
type Begun = { readonly state: string; readonly nonce: string; readonly verifier: string }

/**
 * Another party that vouches for people, as OpenID Connect's code flow does it, without a network: a page that somebody signs
 * in at, a code that is good once, `state`, `nonce` and PKCE. The second implementation of the port: what holds of it holds of
 * the real one.
 */
export class TestProvider implements OpenIdParty {
  readonly issuer = 'https://id.example'
  readonly #crypto: Crypto
  readonly #random: Random
  readonly #codes = new Map<string, Code>()

  constructor(crypto: Crypto, random: Random) {
    this.#crypto = crypto
    this.#random = random
  }

  async page({ state, nonce, challenge }: { state: string; nonce: string; challenge: string }): Promise<string> {
    return `${this.issuer}/authorize?${new URLSearchParams({ state, nonce, code_challenge: challenge })}`
  }

  /** What the provider's page does when somebody has signed in there: the parameters of the address that it sends them back to. */
  visit(url: string, subject: string): Readonly<Record<string, string>> {
    const asked = new URL(url).searchParams
    const code = toHex(this.#random.bytes(16))
    this.#codes.set(code, {
      subject,
      nonce: asked.get('nonce') ?? '',
      challenge: asked.get('code_challenge') ?? '',
    })
    return { code, state: asked.get('state') ?? '' }
  }

  async redeem(parameters: Readonly<Record<string, string>>, begun: Begun): Promise<string | Refusal> {
    const wrong = (actual: string): Refusal => refuse('sign-in-wrong', this.issuer, 'a sign-in that began here', actual)
    if (parameters.state !== begun.state) return wrong('another state')
    const code = this.#codes.get(parameters.code ?? '')
    // Good once, whatever comes of it.
    this.#codes.delete(parameters.code ?? '')
    if (code === undefined) return wrong('another code')
    const challenge = toBase64Url(this.#crypto.sha256(utf8(begun.verifier)))
    if (code.challenge !== challenge || code.nonce !== begun.nonce) return wrong('the code of another')
    return code.subject
  }
}

import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { Answer } from '../../src/adapters/link-https/client.ts'
import { fromBase64Url, fromUtf8, toBase64Url } from '../../src/core/encoding/bytes.ts'
import { orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { PasskeyView, PasskeyWantedView } from '../../src/wire/account-api.ts'
import { checkAnswer } from './contract.ts'
import { ORIGIN, type PeopleDoor, send } from './people-door.ts'
import type { Bent, SoftAuthenticator } from './soft-authenticator.ts'

/** What a browser shows of itself when the console's own page asks. */
export const OWN_PAGE = { 'x-voltseal-request': '1', origin: ORIGIN, 'sec-fetch-site': 'same-origin' }

const bytes = (text: string): Uint8Array => fromBase64Url(text) ?? new Uint8Array()

/** What an attacker changes on the way from the authenticator to the server. */
export type Tampered = Readonly<Record<string, string>>

/**
 * A browser at the console: it keeps cookies as a browser does, sends them with what its page asks, and has an authenticator at hand.
 * What the server answers is as its API says.
 */
export class Browser {
  readonly #door: PeopleDoor
  readonly #client: ReturnType<PeopleDoor['client']>
  readonly device: SoftAuthenticator
  readonly origin: string
  readonly cookies = new Map<string, string>()

  constructor(door: PeopleDoor, device: SoftAuthenticator, origin = ORIGIN) {
    this.#door = door
    this.#client = door.client()
    this.device = device
    this.origin = origin
  }

  async ask(method: string, path: string, body?: object, more: object = OWN_PAGE): Promise<Answer | Refusal> {
    const headers = { ...(method === 'GET' ? {} : more), ...this.#sent() }
    const answer = checkAnswer(method, path, await send(this.#client, method, path, body, headers))
    if ('headers' in answer) this.#keep(answer.headers['set-cookie'])
    return answer
  }

  #sent(): { cookie?: string } {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return cookie === '' ? {} : { cookie }
  }

  #keep(set: string | readonly string[] | undefined): void {
    for (const one of set === undefined ? [] : [set].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(one) ?? []
      if (/;\s*Max-Age=0(?:;|$)/.test(one)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }

  /** Begins a sign-in at another party; answers the address of its page. */
  async away(provider: string, to?: string): Promise<string> {
    const asked = { provider, ...(to === undefined ? {} : { to }) }
    return (await this.json<{ url: string }>('POST', '/v1/sign-in/challenges', asked)).url
  }

  /** Follows the address that another party sends this browser back with; answers where the server sends it on to. */
  async back(address: string): Promise<string> {
    const { pathname, search } = new URL(address)
    const options = { ca: this.#door.ca, headers: { ...this.#sent(), 'sec-fetch-site': 'cross-site' } }
    const answer = await new Promise<IncomingMessage>((done, failed) => {
      const asked = request(`${this.#door.url}${pathname}${search}`, options, one =>
        one.resume().on('end', () => done(one)),
      )
      asked.on('error', failed).end()
    })
    this.#keep(answer.headers['set-cookie'])
    return answer.statusCode === 303 ? `${answer.headers.location}` : `status ${answer.statusCode}`
  }

  async json<T>(method: string, path: string, body?: object): Promise<T> {
    return JSON.parse(fromUtf8(orThrow(await this.ask(method, path, body)).body) ?? '') as T
  }

  async signIn(account: string, password: string): Promise<Answer | Refusal> {
    const proof = { at: 'password', account, password }
    return this.ask('POST', '/v1/sign-in', { cookie: true, proof })
  }

  /** Who is signed in here; a refusal's code where nobody is. */
  async who(): Promise<string> {
    const answer = await this.ask('GET', '/v1/whoami')
    return 'code' in answer ? answer.code : (JSON.parse(fromUtf8(answer.body) ?? '') as { account: string }).account
  }

  /** Adds a passkey, as /me does. */
  async addPasskey(label: string, bent: Bent = {}, tampered: Tampered = {}): Promise<Answer | Refusal> {
    const wanted = await this.ask('POST', '/v1/passkeys/challenges', {})
    if ('code' in wanted) return wanted
    const { challenge, rpId, user } = JSON.parse(fromUtf8(wanted.body) ?? '') as PasskeyWantedView
    const asked = { rpId, origin: this.origin, challenge: bytes(challenge), user: bytes(user) }
    const made = this.device.create(asked, bent)
    return this.ask('POST', '/v1/passkeys', {
      challenge,
      label,
      credential: toBase64Url(made.id),
      clientDataJSON: toBase64Url(made.clientDataJSON),
      attestationObject: toBase64Url(made.attestationObject),
      ...tampered,
    })
  }

  async mustAddPasskey(label: string): Promise<PasskeyView> {
    return JSON.parse(fromUtf8(orThrow(await this.addPasskey(label)).body) ?? '') as PasskeyView
  }

  /** What the server wants for a sign-in with a passkey. */
  challenge(): Promise<{ readonly challenge: string; readonly rpId: string }> {
    return this.json('POST', '/v1/sign-in/challenges', { provider: 'passkey' })
  }

  /** What the authenticator answers, as the page sends it. */
  async assertion(bent: Bent = {}): Promise<Readonly<Record<string, string>>> {
    const { challenge, rpId } = await this.challenge()
    const said = this.device.get({ rpId, origin: this.origin, challenge: bytes(challenge) }, bent)
    return {
      at: 'passkey',
      challenge,
      credential: toBase64Url(said.id),
      clientDataJSON: toBase64Url(said.clientDataJSON),
      authenticatorData: toBase64Url(said.authenticatorData),
      signature: toBase64Url(said.signature),
      userHandle: toBase64Url(said.userHandle),
    }
  }

  async signInByPasskey(bent: Bent = {}, tampered: Tampered = {}): Promise<Answer | Refusal> {
    const proof = { ...(await this.assertion(bent)), ...tampered }
    return this.ask('POST', '/v1/sign-in', { cookie: true, proof })
  }
}

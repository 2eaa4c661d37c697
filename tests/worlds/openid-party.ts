import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { instant } from '../../src/core/encoding/units.ts'

/** Parties that vouch for people, on this machine, over TLS with an authority of their own. */

export const CLIENT = { id: 'voltseal', secret: 'a secret between the two of them' } as const

/** What is used of it here: it comes without types. */
type Provider = {
  readonly Grant: new (of: {
    accountId: string
    clientId: string
  }) => { addOIDCScope(scope: string): void; save(): Promise<string> }
  callback(): Handler
  interactionDetails(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ prompt: { name: string }; params: { client_id: string }; session?: { accountId: string } }>
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object, more?: object): Promise<void>
}
const PACKAGE: string = 'oidc-provider'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server of `https://localhost:PORT`; `of` makes what answers once its address is known. */
async function serve(of: (issuer: string) => Handler): Promise<{ issuer: string; ca: string; close: () => void }> {
  const now = instant(Date.now())
  const authority = await createAuthority('A party', now)
  const hosts = ['localhost']
  const own = await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'party' }, hosts }, now)
  const server = createServer(own)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  server.on('request', of(issuer))
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { issuer, ca: authority.cert, close }
}

/** A certified implementation of OpenID Connect. Whoever comes to its page is signed in as whom the page is told. */
export class OpenIdParty {
  readonly issuer: string
  readonly ca: string
  readonly close: () => void

  private constructor({ issuer, ca, close }: { issuer: string; ca: string; close: () => void }) {
    this.issuer = issuer
    this.ca = ca
    this.close = close
  }

  static async start(redirects: readonly string[]): Promise<OpenIdParty> {
    const made = (await import(PACKAGE)) as { default: new (issuer: string, options: object) => Provider }
    return new OpenIdParty(
      await serve(issuer => {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
        const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'one' }
        const { id: client_id, secret: client_secret } = CLIENT
        const provider = new made.default(issuer, {
          clients: [{ client_id, client_secret, redirect_uris: [...redirects] }],
          jwks: { keys: [key] },
          cookies: { keys: ['for these tests alone'] },
          features: { devInteractions: { enabled: false } },
          pkce: { required: () => true },
          ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 60, IdToken: 300 },
          interactions: { url: (_: unknown, { uid }: { uid: string }) => `/page/${uid}` },
          findAccount: (_: unknown, sub: string) => ({ accountId: sub, claims: async () => ({ sub }) }),
        })
        const answer = provider.callback()
        return (request, response) => {
          const who = new URL(request.url ?? '/', issuer)
          if (who.pathname.startsWith('/page/')) void signedIn(provider, request, response)
          else void answer(request, response)
        }
      }),
    )
  }

  /** Goes to its page as somebody, and answers the address that they are sent back with. */
  async visit(page: string, person: string): Promise<string> {
    const cookies = new Map<string, string>()
    for (let at = page; ; ) {
      if (!at.startsWith(this.issuer)) return at
      const answer = await this.#get(at, person, cookies)
      for (const one of answer.headers['set-cookie'] ?? []) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(one) ?? []
        if (value === '') cookies.delete(name)
        else cookies.set(name, value)
      }
      const { location } = answer.headers
      if (location === undefined) throw new Error(`${at}: status ${answer.statusCode} and no way on`)
      at = new URL(location, this.issuer).href
    }
  }

  #get(at: string, person: string, cookies: ReadonlyMap<string, string>): Promise<IncomingMessage> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return new Promise((done, failed) => {
      const asked = request(at, { ca: this.ca, headers: { cookie, 'x-person': person } }, answer => {
        answer.resume()
        answer.on('end', () => done(answer))
      })
      asked.on('error', failed)
      asked.end()
    })
  }
}

/** What a person sees of its page. */
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>The works</title><h1>The works</h1>
<form method="post"><label>Who are you? <input name="person"></label> <button>That is me</button></form></html>`

/** Whom the header names, or whom somebody has typed into its page; null: nobody yet. */
async function personOf(request: IncomingMessage): Promise<string | null> {
  const named = request.headers['x-person']
  if (named !== undefined) return `${named}`
  let form = ''
  for await (const part of request) form += part
  return new URLSearchParams(form).get('person')
}

/** Its page: signs in whoever says so, and agrees to everything. */
async function signedIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    const accountId = await personOf(request)
    if (accountId === null)
      return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE)
    return provider.interactionFinished(request, response, { login: { accountId } })
  }
  const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId: params.client_id })
  grant.addOIDCScope('openid')
  const grantId = await grant.save()
  return provider.interactionFinished(request, response, { consent: { grantId } }, { mergeWithLastSubmission: true })
}

/** What a lying party puts into its ID token; what is left out is as it should be. */
export type Claims = Readonly<Record<string, unknown>>

/**
 * A party that lies: it lets everybody in as `248289761001`, and puts into the ID token what it is told. It knows codes and PKCE as an honest one does, so that
 * nothing but the token is wrong.
 */
export class LyingParty {
  issuer = ''
  ca = ''
  close: () => void = () => {}
  /** Claims that it changes, the key that it signs with, and the algorithm that it names. */
  lie: { claims?: Claims; stranger?: boolean; alg?: string; issuer?: string; status?: number } = {}
  readonly #keys = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ]
  readonly #codes = new Map<string, { nonce: string; challenge: string }>()

  static async start(): Promise<LyingParty> {
    const party = new LyingParty()
    const { issuer, ca, close } = await serve(() => (request, response) => void party.#answer(request, response))
    return Object.assign(party, { issuer, ca, close })
  }

  /** The address that its page sends somebody back with, for the address of the page. */
  visit(page: string): string {
    const asked = new URL(page).searchParams
    const code = randomUUID()
    this.#codes.set(code, { nonce: asked.get('nonce') ?? '', challenge: asked.get('code_challenge') ?? '' })
    return `${asked.get('redirect_uri')}?${new URLSearchParams({ code, state: asked.get('state') ?? '' })}`
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.issuer)
    const say = (body: object, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (pathname === '/.well-known/openid-configuration') {
      const at = (path: string): string => `${this.issuer}/${path}`
      return say({
        issuer: this.lie.issuer ?? this.issuer,
        authorization_endpoint: at('authorize'),
        token_endpoint: at('token'),
        jwks_uri: at('keys'),
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      })
    }
    if (pathname === '/keys') {
      const key = this.#keys[0]!.publicKey.export({ format: 'jwk' })
      return say({ keys: [{ ...key, use: 'sig', alg: 'RS256', kid: 'one' }] })
    }
    let form = ''
    for await (const part of request) form += part
    const asked = new URLSearchParams(form)
    const code = this.#codes.get(asked.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(asked.get('code_verifier') ?? '')
      .digest('base64url')
    if (code === undefined || code.challenge !== challenge) return say({ error: 'invalid_grant' }, 400)
    if (this.lie.status !== undefined) return say({}, this.lie.status)
    say({ access_token: 'of no use here', token_type: 'Bearer', expires_in: 60, id_token: this.#token(code.nonce) })
  }

  #token(nonce: string): string {
    const now = Math.floor(Date.now() / 1000)
    const honest = { iss: this.issuer, aud: CLIENT.id, sub: '248289761001', nonce, iat: now, exp: now + 300 }
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const { claims = {}, stranger = false, alg = 'RS256' } = this.lie
    const signed = `${part({ alg, kid: 'one' })}.${part({ ...honest, ...claims })}`
    if (alg === 'none') return `${signed}.`
    const { privateKey } = this.#keys[stranger ? 1 : 0]!
    return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
  }
}

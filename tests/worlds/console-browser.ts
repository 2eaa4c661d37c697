import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { pino } from 'pino'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { type HttpsServer, listen } from '../../src/adapters/http-server.ts'
import { consoleDoor } from '../../src/apps/fleet/console-door.ts'
import type { ConsolePlace } from '../../src/apps/process/console-place.ts'
import { PAGE_HEADER } from '../../src/apps/process/page-requests.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { PASSWORD, type PeopleDoor } from './people-door.ts'

export type Answered = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }

type Sent = { readonly headers?: Readonly<Record<string, string>>; readonly body?: object | string }

/** The code of a problem; the status of what is none. */
export function outcome({ status, headers, text }: Answered): string | number {
  if (headers['content-type']?.startsWith('application/problem+json') !== true) return status
  return (JSON.parse(text) as { code: string }).code
}

/**
 * A console's listener of a quiet fleet on a port that was free, and what a browser sends there: it says the name that the
 * console is known by, whatever the port.
 */
export class ConsoleBrowser {
  readonly url: string
  readonly port: number
  readonly #server: HttpsServer
  readonly #ca: string | null

  private constructor(url: string, port: number, server: HttpsServer, ca: string | null) {
    this.url = url
    this.port = port
    this.#server = server
    this.#ca = ca
  }

  /** `folder`: the built page. `signIn`: as in fleet.yaml. */
  static async open(
    door: PeopleDoor,
    { tls = false, folder, signIn = false }: { tls?: boolean; folder?: string; signIn?: boolean } = {},
  ): Promise<ConsoleBrowser> {
    const url = tls ? 'https://console.example' : 'http://localhost:8445'
    const now = instant(Date.now())
    const authority = tls ? await createAuthority('An operator', now) : null
    const identity = { kind: 'fleet', id: 'server' } as const
    const certified =
      authority === null ? null : await certifyNewKey(authority, { identity, hosts: ['console.example'] }, now)
    const { host } = new URL(url)
    const place: ConsolePlace = {
      host: '127.0.0.1',
      port: 0,
      url,
      names: new Set([host]),
      origins: new Set([url]),
      tls: certified,
    }
    const server = consoleDoor(place, { ...door.parts, signIn }, pino({ level: 'silent' }), folder)
    const port = orThrow(await listen(server, '127.0.0.1', 0))
    return new ConsoleBrowser(url, port, server, authority?.cert ?? null)
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  /** Sends a request with these headers, beside the host's and a body's type. */
  async send(method: string, path: string, sent: Sent = {}): Promise<Answered> {
    const answer = await this.#begin(method, path, sent)
    const parts: Buffer[] = []
    for await (const part of answer) parts.push(part)
    return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(parts).toString() }
  }

  /** How the answer to the console's own page begins: of a stream that goes on. */
  async begin(cookie: string, path: string): Promise<Answered> {
    const answer = await this.#begin('GET', path, { headers: { ...this.own, cookie } })
    answer.destroy()
    return { status: answer.statusCode ?? 0, headers: answer.headers, text: '' }
  }

  async #begin(method: string, path: string, { headers = {}, body }: Sent): Promise<IncomingMessage> {
    const { host, hostname } = new URL(this.url)
    const bytes = body === undefined ? null : Buffer.from(typeof body === 'object' ? JSON.stringify(body) : body)
    const type: Record<string, string> =
      bytes === null ? {} : { 'content-type': 'application/json', 'content-length': `${bytes.length}` }
    const options = {
      host: '127.0.0.1',
      port: this.port,
      path,
      method,
      headers: { host, ...type, ...headers },
      agent: false,
    }
    const sent =
      this.#ca === null
        ? plainRequest(options)
        : tlsRequest({ ...options, ca: this.#ca, servername: hostname, agent: false as const })
    sent.end(bytes ?? undefined)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return answer
  }

  /** What a page of the console sends with each request. */
  get own(): Readonly<Record<string, string>> {
    return { origin: this.url, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', [PAGE_HEADER]: '1' }
  }

  /** A request of the console's own page, with the cookie of a session. */
  page(cookie: string, method: string, path: string, body?: object): Promise<Answered> {
    return this.send(method, path, { headers: { ...this.own, cookie }, ...(body === undefined ? {} : { body }) })
  }

  /** Signs in on the console's page; answers what came back. */
  signIn(account: string, password = PASSWORD, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    const body = { proof: { at: 'password', account, password }, cookie: true }
    return this.send('POST', '/v1/sign-in', { headers: { ...this.own, ...headers }, body })
  }

  /** The same; answers the cookie, as a browser sends it back. */
  async cookie(account: string): Promise<string> {
    const answer = await this.signIn(account)
    if (answer.status !== 200) throw new Error(`${account} cannot sign in: ${outcome(answer)}`)
    return setCookie(answer)
  }
}

/** The cookie that an answer sets. */
export const setCookie = ({ headers }: Answered): string => `${headers['set-cookie']}`.split(';')[0] ?? ''

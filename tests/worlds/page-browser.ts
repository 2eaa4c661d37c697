import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { PAGE_HEADER } from '../../src/apps/process/page-requests.ts'

export type Answered = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }

type Sent = { readonly headers?: Readonly<Record<string, string>>; readonly body?: object | string }

/** The code of a problem; the status of what is none. */
export function outcome({ status, headers, text }: Answered): string | number {
  if (headers['content-type']?.startsWith('application/problem+json') !== true) return status
  return (JSON.parse(text) as { code: string }).code
}

/** What a browser sends to a page of ours on a port that was free: it says the name that the page is known by, whatever the port. */
export class PageBrowser {
  readonly url: string
  readonly port: number
  readonly #ca: string | null
  readonly #address: string

  constructor(url: string, port: number, ca: string | null, address = '127.0.0.1') {
    this.url = url
    this.port = port
    this.#ca = ca
    this.#address = address
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
      host: this.#address,
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

  /** Signs in on the page; answers what came back. */
  signIn(account: string, password: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    const body = { proof: { at: 'password', account, password }, cookie: true }
    return this.send('POST', '/v1/sign-in', { headers: { ...this.own, ...headers }, body })
  }
}

/** The cookie that an answer sets. */
export const setCookie = ({ headers }: Answered): string => `${headers['set-cookie']}`.split(';')[0] ?? ''

import type { IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { refusalOf } from '../../wire/problem.ts'
import { type Pace, type Part, rangedBody, Stride } from './ranged-body.ts'
import { ResumingAgent } from './resuming-agent.ts'

/**
 * Whom a caller trusts, in PEM, and what it is: by a certificate with its key, or by a secret that goes along with each
 * request (`bearer`: RFC 6750 §2.1).
 */
export type ClientTls = {
  readonly ca: string
  readonly cert?: string
  readonly key?: string
  readonly bearer?: string
}

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
}

export type Call = {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | Readable
  /** The largest answer that is read, in bytes: 4 MiB unless told. */
  readonly maxBytes?: number
  /** The whole call, in milliseconds: 15 s unless told. */
  readonly timeoutMillis?: number
}

const PACE: Pace = { idleMillis: 20_000, windowMillis: 30_000, bytesPerWindow: 30 * 64 }
const DEFAULT_MAX = 4 * 1024 * 1024
/** The largest body of a refusal that is read. */
const MAX_PROBLEM = 64 * 1024

/**
 * An HTTPS client for one server: TLS 1.3, its own certificate, one authority, connections kept alive. Failures of the
 * network are refusals: `not-reachable`, `tls-refused`, `answer-too-large`, `answer-too-slow`; a problem body of the
 * server becomes the refusal that it carries, anything else that is not 2xx or 304 is `answer-unexpected`.
 */
export class HttpsClient {
  readonly origin: string
  readonly #agent: ResumingAgent
  readonly #own: Readonly<Record<string, string>>
  readonly #pace: Pace
  readonly #stride = new Stride()
  #closed = false

  constructor(origin: string, tls: ClientTls, maxSockets = 8, pace = PACE) {
    this.origin = origin.replace(/\/$/, '')
    this.#pace = pace
    const { bearer, ...rest } = tls
    this.#own = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
    this.#agent = new ResumingAgent({ ...rest, maxSockets })
  }

  close(): void {
    this.#closed = true
    this.#agent.destroy()
  }

  /** A call whose answer fits into memory. */
  async call(method: string, path: string, call: Call = {}): Promise<Answer | Refusal> {
    const limit = call.maxBytes ?? DEFAULT_MAX
    const cancel = AbortSignal.timeout(call.timeoutMillis ?? 15_000)
    const response = await this.#open(method, path, call, cancel)
    if (isRefusal(response)) return response
    const status = response.statusCode ?? 0
    const good = (status >= 200 && status < 300) || status === 304
    // A refusal may be longer than what was asked for: a small file that is not there.
    const body = await this.#whole(response, good ? limit : Math.max(limit, MAX_PROBLEM), `${method} ${path}`)
    // Given up in the middle, the answer only breaks off: who gave it up is what matters.
    if (isRefusal(body)) return cancel.aborted ? this.#tooSlow() : body
    if (!good) return this.#refusal(`${method} ${path}`, status, body)
    const asked = call.headers?.['accept-encoding'] === 'gzip' && response.headers['content-encoding'] === 'gzip'
    const unpacked = asked ? unpack(body, limit, `${method} ${path} at ${this.origin}`) : body
    return isRefusal(unpacked) ? unpacked : { status, headers: response.headers, body: unpacked }
  }

  /**
   * A call whose answer is a stream: a file of `length` bytes, from its byte `from` on, over as many connections as it
   * takes. Ends at the length, or early: the caller keeps what came, and goes on from there.
   */
  async download(path: string, { from, length }: Part): Promise<AsyncIterable<Uint8Array> | Refusal> {
    const ask = (at: number, to: number | null): Promise<IncomingMessage | Refusal> => this.#range(path, at, to)
    const first = await ask(from, this.#stride.to(from, length))
    if (!isRefusal(first)) return rangedBody(first, { from, length }, ask, this.#stride, this.#pace)
    // The line may have broken within the answer: the next one is asked for in less.
    if (first.code === 'not-reachable') this.#stride.narrow()
    return first
  }

  async #range(path: string, from: number, to: number | null): Promise<IncomingMessage | Refusal> {
    const ranged = from > 0 || to !== null
    const headers: Record<string, string> = ranged ? { range: `bytes=${from}-${to === null ? '' : to - 1}` } : {}
    const response = await this.#open('GET', path, { headers }, undefined)
    if (isRefusal(response)) return response
    const status = response.statusCode ?? 0
    if (from === 0 && status === 200) return response
    // What goes on at another byte than was asked for would spoil what is there already.
    const range = response.headers['content-range'] ?? ''
    if (ranged && status === 206 && range.startsWith(`bytes ${from}-`)) return response
    if (status >= 200 && status < 300) {
      response.destroy()
      const actual = `status ${status}, ${range === '' ? 'no range' : range}`
      return refuse('answer-unexpected', `GET ${path} at ${this.origin}`, `the bytes from ${from} on`, actual)
    }
    const body = await this.#whole(response, DEFAULT_MAX, `GET ${path}`)
    return isRefusal(body) ? body : this.#refusal(`GET ${path}`, status, body)
  }

  #open(method: string, path: string, call: Call, signal: AbortSignal | undefined): Promise<IncomingMessage | Refusal> {
    if (this.#closed)
      return Promise.resolve(refuse('not-reachable', this.origin, 'a client that is open', 'a closed one'))
    const url = new URL(this.origin + path)
    const headers: Record<string, string> = { ...this.#own, ...call.headers }
    if (call.body instanceof Uint8Array) headers['content-length'] = String(call.body.length)
    const options: RequestOptions = { method, headers, agent: this.#agent, timeout: this.#pace.idleMillis }
    if (signal !== undefined) options.signal = signal
    return new Promise(resolve => {
      const request = httpsRequest(url, options, response => {
        this.#agent.answered()
        resolve(response)
      })
      request.on('timeout', () => request.destroy(new Error(`no byte for ${this.#pace.idleMillis / 1000} s`)))
      request.on('error', error => resolve(this.#networkRefusal(error)))
      if (call.body instanceof Readable) {
        call.body.on('error', error => request.destroy(error))
        call.body.pipe(request)
      } else request.end(call.body)
    })
  }

  async #whole(response: IncomingMessage, limit: number, subject: string): Promise<Uint8Array | Refusal> {
    const parts: Uint8Array[] = []
    let length = 0
    try {
      for await (const part of response as AsyncIterable<Uint8Array>) {
        length += part.length
        if (length > limit) {
          response.destroy()
          return refuse('answer-too-large', subject, `at most ${limit} bytes`, 'more')
        }
        parts.push(part)
      }
    } catch (error) {
      return this.#networkRefusal(error as Error)
    }
    const whole = Buffer.concat(parts)
    return new Uint8Array(whole.buffer, whole.byteOffset, whole.length)
  }

  #refusal(subject: string, status: number, body: Uint8Array): Refusal {
    const refusal = refusalOf(readAnswer(body))
    if (refusal !== null) return refusal
    return refuse(
      'answer-unexpected',
      `${subject} at ${this.origin}`,
      'an answer of a Voltseal server',
      `status ${status}`,
    )
  }

  #tooSlow(): Refusal {
    return refuse('answer-too-slow', this.origin, 'an answer in time', 'none')
  }

  #networkRefusal(error: Error): Refusal {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (error.name === 'TimeoutError' || error.name === 'AbortError') {
      return this.#tooSlow()
    }
    const trust = /^ERR_(?:TLS|SSL|OSSL)|CERT|SELF_SIGNED|UNABLE_TO/.test(code)
    if (trust) return refuse('tls-refused', this.origin, 'a TLS 1.3 peer with a certificate of our authority', code)
    // A server that does not accept a certificate closes the connection, as one does that has just ended.
    const closed = code === 'ECONNRESET' ? 'a closed connection: it ended, or does not accept our certificate' : null
    return refuse('not-reachable', this.origin, 'a server that answers', closed ?? (code === '' ? error.message : code))
  }
}

/** The JSON of an answer; undefined when it is none. */
export function readAnswer(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

/** Unpacks an answer, which may not be longer for having been packed. Refuses `answer-too-large`, `answer-unexpected`. */
function unpack(body: Uint8Array, limit: number, subject: string): Uint8Array | Refusal {
  try {
    return new Uint8Array(gunzipSync(body, { maxOutputLength: limit }))
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    return tooLarge
      ? refuse('answer-too-large', subject, `at most ${limit} bytes`, 'more, once unpacked')
      : refuse('answer-unexpected', subject, 'gzip as announced', 'something else')
  }
}

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import { maxLogFileBytes } from '../core/ledger/tile-reader.ts'
import { parseTilePath, TILE_WIDTH, tilePath } from '../core/ledger/tiles.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import type { LogFiles } from '../flows/ports.ts'

export type LogServer = {
  /** Where `checkpoint` and `tile/` lie. */
  readonly url: string
  /** An authority in PEM, in place of the system's. */
  readonly ca?: string
  /** For one file, in milliseconds: 30 s unless told. */
  readonly patience?: number
  /** Pauses before a file is asked for again, when no answer came: in milliseconds. */
  readonly pauses?: readonly number[]
}

const PATIENCE = 30_000
const PAUSES = [300, 1000, 3000]
const AT_ONCE = 8

/**
 * The files of a log behind any web server, over https; or over http, where whoever is on the way can read them. Nothing that comes is
 * believed by who reads it, so the server is not identified beyond its certificate. No redirect is followed, no answer is longer than
 * its file can be, and a file has one time limit: what trickles is none.
 *
 * Throws a `RefusalError`: `not-reachable`, `tls-refused`, `answer-too-slow`, `answer-too-large`, `answer-unexpected`.
 */
export class HttpsLog implements LogFiles {
  readonly #server: LogServer
  readonly #base: string
  readonly #agent: HttpAgent
  readonly #request: typeof httpsRequest

  /** Throws a `RefusalError` with `usage-error` for an address that is none of http or https. */
  constructor(server: LogServer) {
    const url = URL.canParse(server.url) ? new URL(server.url) : null
    const isHttps = url?.protocol === 'https:'
    if (url === null || (!isHttps && url.protocol !== 'http:') || url.username !== '' || url.search !== '') {
      throw new RefusalError(refuse('usage-error', server.url, 'an address such as https://HOST/log', 'another one'))
    }
    this.#server = server
    this.#base = url.href.replace(/\/$/, '')
    const ca = server.ca === undefined ? {} : { ca: server.ca }
    const kept = { keepAlive: true, maxSockets: AT_ONCE }
    this.#agent = isHttps ? new HttpsAgent({ ...kept, ...ca, minVersion: 'TLSv1.2' }) : new HttpAgent(kept)
    this.#request = isHttps ? httpsRequest : httpRequest
  }

  close(): void {
    this.#agent.destroy()
  }

  /** A file below the log's address; null where the server has none. Where a partial tile is gone, the full one answers. */
  async file(path: string): Promise<Uint8Array | null> {
    const exact = await this.#patiently(path)
    const tile = parseTilePath(path)
    if (exact !== null || tile === null || tile.width === TILE_WIDTH) return exact
    return this.#patiently(tilePath({ ...tile, width: TILE_WIDTH }))
  }

  async #patiently(path: string): Promise<Uint8Array | null> {
    for (const pause of this.#server.pauses ?? PAUSES) {
      const answer = await this.#get(path)
      if (!isRefusal(answer)) return answer
      if (answer.code !== 'not-reachable' && answer.code !== 'answer-too-slow') throw new RefusalError(answer)
      await new Promise(resolve => setTimeout(resolve, pause))
    }
    const answer = await this.#get(path)
    if (isRefusal(answer)) throw new RefusalError(answer)
    return answer
  }

  #get(path: string): Promise<Uint8Array | null | Refusal> {
    const url = `${this.#base}/${path}`
    const limit = maxLogFileBytes(path)
    const patience = this.#server.patience ?? PATIENCE
    const options: RequestOptions = {
      agent: this.#agent,
      headers: { 'user-agent': 'voltseal-verify', 'accept-encoding': 'identity' },
      signal: AbortSignal.timeout(patience),
    }
    return new Promise(resolve => {
      const failed = (error: Error): void => resolve(faultOf(error, url, patience))
      const asked = this.#request(url, options, response => {
        response.on('error', failed)
        const status = response.statusCode ?? 0
        if (status === 200) return receive(response, url, limit, resolve)
        response.destroy()
        const isNone = status === 404 || status === 410
        resolve(isNone ? null : refuse('answer-unexpected', url, 'status 200 or 404', `status ${status}`))
      })
      asked.on('error', failed)
      asked.end()
    })
  }
}

function receive(
  response: IncomingMessage,
  url: string,
  limit: number,
  done: (all: Uint8Array | Refusal) => void,
): void {
  const parts: Uint8Array[] = []
  let length = 0
  response.on('data', (part: Uint8Array) => {
    parts.push(part)
    length += part.length
    if (length <= limit) return
    done(refuse('answer-too-large', url, `at most ${limit} bytes`, 'more'))
    response.destroy()
  })
  response.on('end', () => done(new Uint8Array(Buffer.concat(parts))))
}

function faultOf(error: Error, url: string, patience: number): Refusal {
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return refuse('answer-too-slow', url, `a file in ${patience / 1000} s`, 'none')
  }
  const code = (error as NodeJS.ErrnoException).code ?? error.message
  const trust = /^ERR_(?:TLS|SSL|OSSL)|CERT|SELF_SIGNED|UNABLE_TO/.test(code)
  return trust
    ? refuse('tls-refused', url, 'a certificate of a known authority for this name', code)
    : refuse('not-reachable', url, 'a server that answers', code)
}

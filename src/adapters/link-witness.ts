import { Agent, type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { Millis } from '../core/encoding/units.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { WitnessLink } from '../flows/witness-ports.ts'

/** What is read of an answer: as many signatures as a note can have, and more than any error page is worth. */
const MAX_ANSWER = 64 * 1024

/**
 * The way to a witness, by the address of its `add-checkpoint`. Over https, with the system's authorities or those of `ca` (PEM); over
 * plain http when the caller says so. Nobody is followed elsewhere.
 */
export class HttpWitnessLink implements WitnessLink {
  readonly #target: URL
  readonly #agent: Agent

  constructor(target: URL, ca: string | null) {
    this.#target = target
    const options = { keepAlive: true, maxSockets: 1 }
    this.#agent =
      target.protocol === 'https:'
        ? new TlsAgent({ ...options, minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca }) })
        : new Agent(options)
  }

  close(): void {
    this.#agent.destroy()
  }

  addCheckpoint(
    body: string,
    patience: Millis,
  ): Promise<{ readonly status: number; readonly type: string; readonly body: string } | Refusal> {
    const bytes = Buffer.from(body)
    const options: RequestOptions = {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(bytes.length) },
      agent: this.#agent,
      signal: AbortSignal.timeout(patience),
    }
    const open = this.#target.protocol === 'https:' ? tlsRequest : plainRequest
    return new Promise(resolve => {
      const failed = (error: Error): void => resolve(this.#fault(error))
      const asked = open(this.#target, options, response => {
        read(response).then(text => {
          if (text === null)
            resolve(refuse('answer-too-large', this.#target.href, `at most ${MAX_ANSWER} bytes`, 'more'))
          else resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body: text })
        }, failed)
      })
      asked.on('error', failed)
      asked.end(bytes)
    })
  }

  #fault(error: Error): Refusal {
    const { origin } = this.#target
    const code = (error as NodeJS.ErrnoException).code ?? error.name
    if (error.name === 'TimeoutError' || error.name === 'AbortError') {
      return refuse('answer-too-slow', origin, 'an answer in time', 'none')
    }
    return /^ERR_(?:TLS|SSL|OSSL)|CERT|SELF_SIGNED|UNABLE_TO/.test(code)
      ? refuse('tls-refused', origin, 'a certificate of a known authority for this name', code)
      : refuse('not-reachable', origin, 'a witness that answers', code)
  }
}

async function read(response: IncomingMessage): Promise<string | null> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > MAX_ANSWER) {
      response.destroy()
      return null
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

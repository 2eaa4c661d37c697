import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import { Value } from 'typebox/value'
import type { Reading } from '../core/campaign/rules/readings.ts'
import { instant } from '../core/encoding/units.ts'
import { isPoint, type Point } from '../core/fleet/points.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { SiteConditions } from '../flows/ports.ts'
import { ConditionsAnswer, MAX_CONDITIONS } from '../wire/conditions.ts'

/** Who is asked, and in PEM whom the gateway believes that it is, and what it shows of itself. */
export type ConditionsSource = {
  readonly url: string
  readonly ca: string
  readonly cert?: string
  readonly key?: string
  readonly timeoutMillis: number
}

/**
 * The plant's live values from its EMS, over HTTPS and JSON: `GET URL?points=a,b` (src/wire/conditions.ts, docs/operations.md).
 * One authority is believed, no redirect is followed, and the whole call has one time limit: an answer that trickles is none.
 */
export class HttpsConditions implements SiteConditions {
  readonly #source: ConditionsSource
  readonly #agent: Agent

  constructor(source: ConditionsSource) {
    this.#source = source
    const { ca, cert, key } = source
    // TLS 1.2 too: what stands in plants is older than what stands in data centres.
    const own = cert === undefined ? {} : { cert, key }
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ca, ...own, minVersion: 'TLSv1.2' })
  }

  close(): void {
    this.#agent.destroy()
  }

  async read(points: readonly Point[]): Promise<readonly Reading[] | Refusal> {
    const body = await this.#get(points)
    if (typeof body !== 'string') return body
    const answer = parsed(body)
    if (!Value.Check(ConditionsAnswer, answer)) return this.#refuse('an answer with readings', 'something else')
    return answer.readings.flatMap(({ point, of = null, value, at }): Reading[] =>
      // A source may know more than we do: what no rule can ask for is passed over.
      isPoint(point) && points.includes(point) ? [{ point, of, value, at: instant(at) }] : [],
    )
  }

  #get(points: readonly Point[]): Promise<string | Refusal> {
    const url = new URL(this.#source.url)
    url.searchParams.set('points', points.join(','))
    const { timeoutMillis } = this.#source
    const headers = { accept: 'application/json' }
    const options: RequestOptions = { agent: this.#agent, headers, signal: AbortSignal.timeout(timeoutMillis) }
    return new Promise(resolve => {
      const failed = (error: Error & { code?: string }): void => {
        const isLate = error.name === 'TimeoutError' || error.name === 'AbortError'
        const actual = isLate ? `none in ${timeoutMillis} ms` : (error.code ?? error.message)
        resolve(this.#refuse('an answer', actual))
      }
      const request = httpsRequest(url, options, response => {
        if (response.statusCode !== 200) {
          response.destroy()
          resolve(this.#refuse('status 200', `status ${response.statusCode}`))
          return
        }
        const parts: Buffer[] = []
        let length = 0
        response.on('data', (part: Buffer) => {
          parts.push(part)
          length += part.length
          if (length <= MAX_CONDITIONS) return
          response.destroy()
          resolve(this.#refuse(`at most ${MAX_CONDITIONS} bytes`, 'more'))
        })
        response.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
        response.on('error', failed)
      })
      request.on('error', failed)
      request.end()
    })
  }

  #refuse(expected: string, actual: string): Refusal {
    return refuse('conditions-not-read', this.#source.url, expected, actual)
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

import type { PlantView } from '../../core/campaign/plant-view.ts'
import { fromHex, fromUtf8, toBase64 } from '../../core/encoding/bytes.ts'
import { instant } from '../../core/encoding/units.ts'
import type { SentItem, Upstream } from '../../core/ledger/own-log-rows.ts'
import { MAX_REQUEST_CHARACTERS } from '../../core/ledger/witness-request.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { BlobId, FleetLink, News } from '../../flows/ports.ts'
import type { LogLink, Witnessing } from '../../flows/witness-ports.ts'
import { CLOCK_HEADER, ORDERS_HEADER, UPSTREAM_HEADER } from '../../wire/fleet-api.ts'
import { LOOK_HEADER } from '../../wire/plant-api.ts'
import { type HttpsClient, readAnswer } from './client.ts'

/** The last moment that a time can be. */
const MAX_TIME = 8_640_000_000_000_000

const numberIn = (said: string | string[] | undefined): number | null =>
  typeof said === 'string' && /^[0-9]{1,16}$/.test(said) && Number.isSafeInteger(Number(said)) ? Number(said) : null

function upstreamIn(said: string | string[] | undefined): Pick<News, 'upstream' | 'restored'> {
  const [, number, restored] = typeof said === 'string' ? (/^([0-9]{1,15})( restored)?$/.exec(said) ?? []) : []
  if (number === undefined) return {}
  return { upstream: Number(number), ...(restored === undefined ? {} : { restored: true }) }
}

/** The gateway's link to the fleet server over HTTPS: `src/wire/fleet-api.ts` says what passes. */
export class HttpsFleetLink implements FleetLink, LogLink {
  readonly #client: HttpsClient

  constructor(client: HttpsClient) {
    this.#client = client
  }

  async checkIn(tag: string | null, director?: number, acknowledged?: number): Promise<News | Refusal> {
    const headers = {
      ...(tag === null ? {} : { 'if-none-match': tag }),
      ...(director === undefined ? {} : { [ORDERS_HEADER]: String(director) }),
      ...(acknowledged === undefined ? {} : { [UPSTREAM_HEADER]: String(acknowledged) }),
    }
    const answer = await this.#client.call('GET', '/v1/check-in', { headers })
    if (isRefusal(answer)) return answer
    const subject = `GET /v1/check-in at ${this.#client.origin}`
    const { etag, [CLOCK_HEADER]: said, [UPSTREAM_HEADER]: taken, [LOOK_HEADER]: look } = answer.headers
    const at = numberIn(said)
    const known = { ...upstreamIn(taken), ...(look === '1' ? ({ look: true } as const) : {}) }
    if (at === null || at > MAX_TIME) return refuse('answer-unexpected', subject, 'the time of the fleet', 'none')
    if (answer.status === 304) return { tag: null, at: instant(at), ...known }
    if (typeof etag === 'string') return { tag: etag, at: instant(at), ...known }
    return refuse('answer-unexpected', subject, 'an entity tag', 'none')
  }

  async file(repo: string, path: string, maxBytes: number): Promise<Uint8Array | null | Refusal> {
    const headers = { 'accept-encoding': 'gzip' }
    const answer = await this.#client.call('GET', `/v1/repos/${repo}/${encodeURIComponent(path)}`, {
      maxBytes,
      headers,
    })
    if (!isRefusal(answer)) return answer.body
    return answer.code === 'not-found' ? null : answer
  }

  blob(id: BlobId, from: number): Promise<AsyncIterable<Uint8Array> | Refusal> {
    return this.#client.download(`/v1/blobs/${id.sha256}`, { from, length: id.length })
  }

  async send(items: readonly SentItem[], manifest: Uint8Array): Promise<number | Refusal> {
    const batch = {
      manifest: toBase64(manifest),
      items: items.map(item => ({ sequence: item.sequence, kind: item.kind, bytes: toBase64(item.bytes) })),
    }
    const answer = await this.#client.call('POST', '/v1/upstream', {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(batch)),
      timeoutMillis: 60_000,
    })
    if (isRefusal(answer)) return answer
    const said = readAnswer(answer.body) as { acknowledged?: unknown } | null | undefined
    if (Number.isSafeInteger(said?.acknowledged)) return said?.acknowledged as number
    const subject = `POST /v1/upstream at ${this.#client.origin}`
    return refuse('answer-unexpected', subject, 'the acknowledged sequence', 'none')
  }

  async offered(old: number): Promise<string | Refusal> {
    const answer = await this.#client.call('GET', `/v1/witness?old=${old}`, { maxBytes: MAX_REQUEST_CHARACTERS })
    if (isRefusal(answer)) return answer
    const subject = `GET /v1/witness at ${this.#client.origin}`
    return fromUtf8(answer.body) ?? refuse('answer-unexpected', subject, 'a request to a witness', 'other bytes')
  }

  async witnessed(said: Witnessing): Promise<null | Refusal> {
    const answer = await this.#client.call('POST', '/v1/witness', {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(said)),
    })
    return isRefusal(answer) ? answer : null
  }

  async showPlant(view: PlantView): Promise<null | Refusal> {
    const answer = await this.#client.call('POST', '/v1/plant', {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(view)),
    })
    return isRefusal(answer) ? answer : null
  }

  async upstream(): Promise<(Upstream & { readonly restored: boolean }) | Refusal> {
    const answer = await this.#client.call('GET', '/v1/upstream')
    if (isRefusal(answer)) return answer
    const said = readAnswer(answer.body) as
      | { sequence?: unknown; head?: unknown; restored?: unknown }
      | null
      | undefined
    const head = typeof said?.head === 'string' && said.head.length === 64 ? fromHex(said.head) : null
    const restored = said?.restored
    if (Number.isSafeInteger(said?.sequence) && head !== null && typeof restored === 'boolean')
      return { sequence: said?.sequence as number, head, restored }
    return refuse('answer-unexpected', `GET /v1/upstream at ${this.#client.origin}`, 'the end of the log', 'none')
  }
}

import { pino } from 'pino'
import { type Authority, certifyNewKey, createAuthority, issueCertificate } from '../../../src/adapters/certificates.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { type HttpsServer, httpsServer, listen, requirePeer } from '../../../src/adapters/http-server.ts'
import { fromBase64, toBase64 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { checkReportNew, openReport, type Report } from '../../../src/core/trust/report.ts'
import type { DeviceRequest } from '../../../src/wire/fleet-api.ts'

/** Work that the tiny gateway offers to one controller. */
export type Work = {
  readonly assignment: string
  readonly envelope: Uint8Array
  readonly image: Uint8Array
  readonly sha256: string
  readonly wrap?: Uint8Array
  activate: boolean
  /** Milliseconds that are left of its turn: two minutes unless told. */
  within?: number
}

/** A download that was asked for: who, and from which byte on. */
export type Asked = { readonly controller: string; readonly from: number }

/**
 * The least gateway that the simulated site can speak to: mutual TLS 1.3, one offer per controller, ranged blobs, every
 * report verified and its number above the one before. `onReport` decides what comes next, as the real one's flows do.
 */
export class TinyGateway {
  readonly work = new Map<string, Work>()
  readonly reports: Report[] = []
  readonly asked: Asked[] = []
  onReport: (report: Report) => void = () => {}
  /** Bytes given before the line breaks, asked per download; null: all of them. */
  breakAfter: (asked: Asked) => number | null = () => null
  /** True: the report is taken, and the answer to it lost. */
  loseAnswer: (report: Report) => boolean = () => false
  #authority!: Authority
  #server!: HttpsServer
  #url = ''
  readonly #keys = new Map<string, DeviceRequest>()
  readonly #last = new Map<string, number>()
  #waiting: { readonly wanted: (report: Report) => boolean; readonly found: (report: Report) => void }[] = []
  #failed: ((error: unknown) => void)[] = []
  readonly #offers: { left: number; readonly resolve: () => void }[] = []

  static async start(): Promise<TinyGateway> {
    const gateway = new TinyGateway()
    const now = instant(Date.now())
    gateway.#authority = await createAuthority('site', now)
    const hosts = ['127.0.0.1']
    const own = await certifyNewKey(gateway.#authority, { identity: { kind: 'gateway', site: 'quay' }, hosts }, now)
    gateway.#server = httpsServer({ ...own, ca: gateway.#authority.cert }, pino({ level: 'silent' }))
    gateway.#routes()
    gateway.#url = `https://127.0.0.1:${orThrow(await listen(gateway.#server, '127.0.0.1', 0))}`
    return gateway
  }

  /** What the fleet would write to `issued.json`. */
  async enrol(requests: readonly DeviceRequest[]): Promise<object> {
    const controllers: Record<string, { cert: string }> = {}
    for (const request of requests) {
      this.#keys.set(request.id, request)
      const identity = { kind: 'controller', site: 'quay', id: request.id } as const
      const cert = await issueCertificate(this.#authority, request.csr, { identity }, instant(Date.now()))
      controllers[request.id] = { cert: orThrow(cert) }
    }
    return { gateway: { url: this.#url }, siteCa: this.#authority.cert, controllers }
  }

  /** The next report that is wanted, from now on. */
  next(wanted: (report: Report) => boolean): Promise<Report> {
    return new Promise((found, failed) => {
      this.#waiting.push({ wanted, found })
      this.#failed.push(failed)
    })
  }

  /** Resolves when work was offered so many times more. */
  offered(times: number): Promise<void> {
    return new Promise(resolve => this.#offers.push({ left: times, resolve }))
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  #routes(): void {
    this.#server.get('/v1/offer', async (request, reply) => {
      const work = this.work.get(requirePeer(request, 'controller').id)
      if (work === undefined) return reply.code(204).send()
      for (const one of this.#offers) {
        one.left -= 1
        if (one.left <= 0) one.resolve()
      }
      const { assignment, envelope, image, sha256, activate, within = 120_000, wrap } = work
      const payload = { sha256, length: image.length }
      const wrapped = wrap === undefined ? {} : { wrap: toBase64(wrap) }
      return { assignment, envelope: toBase64(envelope), payload, activate, within, ...wrapped }
    })
    this.#server.get('/v1/blobs/:sha256', async (request, reply) => {
      const { id: controller } = requirePeer(request, 'controller')
      const { image } = this.work.get(controller) as Work
      const ranged = request.headers.range !== undefined
      const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
      const from = Number(first)
      const end = last === '' ? image.length : Number(last) + 1
      const asked = { controller, from }
      this.asked.push(asked)
      const limit = this.breakAfter(asked)
      reply.hijack()
      const range = { 'content-range': `bytes ${from}-${end - 1}/${image.length}` }
      reply.raw.writeHead(ranged ? 206 : 200, { 'content-length': end - from, ...(ranged ? range : {}) })
      if (limit === null) reply.raw.end(image.subarray(from, end))
      else reply.raw.write(image.subarray(from, from + limit), () => setImmediate(() => reply.raw.destroy()))
    })
    this.#server.post('/v1/reports', async (request, reply) => {
      const { id } = requirePeer(request, 'controller')
      const parts: Uint8Array[] = []
      for await (const part of request.body as AsyncIterable<Uint8Array>) parts.push(part)
      try {
        const report = this.#take(id, new Uint8Array(Buffer.concat(parts)))
        if (!this.loseAnswer(report)) return { accepted: report.sequence }
        reply.hijack()
        reply.raw.destroy()
      } catch (error) {
        for (const failed of this.#failed) failed(error)
        throw error
      }
    })
  }

  #take(id: string, bytes: Uint8Array): Report {
    const key = { alg: 'ecdsa-p256', spki: fromBase64(this.#keys.get(id)?.reportKey ?? '') ?? bytes } as const
    const report = orThrow(openReport(bytes, { site: 'quay', controller: id, key }, nodeCrypto))
    orThrow(checkReportNew(report, this.#last.get(id) ?? 0))
    this.#last.set(id, report.sequence)
    this.reports.push(report)
    this.onReport(report)
    const [met, open] = [this.#waiting.filter(w => w.wanted(report)), this.#waiting.filter(w => !w.wanted(report))]
    this.#waiting = open
    for (const waiter of met) waiter.found(report)
    return report
  }
}

import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { HttpsClient } from '../../src/adapters/link-https/client.ts'
import { HttpsFleetLink } from '../../src/adapters/link-https/fleet-link.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import type { SentItem } from '../../src/core/ledger/own-log-rows.ts'
import { firstHead, headBehind } from '../../src/core/ledger/site-chain.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { type Report, reportBytes, sealReport } from '../../src/core/trust/report.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import { reportOf, siteName } from '../fleet-million/drawn.ts'
import { type ConsoleFleet, PLACES } from './fleet.ts'

/** Reports that a gateway hands over at a time. */
export const AT_A_TIME = 10

/** The gateway of a drawn site: it hands over signed reports of its controllers, as the gateways of production do. */
export class Station {
  readonly #client: HttpsClient
  readonly #link: HttpsFleetLink
  readonly #fleet: ConsoleFleet
  readonly #n: number
  #sequence = 0
  #head = firstHead()

  private constructor(fleet: ConsoleFleet, n: number, client: HttpsClient) {
    this.#fleet = fleet
    this.#n = n
    this.#client = client
    this.#link = new HttpsFleetLink(client)
  }

  static async open(fleet: ConsoleFleet, n: number): Promise<Station> {
    return new Station(fleet, n, new HttpsClient(fleet.url, await fleet.gateway(n), 1))
  }

  /** Hands over a report of each of ten controllers: ten entries of the log, ten events. */
  async report(): Promise<void> {
    const items: SentItem[] = PLACES.slice(0, AT_A_TIME).map((place, at) => ({
      sequence: this.#sequence + 1 + at,
      kind: 'report',
      bytes: this.#said(place),
    }))
    const last = items.at(-1)!.sequence
    const head = headBehind(nodeCrypto, this.#head, items)
    const body = writeSiteManifest({
      site: siteName(this.#n),
      sequence: last,
      at: instant(Date.now()),
      batch: batchDigest(items, nodeCrypto),
      before: toHex(this.#head),
      head: toHex(head),
      reports: items.map(({ bytes }) => bytes),
    })
    orThrow(await this.#link.send(items, sealSiteManifest(body, this.#fleet.key.sign(canonicalJson(body)))))
    this.#sequence = last
    this.#head = head
  }

  #said(place: number): Uint8Array {
    const before = reportOf(this.#n, place) ?? reportOf(this.#n + 1, place)!
    // Each round is one report further of each controller, whatever number it began with.
    const sequence = before.sequence + 1 + this.#sequence / AT_A_TIME
    const report: Report = { ...before, site: siteName(this.#n), sequence, at: instant(Date.now()), event: 'boot' }
    return sealReport(report, this.#fleet.key.sign(orThrow(reportBytes(report))))
  }

  close(): void {
    this.#client.close()
  }
}

/** Many gateways, so that so many events happen each second; each begins at its own place in the second. */
export class Stations {
  readonly #all: readonly Station[]
  #stopped = false
  #working: Promise<unknown> = Promise.resolve()
  sent = 0

  private constructor(all: readonly Station[]) {
    this.#all = all
  }

  static async open(fleet: ConsoleFleet, perSecond: number): Promise<Stations> {
    const count = Math.ceil(perSecond / AT_A_TIME)
    return new Stations(await Promise.all(Array.from({ length: count }, (_, n) => Station.open(fleet, n))))
  }

  /** Begins to report; `stop` ends it. */
  start(): void {
    const began = performance.now()
    const each = this.#all.map(async (station, at) => {
      for (let round = 0; !this.#stopped; round += 1) {
        const due = began + round * 1000 + (at * 1000) / this.#all.length
        await new Promise(resolve => setTimeout(resolve, Math.max(0, due - performance.now())))
        if (this.#stopped) return
        await station.report()
        this.sent += AT_A_TIME
      }
    })
    this.#working = Promise.all(each)
    this.#working.catch(() => {})
  }

  /** Rejects when a report was not taken. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#working
    for (const station of this.#all) station.close()
  }
}

import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { SecureElement } from '../../../src/core/slot/hardware.ts'
import { type Report, type ReportEvent, reportBytes, sealReport } from '../../../src/core/trust/report.ts'
import type { Offered } from '../../../src/flows/offer.ts'
import type { Clock } from '../../../src/flows/ports.ts'

type Image = { readonly version: string; readonly sequence: number; readonly digest: string }

/**
 * As much of a controller as its gateway can tell: it stages what it is offered, restarts when it is told to, and says
 * so in signed reports, each under a new number. A report that was not answered is said again.
 */
export class ModelController {
  readonly id: string
  readonly #site: string
  readonly #element: SecureElement
  readonly #clock: Clock
  /** The ids of the keys whose releases it accepts. */
  readonly #anchors: readonly string[]
  #number = 0
  #running: Image
  #slot: 'a' | 'b' = 'a'
  #staged: Image | null = null
  #assignment: string | null = null
  #unsaid: ReportEvent | null = 'boot'

  constructor(
    id: string,
    site: string,
    element: SecureElement,
    clock: Clock,
    running: Image,
    anchors: readonly string[],
  ) {
    this.#anchors = anchors
    this.id = id
    this.#site = site
    this.#element = element
    this.#clock = clock
    this.#running = running
  }

  /** Does one thing: says what is unsaid, else asks for work and does it. `images` by digest. */
  async step(
    say: (report: Uint8Array) => Promise<unknown>,
    ask: () => Promise<Offered | null>,
    images: ReadonlyMap<string, Image>,
  ): Promise<void> {
    if (this.#unsaid !== null) {
      await say(this.#report(this.#unsaid))
      this.#unsaid = null
      return
    }
    const offer = await ask()
    if (offer === null) return
    const wanted = images.get(offer.payload.sha256)!
    this.#assignment = offer.assignment
    if (this.#running.digest === wanted.digest) this.#unsaid = 'confirmed'
    else if (this.#staged?.digest !== wanted.digest) {
      this.#staged = wanted
      this.#unsaid = 'staged'
    } else if (offer.activate) {
      this.#running = wanted
      this.#slot = this.#slot === 'a' ? 'b' : 'a'
      this.#staged = null
      this.#unsaid = 'confirmed'
    }
  }

  #report(event: ReportEvent): Uint8Array {
    this.#number += 1
    const report: Report = {
      kind: 'voltseal-report',
      v: 1,
      site: this.#site,
      controller: this.id,
      sequence: this.#number,
      at: this.#clock.now(),
      event,
      state: 'stable',
      running: { ...this.#running, slot: this.#slot },
      ...(this.#staged === null ? {} : { staged: this.#staged }),
      ...(this.#assignment === null ? {} : { assignment: this.#assignment }),
      counter: 0,
      anchors: this.#anchors,
      attempts: [],
    }
    return sealReport(report, this.#element.signReport(orThrow(reportBytes(report))))
  }
}

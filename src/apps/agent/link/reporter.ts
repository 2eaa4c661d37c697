import type { HttpsClient } from '../../../adapters/link-https/client.ts'
import { detailOf, isRefusal, orThrow, type Refusal } from '../../../core/refusal/refusal.ts'
import { registry } from '../../../core/refusal/registry.ts'
import type { SecureElement } from '../../../core/slot/hardware.ts'
import type { ControllerStatus } from '../../../core/slot/status.ts'
import { type Report, type ReportEvent, reportBytes, reportedRefusal, sealReport } from '../../../core/trust/report.ts'
import type { Clock } from '../../../flows/ports.ts'
import { type BackOff, pause } from './back-off.ts'
import type { LinkEvent } from './events.ts'

/**
 * What is to be told: why, and what was refused. `assignment` names the piece of work where it is not the one that the
 * controller took on last.
 */
export type Saying = {
  readonly event: ReportEvent
  readonly assignment?: string
  readonly refusal?: Refusal
}

/** What a report is made of: how the controller stands, and its key and its numbers. */
export type Reporting = {
  readonly element: Pick<SecureElement, 'signReport' | 'nextReport'>
  /** Read for each attempt; a refusal means that there is nothing to report now, and that what was to be said is given up. */
  status(): ControllerStatus | Refusal
}

export type ReporterParts = {
  readonly site: string
  readonly controller: Reporting
  readonly client: HttpsClient
  readonly clock: Clock
  readonly backOff: BackOff
  readonly stop: AbortSignal
  note(event: LinkEvent): void
}

/**
 * Tells the gateway what became of a controller, until it is told. Only the newest saying waits: each report carries
 * the whole state, so an older one that was not delivered says nothing that the newer one does not. A report is made
 * anew for every attempt, with a new number, since an answer may be lost behind a report that was taken.
 */
export class Reporter {
  readonly #parts: ReporterParts
  #pending: Saying | null = null
  #running = false
  #waiting: (() => void)[] = []

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  /**
   * Says this, in place of anything that is still to be said. Returns at once. A regular report takes no event's place, and
   * is not tried again: the next one says more.
   */
  say(saying: Saying): void {
    if (saying.event === 'regular' && this.#pending !== null) return
    this.#pending = saying
    if (!this.#running) void this.#run()
  }

  /** The power went: what was not said is forgotten. The next boot says how things are. */
  silence(): void {
    this.#pending = null
    this.#settle()
  }

  /** Resolves when nothing is left to say. */
  delivered(): Promise<void> {
    if (this.#pending === null || this.#parts.stop.aborted) return Promise.resolve()
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  async #run(): Promise<void> {
    this.#running = true
    const { stop, backOff } = this.#parts
    while (this.#pending !== null && !stop.aborted) {
      const saying = this.#pending
      const sent = await this.#send(saying)
      if (sent === 'taken' || sent === 'given-up' || saying.event === 'regular') {
        if (sent !== 'later') backOff.reset()
        if (this.#pending === saying) this.#pending = null
      } else await pause(backOff.next(), stop)
    }
    this.#running = false
    this.#settle()
  }

  async #send(saying: Saying): Promise<'taken' | 'later' | 'given-up'> {
    const { controller, client, note } = this.#parts
    const status = controller.status()
    if (isRefusal(status)) return 'given-up'
    const sequence = controller.element.nextReport()
    if (sequence === null) {
      // A disk that takes no write: nothing is said until it does, and what runs goes on.
      const detail = 'the number of a report: expected one that is kept; got none'
      note({ event: 'not-reported', report: saying.event, code: 'element-command-not-done', detail })
      return 'later'
    }
    const report = this.#report(saying, status, sequence)
    const bytes = sealReport(report, controller.element.signReport(orThrow(reportBytes(report))))
    const answer = await client.call('POST', '/v1/reports', {
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    })
    if (!isRefusal(answer)) {
      note({ event: 'reported', report: saying.event, sequence: report.sequence })
      return 'taken'
    }
    const { code } = answer
    if (!this.#parts.stop.aborted) note({ event: 'not-reported', report: saying.event, code, detail: detailOf(answer) })
    // What the gateway will never take is not said for ever; a number that was used before is not such a thing.
    return registry[code].action === 'refuse' && code !== 'report-replayed' ? 'given-up' : 'later'
  }

  #report({ event, assignment, refusal }: Saying, status: ControllerStatus, sequence: number): Report {
    const { site, clock } = this.#parts
    return {
      ...status,
      kind: 'voltseal-report',
      v: 1,
      site,
      sequence,
      at: clock.now(),
      event,
      ...(assignment === undefined ? {} : { assignment }),
      ...(refusal === undefined ? {} : { refusal: reportedRefusal(refusal) }),
    }
  }

  #settle(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

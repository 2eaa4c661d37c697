import { nodeCrypto } from '../../../adapters/crypto-node.ts'
import { type HttpsClient, readAnswer } from '../../../adapters/link-https/client.ts'
import { detailOf, isRefusal, orThrow, type Refusal, refuse } from '../../../core/refusal/refusal.ts'
import { registry } from '../../../core/refusal/registry.ts'
import type { SecureElement } from '../../../core/slot/hardware.ts'
import type { HistoryEntry } from '../../../core/slot/history.ts'
import { recite } from '../../../core/slot/recite.ts'
import type { ControllerStatus } from '../../../core/slot/status.ts'
import { type DeviceHistory, historyBytes, sealHistory } from '../../../core/trust/device-history.ts'
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
  /** The device's history as its ring has it, oldest first. */
  history(): readonly HistoryEntry[]
}

/** Stretches of history in front of one report at most: more than a ring of the usual size holds. */
const MAX_PIECES = 16

/** Whether the gateway may take it later: it was not reached, or did not answer in time. */
const isPassing = ({ code }: Refusal): boolean => registry[code].action === 'retry' && code !== 'answer-unexpected'

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
  /** The next decision that the gateway wants to hear; null: it has not said. */
  #next: number | null = null
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
    const untold = await this.#recite()
    if (untold !== null) {
      note({ event: 'not-reported', report: saying.event, code: untold.code, detail: detailOf(untold) })
      return 'later'
    }
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

  /**
   * Tells the history in front of the report that attests it, as far as the gateway does not have it. Null: there is nothing in the
   * way of the report. A gateway that does not take it is told the report all the same: the fleet sees what is missing.
   */
  async #recite(): Promise<Refusal | null> {
    const { controller, clock, site } = this.#parts
    const status = controller.status()
    for (let piece = 0; piece < MAX_PIECES && !isRefusal(status); piece += 1) {
      const entries = controller.history()
      if (entries.length === 0 || this.#next === (entries.at(-1) as HistoryEntry).decision + 1) return null
      const next = this.#next ?? (await this.#wanted())
      if (isRefusal(next)) return isPassing(next) ? next : null
      const told = recite(entries, next, nodeCrypto)
      this.#next = next
      if (told === null) return null
      const sequence = controller.element.nextReport()
      // A disk that takes no write: the report will say so.
      if (sequence === null) return null
      const { controller: id } = status
      const said: DeviceHistory = {
        ...told,
        kind: 'voltseal-history',
        v: 1,
        site,
        controller: id,
        sequence,
        at: clock.now(),
      }
      const bytes = sealHistory(said, controller.element.signReport(orThrow(historyBytes(said))))
      const after = await this.#ask('POST', bytes)
      // Its answer may be lost behind a stretch that was taken: the gateway is asked anew.
      this.#next = isRefusal(after) ? null : after
      if (isRefusal(after)) return isPassing(after) ? after : null
    }
    return null
  }

  #wanted(): Promise<number | Refusal> {
    return this.#ask('GET')
  }

  async #ask(method: 'GET' | 'POST', body?: Uint8Array): Promise<number | Refusal> {
    const { client } = this.#parts
    const answer = await client.call(method, '/v1/history', {
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/octet-stream' }, body }),
    })
    if (isRefusal(answer)) return answer
    const said = readAnswer(answer.body) as { next?: unknown } | null | undefined
    if (Number.isSafeInteger(said?.next) && (said?.next as number) > 0) return said?.next as number
    return refuse('answer-unexpected', `${method} /v1/history at ${client.origin}`, 'the next decision', 'none')
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

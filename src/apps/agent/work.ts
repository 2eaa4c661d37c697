import { steadyOf } from '../../adapters/clock-system.ts'
import type { HttpsClient } from '../../adapters/link-https/client.ts'
import { carriedBy } from '../../core/firmware/encryption.ts'
import { detailOf, isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import { registry } from '../../core/refusal/registry.ts'
import type { PatchRef } from '../../core/trust/image-target.ts'
import { type AgentConfig, patchMemory, reportEvery } from '../../wire/agent-config.ts'
import type { Device } from './device.ts'
import type { Note } from './events.ts'
import { askForWork, type HeardOffer } from './link/ask.ts'
import { BackOff, pause } from './link/back-off.ts'
import { downloadOffered } from './link/by-patch.ts'
import { Reporter } from './link/reporter.ts'
import { Rhythm } from './link/rhythm.ts'

export type WorkParts = {
  readonly device: Device
  readonly config: Pick<AgentConfig, 'reportMillis' | 'patches'>
  readonly client: HttpsClient
  readonly note: Note
  readonly stop: AbortSignal
  readonly random: () => number
}

/** Downloads of one image that flash does not confirm before the controller refuses the work. */
const ATTEMPTS = 3

/** The agent as a client of its gateway: it reports, asks for work, downloads and stages, and says when to restart. */
export class Work {
  readonly reporter: Reporter
  readonly #parts: WorkParts
  readonly #backOff: BackOff
  readonly #rhythm: Rhythm
  #spoilt = 0

  constructor(parts: WorkParts) {
    const { device, config, client, note, stop, random } = parts
    this.#parts = parts
    this.#backOff = new BackOff(random)
    this.#rhythm = new Rhythm(reportEvery(config), steadyOf(device.clock), random)
    this.reporter = new Reporter({
      site: device.site,
      controller: {
        element: device.board.element,
        status: () => device.status(),
        history: () => device.history(),
      },
      client,
      clock: device.clock,
      backOff: new BackOff(random),
      stop,
      note,
    })
  }

  /** Works until it is stopped; `restart`: a candidate is armed. */
  async run(): Promise<'stopped' | 'restart'> {
    const { stop, client, device, config } = this.#parts
    while (!stop.aborted) {
      await this.reporter.delivered()
      if (stop.aborted) break
      const offer = await askForWork(client, this.#backOff, stop, steadyOf(device.clock), patchMemory(config))
      if (stop.aborted) break
      if (offer === null) {
        // The gateway answers, and there is no work: the time for a word that no event asks for.
        if (this.#rhythm.isDue()) this.reporter.say({ event: 'regular' })
        continue
      }
      if (isRefusal(offer)) {
        await this.#wait(offer)
        continue
      }
      const done = await this.#follow(offer)
      if (done === 'restart') return 'restart'
      if (done === 'changed') this.#backOff.reset()
      else await pause(this.#backOff.next(), stop)
    }
    return 'stopped'
  }

  /** Does what the offer asks for; `same` says that it changed nothing, so that nobody asks in a tight loop. */
  async #follow(offer: HeardOffer): Promise<'changed' | 'same' | 'restart'> {
    const { device } = this.#parts
    const { assignment } = offer
    if (this.#runsAlready(offer)) {
      this.reporter.say({ event: 'confirmed', assignment })
      return 'same'
    }
    return device.takeSlot(false, () => this.#stage(offer))
  }

  /** Downloads into the slot and marks it a candidate; or, when it is one, does what the site says. */
  async #stage(offer: HeardOffer): Promise<'changed' | 'same' | 'restart'> {
    const { device, client, config, note, stop } = this.#parts
    const { assignment } = offer
    const { generation } = device
    const going = (): boolean => generation === device.generation && !stop.aborted
    if (stop.aborted) return 'same'
    const { envelope, wrap } = offer
    const offered = { envelope, update: assignment, ...(wrap === undefined ? {} : { wrap }) }
    const installation = await device.begin(offered, assignment)
    if (!going()) return 'changed'
    if (isRefusal(installation)) return this.#refuse(offer, installation)
    if (installation.state.at === 'staged') {
      if (offer.until !== null) return this.#activate(assignment, offer.until)
      this.reporter.say({ event: 'staged', assignment })
      return 'same'
    }
    const { version } = installation.facts
    note({ event: 'assigned', assignment, version, from: installation.offset })
    const line = { client, backOff: this.#backOff }
    const byPatch = (patch: PatchRef) => device.beginPatch(installation, patch, patchMemory(config) ?? 0)
    const ended = await downloadOffered(line, offer, installation, byPatch, { note, going, stop })
    if (!going()) return 'changed'
    if (isRefusal(ended) && ended.code !== 'install-chunk-damaged') return this.#refuse(offer, ended)
    if (ended === 'ask-again') return 'same'
    const finished = isRefusal(ended) ? ended : await device.finish(installation)
    if (isRefusal(finished)) {
      // A download that flash does not confirm may have been spoilt on the way: it is fetched again, a few times.
      this.#spoilt += 1
      if (this.#spoilt >= ATTEMPTS) return this.#refuse(offer, finished)
      note({ event: 'waiting', code: finished.code, detail: finished.actual })
      return 'same'
    }
    this.#spoilt = 0
    note({ event: 'staged', assignment, version })
    this.reporter.say({ event: 'staged', assignment })
    return 'changed'
  }

  /** The word of the site: restart into what is staged, until then and not later. */
  async #activate(assignment: string, until: number): Promise<'same' | 'restart'> {
    const { device, note } = this.#parts
    const armed = await device.activate(until)
    if (isRefusal(armed)) {
      note({ event: 'waiting', code: armed.code, detail: `${armed.subject}: ${armed.actual}` })
      return 'same'
    }
    note({ event: 'activating', assignment })
    return 'restart'
  }

  /** The controller confirmed this very work, and the gateway has not heard of it. */
  #runsAlready({ assignment, payload }: HeardOffer): boolean {
    const { device } = this.#parts
    const { running } = device
    if (running.trial || running.slot === 'golden') return false
    // A candidate that waits may hold the same image under another manifest: what runs is then not yet this work.
    const same = carriedBy(running.facts).sha256 === payload.sha256 && device.memory?.state.at === 'stable'
    return same && device.knows(assignment)
  }

  #refuse({ assignment }: HeardOffer, refusal: Refusal): 'same' {
    const { device, note } = this.#parts
    if (refusal.code === 'version-failed-before' && device.knows(assignment)) {
      // This work was tried here and ended: what is new to the gateway is how, not that it is refused a second time.
      this.reporter.say({ event: 'reverted', assignment })
      return 'same'
    }
    if (registry[refusal.code].action === 'retry' && this.#spoilt < ATTEMPTS) {
      note({ event: 'waiting', code: refusal.code, detail: refusal.actual })
      return 'same'
    }
    this.#spoilt = 0
    note({ event: 'refused', assignment, code: refusal.code, detail: detailOf(refusal) })
    this.reporter.say({ event: 'refused', assignment, refusal })
    return 'same'
  }

  async #wait(refusal: Refusal): Promise<void> {
    const { note, stop } = this.#parts
    note({ event: 'waiting', code: refusal.code, detail: detailOf(refusal) })
    await pause(this.#backOff.next(), stop)
  }
}

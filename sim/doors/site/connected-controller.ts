import { steadyOf } from '../../../src/adapters/clock-system.ts'
import { HttpsClient } from '../../../src/adapters/link-https/client.ts'
import { askForWork, type HeardOffer } from '../../../src/apps/agent/link/ask.ts'
import { BackOff, pause } from '../../../src/apps/agent/link/back-off.ts'
import { downloadOffered } from '../../../src/apps/agent/link/by-patch.ts'
import type { Receiver } from '../../../src/apps/agent/link/download.ts'
import { Reporter } from '../../../src/apps/agent/link/reporter.ts'
import { Rhythm } from '../../../src/apps/agent/link/rhythm.ts'
import { carriedBy } from '../../../src/core/firmware/encryption.ts'
import { detailOf, isRefusal, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { registry } from '../../../src/core/refusal/registry.ts'
import type { PatchRef } from '../../../src/core/trust/image-target.ts'
import type { BootOutcome } from '../../../src/flows/boot.ts'
import { type Installation, updateMark } from '../../../src/flows/install.ts'
import type { Clock } from '../../../src/flows/ports.ts'
import { readMemory } from '../../../src/flows/remember.ts'
import { reportEvery } from '../../../src/wire/agent-config.ts'
import { seeded, seedOf } from '../../clock/random.ts'
import type { SimController } from '../../controller/sim-controller.ts'
import { PowerLost } from '../../flash/power-lost.ts'
import { attackWithTamperedSlot } from './attack.ts'
import type { SiteEvent, Watcher } from './events.ts'
import { type Cut, Cuts } from './faults.ts'
import type { SiteNotes } from './notes.ts'

export type ConnectedParts = {
  readonly site: string
  readonly controller: SimController
  readonly gateway: { readonly url: string; readonly ca: string; readonly cert: string }
  readonly clock: Clock
  /** How many times as fast as time the clock is. */
  readonly rate: () => number
  readonly notes: SiteNotes
  readonly cuts: readonly Cut[]
  readonly watch: Watcher
  readonly stop: AbortSignal
}

/** Downloads of one image that flash does not confirm before the controller refuses the work. */
const ATTEMPTS = 3
/** Bytes of memory that a simulated controller has for a patch: those of a microcontroller with some room. */
const PATCH_MEMORY = 256 * 1024
/** Looks at the health window at least this many times. */
const LOOKS = 16

/**
 * A controller of the simulated site as a client of its gateway: it powers up, reports, asks for work, downloads and
 * stages, restarts when the site says so, watches its own health, and reports again. It ends when `stop` is aborted; a
 * loss of power, injected or by the death of the process, only starts it again.
 */
export class ConnectedController {
  readonly #parts: ConnectedParts
  readonly #client: HttpsClient
  readonly #cuts: Cuts
  readonly #reporter: Reporter
  readonly #backOff: BackOff
  readonly #rhythm: Rhythm
  /** Rises with every boot: work that was begun in an earlier life ends. */
  #life = 0
  /** Downloads of an image that flash did not confirm, one after the other. */
  #spoilt = 0

  constructor(parts: ConnectedParts) {
    const { site, controller, gateway, clock, stop } = parts
    const tls = { ca: gateway.ca, cert: gateway.cert, key: controller.element.identityKeyPem }
    const random = seeded(seedOf(controller.id))
    this.#parts = parts
    this.#client = new HttpsClient(gateway.url, tls, 3)
    this.#cuts = new Cuts(controller, parts.cuts, parts.notes)
    this.#backOff = new BackOff(random)
    this.#rhythm = new Rhythm(reportEvery({}), () => clock.now(), random)
    this.#reporter = new Reporter({
      site,
      controller,
      client: this.#client,
      clock,
      backOff: new BackOff(random),
      stop,
      note: event => this.#note(event),
    })
    stop.addEventListener('abort', () => this.#client.close())
  }

  get id(): string {
    return this.#parts.controller.id
  }

  /** Runs until it is stopped. */
  async run(): Promise<void> {
    const { controller, stop } = this.#parts
    while (!stop.aborted) {
      try {
        // Nobody saw how the process before this one ended: the newest flash operation may be half done.
        this.#booted(controller.powerUp('power-loss'), 'power-loss')
        await this.#operate()
      } catch (error) {
        if (!(error instanceof PowerLost)) throw error
        this.#reporter.silence()
        this.#note({ event: 'power-lost', where: error.message, darkMillis: this.#cuts.darkMillis })
        await pause(this.#cuts.darkMillis, stop)
      }
    }
  }

  /** Lets somebody with a debug probe at it, now; answers what became of it on the events. */
  attack(): void {
    const { controller, clock } = this.#parts
    const { outcome, detail, boot } = attackWithTamperedSlot(controller, clock)
    if (boot !== null) this.#booted(boot, 'software')
    const running = controller.running()
    const now = running === null ? controller.at : `${running.slot} ${running.facts.version}`
    this.#note({ event: 'attack', attack: 'tampered-slot', outcome, detail, running: now })
  }

  async #operate(): Promise<void> {
    const { controller, stop } = this.#parts
    while (!stop.aborted) {
      if (controller.at === 'halted') await pause(60_000, stop)
      else if (controller.running()?.trial === true) await this.#watchTrial()
      else await this.#work()
    }
  }

  /** One question for work, and what follows from the answer. */
  async #work(): Promise<void> {
    await this.#reporter.delivered()
    const { stop } = this.#parts
    if (stop.aborted) return
    const life = this.#life
    const offer = await askForWork(this.#client, this.#backOff, stop, steadyOf(this.#parts.clock), PATCH_MEMORY)
    if (life !== this.#life || stop.aborted) return
    if (offer === null) {
      if (this.#rhythm.isDue()) this.#reporter.say({ event: 'regular' })
      return
    }
    if (isRefusal(offer)) return this.#wait(offer)
    if (await this.#follow(offer, life)) this.#backOff.reset()
    else await pause(this.#backOff.next(), stop)
  }

  /** Does what the offer asks for; answers false when that changed nothing, so that nobody asks in a tight loop. */
  async #follow(offer: HeardOffer, life: number): Promise<boolean> {
    const { controller } = this.#parts
    const { assignment } = offer
    if (this.#runsAlready(offer)) {
      this.#reporter.say({ event: 'confirmed', assignment })
      return false
    }
    const { envelope, wrap } = offer
    const installation = controller.begin({ envelope, update: assignment, ...(wrap === undefined ? {} : { wrap }) })
    if (isRefusal(installation)) return this.#refuse(offer, installation)
    if (installation.state.at === 'staged') {
      if (offer.until !== null) return this.#activate(assignment, offer.until)
      this.#reporter.say({ event: 'staged', assignment })
      return false
    }
    const version = installation.facts.version
    this.#note({ event: 'assigned', assignment, version, from: installation.offset })
    const line = { client: this.#client, backOff: this.#backOff }
    const going = (): boolean => life === this.#life && !this.#parts.stop.aborted
    const watch = { note: (event: SiteEvent) => this.#note(event), going, stop: this.#parts.stop }
    const byPatch = (patch: PatchRef) => this.#patchReceiver(patch, installation)
    const ended = await downloadOffered(line, offer, this.#receiver(installation), byPatch, watch)
    if (!going()) return true
    if (isRefusal(ended)) return this.#refuse(offer, ended)
    if (ended === 'ask-again') return false
    const finished = controller.finish()
    if (isRefusal(finished)) {
      // A download that flash does not confirm may have been spoilt on the way: it is fetched again, a few times.
      this.#spoilt += 1
      if (this.#spoilt >= ATTEMPTS) return this.#refuse(offer, finished)
      this.#note({ event: 'waiting', code: finished.code, detail: finished.actual })
      return false
    }
    this.#spoilt = 0
    this.#note({ event: 'staged', assignment, version })
    this.#reporter.say({ event: 'staged', assignment })
    return true
  }

  /** Each piece goes through the controller, and may meet a loss of power there. */
  #receiver(installation: Installation): Receiver {
    const { controller } = this.#parts
    const { total, slot } = installation
    const busy = { at: 'writing', slot, total } as const
    return {
      total,
      get offset() {
        return installation.offset
      },
      write: (offset, piece) => this.#cuts.during(busy, () => controller.write(offset, piece)),
    }
  }

  /** The same by a patch: how far it is counts by the image, so that a loss of power at a share of it comes there. */
  #patchReceiver(patch: PatchRef, installation: Installation): Receiver | Refusal {
    const { controller } = this.#parts
    const receiver = controller.beginPatch(patch, PATCH_MEMORY)
    if (isRefusal(receiver)) return receiver
    const busy = { at: 'writing', slot: installation.slot, total: installation.total } as const
    return {
      total: receiver.total,
      get offset() {
        return receiver.offset
      },
      learn: () => receiver.learn(),
      write: (offset, piece) => this.#cuts.during(busy, () => receiver.write(offset, piece)),
    }
  }

  /** The word of the site: restart into what is staged. */
  #activate(assignment: string, until: number): boolean {
    const { controller, clock } = this.#parts
    // Its turn is over: it asks for another.
    if (steadyOf(clock)() > until) return false
    this.#note({ event: 'activating', assignment })
    const outcome = this.#cuts.during({ at: 'starting-trial' }, () => controller.activate())
    if (isRefusal(outcome)) {
      this.#note({ event: 'waiting', code: outcome.code, detail: outcome.actual })
      return false
    }
    this.#booted(outcome, 'software')
    return true
  }

  async #watchTrial(): Promise<void> {
    const { controller, stop } = this.#parts
    const life = this.#life
    const trial = controller.running()
    if (trial === null) return
    const windowMillis = trial.facts.health.windowMillis / this.#parts.rate()
    const step = Math.min(Math.max(windowMillis / LOOKS, 2), 1_000)
    while (!stop.aborted && life === this.#life && controller.running()?.trial === true) {
      await pause(step, stop)
      if (life !== this.#life || stop.aborted) return
      const tick = controller.tick()
      if (tick.at === 'reset') return this.#booted(tick.boot, tick.cause)
      if (tick.at === 'refused') {
        this.#note({ event: 'waiting', code: tick.refusal.code, detail: tick.refusal.actual })
        return this.#booted(tick.boot, 'software')
      }
      if (tick.at === 'reverted') {
        const { boot, cause } = tick
        this.#booted(boot, 'software', false)
        const slot = boot.at === 'running' ? boot.running.slot : 'none'
        this.#note({ event: 'reverted', cause, version: trial.facts.version, slot })
        this.#reporter.say({ event: 'reverted' })
      }
      if (tick.at === 'confirmed') {
        const counter = controller.element.counter()
        this.#note({ event: 'confirmed', version: trial.facts.version, slot: trial.slot, counter })
        this.#reporter.say({ event: 'confirmed' })
      }
    }
  }

  #booted(outcome: BootOutcome, cause: string, say = true): void {
    this.#life += 1
    if (outcome.at === 'halted') {
      this.#note({ event: 'halted', reason: outcome.reason })
      return
    }
    const { slot, trial, facts } = outcome.running
    this.#note({ event: 'boot', cause, slot, version: facts.version, trial })
    if (say) this.#reporter.say({ event: 'boot' })
  }

  /** The controller confirmed this very work, and the gateway has not heard of it. */
  #runsAlready({ assignment, payload }: HeardOffer): boolean {
    const running = this.#parts.controller.running()
    if (running === null || running.trial || running.slot === 'golden') return false
    // A candidate that waits may hold the same image under another manifest: what runs is then not yet this work.
    const { board } = this.#parts.controller
    return (
      carriedBy(running.facts).sha256 === payload.sha256 &&
      readMemory(board)?.state.at === 'stable' &&
      this.#knows(assignment)
    )
  }

  #refuse({ assignment }: HeardOffer, refusal: Refusal): boolean {
    if (refusal.code === 'version-failed-before' && this.#knows(assignment)) {
      // This work was tried here and ended: what is new to the gateway is how, not that it is refused a second time.
      this.#reporter.say({ event: 'reverted', assignment })
      return false
    }
    if (registry[refusal.code].action === 'retry') {
      this.#note({ event: 'waiting', code: refusal.code, detail: refusal.actual })
      return false
    }
    this.#spoilt = 0
    this.#note({ event: 'refused', assignment, code: refusal.code, detail: detailOf(refusal) })
    this.#reporter.say({ event: 'refused', assignment, refusal })
    return false
  }

  /** True when this is the update that the boot record names: the one under way or done last. */
  #knows(assignment: string): boolean {
    const { board } = this.#parts.controller
    return readMemory(board)?.update === updateMark(board, assignment)
  }

  async #wait(refusal: Refusal): Promise<void> {
    this.#note({ event: 'waiting', code: refusal.code, detail: detailOf(refusal) })
    await pause(this.#backOff.next(), this.#parts.stop)
  }

  #note(event: SiteEvent): void {
    this.#parts.watch({ at: this.#parts.clock.now(), controller: this.id, ...event })
  }
}

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { concat } from '../../src/core/encoding/bytes.ts'
import type { Cipher } from '../../src/core/encoding/cipher.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import type { HealthSpec, ReleaseFacts } from '../../src/core/firmware/release-facts.ts'
import { inspectEnvelope, type OpenEnvelope, openEnvelope } from '../../src/core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import { type Budget, DEFAULT_BUDGET } from '../../src/core/slot/boot-decision.ts'
import { atLeast, type HealthState } from '../../src/core/slot/health-machine.ts'
import type { HistoryEntry } from '../../src/core/slot/history.ts'
import { areaOf, encodeSlotHeader, type Geometry } from '../../src/core/slot/layout.ts'
import type { Memory } from '../../src/core/slot/memory.ts'
import type { ResetCause } from '../../src/core/slot/slot.ts'
import { type ControllerStatus, statusOf } from '../../src/core/slot/status.ts'
import type { DeviceIdentity } from '../../src/core/slot/verify-slot.ts'
import type { PatchRef } from '../../src/core/trust/image-target.ts'
import { type Board, type BootOutcome, bootUp, manufacture, type Running, verify } from '../../src/flows/boot.ts'
import { observe, openWindow } from '../../src/flows/health.ts'
import { arm, beginInstall, type Installation, type Offer, withdraw } from '../../src/flows/install.ts'
import { beginPatch, type Patching } from '../../src/flows/patch.ts'
import type { Clock } from '../../src/flows/ports.ts'
import { history, readMemory } from '../../src/flows/remember.ts'
import { NorFlash, type NorFlashOptions } from '../flash/nor-flash.ts'
import { PowerLost } from '../flash/power-lost.ts'
import { SimElement } from '../secure-element/sim-element.ts'
import { SimWatchdog } from '../watchdog/sim-watchdog.ts'
import { type Application, healthyApplication, readingsOf } from './application.ts'

const KIB = 1024

/** A controller as large as the real ones: slots and golden of 1 MiB in sectors of 4 KiB, images at 20 KiB, a journal for patches. */
export const DEFAULT_GEOMETRY: Geometry = {
  record: { size: 4 * KIB, sector: 4 * KIB },
  slot: { size: 1024 * KIB, sector: 4 * KIB },
  golden: { size: 1024 * KIB, sector: 4 * KIB },
  history: { size: 64 * KIB, sector: 4 * KIB },
  journal: { size: 8 * KIB, sector: 4 * KIB },
  imageOffset: 20 * KIB,
}

const LEAST_TRIAL: HealthSpec = { windowMillis: 100, probes: [] }

export type ControllerOptions = {
  readonly id: string
  /** `components` are `app` alone when it does not say. */
  readonly device: Omit<DeviceIdentity, 'imageOffset' | 'components'> & Partial<Pick<DeviceIdentity, 'components'>>
  readonly crypto: Crypto
  readonly cipher: Cipher
  readonly clock: Clock
  readonly geometry?: Geometry
  /** Keeps flash and secure element in this folder, so that the controller outlives its process. */
  readonly folder?: string
  readonly application?: Application
  readonly budget?: Budget
  readonly watchdogMillis?: number
  /** The least that every trial has to hold for, whatever its release says; unset: a tenth of a second, no probe. */
  readonly leastTrial?: HealthSpec
  readonly counterLimit?: number
  readonly seed?: number
  /** How the flash programs, and whether its words carry a code; unset: byte after byte, none. */
  readonly cells?: Pick<NorFlashOptions, 'page' | 'eccWord'>
  /** The device's record key, 32 bytes in hex; unset: random. */
  readonly recordKey?: string
  /** What the watchdog counts by: an oscillator of its own in real hardware. Unset: the clock. */
  readonly watchdogClock?: Clock
  /** The envelope verifier; a test of the boot chain may bring a cheaper one. */
  readonly open?: OpenEnvelope
}

/** An envelope and its image, as they are put into a slot at the factory. */
export type FactoryImage = { readonly envelope: Uint8Array; readonly image: Uint8Array }

/** What a patch is downloaded into. */
export type PatchReceiver = Pick<Patching, 'total' | 'offset' | 'learn' | 'write'>

/** What a tick brought. Where there is a `boot`, the controller has booted again, into that. */
export type Tick =
  | { readonly at: 'quiet' }
  | { readonly at: 'confirmed' }
  | { readonly at: 'reverted'; readonly cause: string; readonly boot: BootOutcome }
  | { readonly at: 'reset'; readonly cause: ResetCause; readonly boot: BootOutcome }
  | { readonly at: 'refused'; readonly refusal: Refusal; readonly boot: BootOutcome }

type Power =
  | { readonly at: 'off' }
  | { readonly at: 'halted'; readonly reason: string }
  | {
      readonly at: 'running'
      readonly running: Running
      readonly window: HealthState | null
      readonly installation: Installation | null
      readonly since: number
    }

/**
 * A simulated controller: hardware, boot chain, and an application that works or does not. It speaks to nobody; a door
 * does. Every method that meets an injected loss of power throws PowerLost, and leaves the controller off.
 */
export class SimController {
  readonly id: string
  readonly flash: NorFlash
  readonly element: SimElement
  readonly watchdog: SimWatchdog
  readonly board: Board
  /** May be changed while the controller runs. */
  application: Application
  readonly #clock: Clock
  readonly #least: HealthSpec
  #power: Power = { at: 'off' }
  #golden: ReleaseFacts | null | undefined
  readonly #assignmentFile: string | null
  #assignment: string | null

  /**
   * Puts a controller together, off. With a folder it finds the flash and the keys that are there, or blank ones; a
   * blank one boots nothing before `manufacture`.
   */
  constructor(options: ControllerOptions) {
    const geometry = options.geometry ?? DEFAULT_GEOMETRY
    if (options.folder !== undefined) mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const at = (name: string) => (options.folder === undefined ? {} : { file: join(options.folder, name) })
    this.id = options.id
    this.flash = new NorFlash({ geometry, seed: options.seed ?? 1, ...options.cells, ...at('flash.bin') })
    this.element = new SimElement({
      ...at('element.json'),
      ...(options.counterLimit === undefined ? {} : { counterLimit: options.counterLimit }),
      ...(options.recordKey === undefined ? {} : { recordKey: options.recordKey }),
    })
    this.watchdog = new SimWatchdog(options.watchdogClock ?? options.clock)
    this.application = options.application ?? healthyApplication
    this.#clock = options.clock
    this.#least = options.leastTrial ?? LEAST_TRIAL
    this.#assignmentFile = options.folder === undefined ? null : join(options.folder, 'assignment')
    this.#assignment =
      this.#assignmentFile !== null && existsSync(this.#assignmentFile)
        ? readFileSync(this.#assignmentFile, 'utf8')
        : null
    this.board = {
      flash: this.flash,
      element: this.element,
      watchdog: this.watchdog,
      crypto: options.crypto,
      cipher: options.cipher,
      open: options.open ?? openEnvelope,
      device: { components: ['app'], ...options.device, imageOffset: geometry.imageOffset },
      hasJournal: geometry.journal !== undefined,
      budget: options.budget ?? DEFAULT_BUDGET,
      watchdogMillis: options.watchdogMillis ?? 10_000,
    }
  }

  /** True when the controller left its factory: it has a boot record. */
  get manufactured(): boolean {
    return readMemory(this.board) !== null
  }

  /** The factory: golden and the first image into a blank flash, the first record behind them. Refuses what does not verify. */
  manufacture(golden: FactoryImage, factory: FactoryImage): Memory | Refusal {
    this.#place('golden', golden)
    this.#place('a', factory)
    return manufacture(this.board, this.#clock.now())
  }

  powerUp(cause: ResetCause = 'power-on'): BootOutcome {
    this.flash.powerUp()
    this.watchdog.stop()
    this.#power = { at: 'off' }
    return this.#guard(() => {
      const outcome = bootUp(this.board, cause, this.#clock.now())
      this.#power =
        outcome.at === 'halted'
          ? outcome
          : {
              at: 'running',
              running: outcome.running,
              window: outcome.running.trial ? openWindow(outcome.running, this.#least, this.#clock.now()) : null,
              installation: null,
              since: this.#clock.now(),
            }
      return outcome
    })
  }

  /** Takes the power away. What was being received stays in flash, for the next begin. */
  powerCut(): void {
    this.flash.powerOff()
    this.watchdog.stop()
    this.#power = { at: 'off' }
  }

  get at(): Power['at'] {
    return this.#power.at
  }

  /** What runs, or null when nothing does. */
  running(): Running | null {
    return this.#power.at === 'running' ? this.#power.running : null
  }

  /** Begins or goes on with an installation; answers where it stands. Refuses as `beginInstall`, and `controller-off`. */
  begin(offer: Offer): Installation | Refusal {
    return this.#whenRunning(power => {
      const installation = beginInstall(this.board, power.running, offer, this.#clock.now())
      if (isRefusal(installation)) return installation
      this.#power = { ...power, installation }
      this.#remember(offer.update)
      return installation
    })
  }

  /** Hands the next piece of the image over. Refuses as `Installation.write`, and `controller-off`. */
  write(offset: number, piece: Uint8Array): Refusal | null {
    return this.#installing(installation => installation.write(offset, piece))
  }

  /**
   * Goes on by a patch with the installation that was begun; each piece of it may meet a loss of power. Refuses as `beginPatch`,
   * `controller-off`, `install-closed`.
   */
  beginPatch(patch: PatchRef, memory: number): PatchReceiver | Refusal {
    const patching = this.#whenRunning(({ installation, running }) =>
      installation === null
        ? refuse('install-closed', this.id, 'an installation under way', 'none')
        : beginPatch(this.board, running, installation, patch, memory),
    )
    if (isRefusal(patching)) return patching
    return {
      total: patching.total,
      get offset() {
        return patching.offset
      },
      learn: () => this.#whenRunning(() => patching.learn()),
      write: (offset, piece) => this.#whenRunning(() => patching.write(offset, piece)),
    }
  }

  /** Verifies what was received, from flash, and marks it a candidate. Refuses as `Installation.finish`. */
  finish(): ReleaseFacts | Refusal {
    return this.#installing(installation => installation.finish(this.#clock.now()))
  }

  /** The site's word: tries the candidate now, by a restart. Refuses `nothing-staged`, `trial-in-progress`, `controller-off`. */
  activate(): BootOutcome | Refusal {
    return this.#whenRunning(() => {
      const armed = arm(this.board, this.#clock.now())
      return isRefusal(armed) ? armed : this.powerUp('software')
    })
  }

  /** Gives the candidate up. Refuses `trial-in-progress`, `controller-off`. */
  withdraw(): Memory | Refusal {
    return this.#whenRunning(() => withdraw(this.board, this.#clock.now()))
  }

  /**
   * Lets the controller do what is due now: the application feeds the watchdog unless it hangs, the health window takes
   * a round of readings, an expired watchdog resets. Call it at least eight times per health window.
   */
  tick(): Tick {
    if (this.#power.at !== 'running' || this.#power.window === null) return { at: 'quiet' }
    const power = this.#power
    const window = this.#power.window
    return this.#guard((): Tick => {
      const { probes } = atLeast(power.running.facts.health, this.#least)
      const readings = readingsOf(probes, this.application(power.running.facts.imageDigest))
      if (readings !== null) this.watchdog.kick()
      if (this.watchdog.expired) return { at: 'reset', cause: 'watchdog', boot: this.powerUp('watchdog') }
      if (readings === null) return { at: 'quiet' }
      const seen = observe(this.board, power.running, window, readings, this.#clock.now())
      // The verdict was not written down: the boot decides anew. To go on watching would be to forget it.
      if (isRefusal(seen)) return { at: 'refused', refusal: seen, boot: this.powerUp('software') }
      if (seen.at === 'watching') {
        this.#power = { ...power, window: seen.window }
        return { at: 'quiet' }
      }
      if (seen.at === 'reverted') return { at: 'reverted', cause: seen.cause, boot: this.powerUp('software') }
      this.#power = { ...power, running: { ...power.running, trial: false }, window: null }
      return { at: 'confirmed' }
    })
  }

  /** What the controller says of itself, for its report. Refuses `controller-off`. */
  status(): ControllerStatus | Refusal {
    return this.#whenRunning(power => {
      const memory = readMemory(this.board)
      if (memory === null) return refuse('boot-record-missing', this.id, 'a boot record', 'none')
      return statusOf({
        controller: this.id,
        running: power.running,
        memory,
        golden: this.#goldenFacts(),
        counter: this.element.counter(),
        anchors: this.element.anchors(),
        entries: this.history(),
        assignment: this.#assignment,
        figures: { 'application-ends': this.#ends(power.running.facts.imageDigest, power.since) },
      })
    })
  }

  /** How often the application has ended since the board booted. */
  #ends(digest: string, since: number): number {
    const behaviour = this.application(digest)
    return behaviour.is === 'ending' ? Math.floor((this.#clock.now() - since) / behaviour.everyMillis) : 0
  }

  /** The history, oldest first: what a technician reads without a network. */
  history(): readonly HistoryEntry[] {
    return history(this.board).entries
  }

  /** The name of the update, for reports. If the process dies here, the report names the one before; never a part. */
  #remember(update: string): void {
    this.#assignment = update
    if (this.#assignmentFile === null) return
    writeFileSync(`${this.#assignmentFile}.new`, update, { mode: 0o600 })
    renameSync(`${this.#assignmentFile}.new`, this.#assignmentFile)
  }

  #goldenFacts(): ReleaseFacts | null {
    if (this.#golden === undefined) {
      const golden = verify(this.board, 'golden')
      this.#golden = isRefusal(golden) ? null : golden.facts
    }
    return this.#golden
  }

  #place(slot: 'golden' | 'a', { envelope, image }: FactoryImage): void {
    const opened = inspectEnvelope(envelope, this.board.crypto)
    const components = isRefusal(opened) ? [{ name: 'app', size: image.length }] : opened.facts.components
    const imageBytes = components[0]?.size ?? image.length
    const header = encodeSlotHeader({ envelopeBytes: envelope.length, imageBytes })
    this.flash.manufacture(slot, 0, concat(header, envelope))
    let at = 0
    for (const [index, { size }] of components.entries()) {
      const start = index === 0 ? this.board.device.imageOffset : 0
      this.flash.manufacture(areaOf(slot, index), start, image.subarray(at, at + size))
      at += size
    }
  }

  #installing<T>(work: (installation: Installation) => T | Refusal): T | Refusal {
    return this.#whenRunning(power =>
      power.installation === null
        ? refuse('install-closed', this.id, 'an installation under way', 'none')
        : work(power.installation),
    )
  }

  #whenRunning<T>(work: (power: Extract<Power, { at: 'running' }>) => T | Refusal): T | Refusal {
    const power = this.#power
    if (power.at !== 'running') return refuse('controller-off', this.id, 'a controller that runs', power.at)
    return this.#guard(() => work(power))
  }

  #guard<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof PowerLost) this.powerCut()
      throw error
    }
  }
}

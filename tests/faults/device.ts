import { hash } from 'node:crypto'
import { VirtualClock } from '../../sim/clock/virtual-clock.ts'
import type { FlashState } from '../../sim/flash/nor-flash.ts'
import { SimElement } from '../../sim/secure-element/sim-element.ts'
import { SimWatchdog } from '../../sim/watchdog/sim-watchdog.ts'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { concat } from '../../src/core/encoding/bytes.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { type Instant, instant } from '../../src/core/encoding/units.ts'
import { startOf } from '../../src/core/firmware/payload.ts'
import { type OpenEnvelope, openEnvelope } from '../../src/core/firmware/suit-open.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { HealthState } from '../../src/core/slot/health-machine.ts'
import type { FlashArea } from '../../src/core/slot/layout.ts'
import { areaOf, encodeSlotHeader } from '../../src/core/slot/layout.ts'
import type { ResetCause } from '../../src/core/slot/slot.ts'
import { type Board, type BootOutcome, bootUp, manufacture, type Running } from '../../src/flows/boot.ts'
import { type Observation, observe, openWindow } from '../../src/flows/health.ts'
import { beginInstall, type Installation } from '../../src/flows/install.ts'
import type { Release } from '../../src/flows/release.ts'
import { type ElementHarm, elementWith, type Told } from './element.ts'
import { Gate } from './gate.ts'
import type { Board as Flashed } from './geometries.ts'
import type { Around, Effect, Operation } from './mode.ts'
import { ObservedFlash } from './observed-flash.ts'
import { COMPONENTS, FIRST_KEY, type Releases, WINDOW } from './releases.ts'

/** How an image behaves once it runs. */
export type Behaviour = 'healthy' | 'unhealthy' | 'hanging'

/** What is in a running controller's memory, and gone with its power. */
export type Ram = { readonly running: Running; readonly window: HealthState | null }

const WELL: ElementHarm = { counter: 'given', commands: 'taken' }

/** A clock that also says what lies between two milliseconds. */
class OddClock extends VirtualClock {
  #fraction = 0

  override now(): Instant {
    return instant(super.now() + this.#fraction)
  }

  /** Sets it to say `millis`. */
  show(millis: number): void {
    this.#fraction = millis - Math.floor(millis)
    this.jump(Math.floor(millis) - super.now())
  }
}

/** Everything about a device between two of its steps, while nothing is being installed. */
export type DeviceState = {
  readonly flash: FlashState
  readonly element: ReturnType<SimElement['snapshot']>
  readonly watchdog: ReturnType<SimWatchdog['snapshot']>
  readonly now: number
  readonly watch: number
  readonly ram: Ram | null
  readonly cause: ResetCause
  readonly hung: boolean
  readonly rounds: number
  readonly harm: ElementHarm
}

/** Budgets small enough that a run can spend them. */
export const BUDGET = { tries: 3, losses: 4 } as const
/** A round of the application: ten to a health window. */
const ROUND = WINDOW / 10
const WATCHDOG = 2 * ROUND - 1
/** Bytes of a piece of the download; no multiple of a write unit. */
const PIECE = 700
/** Releases here ask for enough themselves. */
const NO_LEAST = { windowMillis: 0, probes: [] }
const START = Date.UTC(2026, 0, 1)

/** Hashes in one call instead of three: images here are one chunk of a slot's hash, and runs are a million. */
const crypto: Crypto = {
  ...nodeCrypto,
  sha256Stream: () => {
    let all: Uint8Array = new Uint8Array(0)
    const stream = {
      update: (bytes: Uint8Array) => {
        all = all.length === 0 ? bytes : concat(all, bytes)
        return stream
      },
      digest: () => new Uint8Array(hash('sha256', all, 'buffer')),
    }
    return stream
  },
}

/** The real verifier, asked once for each envelope and set of anchors. */
function rememberingOpen(): OpenEnvelope {
  const seen = new Map<string, ReturnType<OpenEnvelope>>()
  return (bytes, anchors, mathematics, threshold) => {
    const key = `${anchors.map(({ kid }) => kid).join()} ${bytes.toHex()}`
    const known = seen.get(key)
    if (known !== undefined) return known
    const answer = openEnvelope(bytes, anchors, mathematics, threshold)
    // What rot makes of an envelope does not come back.
    if (seen.size < 4096) seen.set(key, answer)
    return answer
  }
}

/** A MAC that is computed once for each message: what a record bears is what every later boot asks for again. */
function remembering(mac: (message: Uint8Array) => Uint8Array): (message: Uint8Array) => Uint8Array {
  const seen = new Map<string, Uint8Array>()
  return message => {
    const key = Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('latin1')
    const known = seen.get(key)
    if (known !== undefined) return known
    const answer = mac(message)
    if (seen.size >= 20_000) seen.clear()
    seen.set(key, answer)
    return answer
  }
}

/**
 * A controller whose every operation passes a gate: the real flows over simulated flash, secure element and watchdog, and
 * an application that feeds the watchdog and answers its probes, or does not.
 */
export class Device {
  readonly gate = new Gate()
  readonly flash: ObservedFlash
  readonly element: SimElement
  readonly watchdog: SimWatchdog
  /** May be exchanged for one with a planted bug, to see that the judge sees it. */
  board: Board
  readonly releases: Releases
  readonly clock = new OddClock(START)
  /** The watchdog has an oscillator of its own: no jump of the clock reaches it. */
  readonly #oscillator = new VirtualClock(0)
  ram: Ram | null = null
  installation: Installation | null = null
  /** How the next reset is told. */
  cause: ResetCause = 'power-on'
  /** The application hangs until it is reset. */
  hung = false
  /** Rounds of readings since this boot. */
  rounds = 0
  #harm: ElementHarm = WELL
  /** What the element was told last, for whoever judges it. */
  told: Told | null = null
  behaviour: (version: string) => Behaviour = () => 'healthy'

  constructor(flashed: Flashed, releases: Releases) {
    const { geometry } = flashed
    this.releases = releases
    this.flash = new ObservedFlash({ geometry, ...flashed.cells }, this.gate)
    this.element = new SimElement({ recordKey: '5a'.repeat(32) })
    this.element.mac = remembering(message => SimElement.prototype.mac.call(this.element, message))
    this.watchdog = new SimWatchdog(this.#oscillator)
    this.flash.faults = ({ kind, area, offset, length }) => {
      const sectors = kind === 'erase' ? length / this.flash.sector(area) : 1
      return this.gate.write({ kind, area, offset, length, sectors })
    }
    this.flash.readFaults = read => this.gate.read(read)
    this.element.faults = command => {
      const fault = this.gate.element(command)
      return this.#harm.commands === 'refused' && fault === null ? 'refused' : fault
    }
    this.gate.reseed = seed => this.flash.reseed(seed)
    this.gate.spoils = flashed.cells.block !== undefined
    this.gate.take = (effect, operation) => this.#take(effect, operation)
    this.gate.now = () => this.clock.now()
    this.board = {
      flash: this.flash,
      element: elementWith(this, () => this.#counter()),
      watchdog: this.watchdog,
      crypto,
      cipher: nodeCipher,
      open: rememberingOpen(),
      device: {
        class: 'bms-rack',
        hardware: 'primehub',
        bootloader: 3,
        components: COMPONENTS.slice(0, flashed.images.length),
        anchors: [FIRST_KEY.anchor],
        imageOffset: geometry.imageOffset,
      },
      budget: BUDGET,
      watchdogMillis: WATCHDOG,
    }
    this.#place('golden', releases.golden)
    this.#place('a', releases.first)
    orThrow(manufacture(this.board, this.clock.now()))
  }

  /** Powers up, as the last reset is told. */
  boot(): BootOutcome {
    this.flash.powerUp()
    if (this.#harm.counter === 'not in this boot') this.#harm = { ...this.#harm, counter: 'given' }
    this.watchdog.stop()
    this.ram = null
    this.installation = null
    this.hung = false
    this.rounds = 0
    const outcome = bootUp(this.board, this.cause, this.clock.now())
    this.cause = 'power-loss'
    if (outcome.at === 'running') {
      const { running } = outcome
      this.ram = { running, window: running.trial ? openWindow(running, NO_LEAST, this.clock.now()) : null }
    }
    return outcome
  }

  /** Ends what runs; the next boot is told why. */
  reset(cause: ResetCause): void {
    this.flash.powerOff()
    this.watchdog.stop()
    this.ram = null
    this.installation = null
    this.cause = cause
  }

  /** Begins or goes on with taking a release in. */
  begin(wanted: Release): Installation | Refusal {
    const { running } = this.#on()
    const offer = { envelope: wanted.envelope, update: `to ${wanted.facts.version}` }
    const installation = beginInstall(this.board, running, offer, this.clock.now())
    this.installation = isRefusal(installation) ? null : installation
    return installation
  }

  /** Hands over the piece of the image that is wanted next. */
  piece(wanted: Release): Refusal | null {
    const installation = this.installation as Installation
    const { offset } = installation
    return installation.write(offset, wanted.image.subarray(offset, offset + PIECE))
  }

  /** One round of the application: the watchdog, the probes, the judgement. Null: nothing was judged. */
  tick(): Observation | Refusal | null {
    const { running, window } = this.#on()
    if (this.gate.tick()) this.hung = true
    this.clock.advance(ROUND)
    this.#oscillator.advance(ROUND)
    const behaviour = this.behaviour(running.facts.version)
    if (this.hung || behaviour === 'hanging') {
      if (this.watchdog.expired) this.reset('watchdog')
      return null
    }
    this.watchdog.kick()
    if (window === null) return null
    const readings = Object.fromEntries(
      running.facts.health.probes.map(probe => [probe, behaviour === 'healthy' ? 'pass' : 'fail'] as const),
    )
    this.rounds += 1
    const seen = observe(this.board, running, window, readings, this.clock.now())
    if (isRefusal(seen)) return seen
    if (seen.at === 'watching') this.ram = { running, window: seen.window }
    else if (seen.at === 'confirmed') this.ram = { running: { ...running, trial: false }, window: null }
    else this.reset('software')
    return seen
  }

  save(): DeviceState {
    if (this.installation !== null) throw new Error('an installation is not saved')
    return {
      flash: this.flash.save(),
      element: this.element.snapshot(),
      watchdog: this.watchdog.snapshot(),
      now: this.clock.now(),
      watch: this.#oscillator.now(),
      ram: this.ram,
      cause: this.cause,
      hung: this.hung,
      rounds: this.rounds,
      harm: this.#harm,
    }
  }

  load(state: DeviceState, seed: number): void {
    this.flash.load(state.flash, seed)
    this.element.restore(state.element)
    this.clock.show(state.now)
    this.#oscillator.jump(state.watch - this.#oscillator.now())
    this.watchdog.restore(state.watchdog)
    this.ram = state.ram
    this.cause = state.cause
    this.hung = state.hung
    this.rounds = state.rounds
    this.#harm = state.harm
    this.installation = null
  }

  get harm(): ElementHarm {
    return this.#harm
  }

  #counter(): number | null {
    const answered = this.gate.counter()
    return answered && this.#harm.counter === 'given' ? this.element.counter() : null
  }

  /** What a fault does beyond its operation. */
  #take({ jump, clock, dies, wears, silent, refuses }: Effect, operation: Operation): void {
    if (jump !== undefined) this.clock.jump(jump)
    if (clock !== undefined) this.clock.show(clock)
    if (dies !== undefined) for (const area of this.#areas(dies, operation)) this.flash.kill(area)
    if (wears !== undefined) {
      for (const area of this.#areas(wears.what, operation)) this.flash.wearOut(area, wears.writes)
    }
    if (silent === 'boot') this.#harm = { ...this.#harm, counter: 'not in this boot' }
    if (silent === 'ever') this.#harm = { ...this.#harm, counter: 'never' }
    if (refuses === true) this.#harm = { ...this.#harm, commands: 'refused' }
  }

  #areas(around: Around, { area }: Operation): readonly FlashArea[] {
    if (around === 'records') return ['record0', 'record1']
    if (area === null) throw new Error('no area of flash')
    const slot = area.charAt(0)
    if (area.length > 2 || (slot !== 'a' && slot !== 'b')) return [area]
    return this.board.device.components.map((_, index) => areaOf(slot, index))
  }

  #on(): Ram {
    if (this.ram === null) throw new Error('the device is off')
    return this.ram
  }

  #place(slot: 'golden' | 'a', { envelope, facts, image }: Release): void {
    const { imageOffset } = this.board.device
    const [own, ...further] = facts.components
    const header = encodeSlotHeader({ envelopeBytes: envelope.length, imageBytes: own?.size ?? 0 })
    this.flash.manufacture(slot, 0, concat(header, envelope))
    this.flash.manufacture(slot, imageOffset, image.subarray(0, own?.size))
    for (const [index] of further.entries()) {
      const start = startOf(facts.components, index + 1)
      const part = image.subarray(start, start + (further[index]?.size ?? 0))
      this.flash.manufacture(areaOf(slot, index + 1), 0, part)
    }
  }
}

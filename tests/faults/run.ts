import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { Refusal } from '../../src/core/refusal/refusal.ts'
import { Device, type DeviceState } from './device.ts'
import { outcomeOf, stateOf } from './distinct.ts'
import { type Fault, mix, type Struck } from './gate.ts'
import type { Board } from './geometries.ts'
import { historyIsWhole } from './history-law.ts'
import * as invariants from './invariants.ts'
import { Judge, judge, type Tell, Violation } from './judge.ts'
import { isLost } from './lost.ts'
import type { Operation } from './mode.ts'
import type { Phase } from './phase.ts'
import { phasesOf } from './phases.ts'
import { type Releases, releasesOf } from './releases.ts'
import { imageIn, SLOTS } from './truth.ts'
import { type Witness, witnessOf } from './witness.ts'

/** Where a run stands between two of its steps, for runs that go on from here. */
export type Position = {
  readonly device: DeviceState
  readonly witness: Witness
  readonly struck: readonly Struck[]
  readonly chain: number
}

/** How far a run goes: to the end of its phase, or of the whole update. */
export type Until = 'done' | 'settled'

/** How a run ended. `operations` are those behind its last fault, up to the end of the phase, when they were asked for. */
export type Ended = {
  readonly struck: readonly Struck[]
  readonly violation: Violation | null
  readonly operations: readonly Operation[]
  /** Where it stood when the last fault had taken the power, when that was asked for. */
  readonly position: Position | null
  /** What its last fault left, and what it came to, by their hashes (distinct.ts); null when it did not get there. */
  readonly left: number | null
  readonly outcome: number | null
  readonly boots: number
  readonly steps: number
}

type Driven = Pick<Ended, 'boots' | 'steps' | 'position' | 'outcome'>

/** Steps that any work is through with, boots included: about three times the longest. */
const STEPS = 160

/** Where a phase begins, and the version that runs at its end when nothing goes wrong. */
type Start = { readonly phase: Phase; readonly position: Position; readonly ends: string }

/** One board with the start of every phase. Made once, and then run on many thousands of times. */
export class Stand {
  readonly board: Board
  readonly device: Device
  readonly #starts = new Map<string, Start>()
  readonly #judge: Judge
  /** What the last fault left. */
  #left: number | null = null

  private constructor(board: Board, releases: Releases) {
    this.board = board
    this.device = new Device(board, releases)
    this.#judge = new Judge(this.device, witnessOf(this.device, []), phasesOf(board)[0] as Phase)
    const factory = this.device.save()
    for (const phase of phasesOf(board)) {
      this.device.load(factory, 1)
      this.device.cause = 'power-on'
      this.device.behaviour = version =>
        version === releases[phase.wanted].facts.version ? phase.behaviour : 'healthy'
      this.device.gate.rest()
      this.device.boot()
      phase.prepare(this.device)
      this.device.installation = null
      const confirmed = phase.confirmed.map(name => releases[name].facts.version)
      this.#judge.witness = witnessOf(this.device, confirmed)
      const seed = mix(mix(0x811c_9dc5, board.name), phase.name)
      const start = { phase, position: this.#position(seed), ends: '' }
      this.#starts.set(phase.name, start)
      this.run(phase.name, [], { until: 'settled' })
      this.#starts.set(phase.name, { ...start, ends: this.device.ram?.running.facts.version ?? '' })
    }
  }

  static async of(board: Board): Promise<Stand> {
    return new Stand(board, await releasesOf(board.images))
  }

  /** Words about each run, to whoever wants them. */
  set tell(tell: Tell) {
    this.#judge.tell = tell
  }

  /** The start of a phase. */
  start(phase: string): Position {
    return this.#start(phase).position
  }

  /**
   * Runs a phase with faults, from its start or from a position of an earlier run, and judges it at every step.
   * `record` keeps the operations behind the last fault, `stop` ends the run where the last fault took the power.
   */
  run(
    name: string,
    plan: readonly Fault[],
    options: { readonly from?: Position; readonly until: Until; readonly record?: boolean; readonly stop?: boolean },
  ): Ended {
    const { device } = this
    const { gate } = device
    const start = this.#start(name)
    const { phase, position } = start
    const from = options.from ?? position
    const wanted = device.releases[phase.wanted].facts.version
    device.behaviour = version => (version === wanted ? phase.behaviour : 'healthy')
    device.load(from.device, from.chain)
    this.#judge.begin(phase, from.witness)
    gate.trace = options.record === true ? [] : null
    gate.watch = operation => this.#judge.watch(operation)
    gate.begin(plan, from.chain, from.struck)
    let ended: Driven = { boots: 0, steps: 0, position: null, outcome: null }
    this.#left = null
    let violation: Violation | null = null
    try {
      ended = this.#drive(start, options.until, options.stop === true)
    } catch (error) {
      violation = error instanceof Violation ? error : new Violation('throws', (error as Error).stack ?? String(error))
    }
    gate.rest()
    return { struck: gate.struck, violation, operations: gate.trace ?? [], left: this.#left, ...ended }
  }

  #drive({ phase, ends }: Start, until: Until, stop: boolean): Driven {
    const { device } = this
    let answer: Refusal | null = null
    let [boots, steps] = [0, 0]
    let halts = false
    const over = (): boolean =>
      (device.ram !== null || halts) &&
      device.gate.spent &&
      (halts ||
        phase[until](device) ||
        phase.settled(device) ||
        this.#givenUp(phase, answer) ||
        this.#isGone(phase, ends))
    for (; steps < STEPS && !over(); steps += 1) {
      try {
        if (device.ram === null) {
          boots += 1
          halts = this.#judge.powerUp().at === 'halted'
        } else answer = phase.step(device)
        if (answer !== null) this.#judge.tell?.(`  refused ${answer.code}: ${answer.actual}`)
      } catch (error) {
        if (!(error instanceof PowerLost)) throw error
        this.#judge.tell?.(`  ${error.message}`)
        this.#proveStep(true)
        device.reset(device.gate.cause)
        if (stop && device.gate.spent) {
          this.#judge.stepped()
          return { boots, steps, position: this.#position(device.gate.chain), outcome: null }
        }
      }
      this.#proveStep(false)
      this.#judge.stepped()
      const { struck, spent } = device.gate
      if (this.#left === null && spent && struck.length > 0)
        this.#left = stateOf(device, `${this.board.name} ${phase.name}`)
    }
    // A fault may lie behind the end of the phase: then it did not strike, and this says so.
    judge('every fault strikes', invariants.everyFaultStruck(device))
    if (device.gate.asked.ends) judge('comes to its end', invariants.comesToItsEnd(over(), answer))
    device.gate.rest()
    this.#restsThere()
    const outcome = outcomeOf(device, `${this.board.name} ${phase.name}`)
    return { boots: boots + 2, steps, position: null, outcome }
  }

  /** With nothing more going wrong: two losses of power change nothing, and everything is accounted for. */
  #restsThere(): void {
    const { device } = this
    device.flash.relieve()
    device.reset('power-loss')
    const one = this.#judge.powerUp()
    device.reset('power-loss')
    const two = this.#judge.powerUp()
    judge('resets converge', invariants.bootsAlike(one, two, device))
    if (device.gate.asked.history) judge('the history is whole', historyIsWhole(this.#judge.look))
  }

  /** Looks at what a fault of the application has done, as its round is over. */
  #proveStep(lost: boolean): void {
    const { device } = this
    const fault = device.gate.struck.at(-1)
    if (fault === undefined || fault.proof !== null) return
    if (fault.effect.power === 'off') fault.proof = lost ? 'effect' : 'ignored'
    else if (fault.effect.hang === true) fault.proof = device.hung ? 'effect' : 'ignored'
  }

  /** An image that was reset as often as it has tries counts as failed, as it must: nobody can tell whose fault it was. */
  #givenUp(phase: Phase, answer: Refusal | null): boolean {
    if (answer?.code !== 'version-failed-before') return false
    return (
      invariants.spentByResets(this.#judge.look, phase.blames) &&
      this.device.ram?.running.facts.version !== this.device.releases[phase.wanted].facts.version
    )
  }

  /** The image that a phase ends on, or the record that named it, rotted, no slot holds it any more, and nobody offers it. */
  #isGone(phase: Phase, ends: string): boolean {
    const { device } = this
    const { struck } = device.gate
    if (!invariants.PARTS.some(part => isLost(struck, part))) return false
    if (device.releases[phase.wanted].facts.version === ends) return false
    return SLOTS.every(slot => imageIn(device, slot)?.facts.version !== ends)
  }

  #start(name: string): Start {
    const start = this.#starts.get(name)
    if (start === undefined) throw new Error(`no phase is called ${name}`)
    return start
  }

  #position(chain: number): Position {
    const { device } = this
    return { device: device.save(), witness: this.#judge.witness, struck: [...device.gate.struck], chain }
  }
}

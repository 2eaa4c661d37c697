import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { Refusal } from '../../src/core/refusal/refusal.ts'
import type { BootOutcome, Running } from '../../src/flows/boot.ts'
import { Device, type DeviceState } from './device.ts'
import { type Fault, mix, type Struck } from './gate.ts'
import type { Board } from './geometries.ts'
import * as invariants from './invariants.ts'
import type { Operation } from './mode.ts'
import type { Phase } from './phase.ts'
import { phasesOf } from './phases.ts'
import { newestRecord } from './plain-reader.ts'
import { type Releases, releasesOf } from './releases.ts'

/** What a run found wrong. Thrown inside the run, through the code that is being judged. */
export class Violation extends Error {
  readonly rule: string
  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`)
    this.name = 'Violation'
    this.rule = rule
  }
}

/** Where a run stands between two of its steps, for runs that go on from here. */
export type Position = {
  readonly device: DeviceState
  readonly witness: invariants.Witness
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
  readonly boots: number
  readonly steps: number
}

/** Steps that any work is through with, boots included: about three times the longest. */
const STEPS = 160

const STABLE = 1
/** Rounds of a window that was over before the run began. */
const LONG = 1000
const digestOf = ({ imageDigest }: { readonly imageDigest: string }): string => imageDigest.slice(0, 32)

/** Words about a run as it goes, for `npm run replay`. */
export type Tell = (line: string) => void

/** One board with the start of every phase. Made once, and then run on many thousands of times. */
export class Stand {
  readonly board: Board
  readonly device: Device
  readonly #starts = new Map<string, { readonly phase: Phase; readonly position: Position }>()
  #witness: invariants.Witness
  #phase: Phase | null = null
  tell: Tell | null = null

  private constructor(board: Board, releases: Releases) {
    this.board = board
    this.device = new Device(board, releases)
    this.#witness = this.#fresh(['first'])
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
      this.#witness = this.#fresh(phase.confirmed)
      const seed = mix(mix(0x811c_9dc5, board.name), phase.name)
      this.#starts.set(phase.name, { phase, position: this.#position(seed) })
    }
  }

  static async of(board: Board): Promise<Stand> {
    return new Stand(board, await releasesOf(board.images))
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
    const { phase, position } = this.#start(name)
    this.#phase = phase
    const from = options.from ?? position
    const wanted = device.releases[phase.wanted].facts.version
    device.behaviour = version => (version === wanted ? phase.behaviour : 'healthy')
    device.load(from.device, from.chain)
    this.#witness = from.witness
    gate.trace = options.record === true ? [] : null
    gate.watch = operation => this.#watch(operation)
    gate.begin(plan, from.chain, from.struck)
    let ended: { boots: number; steps: number; position: Position | null } = { boots: 0, steps: 0, position: null }
    let violation: Violation | null = null
    try {
      ended = this.#drive(phase, options.until, options.stop === true)
    } catch (error) {
      violation = error instanceof Violation ? error : new Violation('throws', (error as Error).stack ?? String(error))
    }
    gate.rest()
    return { struck: gate.struck, violation, operations: gate.trace ?? [], ...ended }
  }

  #drive(
    phase: Phase,
    until: Until,
    stop: boolean,
  ): { readonly boots: number; readonly steps: number; readonly position: Position | null } {
    const { device } = this
    let answer: Refusal | null = null
    let [boots, steps] = [0, 0]
    const over = (): boolean =>
      device.ram !== null &&
      device.gate.spent &&
      (phase[until](device) || phase.settled(device) || this.#givenUp(phase, answer))
    for (; steps < STEPS && !over(); steps += 1) {
      try {
        if (device.ram === null) {
          boots += 1
          this.#booted(device.boot())
        } else answer = phase.step(device)
        if (answer !== null) this.tell?.(`  refused ${answer.code}: ${answer.actual}`)
      } catch (error) {
        if (!(error instanceof PowerLost)) throw error
        this.tell?.(`  ${error.message}`)
        device.reset(device.gate.cause)
        if (stop && device.gate.spent) {
          return { boots, steps, position: this.#position(device.gate.chain) }
        }
      }
      this.#stepped()
    }
    // A fault may lie behind the end of the phase: then it did not strike, and this says so.
    judge('every fault strikes', invariants.everyFaultStruck(device))
    if (device.gate.asked.ends) judge('comes to its end', invariants.comesToItsEnd(over(), answer))
    device.gate.rest()
    this.#restsThere()
    return { boots: boots + 2, steps, position: null }
  }

  /** With nothing more going wrong: two losses of power change nothing, and everything is accounted for. */
  #restsThere(): void {
    const { device } = this
    if (newestRecord(device.flash, device.element)?.state === 3) return
    device.flash.relieve()
    device.reset('power-loss')
    const one = device.boot()
    this.#booted(one)
    device.reset('power-loss')
    const two = device.boot()
    this.#booted(two)
    judge('resets converge', invariants.bootsAlike(one, two))
    if (device.gate.asked.history) judge('the history is whole', invariants.historyIsWhole(this.#look()))
  }

  /** An image that was reset as often as it has tries counts as failed, as it must: nobody can tell whose fault it was. */
  #givenUp(phase: Phase, answer: Refusal | null): boolean {
    if (answer?.code !== 'version-failed-before') return false
    return (
      invariants.spentByResets(this.#look()) &&
      this.device.ram?.running.facts.version !== this.device.releases[phase.wanted].facts.version
    )
  }

  #look(): invariants.Look {
    const { strict, running } = this.device.gate.asked
    const { mayRun, blames = 0 } = this.#phase ?? {}
    const look = { device: this.device, witness: this.#witness, strict, running, mayRun: null, blames }
    return mayRun === undefined ? look : { ...look, mayRun: version => mayRun(version, look) }
  }

  #start(name: string): { readonly phase: Phase; readonly position: Position } {
    const start = this.#starts.get(name)
    if (start === undefined) throw new Error(`no phase is called ${name}`)
    return start
  }

  #position(chain: number): Position {
    const { device } = this
    return { device: device.save(), witness: this.#witness, struck: [...device.gate.struck], chain }
  }

  /** What a run has seen before its first step: taken from the device as its preparation left it. */
  #fresh(confirmed: readonly (keyof Releases)[]): invariants.Witness {
    const { device } = this
    const counter = device.element.counter()
    const record = newestRecord(device.flash, device.element)
    const floor = record?.floor ?? 0
    const versions = confirmed.map(name => device.releases[name].facts.version)
    const running = device.ram?.running
    const rounds = running?.trial === true ? { [running.facts.version]: device.rounds } : {}
    // A confirmation that was cut behind its record was watched.
    const watched = Object.values(device.releases).find(({ facts }) => record?.digests[record.slot] === digestOf(facts))
    const owed = watched === undefined || record?.state !== STABLE ? {} : { [watched.facts.version]: LONG }
    return {
      confirmed: versions,
      failed: [],
      trials: {},
      rounds: { ...rounds, ...owed },
      counter,
      allowed: Math.max(counter, floor),
    }
  }

  /** Judges what a boot came to, and remembers it. */
  #booted(outcome: BootOutcome): void {
    const told = outcome.at === 'halted' ? `halts: ${outcome.reason}` : this.#told(outcome)
    this.tell?.(`boots: ${told}`)
    const look = this.#look()
    judge('something runs', invariants.runsSomething(outcome, look))
    judge('what is left runs', invariants.runsWhatIsLeft(outcome, look))
    judge('what runs was signed', invariants.runsWhatWasSigned(outcome, look))
    judge('nothing runs below the counter', invariants.runsAtOrAboveTheCounter(outcome, look))
    judge('a confirmation stands', invariants.confirmStands(outcome, look))
    judge('a failed version does not run', invariants.failedStaysFailed(outcome, look))
    if (outcome.at === 'running') this.#remember(outcome.running)
    judge('unconfirmed runs are bounded', invariants.trialsAreBounded(this.#look()))
  }

  #told({ running, problem }: Extract<BootOutcome, { at: 'running' }>): string {
    const trial = running.trial ? ' on trial' : ''
    return `${running.facts.version} from ${running.slot}${trial}${problem === null ? '' : `, ${problem.code}`}`
  }

  #remember(running: Running): void {
    if (running.slot === 'golden') return
    const { version } = running.facts
    const { confirmed, trials } = this.#witness
    if (running.trial) {
      this.#witness = { ...this.#witness, trials: { ...trials, [version]: (trials[version] ?? 0) + 1 } }
    } else if (!confirmed.includes(version)) {
      judge('confirmed only when watched', invariants.confirmedOnlyWhenWatched(version, this.#look()))
      this.#witness = { ...this.#witness, confirmed: [...confirmed, version] }
    }
  }

  /** Judges what holds between any two steps. */
  #stepped(): void {
    const { device } = this
    judge('the counter keeps its place', invariants.counterKeepsItsPlace(this.#look()))
    judge('the key in use stays', invariants.keyInUseStays(this.#look()))
    this.#witness = { ...this.#witness, counter: device.element.counter() }
    const running = device.ram?.running
    if (running !== undefined) {
      const { version } = running.facts
      const most = Math.max(device.rounds, this.#witness.rounds[version] ?? 0)
      this.#witness = { ...this.#witness, rounds: { ...this.#witness.rounds, [version]: most } }
      if (!running.trial) this.#remember(running)
    }
    const failed = newestRecord(device.flash, device.element)?.failed ?? []
    for (const { facts } of Object.values(device.releases)) {
      if (!failed.includes(facts.imageDigest.slice(0, 32)) || this.#witness.failed.includes(facts.version)) continue
      this.#witness = { ...this.#witness, failed: [...this.#witness.failed, facts.version] }
    }
  }

  /** Judges an operation before it happens. */
  #watch(operation: Operation): void {
    this.tell?.(`  ${operation.kind} ${operation.area ?? ''} ${operation.offset}+${operation.length}`)
    judge('writes only where it may', invariants.writesOnlyWhereItMay(operation, this.#look()))
    if (operation.kind === 'add-anchor' || operation.kind === 'revoke-anchor') {
      judge('keys follow their record', invariants.keysFollowTheirRecord(this.#look()))
    }
    if (operation.kind !== 'raise') return
    judge('the counter follows its record', invariants.raiseFollowsItsRecord(this.#look()))
    const floor = newestRecord(this.device.flash, this.device.element)?.floor ?? 0
    this.#witness = { ...this.#witness, allowed: Math.max(this.#witness.allowed, floor) }
  }
}

function judge(rule: string, wrong: string | null): void {
  if (wrong !== null) throw new Violation(rule, wrong)
}

import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { Refusal } from '../../src/core/refusal/refusal.ts'
import type { Slot } from '../../src/core/slot/slot.ts'
import type { BootOutcome, Running } from '../../src/flows/boot.ts'
import { Device, type DeviceState } from './device.ts'
import { type Fault, mix, type Struck } from './gate.ts'
import type { Board } from './geometries.ts'
import { historyIsWhole } from './history-law.ts'
import * as invariants from './invariants.ts'
import { isLost } from './lost.ts'
import type { Operation } from './mode.ts'
import type { Phase } from './phase.ts'
import { phasesOf } from './phases.ts'
import { newestRecord, type PlainRecord } from './plain-reader.ts'
import { type Made, type Releases, releasesOf } from './releases.ts'
import * as writes from './rules-of-writes.ts'
import { imageIn, releaseByDigest, SLOTS } from './truth.ts'

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

/** Words about a run as it goes, for `npm run replay`. */
export type Tell = (line: string) => void

/** Where a phase begins, and the version that runs at its end when nothing goes wrong. */
type Start = { readonly phase: Phase; readonly position: Position; readonly ends: string }

/** One board with the start of every phase. Made once, and then run on many thousands of times. */
export class Stand {
  readonly board: Board
  readonly device: Device
  readonly #starts = new Map<string, Start>()
  #witness: invariants.Witness
  /** Faults that had struck when the last power-up began, and the newest record then. */
  #before = 0
  #stood: PlainRecord | null = null
  #phase: Phase
  tell: Tell | null = null

  private constructor(board: Board, releases: Releases) {
    this.board = board
    this.device = new Device(board, releases)
    this.#witness = this.#fresh(['first'])
    this.#phase = phasesOf(board)[0] as Phase
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
      const start = { phase, position: this.#position(seed), ends: '' }
      this.#starts.set(phase.name, start)
      this.run(phase.name, [], { until: 'settled' })
      this.#starts.set(phase.name, { ...start, ends: this.device.ram?.running.facts.version ?? '' })
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
    const start = this.#start(name)
    const { phase, position } = start
    this.#phase = phase
    const from = options.from ?? position
    const wanted = device.releases[phase.wanted].facts.version
    device.behaviour = version => (version === wanted ? phase.behaviour : 'healthy')
    device.load(from.device, from.chain)
    this.#witness = from.witness
    this.#before = 0
    this.#stood = newestRecord(device.flash, device.element)
    gate.trace = options.record === true ? [] : null
    gate.watch = operation => this.#watch(operation)
    gate.begin(plan, from.chain, from.struck)
    let ended: { boots: number; steps: number; position: Position | null } = { boots: 0, steps: 0, position: null }
    let violation: Violation | null = null
    try {
      ended = this.#drive(start, options.until, options.stop === true)
    } catch (error) {
      violation = error instanceof Violation ? error : new Violation('throws', (error as Error).stack ?? String(error))
    }
    gate.rest()
    return { struck: gate.struck, violation, operations: gate.trace ?? [], ...ended }
  }

  #drive(
    { phase, ends }: Start,
    until: Until,
    stop: boolean,
  ): { readonly boots: number; readonly steps: number; readonly position: Position | null } {
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
          const outcome = this.#powerUp()
          this.#booted(outcome)
          halts = outcome.at === 'halted'
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
    device.flash.relieve()
    device.reset('power-loss')
    const one = this.#powerUp()
    this.#booted(one)
    device.reset('power-loss')
    const two = this.#powerUp()
    this.#booted(two)
    judge('resets converge', invariants.bootsAlike(one, two))
    if (device.gate.asked.history) judge('the history is whole', historyIsWhole(this.#look()))
  }

  #powerUp(): BootOutcome {
    this.#before = this.device.gate.struck.length
    this.#stood = newestRecord(this.device.flash, this.device.element)
    return this.device.boot()
  }

  /** An image that was reset as often as it has tries counts as failed, as it must: nobody can tell whose fault it was. */
  #givenUp(phase: Phase, answer: Refusal | null): boolean {
    if (answer?.code !== 'version-failed-before') return false
    return (
      invariants.spentByResets(this.#look(), phase.blames) &&
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

  #look(): invariants.Look {
    const { device } = this
    const recent = device.gate.struck.slice(this.#before)
    return { device, witness: this.#witness, recent, stood: this.#stood, phase: this.#phase }
  }

  #start(name: string): Start {
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
    const watched = record === null ? undefined : releaseByDigest(device, record.notes[record.slot].digest)
    const owed = watched === undefined || record?.state !== STABLE ? {} : { [watched.facts.version]: LONG }
    return {
      confirmed: versions,
      ever: versions,
      home: homeOf(device, versions.at(-1)),
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
    if (running.trial) {
      const { trials } = this.#witness
      this.#witness = { ...this.#witness, trials: { ...trials, [version]: (trials[version] ?? 0) + 1 } }
    } else this.#stands(version, running.slot)
  }

  /** A confirmed image runs, or the counter rises for it. */
  #stands(version: string, slot: Slot): void {
    const { confirmed, ever, home } = this.#witness
    if (confirmed.at(-1) === version && home === slot) return
    judge('confirmed only when watched', invariants.confirmedOnlyWhenWatched(version, this.#look()))
    // One that stood before stands again, and what was confirmed behind it does not any more.
    const before = confirmed.includes(version) ? confirmed.slice(0, confirmed.indexOf(version)) : confirmed
    this.#witness = {
      ...this.#witness,
      confirmed: [...before, version],
      ever: ever.includes(version) ? ever : [...ever, version],
      home: slot,
    }
  }

  /** Judges what holds between any two steps. */
  #stepped(): void {
    const { device } = this
    judge('the counter keeps its place', writes.counterKeepsItsPlace(this.#look()))
    judge('the key in use stays', invariants.keyInUseStays(this.#look()))
    this.#witness = { ...this.#witness, counter: device.element.counter() }
    const running = device.ram?.running
    if (running !== undefined) {
      const { version } = running.facts
      const most = Math.max(device.rounds, this.#witness.rounds[version] ?? 0)
      this.#witness = { ...this.#witness, rounds: { ...this.#witness.rounds, [version]: most } }
      if (!running.trial) this.#remember(running)
    }
    const [now, known] = [invariants.failedNow(device), this.#witness.failed]
    if (isLost(device.gate.struck, 'records')) this.#witness = { ...this.#witness, failed: now }
    else if (!now.every(version => known.includes(version))) {
      this.#witness = { ...this.#witness, failed: [...new Set([...known, ...now])] }
    }
  }

  /** Judges an operation before it happens. */
  #watch(operation: Operation): void {
    this.tell?.(`  ${operation.kind} ${operation.area ?? ''} ${operation.offset}+${operation.length}`)
    judge('writes only where it may', writes.writesOnlyWhereItMay(operation, this.#look()))
    if (operation.kind === 'add-anchor' || operation.kind === 'revoke-anchor') {
      judge('keys follow their record', writes.keysFollowTheirRecord(this.#look()))
    }
    if (operation.kind !== 'raise') return
    judge('the counter follows its record', writes.raiseFollowsItsRecord(this.#look()))
    const record = newestRecord(this.device.flash, this.device.element) ?? (this.#stood as PlainRecord)
    const release = releaseByDigest(this.device, record.notes[record.slot].digest) as Made
    this.#witness = { ...this.#witness, allowed: Math.max(this.#witness.allowed, record.floor) }
    this.#stands(release.facts.version, record.slot)
  }
}

function judge(rule: string, wrong: string | null): void {
  if (wrong !== null) throw new Violation(rule, wrong)
}

/** The slot that a confirmed image stands in. */
const homeOf = (device: Device, version: string | undefined): Slot =>
  SLOTS.find(slot => version !== undefined && imageIn(device, slot)?.facts.version === version) ?? 'a'

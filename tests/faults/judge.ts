import type { Slot } from '../../src/core/slot/slot.ts'
import type { BootOutcome, Running } from '../../src/flows/boot.ts'
import * as decisions from './decisions.ts'
import type { Device } from './device.ts'
import * as history from './history-law.ts'
import * as invariants from './invariants.ts'
import { isLost, recordsAreWorn, recordWriteLost } from './lost.ts'
import type { Operation } from './mode.ts'
import type { Phase } from './phase.ts'
import { newestRecord, type PlainRecord } from './plain-reader.ts'
import * as writes from './rules-of-writes.ts'
import { releaseByDigest } from './truth.ts'
import { confirmedIn, type Witness, withDecision } from './witness.ts'

/** What a run found wrong. Thrown inside the run, through the code that is being judged. */
export class Violation extends Error {
  readonly rule: string
  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`)
    this.name = 'Violation'
    this.rule = rule
  }
}

export function judge(rule: string, wrong: string | null): void {
  if (wrong !== null) throw new Violation(rule, wrong)
}

/** Words about a run as it goes, for `npm run replay`. */
export type Tell = (line: string) => void

/** Watches a device through a run, and holds each operation, each boot and each step against the invariants. */
export class Judge {
  readonly #device: Device
  #phase: Phase
  witness: Witness
  tell: Tell | null = null
  /** Faults that had struck when the last power-up began, and the newest record then. */
  #before = 0
  #stood: PlainRecord | null = null
  #reset = ''
  /** The newest record when it was looked at last, and those that brought a decision since the last power-up began. */
  #newest: PlainRecord | null = null
  #decisions: readonly PlainRecord[] = []
  /** The record by which it was seen last what has failed; undefined: none yet. */
  #failedBy: PlainRecord | null | undefined

  constructor(device: Device, witness: Witness, phase: Phase) {
    this.#device = device
    this.#phase = phase
    this.witness = witness
  }

  get look(): invariants.Look {
    const recent = this.#device.gate.struck.slice(this.#before)
    return { device: this.#device, witness: this.witness, recent, stood: this.#stood, phase: this.#phase }
  }

  /** A run goes on from where the device stands. */
  begin(phase: Phase, witness: Witness): void {
    this.#phase = phase
    this.witness = witness
    this.#before = 0
    this.#stood = this.#record()
    this.#newest = this.#stood
    this.#failedBy = undefined
    this.#decisions = []
  }

  powerUp(): BootOutcome {
    const device = this.#device
    this.#learn()
    this.#before = device.gate.struck.length
    this.#stood = this.#record()
    this.#decisions = []
    this.#reset = device.cause
    const outcome = device.boot()
    this.#booted(outcome)
    return outcome
  }

  /** Judges an operation before it happens. */
  watch(operation: Operation): void {
    const { kind, area } = operation
    if (kind === 'read' && this.tell === null) return
    this.tell?.(`  ${kind} ${area ?? ''} ${operation.offset}+${operation.length}`)
    if (area === 'history' || area === 'record0' || area === 'record1') {
      if (kind !== 'read') this.#learn()
    }
    const { look } = this
    judge('writes only where it may', writes.writesOnlyWhereItMay(operation, look))
    judge('the history is whole', history.erasesTheOldest(operation, look))
    if (kind === 'add-anchor' || kind === 'revoke-anchor') {
      judge('keys follow their record', writes.keysFollowTheirRecord(look))
    }
    if (kind !== 'raise') return
    judge('the counter follows its record', writes.raiseFollowsItsRecord(look))
    const record = this.#record() ?? this.#stood
    const facts = record === null ? undefined : releaseByDigest(this.#device, record.notes[record.slot].digest)?.facts
    if (record === null || facts === undefined) return
    this.witness = { ...this.witness, allowed: Math.max(this.witness.allowed, facts.counter) }
    this.#stands(facts.version, record.slot)
  }

  /** Judges what holds between any two steps. */
  stepped(): void {
    const device = this.#device
    this.#learn()
    const { look } = this
    judge('the counter keeps its place', writes.counterKeepsItsPlace(look))
    judge('the key in use stays', invariants.keyInUseStays(look))
    const counter = device.element.counter()
    if (counter !== this.witness.counter) this.witness = { ...this.witness, counter }
    const running = device.ram?.running
    if (running !== undefined) {
      const { version } = running.facts
      if (device.rounds > (this.witness.rounds[version] ?? 0)) {
        this.witness = { ...this.witness, rounds: { ...this.witness.rounds, [version]: device.rounds } }
      }
      if (!running.trial) this.#remember(running)
    }
    const record = this.#record()
    if (record === this.#failedBy) return
    this.#failedBy = record
    const [now, known] = [invariants.failedNow(device), this.witness.failed]
    if (isLost(device.gate.struck, 'records')) this.witness = { ...this.witness, failed: now }
    else if (!now.every(version => known.includes(version))) {
      this.witness = { ...this.witness, failed: [...new Set([...known, ...now])] }
    }
  }

  #record(): PlainRecord | null {
    return newestRecord(this.#device.flash, this.#device.element)
  }

  /** Judges what a boot came to, and remembers it. */
  #booted(outcome: BootOutcome): void {
    this.tell?.(`boots: ${outcome.at === 'halted' ? `halts: ${outcome.reason}` : toldOf(outcome)}`)
    const { look } = this
    judge('something runs', invariants.runsSomething(outcome, look))
    judge('what is left runs', invariants.runsWhatIsLeft(outcome, look))
    judge('what runs was signed', invariants.runsWhatWasSigned(outcome, look))
    judge('nothing runs below the counter', invariants.runsAtOrAboveTheCounter(outcome, look))
    judge('a confirmation stands', invariants.confirmStands(outcome, look))
    judge('a failed version does not run', invariants.failedStaysFailed(outcome, look))
    this.#decided(outcome)
    if (outcome.at === 'running') this.#remember(outcome.running)
    judge('unconfirmed runs are bounded', invariants.trialsAreBounded(this.look))
  }

  /** A boot makes one decision, and its record tells it as it was; where none could be written, it says so. */
  #decided(outcome: BootOutcome): void {
    this.#learn(true)
    // A record that a cut left half-way, and that reads as whole now, is written once more before the boot decides.
    const before = this.#stood !== null && this.#decisions.length > 1 ? (this.#decisions.at(-2) ?? null) : this.#stood
    const after = this.#record()
    if (before === null || after === null || !history.recordsTell(this.look)) return
    if (outcome.at === 'running' && outcome.problem?.code === 'boot-record-not-written') return
    const device = this.#device
    // One that halts does not say so.
    const worn = recordsAreWorn(device) || recordWriteLost(device.gate.struck) || this.look.phase.wears === true
    if (outcome.at === 'halted' && after.entry.number === before.entry.number && worn) return
    const wrong =
      after.entry.number === before.entry.number + 1
        ? decisions.tellsWhatBooted(device, before, after, this.#reset, outcome)
        : `a boot went from decision ${before.entry.number} to ${after.entry.number}`
    judge('a decision tells what happened', wrong)
  }

  /** Learns the decision of the newest record, if it is another one than before. */
  #learn(isBooting = this.#device.ram === null): void {
    const record = this.#record()
    const before = this.#newest
    if (record === null || record === before) return
    this.#newest = record
    const last = this.witness.decisions.at(-1)
    const { entry } = record
    if (this.witness.decisions.some(({ words }) => words === entry.words)) return
    const tells = history.recordsTell(this.look)
    const unsure = before?.doubted === true && last !== undefined && entry.number === last.number + 2
    if (unsure) this.witness = { ...this.witness, unsure: [...this.witness.unsure, entry.number - 1] }
    else if (history.knowsItsNumber(this.look) && last !== undefined && entry.number !== last.number + 1) {
      judge('the history is whole', `decision ${entry.number} was made behind decision ${last.number}`)
    }
    // A record from before the first decision that is known is the newest again.
    if (entry.number < (this.witness.decisions[0]?.number ?? 0)) return
    this.witness = withDecision(this.witness, entry)
    this.#decisions = [...this.#decisions, record]
    if (!tells || isBooting || before === null) return
    judge('a decision tells what happened', decisions.tellsWhatWasDone(this.#device, before, record))
  }

  #remember(running: Running): void {
    if (running.slot === 'golden') return
    const { version } = running.facts
    if (running.trial) {
      const { trials } = this.witness
      this.witness = { ...this.witness, trials: { ...trials, [version]: (trials[version] ?? 0) + 1 } }
    } else this.#stands(version, running.slot)
  }

  /** A confirmed image runs, or the counter rises for it. */
  #stands(version: string, slot: Slot): void {
    const { confirmed, home } = this.witness
    if (confirmed.at(-1) === version && home === slot) return
    judge('confirmed only when watched', invariants.confirmedOnlyWhenWatched(version, this.look))
    this.witness = confirmedIn(this.witness, version, slot)
  }
}

function toldOf({ running, problem }: Extract<BootOutcome, { at: 'running' }>): string {
  const trial = running.trial ? ' on trial' : ''
  return `${running.facts.version} from ${running.slot}${trial}${problem === null ? '' : `, ${problem.code}`}`
}

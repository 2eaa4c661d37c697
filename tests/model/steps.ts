import { isRefusal, type Refusal } from '../../src/core/refusal/refusal.ts'
import type { BootDecision, BootEvent } from '../../src/core/slot/boot-decision.ts'
import { refuseChange } from '../../src/core/slot/key-change.ts'
import { hasFailed, isNamed, type Memory } from '../../src/core/slot/memory.ts'
import {
  type Bootable,
  digestPrefix,
  other,
  type ResetCause,
  type Slot,
  type Verdict,
} from '../../src/core/slot/slot.ts'
import { command, couldRun, ELEMENT, looking, noted, off } from './changes.ts'
import {
  anchorsOf,
  BLANK,
  type Configuration,
  type Device,
  IMAGES,
  type ImageNumber,
  type Seen,
  VERSIONS,
  verdictOf,
  withSlot,
} from './device.ts'

export type Decide = (memory: Memory, event: BootEvent) => BootDecision | Refusal

/** The rules of the flows that the model takes out to show that they are missed. */
export type Flow = {
  /** The record is durable before anything is done in its name. */
  readonly recordFirst: boolean
  /** A slot is verified from flash before it is staged. */
  readonly verifies: boolean
  /** A version that failed here is not taken again. */
  readonly remembers: boolean
  /** An installation never erases the slot that runs. */
  readonly sparesRunning: boolean
  /** Only the image that the record has on trial is confirmed. */
  readonly confirmsTrial: boolean
}
export const SOUND: Flow = {
  recordFirst: true,
  verifies: true,
  remembers: true,
  sparesRunning: true,
  confirmsTrial: true,
}

/**
 * Futures without further faults. `healthy` images confirm, `unhealthy` ones are reverted, `hanging` ones are reset by the
 * watchdog, `black-out` takes the power from every trial; `served`: the site offers whatever is newer, until nothing is.
 */
export const CALMS = ['healthy', 'unhealthy', 'hanging', 'black-out', 'served'] as const
export type Calm = (typeof CALMS)[number]

export type Step = {
  readonly label: string
  readonly next: Device
  /** The futures without further faults that this step is part of. */
  readonly calm: readonly Calm[]
  /** A slot that this step erased. */
  readonly erased?: Slot
  /** A version that this step took for installing. */
  readonly took?: ImageNumber
  /** A slot that this step staged: its record is written. */
  readonly staged?: Slot
  /** True where somebody withdraws. */
  readonly withdrew?: boolean
  /** True where this step is a boot that ended in an image that runs, or in none. */
  readonly booted?: boolean
  /** True where the secure element did not give its counter to this boot. */
  readonly mute?: boolean
}

type Running = Extract<Device['power'], { at: 'running' }>
type Outcome = { readonly label: string; readonly next: Device; readonly done: boolean }

const NONE: readonly Calm[] = []
const NO_COUNTER: Verdict = { good: false, reason: 'counter-unreadable' }
const SERVED: readonly Calm[] = ['served']
const isServed = ({ calm }: Step): boolean => calm.includes('served')

/**
 * Every step that a device may take, or that may be done to it. Each flow is the sequence of its durable operations, with
 * a cut of power between any two; a record may also be left half written. The decisions are those of `decide`.
 */
export class Steps {
  readonly #configuration: Configuration
  readonly #decide: Decide
  readonly #flow: Flow
  /** Memories by their content: the same one is the same object. */
  readonly #memories = new Map<string, Memory>()
  readonly #decisions = new Map<string, BootDecision | Refusal>()
  readonly #numbers = new Map<Memory, number>()

  constructor(configuration: Configuration, decide: Decide, flow: Flow = SOUND) {
    this.#configuration = configuration
    this.#decide = decide
    this.#flow = flow
  }

  /** The device's state as a text, the same for the same state. */
  keyOf(device: Device): string {
    const { power, seen } = device
    const running = power.at === 'running' ? `${power.slot}${power.trial ? 1 : 0}${power.image}` : ''
    const cause = power.at === 'reset' ? power.cause : ''
    const records = device.records.map(memory => this.#numberOf(memory)).join('.')
    const torn = device.torn === null ? '' : this.#numberOf(device.torn)
    return `${records}|${torn}|${device.a}${device.b}${device.golden ? 1 : 0}${device.worn ? 1 : 0}${device.counter}${device.anchors}|${power.at}${running}${cause}|${device.installing}|${seen.rotsLeft}${seen.slotRot ? 1 : 0}${seen.recordRot ? 1 : 0}${seen.goldenRot ? 1 : 0}|${seen.trialRuns}|${seen.failed}|${seen.standing}|${seen.confirmed}`
  }

  get memories(): number {
    return this.#memories.size
  }

  of(device: Device): Step[] {
    const { power } = device
    const harms = this.#harms(device)
    switch (power.at) {
      case 'off':
        return [...this.#boot(device, 'power-loss', 'power on', CALMS), ...harms]
      case 'reset':
        return [{ label: 'cut', next: off(device), calm: NONE }, ...this.#boot(device, power.cause, 'reset', CALMS)]
      case 'halted':
        return [{ label: 'cut', next: off(device), calm: couldRun(device) ? CALMS : NONE }, ...harms]
      case 'running':
        return [...this.#whileRunning(device, power), ...harms]
    }
  }

  #whileRunning(device: Device, power: Running): Step[] {
    const { trial } = power
    const steps: Step[] = [{ label: 'cut', next: off(device), calm: trial ? ['black-out'] : NONE }]
    const confirmed = trial ? this.#confirm(device, power, ['healthy', 'served']) : []
    const reverted = this.#act(device, { kind: 'revert', cause: 'unhealthy' }, 'revert', 'revert', ['unhealthy'])
    const armed = this.#act(device, { kind: 'arm' }, 'arm', 'arm', trial ? NONE : ['served'])
    const withdrawn = this.#act(device, { kind: 'withdraw' }, 'withdraw', 'withdraw', NONE)
    const finished = device.installing === 0 ? [] : this.#finish(device, ['served'])
    const begun = VERSIONS.map(number => this.#begin(device, power, number))
    // A site that serves a device goes on with what it began, arms what is staged, restarts what is armed, offers the newest.
    const offered = finished.length > 0 ? null : begun.findLastIndex(all => all.length > 0)
    for (const [index, all] of begun.entries()) {
      const serves =
        offered === index && !trial && !armed.some(isServed) && (device.records[0] ?? BLANK).state.at === 'stable'
      steps.push(...all.map(step => (serves && step.took !== undefined ? { ...step, calm: SERVED } : step)))
    }
    const waits: Calm[] = power.slot === 'golden' && couldRun(device) ? [...CALMS] : []
    // Whom nobody lets confirm or revert, since the record is lost or cannot be written, comes to rest at the next restart.
    if (trial && confirmed.length === 0) waits.push('healthy', 'served')
    if (trial && reverted.length === 0 && !this.#isTried(device, power)) waits.push('unhealthy')
    if (!trial && (device.records[0] ?? BLANK).state.at === 'armed' && !device.worn) waits.push('served')
    steps.push(...this.#boot(device, 'watchdog', 'watchdog', trial ? ['hanging'] : NONE))
    steps.push(...this.#boot(device, 'software', 'restart', waits))
    steps.push(...confirmed, ...reverted, ...armed, ...finished)
    steps.push(...withdrawn.map(step => ({ ...step, withdrew: true })))
    return steps
  }

  #isTried(device: Device, { slot }: Running): boolean {
    const { state } = device.records[0] ?? BLANK
    return state.at === 'trial' && state.slot === slot && !device.worn
  }

  /** An offer is taken as `beginInstall` takes it: the candidate that stands is withdrawn first, then the slot is erased. */
  #begin(device: Device, power: Running, number: 1 | 2 | 3): Step[] {
    const memory = device.records[0] ?? BLANK
    const { state } = memory
    if (state.at !== 'stable' && state.at !== 'candidate') return []
    const slot = other(state.active)
    if (slot === power.slot && this.#flow.sparesRunning) return []
    const wanted = IMAGES[number]
    const signers = anchorsOf(device.anchors & wanted.signedBy).map(({ kid }) => kid)
    if (signers.length === 0 || wanted.counter < device.counter) return []
    if (power.slot !== 'golden' && number <= power.image) return []
    if (this.#flow.remembers && hasFailed(memory, wanted)) return []
    const facts = { transition: wanted.transition, signers, anchors: anchorsOf(device.anchors) }
    if (refuseChange(facts, { counter: wanted.counter, floor: device.counter, confirmed: state.keys }, '') !== null)
      return []
    const candidate = memory.slots[slot]
    if (state.at === 'candidate' && candidate.digest === digestPrefix(wanted.digest)) return []
    const label = `begin ${number}`
    const erase = (from: Device): Step => ({
      label,
      next: { ...withSlot(from, slot, 0), installing: number },
      calm: NONE,
      erased: slot,
      took: number,
    })
    if (state.at === 'stable') return [erase(device)]
    return this.#act(device, { kind: 'withdraw' }, 'withdraw', label, NONE).map(step =>
      step.next.power.at === 'running' ? erase(step.next) : step,
    )
  }

  /** The last byte comes, and is the right one or not; what is in the slot is verified from flash, and staged. */
  #finish(device: Device, calm: readonly Calm[]): Step[] {
    const memory = device.records[0] ?? BLANK
    const { state } = memory
    if (state.at !== 'stable' && state.at !== 'candidate') return []
    const slot = other(state.active)
    const number = device.installing as 1 | 2 | 3
    const label = `finish ${number}`
    const spoilt: Device = { ...device, installing: 0 }
    const whole: Device = { ...withSlot(device, slot, number), installing: 0 }
    const stage = (from: Device, name: string, when: readonly Calm[]): Step[] => {
      if (this.#flow.verifies && !verdictOf(from, slot).good) return [{ label: name, next: from, calm: when }]
      const staging = this.#act(from, { kind: 'staged', slot, image: IMAGES[number], update: '' }, 'staged', name, when)
      return staging.map(step => (step.next.records[0] === memory ? step : { ...step, staged: slot }))
    }
    return [...stage(whole, label, calm), ...stage(spoilt, `${label}, damaged on the way`, NONE)]
  }

  #confirm(device: Device, power: Running, calm: readonly Calm[]): Step[] {
    if (power.image === 0) return []
    const named = power.slot !== 'golden' && isNamed(device.records[0] ?? BLANK, power.slot, IMAGES[power.image])
    if (this.#flow.confirmsTrial && !named) return []
    const { transition, signedBy } = IMAGES[power.image]
    const signers = anchorsOf(device.anchors & signedBy).map(({ kid }) => kid)
    const image = { transition, signers, anchors: anchorsOf(device.anchors) }
    return this.#act(device, { kind: 'confirm', image }, 'confirm', 'confirm', calm)
  }

  /** An event of a running device: decided, made durable, then done. */
  #act(
    device: Device,
    event: Exclude<BootEvent, { kind: 'reset' }>,
    kind: BootEvent['kind'],
    label: string,
    calm: readonly Calm[],
  ): Step[] {
    const memory = device.records[0] ?? BLANK
    const power = device.power as Running
    const decision = this.#decided(memory, event, `${kind} ${power.image} ${device.anchors}`)
    if (isRefusal(decision)) return []
    const done = (from: Device): Device => {
      const reset = decision.effects.some(effect => effect.kind === 'reset')
      if (reset) return { ...from, power: { at: 'reset', cause: 'software' }, installing: 0 }
      if (kind !== 'confirm') return from
      const standing = Math.max(from.seen.standing, power.image) as ImageNumber
      return looking({ ...from, power: { ...power, trial: false } }, { standing, trialRuns: 0 })
    }
    if (decision.note === null) {
      // Nothing is written: only a confirmation of what is confirmed already has anything to show for it.
      return kind === 'confirm' ? [{ label, next: done(device), calm }] : []
    }
    if (device.worn) return []
    return this.#commit(device, decision, kind).map(({ label: where, next, done: whole }) =>
      whole ? { label, next: done(next), calm } : { label: `${label}, ${where}`, next, calm: NONE },
    )
  }

  /** One power-up, as `bootUp` does it. */
  #boot(device: Device, cause: ResetCause, label: string, calm: readonly Calm[]): Step[] {
    const found = [device.records[0] ?? BLANK, ...(device.torn === null ? [] : [device.torn])]
    const { rotsLeft } = device.seen
    return found.flatMap((memory, index) => {
      const name = index === 0 ? label : `${label}, the half-written record reads`
      const heard = this.#bootFrom(device, memory, cause, name, calm, false)
      if (rotsLeft === 0) return heard
      const harmed = looking(device, { rotsLeft: rotsLeft - 1 })
      return [...heard, ...this.#bootFrom(harmed, memory, cause, `${name}, the counter cannot be read`, NONE, true)]
    })
  }

  #bootFrom(
    before: Device,
    memory: Memory,
    cause: ResetCause,
    label: string,
    calm: readonly Calm[],
    mute: boolean,
  ): Step[] {
    const steps: Step[] = []
    let device: Device = { ...before, installing: 0 }
    if (cause !== 'software' && memory !== BLANK && !device.worn) {
      // The record that was chosen is written once more before anything is done in its name.
      device = { ...device, records: this.#appended(device.records, memory), torn: null }
      steps.push({ label: `${label}, cut behind the record again`, next: off(device), calm: NONE })
    }
    // Worn blocks do not take the record again, and nothing is done in its name then.
    let decision = this.#atReset(device, memory, cause, mute, !device.worn || cause === 'software')
    if (decision.effects.some(({ kind }) => kind === 'again')) {
      for (const effect of decision.effects.filter(({ kind }) => ELEMENT.has(kind))) {
        device = command(device, effect)
        steps.push({ label: `${label}, cut behind ${effect.kind}, before the trial`, next: off(device), calm: NONE })
      }
      decision = this.#atReset(device, memory, cause, mute, false)
    }
    if (device.worn) {
      steps.push({ label, next: this.#ran(device, decision, memory, true), calm, booted: true, mute })
      return steps
    }
    for (const { label: where, next, done } of this.#commit(device, decision, 'reset')) {
      if (done) steps.push({ label, next: this.#ran(next, decision, memory, false), calm, booted: true, mute })
      else steps.push({ label: `${label}, ${where}`, next, calm: NONE })
    }
    return steps
  }

  #atReset(device: Device, memory: Memory, cause: ResetCause, mute: boolean, finishes: boolean): BootDecision {
    const { counter, anchors, a, b, golden } = device
    const event: BootEvent = {
      kind: 'reset',
      cause,
      counter: mute ? 0 : counter,
      anchors: anchorsOf(anchors),
      budget: this.#configuration,
      finishes,
      verdict: slot => (mute && slot !== 'golden' ? NO_COUNTER : verdictOf(device, slot)),
    }
    const found = `${mute ? 'mute' : counter}${anchors}${a}${b}${golden ? 1 : 0}${finishes ? 1 : 0}`
    const decision = this.#decided(memory, event, `reset ${cause} ${found}`)
    if (isRefusal(decision)) throw new Error('a reset is never refused')
    return decision
  }

  /** What runs. A trial that could not be counted gives way to what is confirmed, else to golden. */
  #ran(device: Device, decision: BootDecision, memory: Memory, unwritten: boolean): Device {
    const run = decision.effects.find(effect => effect.kind === 'run')
    if (run === undefined) return { ...device, power: { at: 'halted' } }
    let slot: Bootable = run.slot
    if (run.trial && unwritten && slot !== 'golden') {
      const back = other(slot)
      const [note, verdict] = [memory.slots[back], verdictOf(device, back)]
      const holds = verdict.good && note.state === 'confirmed' && note.digest === digestPrefix(verdict.digest)
      slot = holds ? back : 'golden'
    }
    const trial = run.trial && slot === run.slot
    if (!verdictOf(device, slot).good && slot === 'golden' && slot !== run.slot)
      return { ...device, power: { at: 'halted' } }
    const image = slot === 'golden' ? 0 : device[slot]
    const { trialRuns, standing } = device.seen
    return looking(
      { ...device, power: { at: 'running', slot, trial, image } },
      trial
        ? { trialRuns: trialRuns + 1 }
        : { trialRuns: 0, standing: (image > standing ? image : standing) as ImageNumber },
    )
  }

  /**
   * The durable operations of a decision in order: its record, then what is done in its name. Each outcome is a cut
   * somewhere on the way, or the whole.
   */
  #commit(device: Device, decision: BootDecision, kind: BootEvent['kind']): Outcome[] {
    const next = this.#interned(decision.next)
    const seen = noted(device.seen, kind, decision.note, next)
    const written: Device = {
      ...looking(device, seen),
      records: this.#appended(device.records, next),
      torn: null,
    }
    // A half-written record that says what the one before it says is no other state.
    const torn = next === device.records[0] ? device.torn : next
    const halfWritten: Device = { ...looking(device, { confirmed: seen.confirmed }), torn }
    const outcomes: Outcome[] = [
      { label: 'cut before the record', next: off(device), done: false },
      { label: 'cut inside the record', next: off(halfWritten), done: false },
    ]
    const element = decision.effects.filter(({ kind: effect }) => ELEMENT.has(effect))
    if (!this.#flow.recordFirst) {
      let early = device
      for (const effect of element) {
        early = command(early, effect)
        outcomes.push({ label: `cut behind ${effect.kind}`, next: off(early), done: false })
      }
    }
    outcomes.push({ label: 'cut behind the record', next: off(written), done: false })
    let at = written
    for (const effect of element) {
      at = command(at, effect)
      outcomes.push({ label: `cut behind ${effect.kind}, its answer lost`, next: off(at), done: false })
    }
    return [...outcomes, { label: '', next: at, done: true }]
  }

  /** What may rot, wear out, or be written from outside, while the budget for harm lasts. */
  #harms(device: Device): Step[] {
    const { rotsLeft } = device.seen
    if (rotsLeft === 0) return []
    const harmed = (label: string, next: Device, seen: Partial<Seen>): Step => ({
      label,
      next: looking(next, { ...seen, rotsLeft: rotsLeft - 1 }),
      calm: NONE,
    })
    const steps: Step[] = []
    for (const slot of ['a', 'b'] as const) {
      for (const content of [0, ...VERSIONS] as const) {
        if (content === device[slot]) continue
        const label = content === 0 ? `rot of slot ${slot}` : `slot ${slot} is written over with ${content}`
        steps.push(harmed(label, withSlot(device, slot, content), { slotRot: true }))
      }
    }
    if (device.records.length > 0) {
      steps.push(
        harmed('rot of the newest record', { ...device, records: device.records.slice(1) }, { recordRot: true }),
      )
    }
    if (device.golden) steps.push(harmed('rot of golden', { ...device, golden: false }, { goldenRot: true }))
    if (!device.worn) steps.push(harmed('the record blocks wear out', { ...device, worn: true }, { recordRot: true }))
    return steps
  }

  #appended(records: readonly Memory[], memory: Memory): readonly Memory[] {
    return [memory, ...records].slice(0, this.#configuration.records)
  }

  #decided(memory: Memory, event: BootEvent, asked: string): BootDecision | Refusal {
    const key = `${this.#numberOf(memory)} ${asked} ${event.kind === 'staged' ? event.slot + event.image.version : ''}`
    const known = this.#decisions.get(key)
    if (known !== undefined) return known
    const decision = this.#decide(memory, event)
    const kept = isRefusal(decision) ? decision : { ...decision, next: this.#interned(decision.next) }
    this.#decisions.set(key, kept)
    return kept
  }

  #interned(memory: Memory): Memory {
    if (this.#numbers.has(memory)) return memory
    const text = JSON.stringify(memory)
    const known = this.#memories.get(text)
    if (known !== undefined) return known
    this.#memories.set(text, memory)
    this.#numbers.set(memory, this.#numbers.size)
    return memory
  }

  #numberOf(memory: Memory): number {
    return this.#numbers.get(this.#interned(memory)) as number
  }
}

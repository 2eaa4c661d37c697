import { toHex } from '../../../src/core/encoding/bytes.ts'
import type { Cbor } from '../../../src/core/encoding/cbor.ts'
import type { Crypto } from '../../../src/core/encoding/crypto.ts'
import type { Command, Sequence } from './commands.ts'
import { type Bench, type Device, Images } from './device.ts'
import { PARAMETER, type SequenceName } from './labels.ts'
import { LIMITS } from './limits.ts'
import { keyOf, type Manifest } from './manifest.ts'
import { type Refused, stop } from './refusal.ts'
import { STEPS } from './step.ts'

/** Which sequences run: those of an update, those of a start, both as one, or the removal. */
export type Procedure = 'all' | 'update' | 'invoke' | 'uninstall'

export const PROCEDURES: Readonly<Record<Procedure, readonly SequenceName[]>> = {
  all: ['payload-fetch', 'install', 'validate', 'load', 'invoke'],
  update: ['payload-fetch', 'install', 'validate'],
  invoke: ['validate', 'load', 'invoke'],
  uninstall: ['uninstall'],
}

/** A command that ran, for the record. `result` is "held", "done", or the code of the refusal. */
export type Trace = {
  readonly sequence: string
  readonly command: string
  readonly component: string
  readonly result: string
}

export type Ran = {
  readonly trace: readonly Trace[]
  readonly refusal: Refused | null
  /** Images to write when there is no refusal, by component; null goes. */
  readonly changed: ReadonlyMap<string, Uint8Array | null>
  /** What would be started, in order. */
  readonly started: readonly { readonly component: string; readonly arguments: string }[]
}

/** Why a sequence ended early. Only a condition may be passed over; a directive that fails ends it all (draft §6.4). */
type Fail = { readonly hard: boolean; readonly refusal: Refused }
/** The soft failure flag of the innermost sequence; null where it may not be set. */
type Scope = { soft: boolean } | null

/**
 * Runs a manifest that was verified and allowed, on images in memory: draft-ietf-suit-manifest-34 §6.4. What the draft leaves
 * open is decided strictly: parameters and component index begin afresh, with the shared sequence, for each sequence, so that
 * a sequence means the same at the update and at the start.
 *
 * Answers what was done, and the refusal that ended it: `suit-limit`, `suit-severed-missing`, `suit-component-unknown`,
 * `suit-sequence-old`, `suit-exhausted`, `suit-image-unchecked` and the codes of the commands in `step.ts`.
 */
export function runManifest(
  manifest: Manifest,
  integrated: ReadonlyMap<string, Uint8Array>,
  device: Device,
  procedure: Procedure,
  crypto: Crypto,
): Ran {
  const machine = new Machine(manifest, integrated, device, crypto)
  const refusal = machine.run(PROCEDURES[procedure])
  return { trace: machine.trace, refusal, changed: machine.bench.images.changed, started: machine.started }
}

class Machine {
  readonly trace: Trace[] = []
  readonly started: { component: string; arguments: string }[] = []
  readonly bench: Bench
  readonly #manifest: Manifest
  readonly #integrated: ReadonlyMap<string, Uint8Array>
  #parameters: Map<number, Cbor>[] = []
  #index: readonly number[] = [0]
  #steps = 0
  #bytes = 0

  constructor(manifest: Manifest, integrated: ReadonlyMap<string, Uint8Array>, device: Device, crypto: Crypto) {
    this.#manifest = manifest
    this.#integrated = integrated
    this.bench = { device, images: new Images(device), crypto }
  }

  run(names: readonly SequenceName[]): Refused | null {
    const { components, home, sequenceNumber, sequences, shared } = this.#manifest
    const { device } = this.bench
    for (const id of home === null ? components : [...components, home]) {
      const own = [...device.components.keys()].join(', ')
      if (!device.components.has(keyOf(id))) return stop('suit-component-unknown', 'manifest', own, keyOf(id))
    }
    if (sequenceNumber < device.sequence) {
      return stop('suit-sequence-old', 'manifest', `${device.sequence} or above`, String(sequenceNumber), 'draft §6.1')
    }
    for (const name of names) {
      const part = sequences.get(name)
      if (part === undefined) continue
      if (part.at === 'severed') return stop('suit-severed-missing', 'manifest', `the sequence ${name}`, 'its digest')
      this.#parameters = components.map(() => new Map())
      this.#index = [0]
      for (const sequence of shared === null ? [part.part] : [shared, part.part]) {
        const where = sequence === shared ? `${name}: shared` : name
        const fail = this.#sequence(sequence, where, null)
        if (fail !== null) return fail.refusal
        this.#index = [0]
      }
    }
    // What was brought here and matched by nothing is whatever its server liked it to be.
    const left = this.bench.images.unchecked()
    return left === null ? null : stop('suit-image-unchecked', `component ${left}`, 'an image match', 'none')
  }

  #sequence({ commands }: Sequence, where: string, scope: Scope): Fail | null {
    for (const command of commands) {
      const fail = this.#command(command, where, scope)
      if (fail !== null) return fail
    }
    return null
  }

  #command(command: Command, where: string, scope: Scope): Fail | null {
    switch (command.kind) {
      case 'unknown':
        throw new Error('a manifest runs only after it was allowed')
      case 'index':
        this.#index = command.index === true ? this.#manifest.components.map((_, index) => index) : command.index
        return this.#spend(0)
      case 'parameters':
        return this.#set(command, scope)
      case 'condition':
      case 'directive':
        return this.#each(index => this.#step(command, index, where))
      case 'try-each':
        return this.#one(index => this.#try(command.ways, `${where}: try-each`, index))
      case 'run-sequence':
        return this.#one(() => {
          const inner = { soft: false }
          const fail = this.#sequence(command.sequence, `${where}: run-sequence`, inner)
          if (fail === null || (inner.soft && !fail.hard)) return null
          return { hard: true, refusal: fail.refusal }
        })
    }
  }

  #set({ name, parameters }: Extract<Command, { kind: 'parameters' }>, scope: Scope): Fail | null {
    return this.#each(index => {
      const own = this.#parameters[index] as Map<number, Cbor>
      for (const [label, value] of parameters as ReadonlyMap<number, Cbor>) {
        if (label === PARAMETER.softFailure && scope !== null) scope.soft = value as boolean
        else if (name === 'override-parameters' || !own.has(label)) own.set(label, value)
      }
      return this.#spend(0)
    })
  }

  /** A command that acts, once for each component that is current. */
  #each(act: (index: number) => Fail | null): Fail | null {
    for (const index of this.#index) {
      const fail = act(index)
      if (fail !== null) return fail
    }
    return null
  }

  /** A sequence inside a command, once for each component, which is then the only current one (draft §6.5). */
  #one(act: (index: number) => Fail | null): Fail | null {
    const list = this.#index
    const fail = this.#each(index => {
      if (list.length > 1) this.#index = [index]
      return this.#spend(0) ?? act(index)
    })
    if (list.length > 1) this.#index = list
    return fail
  }

  #try(ways: readonly (Sequence | null)[], where: string, index: number): Fail | null {
    const reasons: string[] = []
    for (const way of ways) {
      if (way === null) return null
      const scope = { soft: true }
      const fail = this.#sequence(way, where, scope)
      if (fail === null) return null
      if (fail.hard || !scope.soft) return { hard: true, refusal: fail.refusal }
      reasons.push(fail.refusal.code)
    }
    const subject = `component ${this.#key(index)}`
    return { hard: true, refusal: stop('suit-exhausted', subject, 'one of the alternatives', reasons.join(', ')) }
  }

  #step(command: Extract<Command, { kind: 'condition' | 'directive' }>, index: number, where: string): Fail | null {
    const { components } = this.#manifest
    const act = STEPS.get(command.label)
    if (act === undefined) throw new Error(`no step for ${command.name}`)
    const answer = act(
      {
        id: components[index] as (typeof components)[number],
        index,
        parameters: this.#parameters[index] as Map<number, Cbor>,
        components,
        integrated: this.#integrated,
      },
      this.bench,
    )
    const component = this.#key(index)
    const held = command.kind === 'condition' ? 'held' : 'done'
    const result = answer.refused === true ? answer.code : held
    this.trace.push({ sequence: where, command: command.name, component, result })
    if (answer.refused === true) return { hard: command.kind === 'directive', refusal: answer }
    if (answer.start !== undefined) this.started.push({ component, arguments: toHex(answer.start) })
    return this.#spend(answer.bytes)
  }

  #key(index: number): string {
    const id = this.#manifest.components[index]
    return id === undefined ? String(index) : keyOf(id)
  }

  /** Counts a command and its bytes against the limits. */
  #spend(bytes: number): Fail | null {
    this.#steps += 1
    this.#bytes += bytes
    const over =
      this.#steps > LIMITS.steps
        ? `more than ${LIMITS.steps} commands`
        : this.#bytes > LIMITS.workBytes
          ? `more than ${LIMITS.workBytes} bytes`
          : null
    if (over === null) return null
    return { hard: true, refusal: stop('suit-limit', 'manifest', 'a bounded run', over) }
  }
}

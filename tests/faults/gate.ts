import type { FlashFault, FlashRead, ReadFault, SilentFault } from '../../sim/flash/faults.ts'
import { PowerLost } from '../../sim/flash/power-lost.ts'
import type { ElementCommand, ElementFault } from '../../sim/secure-element/sim-element.ts'
import type { ResetCause } from '../../src/core/slot/slot.ts'
import { type Asked, both, EVERYTHING } from './asked.ts'
import type { Effect, Mode, Operation } from './mode.ts'
import { modeNamed, modesOn } from './modes.ts'
import type { Proof } from './proof.ts'

/**
 * A fault of a run: the operation that it strikes, counted from the one behind the fault before (from the phase's first,
 * for the first fault), and what it does there. `draw` instead of a mode picks one of those that the operation can meet.
 */
export type Fault =
  | { readonly at: number; readonly mode: string; readonly variant: number }
  | { readonly at: number; readonly draw: number }

/** A fault that struck. */
export type Struck = {
  readonly operation: Operation
  readonly mode: Mode
  readonly variant: number
  readonly effect: Effect
  /** What it did; null as long as nobody has looked. */
  proof: Proof | null
}

/** A stream of bits out of text and numbers, the same on every machine (FNV-1a, 32 bits). */
export function mix(seed: number, text: string): number {
  let hash = seed
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

/** How a fault is written in a seed. */
export const faultText = (fault: Fault): string =>
  'draw' in fault ? `${fault.at}.~${fault.draw}` : `${fault.at}.${fault.mode}.${fault.variant}`

/**
 * Through here passes every operation of a device. It counts them, and strikes where the plan says. `reseed` is called
 * as a fault strikes, so that what it leaves depends on the faults alone, and on nothing that was read before.
 */
export class Gate {
  /** Told of each operation before it happens; throws to end the run. */
  watch: (operation: Operation) => void = () => {}
  reseed: (seed: number) => void = () => {}
  /** Told what a fault does beyond the operation that it strikes. */
  take: (effect: Effect, operation: Operation) => void = () => {}
  /** Whether a cut inside a program costs what stands beside it. */
  spoils = false
  /** The time of the clock that a fault may set. */
  now: () => number = () => 0
  /** The operations that have passed since the last fault, when somebody wants them. */
  trace: Operation[] | null = null
  struck: Struck[] = []
  /** How the next reset is told, once a fault has made one. */
  cause: ResetCause = 'power-loss'
  #plan: readonly Fault[] = []
  #next = 0
  #count = 0
  #chain = 0
  #open = false

  /** Begins a run. `chain` is the seed of what the first fault leaves. */
  begin(plan: readonly Fault[], chain: number, struck: readonly Struck[] = []): void {
    this.#plan = plan
    this.#next = 0
    this.#count = 0
    this.#chain = chain
    this.#open = true
    this.struck = [...struck]
    this.cause = 'power-loss'
    if (this.trace !== null) this.trace = []
  }

  /** Lets everything pass, uncounted: preparation, and judges. */
  rest(): void {
    this.#open = false
  }

  get chain(): number {
    return this.#chain
  }

  /** Operations since the last fault. */
  get count(): number {
    return this.#count
  }

  /** Whether every fault of the plan struck. */
  get spent(): boolean {
    return this.#next === this.#plan.length
  }

  /** Whether a fault strikes the next operation. */
  get aims(): boolean {
    return this.#open && this.#plan[this.#next]?.at === this.#count
  }

  /** What is asked of the device behind the faults that struck. */
  get asked(): Asked {
    let asked = EVERYTHING
    for (const { mode, operation, variant, effect } of this.struck) {
      asked = both(asked, mode.asks(operation, variant))
      if (effect.spoils === true && operation.area === 'history') asked = { ...asked, history: false }
    }
    return asked
  }

  write(operation: Operation): FlashFault | SilentFault | null {
    return this.#pass(operation)?.flash ?? null
  }

  read({ area, offset, length }: FlashRead): ReadFault | null {
    return this.#pass({ kind: 'read', area, offset, length, sectors: 1 })?.read ?? null
  }

  element(kind: ElementCommand): ElementFault | null {
    return this.#pass({ kind, area: null, offset: 0, length: 1, sectors: 1 })?.element ?? null
  }

  /** A question for the security counter. Answers whether it is answered. */
  counter(): boolean {
    const effect = this.#pass({ kind: 'counter', area: null, offset: 0, length: 1, sectors: 1 })
    return effect?.silent === undefined
  }

  /** One round of the application. Throws PowerLost; answers whether it hangs from now on. */
  tick(): boolean {
    const effect = this.#pass({ kind: 'tick', area: null, offset: 0, length: 1, sectors: 1 })
    if (effect?.power === 'off') throw new PowerLost('between two operations')
    return effect?.hang === true
  }

  #pass(operation: Operation): Effect | null {
    if (!this.#open) return null
    this.watch(operation)
    this.trace?.push(operation)
    const fault = this.#plan[this.#next]
    this.#count += 1
    if (fault === undefined || fault.at !== this.#count - 1) return null
    const { mode, variant } = resolve(fault, operation)
    if (!mode.on.includes(operation.kind)) throw new Error(`${mode.name} does not strike a ${operation.kind}`)
    this.#next += 1
    this.#count = 0
    this.#chain = mix(this.#chain, faultText({ at: fault.at, mode: mode.name, variant }))
    const effect = this.#onBoard(
      mode.effect(operation, variant, (mix(this.#chain, 'place') >>> 8) / 0x100_0000),
      operation,
    )
    const struck: Struck = { operation, mode, variant, effect, proof: null }
    this.struck.push(struck)
    if (this.trace !== null) this.trace = []
    this.reseed(this.#chain)
    if (effect.reset !== undefined) this.cause = effect.reset
    const before = this.now()
    this.take(effect, operation)
    if (effect.jump !== undefined) struck.proof = this.now() - before === effect.jump ? 'effect' : 'ignored'
    if (effect.clock !== undefined) struck.proof = Object.is(this.now(), effect.clock) ? 'effect' : 'ignored'
    return effect
  }

  #onBoard(effect: Effect, { kind }: Operation): Effect {
    const { flash } = effect
    const inside = flash !== undefined && 'cut' in flash && flash.cut === 'inside'
    return this.spoils && inside && kind === 'program' ? { ...effect, spoils: true } : effect
  }
}

function resolve(fault: Fault, operation: Operation): { readonly mode: Mode; readonly variant: number } {
  if (!('draw' in fault)) return { mode: modeNamed(fault.mode), variant: fault.variant }
  const modes = modesOn(operation.kind)
  const mode = modes[fault.draw % modes.length] as Mode
  return { mode, variant: Math.floor(fault.draw / modes.length) % mode.variants(operation) }
}

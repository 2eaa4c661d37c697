import { writeWhole } from '../../src/adapters/config-file.ts'
import { list, Misfit, object, whole } from '../../src/core/encoding/shape.ts'
import { type Instant, instant, type Millis, millis } from '../../src/core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import type { Clock } from '../../src/flows/ports.ts'
import { readJson } from './site/folder.ts'

/** From the real instant `real` on it is `simulated`, and time goes by `rate` times as fast. Milliseconds since 1970. */
export type Phase = { readonly real: number; readonly simulated: number; readonly rate: number }

/** How often a process looks whether a phase was added, and how long before it begins a phase is written, in milliseconds. */
const LOOK = 200
const AHEAD = 1_000

const moment = whole(0, 8_640_000_000_000_000)
const phasesShape = list(object({ real: moment, simulated: moment, rate: whole(1, 3600) }), 1, 100)

/** What is said aloud by every program that goes by such a clock. */
export const CLOCK_WARNING = 'SIMULATED CLOCK: its time is not the time. For demos only.'

/**
 * The clock of a demo: several processes that read the same file agree about the time. Its quality is `simulated`: every
 * entry that is dated by it says so.
 */
export class FastClock implements Clock {
  readonly quality = 'simulated'
  readonly #path: string
  #phases: readonly Phase[]
  #looked = Date.now()

  private constructor(path: string, phases: readonly Phase[]) {
    this.#path = path
    this.#phases = phases
  }

  /** Refuses `config-malformed`, and what `readJson` refuses. */
  static open(path: string): FastClock | Refusal {
    const phases = readPhases(path)
    return isRefusal(phases) ? phases : new FastClock(path, phases)
  }

  /** Writes a file with one phase, and opens it. */
  static begin(path: string, first: Phase): FastClock {
    writePhases(path, [first])
    return new FastClock(path, [first])
  }

  now(): Instant {
    const now = Date.now()
    const { real, simulated, rate } = this.#phase(now)
    return instant(Math.floor(simulated + (now - real) * rate))
  }

  /** It is set by nobody: it only changes its pace. */
  readonly steady = (): Millis => millis(this.now())

  /** How many times as fast as time it is now. */
  rate(): number {
    return this.#phase(Date.now()).rate
  }

  /** Goes on at another pace from a moment on, a second ahead, so that all who read the file change at once. */
  goOnAt(rate: number): void {
    const real = Date.now() + AHEAD
    const last = this.#phase(real)
    const simulated = Math.floor(last.simulated + (real - last.real) * last.rate)
    this.#phases = [...this.#phases, { real, simulated, rate }]
    writePhases(this.#path, this.#phases)
  }

  #phase(now: number): Phase {
    if (now - this.#looked > LOOK) {
      this.#looked = now
      const phases = readPhases(this.#path)
      if (!isRefusal(phases)) this.#phases = phases
    }
    return this.#phases.findLast(({ real }) => real <= now) ?? (this.#phases[0] as Phase)
  }
}

function readPhases(path: string): readonly Phase[] | Refusal {
  const value = readJson(path)
  if (isRefusal(value)) return value
  const phases = phasesShape(value, '')
  return phases instanceof Misfit
    ? refuse('config-malformed', path, phases.expected, `${phases.actual} at ${phases.at}`)
    : phases
}

const writePhases = (path: string, phases: readonly Phase[]): void => writeWhole(path, `${JSON.stringify(phases)}\n`)

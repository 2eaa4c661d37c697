import { seeded, shuffled } from '../../sim/clock/random.ts'

export const VICTIMS = ['fleet', 'gateway', 'site'] as const
export type Victim = (typeof VICTIMS)[number]

/**
 * The phases of a campaign, each by a mark that the run leaves: a command that begins (`cli`), a new entry of the audit
 * log (`log`), a line that the site prints (`site`). The number says how often a small campaign leaves it at least.
 */
export const PHASES: readonly (readonly [mark: string, times: number])[] = [
  ['cli publish', 1],
  ['log release-published', 2],
  ['cli campaign create', 1],
  ['cli campaign approve', 1],
  ['cli campaign start', 1],
  ['log campaign-approved', 1],
  ['log wave-opened', 2],
  ['log controller-assigned', 3],
  ['log download-finished', 4],
  ['log assignment-verified', 3],
  ['site assigned', 3],
  ['site download', 3],
  ['site staged', 3],
  ['log activation-granted', 3],
  ['site activating', 3],
  ['site boot', 3],
  ['site confirmed', 3],
  ['site reported', 6],
  ['log controller-report', 6],
  ['log controller-confirmed', 3],
  ['log wave-soaking', 2],
  ['log wave-passed', 2],
]

/** One moment: when a mark was left for the `nth` time, `delay` milliseconds later, the victim dies for `down`. */
export type Moment = {
  readonly victim: Victim
  readonly mark: string
  readonly nth: number
  readonly delay: number
  readonly down: number
}

/**
 * `count` moments, the same for the same seed: every phase as often as any other, every victim too, each with a delay
 * of its own; most victims are started again at once.
 */
export function momentsOf(seed: number, count: number): Moment[] {
  const random = seeded(seed)
  const moments: Moment[] = []
  let phases: (readonly [string, number])[] = []
  let victims: Victim[] = []
  while (moments.length < count) {
    if (phases.length === 0) phases = shuffled(PHASES, random)
    if (victims.length === 0) victims = shuffled(VICTIMS, random)
    const [mark, times] = phases.pop()!
    const victim = victims.pop()!
    const nth = 1 + Math.floor(random() * times)
    const delay = Math.floor(random() * random() * 150)
    const down = random() < 0.6 ? 0 : Math.floor(random() * 600)
    moments.push({ victim, mark, nth, delay, down })
  }
  return moments
}

/** Waits for its moments: tell it every mark, and it says who dies, and when. */
export class Fates {
  readonly #waiting: Set<Moment>
  readonly #seen = new Map<string, number>()
  readonly #strike: (moment: Moment) => void

  constructor(moments: readonly Moment[], strike: (moment: Moment) => void) {
    this.#waiting = new Set(moments)
    this.#strike = strike
  }

  mark(name: string): void {
    const times = (this.#seen.get(name) ?? 0) + 1
    this.#seen.set(name, times)
    for (const moment of this.#waiting) {
      if (moment.mark !== name || moment.nth > times) continue
      this.#waiting.delete(moment)
      setTimeout(() => this.#strike(moment), moment.delay)
    }
  }

  /** Moments that never came. */
  get left(): Moment[] {
    return [...this.#waiting]
  }
}

import { seeded, shuffled } from '../../sim/clock/random.ts'

/** What dies: the boot stage, the second stage, both at once, the application; or the second stage hangs. */
export const VICTIMS = ['boot stage', 'second stage', 'both', 'application', 'hang'] as const
export type Victim = (typeof VICTIMS)[number]

/** The steps of an update as the agent tells them, and how often a good update tells each at least. */
export const MARKS: readonly (readonly [mark: string, times: number])[] = [
  ['assigned', 1],
  ['download', 1],
  ['staged', 1],
  ['activating', 1],
  ['second-stage-ended', 1],
  ['boot', 1],
  ['serving', 1],
  ['application-started', 1],
  ['confirmed', 1],
  ['reported', 3],
]

/** One moment: when a mark was left for the `nth` time in an update, `delay` milliseconds later, the victim dies. */
export type Moment = {
  readonly victim: Victim
  readonly mark: string
  readonly nth: number
  readonly delay: number
}

/** `count` moments, the same for the same seed: every mark and every victim as often as any other. */
export function momentsOf(seed: number, count: number, victims: readonly Victim[] = VICTIMS): Moment[] {
  const random = seeded(seed)
  const moments: Moment[] = []
  let marks: (readonly [string, number])[] = []
  let left: Victim[] = []
  while (moments.length < count) {
    if (marks.length === 0) marks = shuffled(MARKS, random)
    if (left.length === 0) left = shuffled(victims, random)
    const [mark, times] = marks.pop()!
    const nth = 1 + Math.floor(random() * times)
    moments.push({ victim: left.pop()!, mark, nth, delay: Math.floor(random() * random() * 400) })
  }
  return moments
}

import { list, Misfit, object, type Shape, then, whole } from '../encoding/shape.ts'
import { type Instant, instant } from '../encoding/units.ts'

/** 0 to 100; the higher goes first. */
export const priorityShape = whole(0, 100)

/**
 * Until when the controllers of a critical patch are to have it. As it draws near the campaign's priority rises, by steps
 * that stand in the plan. A priority orders campaigns against each other and nothing else: no window, no permissive and no
 * budget gives way to it.
 */
export type Deadline = {
  readonly at: Instant
  readonly steps: readonly { readonly at: Instant; readonly priority: number }[]
}

const moment = then(whole(0, 8_640_000_000_000_000), value => instant(value))

/** Reads a deadline: its steps rise, in time and in priority, and none comes after it. */
export const deadlineShape: Shape<Deadline> = then(
  object({ at: moment, steps: list(object({ at: moment, priority: priorityShape }), 0, 16) }),
  (deadline, at) => {
    for (const [index, step] of deadline.steps.entries()) {
      const before = deadline.steps[index - 1]
      const place = `${at}.steps[${index}]`
      if (before !== undefined && (step.at <= before.at || step.priority <= before.priority)) {
        return new Misfit(place, 'a later time and a higher priority than the step before', 'another order')
      }
      if (step.at > deadline.at) return new Misfit(`${place}.at`, 'a time up to the deadline', 'one after it')
    }
    return deadline
  },
)

/** What campaigns are ordered by. */
export type Ranked = {
  readonly id: string
  readonly createdAt: Instant
  readonly priority: number
  readonly deadline?: Deadline
}

/** The priority of a campaign at an instant: its own, or that of the last step that has come, when that is higher. */
export function priorityAt({ priority, deadline }: Pick<Ranked, 'priority' | 'deadline'>, now: Instant): number {
  const step = deadline?.steps.findLast(({ at }) => at <= now)
  return Math.max(priority, step?.priority ?? 0)
}

/** Which of two campaigns goes first: by priority, then by age, then by name. Negative: the first one. */
export function byRank(a: Ranked, b: Ranked, now: Instant): number {
  return (
    priorityAt(b, now) - priorityAt(a, now) || a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  )
}

import type { Cover } from '../covers.ts'

/** What is written for each, in bits, about: a cover; a byte that is as its cover says, one that is not, one that has no cover. */
const COST = { cover: 30, right: 0.3, wrong: 9, other: 5.7 } as const
/** A longer cover, or one that stands in more room, is worth itself. */
const LONGEST = 1024

/**
 * The covers that are worth what it takes to say them. The place of one that is not goes to those before and behind it, as far as they fit there,
 * or to none.
 */
export function worthwhile(covers: readonly Cover[], old: Uint8Array, now: Uint8Array): Cover[] {
  const kept: Cover[] = []
  const waiting = covers.slice()
  for (let index = 0; index < waiting.length; index += 1) {
    const one = waiting[index]!
    const before = kept.at(-1)
    const behind = waiting[index + 1]
    const start = before === undefined ? 0 : before.new + before.length
    const end = behind === undefined ? now.length : behind.new
    if (one.length > LONGEST || end - start > 2 * LONGEST) {
      kept.push(one)
      continue
    }
    const costs = { before: costsOf(before, old, now, start, end), behind: costsOf(behind, old, now, start, end) }
    const shared = sharedOut(costs)
    if (costOf(one, old, now) + COST.other * (end - start - one.length) <= shared.cost) {
      kept.push(one)
      continue
    }
    if (before !== undefined) kept[kept.length - 1] = { ...before, length: start + shared.to - before.new }
    if (behind !== undefined) {
      const more = end - (start + shared.from)
      waiting[index + 1] = { old: behind.old - more, new: behind.new - more, length: behind.length + more }
    }
  }
  return kept
}

function costOf(cover: Cover, old: Uint8Array, now: Uint8Array): number {
  let cost: number = COST.cover
  for (let k = 0; k < cover.length; k += 1) {
    cost += old[cover.old + k] === now[cover.new + k] ? COST.right : COST.wrong
  }
  return cost
}

/** What each byte of a stretch would cost if a cover beside it went on there; without one, or outside of the old image, what cannot be paid. */
function costsOf(cover: Cover | undefined, old: Uint8Array, now: Uint8Array, start: number, end: number): Float64Array {
  const costs = new Float64Array(end - start).fill(Number.POSITIVE_INFINITY)
  if (cover === undefined) return costs
  const by = cover.old - cover.new
  for (let at = Math.max(start, -by); at < end && at + by < old.length; at += 1) {
    costs[at - start] = old[at + by] === now[at] ? COST.right : COST.wrong
  }
  return costs
}

type Shared = { readonly cost: number; readonly to: number; readonly from: number }

/** A stretch shared out for the least: up to `to` the cover before it goes on, from `from` on the one behind it is there already. */
function sharedOut({ before, behind }: { readonly before: Float64Array; readonly behind: Float64Array }): Shared {
  const { length } = before
  const rest = new Float64Array(length + 1)
  for (let at = length - 1; at >= 0; at -= 1) rest[at] = rest[at + 1]! + behind[at]!
  let best: Shared = { cost: Number.POSITIVE_INFINITY, to: 0, from: length }
  let [to, spent, all] = [0, 0, 0]
  for (let at = 0; at <= length; at += 1) {
    const cost = spent + COST.other * (at - to) + rest[at]!
    if (cost < best.cost) best = { cost, to, from: at }
    all += before[at] ?? 0
    if (all < spent + COST.other * (at + 1 - to)) {
      spent = all
      to = at + 1
    }
  }
  return best
}

import type { Cover } from '../covers.ts'

/** What is written for each, in bits, about: a byte that is as its cover says, one that is not, one that has no cover. */
export type Costs = { readonly right: number; readonly wrong: number; readonly other: number }

/** Of code, and of all that a file system holds: text, tables, and what was moved as a whole. */
export const COSTS: Readonly<Record<'usual' | 'large', Costs>> = {
  usual: { right: 0.3, wrong: 9, other: 5.7 },
  large: { right: 0.5, wrong: 6, other: 4 },
}
/** What is written of a number beside the bits behind its first one: how many those are, mostly. */
const NUMBER = 4
/** What is written of no gap. */
const NO_GAP = 1
/** A longer cover, or one that stands in more room, is worth itself. */
const LONGEST = 1024

/**
 * The covers that are worth what it takes to say them. The place of one that is not goes to those before and behind it, as far as they fit there,
 * or to none.
 */
export function worthwhile(
  covers: readonly Cover[],
  old: Uint8Array,
  now: Uint8Array,
  cost: Costs = COSTS.usual,
): Cover[] {
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
    const shared = sharedOut(cost.other, {
      before: costsOf(before, { old, now, start, end, cost }),
      behind: costsOf(behind, { old, now, start, end, cost }),
    })
    const own = costsOf(one, { old, now, start: one.new, end: one.new + one.length, cost })
    const rest = cost.other * (end - start - one.length)
    if (saying(one, before, behind) + own.reduce((sum, of) => sum + of, 0) + rest <= shared.cost) {
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

/**
 * What it takes to say a cover, in bits: where it begins and how long it is; how far from the one before it lies in the old image, and how much further the one
 * behind it from there. In a large image that is most of it: a few bytes from its other end are not worth the way there and back.
 */
function saying(one: Cover, before: Cover | undefined, behind: Cover | undefined): number {
  const gap = one.new - (before === undefined ? 0 : before.new + before.length)
  const there = numberBits(movedBy(one) - movedBy(before))
  const back =
    behind === undefined
      ? 0
      : numberBits(movedBy(behind) - movedBy(one)) - numberBits(movedBy(behind) - movedBy(before))
  return (gap === 0 ? NO_GAP : numberBits(gap)) + numberBits(one.length) + there + back
}

const movedBy = (cover: Cover | undefined): number => (cover === undefined ? 0 : cover.old - cover.new)
const numberBits = (number: number): number => NUMBER + Math.log2(Math.abs(number) + 1)

/** A stretch of the new image. */
type Part = {
  readonly old: Uint8Array
  readonly now: Uint8Array
  readonly start: number
  readonly end: number
  readonly cost: Costs
}

/** What each byte of a stretch would cost if a cover beside it went on there; without one, or outside of the old image, what cannot be paid. */
function costsOf(cover: Cover | undefined, { old, now, start, end, cost }: Part): Float64Array {
  const costs = new Float64Array(end - start).fill(Number.POSITIVE_INFINITY)
  if (cover === undefined) return costs
  const by = cover.old - cover.new
  for (let at = Math.max(start, -by); at < end && at + by < old.length; at += 1) {
    costs[at - start] = old[at + by] === now[at] ? cost.right : cost.wrong
  }
  return costs
}

type Shared = { readonly cost: number; readonly to: number; readonly from: number }

/** A stretch shared out for the least: up to `to` the cover before it goes on, from `from` on the one behind it is there already. */
function sharedOut(
  other: number,
  { before, behind }: { readonly before: Float64Array; readonly behind: Float64Array },
): Shared {
  const { length } = before
  const rest = new Float64Array(length + 1)
  for (let at = length - 1; at >= 0; at -= 1) rest[at] = rest[at + 1]! + behind[at]!
  let best: Shared = { cost: Number.POSITIVE_INFINITY, to: 0, from: length }
  let [to, spent, all] = [0, 0, 0]
  for (let at = 0; at <= length; at += 1) {
    const cost = spent + other * (at - to) + rest[at]!
    if (cost < best.cost) best = { cost, to, from: at }
    all += before[at] ?? 0
    if (all < spent + other * (at + 1 - to)) {
      spent = all
      to = at + 1
    }
  }
  return best
}

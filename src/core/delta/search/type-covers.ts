import type { Cover } from '../covers.ts'
import { type TypeTable, typeTables } from './btf.ts'

/** Types with the same hash that are tried, and types in a row that are compared. */
const MOST_TRIES = 64
const MOST_IN_A_ROW = 4096
/** A stretch of so many bytes is worth a cover of its own; and one of so many, leaving the one before when that could go on. */
const WORTH = 24
const WORTH_LEAVING = 36
/** Types of a table that tell which one it was. */
const TELLING = 256

/**
 * Covers, and instead of those in tables of types others, type by type: what is alike byte for byte in a table is chance. Both images may be
 * anything; without tables, the covers are what they were.
 */
export function withTypes(old: Uint8Array, now: Uint8Array, covers: readonly Cover[]): readonly Cover[] {
  const before = typeTables(old)
  if (before.length === 0) return covers
  const tables = typeTables(now)
  const telling = new Map<number, Set<TypeTable>>()
  for (const table of before) {
    for (const hash of table.hashes.subarray(1, TELLING)) telling.set(hash, (telling.get(hash) ?? new Set()).add(table))
  }
  return tables.reduce((all, table) => {
    const was = before.length === 1 ? before[0] : likest(table, telling)
    return was === undefined ? all : replaced(all, typeByType(was, table), table.starts[0]!, table.starts.at(-1)!)
  }, covers)
}

/** The table that has most of the first types of this one. */
function likest(table: TypeTable, telling: ReadonlyMap<number, ReadonlySet<TypeTable>>): TypeTable | undefined {
  const votes = new Map<TypeTable, number>()
  for (const hash of table.hashes.subarray(1, TELLING)) {
    const those = telling.get(hash) ?? []
    for (const one of those) votes.set(one, (votes.get(one) ?? 0) + 1)
  }
  return [...votes].toSorted(([, a], [, b]) => b - a)[0]?.[0]
}

/** The types of a table that are those of another: as many in a row as there are, going on where nothing longer is found. */
function typeByType(was: TypeTable, is: TypeTable): Cover[] {
  const where = new Map<number, number[]>()
  for (const [type, hash] of was.hashes.entries()) {
    const others = where.get(hash)
    if (type === 0) continue
    if (others === undefined) where.set(hash, [type])
    else if (others.length < MOST_TRIES) others.push(type)
  }
  const covers: Cover[] = []
  let next = 1
  for (let type = 1; type < is.hashes.length; ) {
    let [best, count] = [next, inARow(was, next, is, type)]
    for (const candidate of where.get(is.hashes[type]!) ?? []) {
      const more = inARow(was, candidate, is, type)
      if (more < count || (more === count && Math.abs(candidate - next) >= Math.abs(best - next))) continue
      best = candidate
      count = more
    }
    const bytes = is.starts[type + count]! - is.starts[type]!
    const goesOn = was.shapes[next] === is.shapes[type]
    if (goesOn && (best !== next || count === 0) && bytes < WORTH_LEAVING) {
      best = next
      count = 1
    } else if (best !== next && bytes < WORTH) count = 0
    if (count > 0) {
      add(covers, {
        old: was.starts[best]!,
        new: is.starts[type]!,
        length: is.starts[type + count]! - is.starts[type]!,
      })
      next = best + count
    }
    type += Math.max(1, count)
  }
  return covers
}

function inARow(was: TypeTable, from: number, is: TypeTable, at: number): number {
  const most = Math.min(was.hashes.length - from, is.hashes.length - at, MOST_IN_A_ROW)
  let count = 0
  while (count < most && was.hashes[from + count] === is.hashes[at + count]) count += 1
  return count
}

/** A cover more; one that goes on from the last is the same. */
function add(covers: Cover[], cover: Cover): void {
  const last = covers.at(-1)
  if (last !== undefined && last.old + last.length === cover.old && last.new + last.length === cover.new) {
    covers[covers.length - 1] = { ...last, length: last.length + cover.length }
  } else covers.push(cover)
}

/** Covers with others in a stretch of the new image; those that reach into it end there. */
function replaced(covers: readonly Cover[], others: readonly Cover[], from: number, end: number): Cover[] {
  const before = covers
    .filter(cover => cover.new < from)
    .map(cover => ({ ...cover, length: Math.min(cover.length, from - cover.new) }))
  const behind = covers
    .filter(cover => cover.new + cover.length > end)
    .map(({ old, new: now, length }) => {
      const cut = Math.max(0, end - now)
      return { old: old + cut, new: now + cut, length: length - cut }
    })
  return [...before, ...others, ...behind]
}

import { sameBytes } from './bytes.ts'
import { canonicalJson, type Json, type JsonObject } from './canonical-json.ts'

/** One difference between two documents: where, and what stood and stands there; undefined for nothing. */
export type JsonChange = {
  readonly path: readonly string[]
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/** Down to here, members that came or went are told one by one: the targets of a role, the keys of a root. */
const TOLD_DEPTH = 2

/**
 * Every difference between two documents, and nothing else: whatever is in one and not in the other is in the list,
 * members that nobody has a name for included. Objects are compared member by member, lists as a whole. In the order of
 * the members' names.
 */
export function changesOf(before: Json | undefined, after: Json | undefined): JsonChange[] {
  const changes: JsonChange[] = []
  compare([], before, after, changes)
  return changes
}

function compare(
  path: readonly string[],
  before: Json | undefined,
  after: Json | undefined,
  changes: JsonChange[],
): void {
  const both = isObject(before) && isObject(after)
  const one = (isObject(before) && after === undefined) || (before === undefined && isObject(after))
  if (both || (one && path.length < TOLD_DEPTH)) {
    const [old, now] = [before ?? {}, after ?? {}] as [JsonObject, JsonObject]
    const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
    // An object without members that came or went is a difference too.
    if (one && names.length === 0) changes.push({ path, before, after })
    for (const name of names) compare([...path, name], member(old, name), member(now, name), changes)
    return
  }
  const same = before !== undefined && after !== undefined && sameBytes(canonicalJson(before), canonicalJson(after))
  if (!same && (before !== undefined || after !== undefined)) changes.push({ path, before, after })
}

const member = (of: JsonObject, name: string): Json | undefined => (Object.hasOwn(of, name) ? of[name] : undefined)

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

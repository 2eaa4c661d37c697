import { canonicalJson, JsonFault } from '../encoding/canonical-json.ts'
import { Misfit, object, text, whole } from '../encoding/shape.ts'
import { readJson } from '../encoding/strict-json.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { NAME } from './identity.ts'

/**
 * Where a page ended: the last controller of it, and when that was seen, where the order is that of the last sign of life.
 * Pages begin behind a place and not at a number, so that what comes and goes between two pages shifts nothing.
 */
export type Position = { readonly site: string; readonly id: string; readonly seen?: number }

const MAX_CURSOR = 400
const name = text('a name', NAME)
const shape = object({ site: name, id: name }, { seen: whole(0, Number.MAX_SAFE_INTEGER) })

/** The cursor that goes on behind a position: base64url of its JSON. It says nothing that the page did not. */
export function cursorOf({ site, id, seen }: Position): string {
  const place = { id, site }
  return canonicalJson(seen === undefined ? place : { ...place, seen }).toBase64({
    alphabet: 'base64url',
    omitPadding: true,
  })
}

/** Reads a cursor. Refuses `query-cursor-malformed`: it is not one that `cursorOf` wrote. */
export function parseCursor(cursor: unknown): Position | Refusal {
  const bad = (actual: string): Refusal =>
    refuse('query-cursor-malformed', 'the cursor', 'what the page before said is next', actual)
  if (typeof cursor !== 'string' || cursor.length > MAX_CURSOR) return bad('something else')
  let bytes: Uint8Array
  try {
    bytes = Uint8Array.fromBase64(cursor, { alphabet: 'base64url', lastChunkHandling: 'loose' })
  } catch {
    return bad('no base64url')
  }
  const json = readJson(bytes, MAX_CURSOR)
  if (json instanceof JsonFault) return bad(json.message)
  const read = shape(json, '')
  return read instanceof Misfit ? bad(`${read.actual} at ${read.at || 'the top'}`) : read
}

/** A cursor of one name: pages of sites. Refuses `query-cursor-malformed`. */
export function parseSiteCursor(cursor: unknown): string | Refusal {
  if (typeof cursor === 'string' && NAME.test(cursor)) return cursor
  return refuse('query-cursor-malformed', 'the cursor', 'what the page before said is next', 'something else')
}

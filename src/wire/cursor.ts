import { fromBase64, fromUtf8, toBase64, utf8 } from '../core/encoding/bytes.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'

/**
 * Where a page of a list ended: the key of its last item, in the order of the list. What comes before it may change as it
 * likes; the next page begins behind that key, so that whatever stays in the list is given out once and only once.
 *
 * A cursor is opaque to callers and proves nothing: whoever makes one up only says where they want to go on in a list
 * that they may read anyhow, and every page is judged by who asks for it.
 */
export type Place = readonly (string | number)[]

const MAX_CURSOR = 512

/** `list` names the list with its filters: a cursor of another list is of no use. */
export function writeCursor(list: string, place: Place): string {
  return toBase64(utf8(JSON.stringify([list, ...place])))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** The place of a cursor that `writeCursor` made for this list, with parts of these sorts. Refuses `cursor-invalid`. */
export function readCursor(list: string, cursor: string, sorts: readonly ('string' | 'number')[]): Place | Refusal {
  const invalid = refuse('cursor-invalid', `the list of ${list}`, 'the cursor of a page of this list', 'another text')
  if (cursor.length > MAX_CURSOR) return invalid
  const padded = cursor.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (cursor.length % 4)) % 4)
  const text = fromUtf8(fromBase64(padded) ?? new Uint8Array([0xff]))
  const read = text === null ? null : parsed(text)
  if (!Array.isArray(read) || read.length !== sorts.length + 1) return invalid
  const place = read.slice(1) as Place
  const fits = place.every((part, at) => {
    return typeof part === sorts[at] && (typeof part === 'string' || (Number.isSafeInteger(part) && part >= 0))
  })
  // Byte for byte as it was written: of this list, and in no other spelling.
  return fits && writeCursor(list, place) === cursor ? place : invalid
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

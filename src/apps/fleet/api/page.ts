import { isRefusal, type Refusal } from '../../../core/refusal/refusal.ts'
import { type Place, readCursor, writeCursor } from '../../../wire/cursor.ts'
import { breathe } from '../../process/breathe.ts'

/** A page of a list; `next` is the cursor of the page behind it, null for the last one. */
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null }

/** Which page is wanted, as a query asks for it. */
export type Wanted = { readonly cursor?: string; readonly limit?: string }

const DEFAULT = 200

type List<T, P extends Place> = {
  /** The list's name with its filters: cursors of another list are refused. */
  readonly name: string
  /** The sorts of the parts of an item's key. */
  readonly sorts: readonly ('string' | 'number')[]
  /** An item's key: what the list is in order of. It is unique, and stays the item's for ever. */
  readonly keyOf: (item: T) => P
  /** At most `count` items behind a key, in order; from the first one on when it is null. */
  readonly behind: (after: P | null, count: number) => Promise<readonly T[] | Refusal>
}

/** A page of a list. Refuses `cursor-invalid`, and what the list refuses. */
export async function pageOf<T, P extends Place>(wanted: Wanted, list: List<T, P>): Promise<Page<T> | Refusal> {
  const limit = Number(wanted.limit ?? DEFAULT)
  const after = wanted.cursor === undefined ? null : readCursor(list.name, wanted.cursor, list.sorts)
  if (isRefusal(after)) return after
  // One more than asked for: whether a page follows is known without a count.
  const found = await list.behind(after as P | null, limit + 1)
  if (isRefusal(found)) return found
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, next: found.length > limit && last !== undefined ? writeCursor(list.name, list.keyOf(last)) : null }
}

/** The same page with each item as it is shown. Refuses what showing one refuses. */
export async function shown<T, V>(
  page: Page<T> | Refusal,
  show: (item: T) => V | Refusal | Promise<V | Refusal>,
): Promise<Page<V> | Refusal> {
  if (isRefusal(page)) return page
  const items: V[] = []
  for (const item of page.items) {
    const view = await show(item)
    if (isRefusal(view)) return view
    items.push(view)
  }
  return { items, next: page.next }
}

/** Items that are looked at between two turns of the others. */
const LOOKED_AT = 500

/**
 * Of a list, what somebody may see of it. It is read on until the page is full: where a page ends, its cursor says, and it
 * must not say what they may not see. Nor may who makes a cursor up learn whether what is in it is there.
 */
export function seenOnly<T, P extends Place>(
  behind: List<T, P>['behind'],
  keyOf: (item: T) => P,
  sees: (item: T) => Promise<boolean>,
): List<T, P>['behind'] {
  return async (after, count) => {
    const items: T[] = []
    for (let at = after; ; ) {
      const found = await behind(at, LOOKED_AT)
      if (isRefusal(found)) return found
      for (const item of found) if (await sees(item)) items.push(item)
      const last = found.at(-1)
      if (items.length >= count || last === undefined || found.length < LOOKED_AT) return items.slice(0, count)
      at = keyOf(last)
      await breathe()
    }
  }
}

/** For a list that is in memory, in its order: what is behind a key, by where that key stands. */
export function behindIn<T, P extends Place>(
  items: readonly T[],
  isBehind: (item: T, after: P) => boolean,
): List<T, P>['behind'] {
  return async (after, count) => {
    if (after === null) return items.slice(0, count)
    const first = items.findIndex(item => isBehind(item, after))
    return first < 0 ? [] : items.slice(first, first + count)
  }
}

/** Order by code units, as the store orders names. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

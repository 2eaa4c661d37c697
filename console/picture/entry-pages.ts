import type { FoundEntries, FoundEntry } from '../../src/wire/audit-views.ts'

/** A stretch of what a search finds, the newest first, which grows at both ends. */
export type Pages = {
  readonly entries: readonly FoundEntry[]
  /** Where older ones are asked for (`below`); null: there are none. */
  readonly older: number | null
  /** Behind which newer ones are asked for (`above`); below zero: from the beginning. */
  readonly newer: number
  /** Entries in the whole log, as last heard. */
  readonly size: number
}

/** The first page of a search: from the end of the log down, or from one entry down. */
export function begun({ entries, next, size }: FoundEntries, around: number | null): Pages {
  const newer = around === null ? size - 1 : Math.min(around, size - 1)
  return { entries, older: next, newer, size }
}

export function withOlder(pages: Pages, { entries, next, size }: FoundEntries): Pages {
  const last = pages.entries.at(-1)?.index ?? Number.POSITIVE_INFINITY
  const behind = entries.filter(({ index }) => index < last)
  return { ...pages, entries: [...pages.entries, ...behind], older: next, size: Math.max(size, pages.size) }
}

/** `next` of a page of newer ones is where it has come to; null: to the end of the log as it was. */
export function withNewer(pages: Pages, { entries, next, size }: FoundEntries): Pages {
  const first = pages.entries[0]?.index ?? -1
  const before = entries.filter(({ index }) => index > first).toReversed()
  return { ...pages, entries: [...before, ...pages.entries], newer: next ?? size - 1, size: Math.max(size, pages.size) }
}

/** What one can search by, as it stands in the query of the address. */
export const FILTERS = ['site', 'controller', 'campaign', 'kind', 'code', 'actor', 'since', 'until'] as const
export type FilterName = (typeof FILTERS)[number]

/** The question to the server. Days of the address (UTC, both included) become instants; what is none is left out. */
export function searchPath(
  query: URLSearchParams,
  place: { readonly below?: number; readonly above?: number },
): string {
  const asked = new URLSearchParams()
  for (const name of FILTERS) {
    const value = (query.get(name) ?? '').trim()
    if (value === '') continue
    if (name !== 'since' && name !== 'until') asked.set(name, value)
    else {
      const at = dayOf(value, name === 'until')
      if (at !== null) asked.set(name, String(at))
    }
  }
  for (const [name, value] of Object.entries(place)) asked.set(name, String(value))
  return `/v1/audit/search?${asked}`
}

const DAY = 86_400_000

/** The beginning of a day in milliseconds since 1970, or its end. Null for what is no day. */
export function dayOf(text: string, end: boolean): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null
  const at = Date.parse(`${text}T00:00:00Z`)
  return Number.isNaN(at) || at < 0 ? null : end ? at + DAY : at
}

/** Which rows of a list of rows of one height are drawn: those that are seen, and some around them. */
export function windowOf(
  count: number,
  row: number,
  scrolled: number,
  height: number,
): { readonly first: number; readonly last: number } {
  const AROUND = 8
  const first = Math.max(0, Math.floor(scrolled / row) - AROUND)
  const last = Math.min(count, Math.ceil((scrolled + height) / row) + AROUND)
  return { first: Math.min(first, Math.max(0, count - 1)), last }
}

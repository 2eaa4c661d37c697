import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { instant } from '../../../src/core/encoding/units.ts'
import { formatUtc } from '../../../src/core/encoding/utc-time.ts'
import { shortened } from '../../../src/core/ledger/pseudonym.ts'
import type { FoundEntry } from '../../../src/wire/audit-views.ts'
import { useEntries } from '../../live/entry-pages.ts'
import { changedQuery } from '../../picture/address.ts'
import { FILTERS, windowOf } from '../../picture/entry-pages.ts'

/** The height of a row in audit.css, on a wide page and on a narrow one. */
const ROW = 36
const TALL = 66
const NARROW = '(max-width: 760px)'

/** What the search finds, the newest first. Of a million rows those that are seen are drawn; more are asked for as somebody scrolls. */
export function EntryList({ query, opened }: { query: URLSearchParams; opened: number | null }) {
  const filter = useMemo(() => {
    const only = new URLSearchParams()
    for (const name of FILTERS) if (query.has(name)) only.set(name, query.get(name) ?? '')
    return only.toString()
  }, [query])
  const { pages, fault, busy, older, newer } = useEntries(filter, opened)
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 600, row: ROW })
  const entries = pages?.entries ?? []

  useEffect(() => {
    const one = box.current
    if (one === null) return
    const narrow = matchMedia(NARROW)
    const look = (): void => setView({ top: one.scrollTop, height: one.clientHeight, row: narrow.matches ? TALL : ROW })
    look()
    one.addEventListener('scroll', look, { passive: true })
    narrow.addEventListener('change', look)
    return () => {
      one.removeEventListener('scroll', look)
      narrow.removeEventListener('change', look)
    }
  }, [])

  const { first, last } = windowOf(entries.length, view.row, view.top, view.height)
  useEffect(() => {
    if (pages?.older != null && !busy && last >= entries.length - 20) older()
  }, [last, entries.length, busy, pages, older])

  // A list that begins at an entry of a link is continued upwards as soon as somebody is near its top.
  const isBehind = pages !== null && pages.newer < pages.size - 1
  useEffect(() => {
    if (isBehind && !busy && first === 0 && entries.length > 0) newer()
  }, [isBehind, busy, first, entries.length, newer])

  const above = useRef<HTMLDivElement>(null)
  const below = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (above.current !== null) above.current.style.height = `${first * view.row}px`
    if (below.current !== null) below.current.style.height = `${Math.max(0, entries.length - last) * view.row}px`
  }, [first, last, entries.length, view.row])

  // What is new comes in above: whoever reads further down keeps their place.
  const firstIndex = entries[0]?.index ?? -1
  const before = useRef({ first: firstIndex, behind: false })
  useEffect(() => {
    const one = box.current
    const was = before.current
    const added = was.first < 0 ? 0 : entries.findIndex(({ index }) => index === was.first)
    if (one !== null && added > 0 && (one.scrollTop > 0 || was.behind)) one.scrollTop += added * view.row
    before.current = { first: firstIndex, behind: isBehind }
  }, [firstIndex, entries, view.row, isBehind])

  const said =
    pages === null
      ? 'Looking …'
      : pages.older === null && !isBehind
        ? `${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}, all that there are, of ${pages.size} in the log`
        : `${entries.length} so far; more come as you scroll. The log has ${pages.size}`
  return (
    <>
      <p class="audit-count" role="status">
        {said}
        {busy && pages !== null ? ' …' : ''}
      </p>
      {fault !== null && (
        <p class="form-fault" role="alert">
          {fault.detail}
        </p>
      )}
      <div class="audit-rows" ref={box} tabIndex={-1}>
        <div ref={above} />
        <ul class="audit-list" aria-labelledby="entries-title">
          {entries.slice(first, last).map(entry => (
            <Row key={entry.index} entry={entry} query={query} opened={entry.index === opened} />
          ))}
        </ul>
        <div ref={below} />
      </div>
      {pages !== null && entries.length === 0 && <p class="empty">No entry fits.</p>}
    </>
  )
}

function Row({ entry, query, opened }: { entry: FoundEntry; query: URLSearchParams; opened: boolean }) {
  const { index, at, kind, code, site, controller, who, summary } = entry
  const place = [site, controller].filter(one => one !== null).join('/')
  return (
    <li data-row>
      <a
        class={`audit-row${opened ? ' audit-row-open' : ''}`}
        href={`/audit?${changedQuery(query, { entry: String(index) })}`}
        aria-current={opened ? 'true' : undefined}
      >
        <span class="audit-index mono">{index}</span>
        <span class="audit-at mono">
          {at === null ? '–' : formatUtc(instant(at)).replace('T', ' ').replace('Z', '')}
        </span>
        <span class="audit-kind">{kind}</span>
        <span class="audit-place">{place}</span>
        <span class="audit-who">{who === null ? '–' : shortened(who.id)}</span>
        <span class="audit-words">
          {code !== null && <strong class="mono">{code} </strong>}
          {summary ?? 'in the archive'}
        </span>
      </a>
    </li>
  )
}

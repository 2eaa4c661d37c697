import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { AttentionView } from '../../../src/wire/attention-views.ts'
import type { SiteCountView } from '../../../src/wire/inventory-views.ts'
import { usePages } from '../../live/pages.ts'
import { useView } from '../../live/views.ts'
import { Mark } from '../../parts/mark.tsx'
import { useSettled } from '../../parts/use-settled.ts'
import { lineOf } from '../../picture/attention-words.ts'
import { sitesPath } from '../../picture/site-search.ts'
import { visibleRows } from '../../picture/visible-rows.ts'
import { useKey } from '../../shell/keys.ts'
import type { ScreenProps } from '../../shell/screen.ts'

/** The height of a row, in CSS pixels: fleet.css has the same. */
const ROW = 36

type Props = Pick<ScreenProps, 'query' | 'setQuery'>

/** Every site, drawn as far as it is seen. What is looked for, the server looks for in all of them. */
export function Sites({ query, setQuery }: Props) {
  const region = query.get('region')
  const words = query.get('q') ?? ''
  const settled = useSettled(words)
  const { items, heard, fault, more } = usePages<SiteCountView>(sitesPath(region, settled))
  const impossible = sitesPath(region, settled) === null
  // What stood there stays until the answer to what is looked for now.
  const [before, setBefore] = useState(items)
  useEffect(() => {
    if (heard) setBefore(items)
  }, [heard, items])
  const shown = impossible ? [] : heard ? items : before
  const troubles = useTroubles(region)
  const field = useRef<HTMLInputElement>(null)
  useKey('/', 'look for a site', () => field.current?.focus())
  return (
    <section class="panel sites" aria-labelledby="sites-title">
      <header>
        <h2 id="sites-title">Sites</h2>
        <label class="filter">
          <span>
            Look for <kbd>/</kbd>
          </span>
          <input
            ref={field}
            type="search"
            value={words}
            placeholder="quay"
            autocomplete="off"
            spellcheck={false}
            onInput={event => setQuery({ q: event.currentTarget.value })}
            onKeyDown={event => event.key === 'Escape' && field.current?.blur()}
          />
          <output>{settled === '' ? '' : `${more === null ? '' : 'the first '}${shown.length} found`}</output>
        </label>
      </header>
      {fault !== null && <p role="alert">{fault.detail}</p>}
      {(heard || impossible) && shown.length === 0 && (
        <p class="empty">{settled === '' ? 'No site is enrolled yet.' : 'No site has this in its name.'}</p>
      )}
      <Rows sites={shown} troubles={troubles} onEnd={more} />
    </section>
  )
}

function Rows({
  sites,
  troubles,
  onEnd,
}: {
  sites: readonly SiteCountView[]
  troubles: ReadonlyMap<string, AttentionView>
  onEnd: (() => void) | null
}) {
  const box = useRef<HTMLElement>(null)
  const [{ scrolled, height }, setSeen] = useState({ scrolled: 0, height: 480 })
  useLayoutEffect(() => {
    const look = (): void => {
      const { scrollTop: scrolled = 0, clientHeight: height = 0 } = box.current ?? {}
      setSeen(before => (before.scrolled === scrolled && before.height === height ? before : { scrolled, height }))
    }
    look()
    const seen = new ResizeObserver(look)
    const at = box.current
    if (at !== null) seen.observe(at)
    at?.addEventListener('scroll', look, { passive: true })
    return () => {
      seen.disconnect()
      at?.removeEventListener('scroll', look)
    }
  }, [])
  const { from, to } = visibleRows(sites.length, ROW, scrolled, height)
  useEffect(() => {
    if (to >= sites.length && sites.length > 0) onEnd?.()
  }, [to, sites.length, onEnd])
  const space = (rows: number) => rows > 0 && <svg width="1" height={rows * ROW} class="space" aria-hidden="true" />
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by the keyboard
    <section class="site-rows" ref={box} tabIndex={0} aria-label="Sites, in order of their names">
      {space(from)}
      <ul>
        {sites.slice(from, to).map(({ site, region, controllers }) => {
          const trouble = troubles.get(site)
          return (
            <li key={site}>
              <a class="site-row" href={`/sites/${encodeURIComponent(site)}`} data-row>
                <Mark kind={trouble?.level ?? 'good'} />
                <span class="site-name">{site}</span>
                <span class="quiet site-trouble">{trouble === undefined ? '' : lineOf(trouble).text}</span>
                <span class="quiet">{region}</span>
                <span class="site-count">
                  {controllers} <span class="unseen">controllers</span>
                </span>
              </a>
            </li>
          )
        })}
      </ul>
      {space(sites.length - to)}
    </section>
  )
}

/** The worst of each site, as far as the first thousand troubles tell. */
function useTroubles(region: string | null): ReadonlyMap<string, AttentionView> {
  const path = `/v1/attention?limit=1000${region === null ? '' : `&region=${encodeURIComponent(region)}`}`
  const { value } = useView<AttentionView[]>(path)
  return useMemo(() => {
    const troubles = new Map<string, AttentionView>()
    // The worst stands first.
    for (const one of value ?? []) if (one.site !== null && !troubles.has(one.site)) troubles.set(one.site, one)
    return troubles
  }, [value])
}

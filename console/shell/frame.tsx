import type { ComponentChildren, ComponentType } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import type { Fault } from '../live/fault.ts'
import { setQuery } from './router.ts'
import type { ScreenFile, ScreenProps } from './screen.ts'

/** What stands around a screen, at every page of ours. */

/** What stands around what is shown to who has not signed in. */
export function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <header class="top">
        <img src="/icon.svg" alt="" width="24" height="24" />
        <span class="brand">Voltseal</span>
      </header>
      <main id="main" tabIndex={-1} class="outside">
        {children}
      </main>
      <Patterns />
    </>
  )
}

/** A screen by its name, with how its file is fetched. */
export type ScreenRoute = { readonly name: string; readonly load: () => Promise<ScreenFile> }

type Loaded = { readonly at: ComponentType<ScreenProps> } | { readonly fault: string } | null

/** A screen, fetched when it is opened. After a move the focus is on its heading, so that who listens hears where they are. */
export function Screen({
  route,
  params,
  query,
}: {
  route: ScreenRoute
  params: ScreenProps['params']
  query: URLSearchParams
}) {
  const [loaded, setLoaded] = useState<Loaded>(null)
  const { name, load } = route
  useEffect(() => {
    let left = false
    setLoaded(null)
    load().then(
      ({ default: at }) => left || setLoaded({ at }),
      // A server of another version has other files: the page it gives out now knows them.
      () => left || setLoaded({ fault: 'This screen could not be fetched. Load the page anew.' }),
    )
    return () => {
      left = true
    }
  }, [name])
  if (loaded === null) return <p class="empty">Fetching the screen …</p>
  if ('fault' in loaded) return <p role="alert">{loaded.fault}</p>
  return <Arrived screen={loaded.at} params={params} query={query} />
}

function Arrived({
  screen: At,
  params,
  query,
}: { screen: ComponentType<ScreenProps> } & Omit<ScreenProps, 'setQuery'>) {
  const place = Object.values(params).join('/')
  // The same names are the same object: a screen draws anew when it is another thing that it shows.
  const same = useMemo(() => params, [place])
  useLayoutEffect(() => {
    const heading = document.querySelector<HTMLElement>('main h1')
    document.title = heading === null ? 'Voltseal' : `${heading.textContent} · Voltseal`
    if (heading === null) return
    heading.tabIndex = -1
    heading.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [place])
  return <At params={same} query={query} setQuery={setQuery} />
}

/** The server was not heard since the page was opened. */
export function NoAnswer({ fault }: { fault: Fault }) {
  return (
    <section class="panel">
      <h1>No answer</h1>
      <p role="alert">{fault.detail} It is asked again every two seconds.</p>
    </section>
  )
}

/** What who listens is told (announce.ts). */
export const Announcements = () => <p id="announcements" class="unseen" role="status" aria-live="polite" />

/** What drawings share. */
export function Patterns() {
  return (
    <svg class="defs" width="0" height="0" aria-hidden="true">
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0v6" class="hatch-line" />
        </pattern>
      </defs>
    </svg>
  )
}

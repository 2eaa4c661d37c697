import type { ComponentChildren, ComponentType } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import type { Fault } from '../live/fault.ts'
import { keepViews } from '../live/views.ts'
import { findRoute, wayBack } from '../picture/address.ts'
import { Help } from './help.tsx'
import { listenToKeys, moveRow, useKey } from './keys.ts'
import { followLinks, go, goInstead, setQuery, useAddress } from './router.ts'
import { type Route, routes, SIGN_IN, signIn } from './routes.ts'
import type { ScreenProps } from './screen.ts'
import { keepSession, SessionProvider, useStanding } from './session.tsx'
import { Stale } from './stale.tsx'
import { Top } from './top.tsx'

/** The frame of every screen: who is signed in, where one is, how old it all is, and the keys. */
export function Shell() {
  const standing = useStanding()
  const { path, query } = useAddress()
  useEffect(followLinks, [])
  useEffect(listenToKeys, [])
  const outside = standing.at === 'nobody'
  const back = query.get('back')
  useEffect(() => {
    if (outside && path !== SIGN_IN)
      goInstead(`${SIGN_IN}?${new URLSearchParams({ back: `${path}${location.search}` })}`)
    if (standing.at === 'somebody' && path === SIGN_IN) goInstead(wayBack(back))
  }, [outside, standing.at, path, back])

  if (standing.at === 'asking') return <Frame>{null}</Frame>
  if (standing.at === 'unknown') return <Frame>{<NoAnswer fault={standing.fault} />}</Frame>
  if (standing.at === 'nobody') {
    return (
      <Frame>
        <Screen route={signIn} params={{}} query={query} />
      </Frame>
    )
  }
  return (
    <SessionProvider session={standing.session}>
      <SignedIn path={path} query={query} />
    </SessionProvider>
  )
}

function SignedIn({ path, query }: { path: string; query: URLSearchParams }) {
  useEffect(keepViews, [])
  useEffect(keepSession, [])
  const [help, setHelp] = useState(false)
  useKey('?', 'this list of keys', () => setHelp(true))
  useKey('j', 'the next row', () => moveRow(1))
  useKey('k', 'the row before', () => moveRow(-1))
  const found = findRoute(routes, path)
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Top here={found?.route.name ?? null} />
      {routes.map(route => route.key !== undefined && <GoKey key={route.name} route={route} />)}
      <Stale />
      <main id="main" tabIndex={-1}>
        {found === null ? (
          <Nowhere />
        ) : (
          <Screen key={found.route.name} route={found.route} params={found.params} query={query} />
        )}
      </main>
      <Help open={help} onClose={() => setHelp(false)} />
      <Announcements />
      <Patterns />
    </>
  )
}

function GoKey({ route: { key, nav, path } }: { route: Route }) {
  useKey(`g ${key}`, `go to ${nav}`, () => go(path))
  return null
}

function Frame({ children }: { children: ComponentChildren }) {
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

type Loaded = { readonly at: ComponentType<ScreenProps> } | { readonly fault: string } | null

/** A screen, fetched when it is opened. After a move the focus is on its heading, so that who listens hears where they are. */
function Screen({
  route,
  params,
  query,
}: {
  route: Pick<Route, 'name' | 'load'>
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

function Nowhere() {
  return (
    <section class="panel">
      <h1>There is nothing at this address</h1>
      <p>
        <a href="/">The fleet</a>
      </p>
    </section>
  )
}

function NoAnswer({ fault }: { fault: Fault }) {
  return (
    <section class="panel">
      <h1>No answer</h1>
      <p role="alert">{fault.detail} It is asked again every two seconds.</p>
    </section>
  )
}

/** What who listens is told (announce.ts). */
const Announcements = () => <p id="announcements" class="unseen" role="status" aria-live="polite" />

/** What drawings share. */
function Patterns() {
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

import { useEffect, useState } from 'preact/hooks'
import { followEvents } from '../live/feed.ts'
import { keepViews } from '../live/views.ts'
import { findRoute, wayBack } from '../picture/address.ts'
import { Announcements, Frame, NoAnswer, Patterns, Screen } from './frame.tsx'
import { Help } from './help.tsx'
import { listenToKeys, moveRow, useKey } from './keys.ts'
import { followLinks, go, goInstead, useAddress } from './router.ts'
import { type Route, routes, SIGN_IN, signIn } from './routes.ts'
import { keepSession, SessionProvider, useSession, useStanding } from './session.tsx'
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
  const { account } = useSession()
  useEffect(() => keepViews(() => followEvents(account)), [account])
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

import { useEffect } from 'preact/hooks'
import { followEvents } from '../live/feed.ts'
import { keepViews } from '../live/views.ts'
import { findRoute, wayBack } from '../picture/address.ts'
import { Frame, NoAnswer, Screen } from './frame.tsx'
import { listenToKeys, useKey } from './keys.ts'
import { Page } from './page.tsx'
import { followLinks, go, goInstead, useAddress } from './router.ts'
import { type Route, routes, SIGN_IN, signIn } from './routes.ts'
import { SessionProvider, useSession, useStanding } from './session.tsx'
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
  const found = findRoute(routes, path)
  const top = (
    <>
      <Top here={found?.route.name ?? null} />
      {routes.map(route => route.key !== undefined && <GoKey key={route.name} route={route} />)}
    </>
  )
  return <Page top={top} home="The fleet" found={found} query={query} />
}

function GoKey({ route: { key, nav, path } }: { route: Route }) {
  useKey(`g ${key}`, `go to ${nav}`, () => go(path))
  return null
}

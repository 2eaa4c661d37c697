import { useEffect, useState } from 'preact/hooks'
import type { Fault } from '../live/fault.ts'
import { keepViews } from '../live/views.ts'
import { Badge } from '../parts/badge.tsx'
import { PasswordForm } from '../parts/password-form.tsx'
import { type Places, PlacesProvider } from '../parts/places.ts'
import { findRoute } from '../picture/address.ts'
import { Frame, NoAnswer, type ScreenRoute } from '../shell/frame.tsx'
import { listenToKeys } from '../shell/keys.ts'
import { Page } from '../shell/page.tsx'
import { Person } from '../shell/person.tsx'
import { followLinks, useAddress } from '../shell/router.ts'
import { SessionProvider, sessionBegun, useStanding } from '../shell/session.tsx'
import { useFreshness } from '../shell/stale.tsx'
import { pollGateway } from './poll.ts'
import './site-shell.css'

type SiteRoute = ScreenRoute & { readonly path: string }

/** Every address of a gateway's page. The first is in what is fetched first; the others come when they are opened. */
const ROUTES: readonly SiteRoute[] = [
  { name: 'home', path: '/', load: () => import('./home.tsx') },
  { name: 'controller', path: '/controllers/{site}/{id}', load: () => import('../screens/controller.tsx') },
  { name: 'item', path: '/items/{number}', load: () => import('./item.tsx') },
]

/** Here an entry is an item of the gateway's own log, and campaigns are the fleet's. */
const PLACES: Places = {
  of: 'gateway',
  campaign: () => null,
  entry: number => ({ href: `/items/${number}`, words: `item ${number} of this gateway’s own log` }),
  entries: () => null,
}

/** The frame of a gateway's own page: one site, one person on the spot, nothing from anywhere else. */
export function SiteShell() {
  const standing = useStanding()
  useEffect(followLinks, [])
  useEffect(listenToKeys, [])
  if (standing.at === 'asking') return <Frame>{null}</Frame>
  if (standing.at === 'unknown') return <Frame>{<NoAnswer fault={standing.fault} />}</Frame>
  if (standing.at === 'nobody') return <Frame>{<SignIn />}</Frame>
  return (
    <SessionProvider session={standing.session}>
      <PlacesProvider value={PLACES}>
        <SignedIn />
      </PlacesProvider>
    </SessionProvider>
  )
}

/** At whatever address it is opened: behind it the same address shows its screen. */
function SignIn() {
  const [fault, setFault] = useState<Fault | null>(null)
  useEffect(() => {
    document.title = 'Sign in · Voltseal at the site'
  }, [])
  return (
    <section class="panel sign-in">
      <h1>Sign in at this gateway</h1>
      <PasswordForm fault={fault} onFault={setFault} onBegun={sessionBegun} />
      <p class="quiet">
        This gateway knows its people itself, and asks nobody else: it works with the link to the fleet down. Who has no
        password here is let in on its machine: <code>voltseal gateway account add</code>.
      </p>
    </section>
  )
}

function SignedIn() {
  const { path, query } = useAddress()
  useEffect(() => keepViews(pollGateway), [])
  const top = (
    <header class="top">
      <a class="brand" href="/">
        <img src="/icon.svg" alt="" width="24" height="24" />
        Voltseal
      </a>
      <p class="of-gateway">the gateway’s own page</p>
      <Age />
      <Person />
    </header>
  )
  return <Page top={top} home="The site" found={findRoute(ROUTES, path)} query={query} />
}

const Age = () => <Badge freshness={useFreshness()} />

import type { Action } from '../../src/core/fleet/roles.ts'
import type { ScreenFile } from './screen.ts'

/** An address of the console, and the screen that it shows. */
export type Route = {
  readonly name: string
  /** `/sites/{site}`: a name in braces stands for one part of the path. */
  readonly path: string
  /** Its word in the navigation; absent: it is reached from another screen. */
  readonly nav?: string
  /** Behind `g`, it is gone to by this key. */
  readonly key?: string
  /** What one must be allowed to do somewhere for the navigation to show it; absent: nothing. */
  readonly action?: Action
  readonly load: () => Promise<ScreenFile>
}

/**
 * Every address, and the screen behind it, in the order of the navigation. Each screen is a file that the browser fetches when it is
 * opened. Sign-in is no row: who is not signed in is led there from any address, and back again.
 */
export const routes: readonly Route[] = [
  {
    name: 'fleet',
    path: '/',
    nav: 'Fleet',
    key: 'f',
    action: 'read-inventory',
    load: () => import('../screens/fleet.tsx'),
  },
  { name: 'site', path: '/sites/{site}', load: () => import('../screens/site.tsx') },
  { name: 'controller', path: '/controllers/{site}/{id}', load: () => import('../screens/controller.tsx') },
  {
    name: 'campaigns',
    path: '/campaigns',
    nav: 'Campaigns',
    key: 'c',
    action: 'read-campaigns',
    load: () => import('../screens/campaigns.tsx'),
  },
  { name: 'new-campaign', path: '/campaigns/new', load: () => import('../screens/new-campaign.tsx') },
  { name: 'campaign', path: '/campaigns/{id}', load: () => import('../screens/campaign.tsx') },
  {
    name: 'approvals',
    path: '/approvals',
    nav: 'Approvals',
    key: 'a',
    action: 'read-campaigns',
    load: () => import('../screens/approvals.tsx'),
  },
  {
    // Who publishes looks at releases; everybody else comes here from where they plan and read.
    name: 'releases',
    path: '/releases',
    nav: 'Releases',
    key: 'r',
    action: 'publish',
    load: () => import('../screens/releases.tsx'),
  },
  {
    name: 'compliance',
    path: '/compliance',
    nav: 'Compliance',
    action: 'read-campaigns',
    load: () => import('../screens/compliance.tsx'),
  },
  {
    name: 'audit',
    path: '/audit',
    nav: 'Audit',
    key: 'u',
    action: 'read-audit',
    load: () => import('../screens/audit.tsx'),
  },
  { name: 'me', path: '/me', load: () => import('../screens/me.tsx') },
]

/** Where one signs in; `back` in its query is where it leads. */
export const SIGN_IN = '/sign-in'

/** The screen of signing in: all that there is for who is not signed in. It calls `sessionBegun` when it has come to a session. */
export const signIn: Pick<Route, 'name' | 'load'> = { name: 'sign-in', load: () => import('../screens/sign-in.tsx') }

import type { RouteSpec } from './route.ts'
import * as accounts from './routes/accounts.ts'
import * as attention from './routes/attention.ts'
import * as audit from './routes/audit.ts'
import * as campaigns from './routes/campaigns.ts'
import * as ceremonies from './routes/ceremonies.ts'
import * as events from './routes/events.ts'
import * as fleet from './routes/fleet.ts'
import * as gateways from './routes/gateways.ts'
import * as inventory from './routes/inventory.ts'
import * as log from './routes/log.ts'
import * as patches from './routes/patches.ts'
import * as releases from './routes/releases.ts'
import * as server from './routes/server.ts'
import * as siem from './routes/siem.ts'
import * as sites from './routes/sites.ts'
import * as webhooks from './routes/webhooks.ts'

const isRoute = (part: unknown): part is RouteSpec => typeof part === 'object' && part !== null && 'method' in part

/** Every route of the fleet's API. The server opens no other one. */
export const ROUTES: readonly RouteSpec[] = [
  accounts,
  gateways,
  releases,
  patches,
  ceremonies,
  campaigns,
  fleet,
  attention,
  sites,
  inventory,
  audit,
  log,
  events,
  webhooks,
  siem,
  server,
].flatMap(subject => Object.values(subject).filter(isRoute))

const patterns = ROUTES.map(route => {
  const last = route.rest === true ? '.+' : '[^/]+'
  const path = route.path
    .replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&')
    .replace(/\{\w+\}$/, last)
    .replaceAll(/\{\w+\}/g, '[^/]+')
  return { route, path: new RegExp(`^${path}$`) }
})

const braces = ({ path }: RouteSpec): number => path.split('{').length

/** The route that an address means; null for none. As the router does: a name before a place for any name. */
export function routeOf(method: string, url: string): RouteSpec | null {
  const [path = ''] = url.split('?')
  const fitting = patterns.filter(({ route, path: pattern }) => route.method === method && pattern.test(path))
  return fitting.sort((a, b) => braces(a.route) - braces(b.route))[0]?.route ?? null
}

import type { Action } from '../../src/core/fleet/roles.ts'

/** What somebody may do, and where: by action the scopes, each `fleet`, `region:NAME` or `site:NAME`; absent: nowhere. */
export type May = Readonly<Partial<Record<Action, readonly string[]>>>

/**
 * Whether somebody may do something: at a site, or without one anywhere at all. Which region a site lies in the page does not
 * know: a role in a region counts, and the server, which judges each request, refuses what it does not reach.
 */
export function mayDo(may: May, action: Action, site?: string): boolean {
  const scopes = may[action] ?? []
  if (site === undefined) return scopes.length > 0
  return scopes.some(scope => scope === 'fleet' || scope.startsWith('region:') || scope === `site:${site}`)
}

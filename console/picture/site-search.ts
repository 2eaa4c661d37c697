import { MAX_NAMED, NAMED } from '../../src/core/fleet/named.ts'

/** Sites of a page when all are listed, and when somebody looks for some. */
const ALL = 1000
const FOUND = 200

/**
 * Where the sites are that have every word in their own name or in that of their region; all of them for no words. Null: no site
 * can have what was typed, since no name is written so.
 */
export function sitesPath(region: string | null, typed: string): string | null {
  const words = [...new Set(typed.toLowerCase().split(/\s+/))].filter(word => word !== '')
  if (words.length > MAX_NAMED || words.some(word => !NAMED.test(word))) return null
  const query = new URLSearchParams({ limit: `${words.length === 0 ? ALL : FOUND}` })
  if (region !== null) query.set('region', region)
  if (words.length > 0) query.set('named', words.join(','))
  return `/v1/inventory/sites?${query}`
}

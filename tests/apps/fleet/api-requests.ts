import type { RouteSpec } from '../../../src/wire/route.ts'

/** What the contract test of the API asks its routes with. */

/** The path of a route with names of this world. */
export function filled({ path, id: route }: RouteSpec): string {
  const kinds = {
    '/v1/controllers': 'bms-1',
    '/v1/sites': 'bms-1',
    '/v1/webhooks': 'stuck',
    '/v1/accounts': 'administrator',
  }
  const id = Object.entries(kinds).find(([start]) => path.startsWith(start))?.[1] ?? 'alder'
  const files: Readonly<Record<string, string>> = { siteSheet: 'alder.json', logEntries: '000.p/1' }
  const release = 'bms/3.0.0/envelope.suit'
  const names: Readonly<Record<string, string>> = { site: 'quay', id, release, path: files[route] ?? 'timestamp.json' }
  return (
    path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? `no ${name} is known`) + (QUERIES[route] ?? '')
  )
}

/** What a route must be asked with. */
const QUERIES: Readonly<Record<string, string>> = {
  listCompliance: '?campaign=alder',
  listDeadlines: '?by=1',
  lookUpPeople: `?of=person:${'0'.repeat(64)}`,
}

/** What an evidence pack is sealed by. */
export const PACK = { manifest: 'ab'.repeat(32), query: { sites: ['quay'] }, size: 1, events: 0 }

/** The beginning of an import, and what ends it: one line is good, one is not. */
export const BEGIN_LIST = {
  path: '/v1/inventory/imports',
  body: { name: 'list.csv', columns: ['site', 'region', 'controller', 'class', 'hardware'] },
}

export function listOf({ import: id }: { readonly import: number }): [path: string, body: object][] {
  const lines = [
    { line: 2, fields: ['pier', 'nl', 'bms-1', 'bms', 'r1'] },
    { line: 3, fields: ['pier'] },
  ]
  return [
    [`${BEGIN_LIST.path}/${id}/lines`, { lines }],
    [`${BEGIN_LIST.path}/${id}/end`, { take: 'good', bad: 1 }],
  ]
}

import { instant } from '../../src/core/encoding/units.ts'
import { type ControllerQuery, type Position, parseQuery } from '../../src/core/fleet/query.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { InventoryStore } from '../../src/flows/inventory-ports.ts'
import { draw, KIDS, NOW, regionOf, siteName, VERSIONS } from './drawn.ts'

/** Lines of a page, as the API gives them out when nothing else is asked. */
const PAGE = 200

/** A question as people and programs put it; `n` draws what differs from one time to the next. */
export type Question = {
  readonly name: string
  readonly ask: (inventory: InventoryStore, n: number, sites: number) => Promise<unknown>
}

const query = (words: Readonly<Record<string, string>>): ControllerQuery => orThrow(parseQuery(words, instant(NOW)))
const some = (n: number, of: number): number => draw(99, n, of) % of
const classes = ['bms', 'pcs', 'ems', 'ups', 'charger']
const classOf = (n: number): string => classes[some(n, classes.length)]!
/** Versions that some are older than, from the oldest to the newest. */
const older = (n: number): string => `<${VERSIONS[1 + some(n, VERSIONS.length - 1)]}`

/** A page from somewhere in the middle, as who follows cursors gets it. */
const middle = (n: number, sites: number): Position => ({ site: siteName(some(n, sites)), id: 'pcs-70', seen: 0 })

export const QUESTIONS: readonly Question[] = [
  {
    name: 'which sites still run PCS older than 4.2 (first page)',
    ask: inventory => inventory.sites(query({ class: 'pcs', version: '<4.2' }), null, PAGE),
  },
  {
    name: 'which sites have a part of a name in theirs, or in that of their region (first page)',
    ask: (inventory, n, sites) => inventory.sites(query({ named: siteName(some(n, sites)).slice(-3) }), null, PAGE),
  },
  {
    name: 'how many sites and controllers that are',
    ask: async inventory => {
      const asked = query({ class: 'pcs', version: '<4.2' })
      return [await inventory.count(asked), await inventory.countSites(asked)]
    },
  },
  {
    name: 'the same of any class and version, a page from the middle',
    ask: (inventory, n, sites) =>
      inventory.sites(query({ class: classOf(n), version: older(n) }), middle(n, sites).site, PAGE),
  },
  {
    name: 'who is below floor 7 (first page and count)',
    ask: async inventory => {
      const asked = query({ counter: '<7' })
      return [await inventory.page(asked, null, PAGE), await inventory.count(asked)]
    },
  },
  {
    name: 'controllers by class, version and region, a page from the middle',
    ask: (inventory, n, sites) =>
      inventory.page(query({ class: classOf(n), version: older(n), region: regionOf(n) }), middle(n, sites), PAGE),
  },
  {
    name: 'controllers of a site',
    ask: (inventory, n, sites) => inventory.page(query({ site: siteName(some(n, sites)) }), null, PAGE),
  },
  { name: 'version map of the fleet', ask: inventory => inventory.versions({}, 'fleet') },
  { name: 'version map by region', ask: inventory => inventory.versions({}, 'region') },
  {
    name: 'version map of 200 sites',
    ask: async (inventory, n, sites) => {
      const page = await inventory.sites({}, middle(n, sites).site, PAGE)
      return inventory.versions({ sites: page.map(({ site }) => site) }, 'site')
    },
  },
  {
    name: 'version map of a site by rack',
    ask: (inventory, n, sites) => inventory.versions({ sites: [siteName(some(n, sites))] }, 'rack'),
  },
  { name: 'who has a label', ask: inventory => inventory.page(query({ label: 'critical' }), null, PAGE) },
  {
    name: 'who does not accept a key',
    ask: (inventory, n) => inventory.page(query({ 'lacks-anchor': KIDS[some(n, 3)]! }), null, PAGE),
  },
  { name: 'who runs golden', ask: inventory => inventory.page(query({ state: 'golden' }), null, PAGE) },
  {
    name: 'who was not heard for 29 days',
    ask: inventory => inventory.page(query({ 'seen-before': '29d' }), null, PAGE),
  },
]

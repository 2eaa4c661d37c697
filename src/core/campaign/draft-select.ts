import { inRange } from '../firmware/version-range.ts'
import { type FleetController, parseRefKey } from '../fleet/inventory.ts'
import type { Site, SiteController } from '../fleet/topology.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { keyOf } from './draft-fit.ts'
import type { Selection } from './plan-request.ts'

/** Whether controllers are selected; every name is looked up once, however many there are. */
export function selector(select: Selection): (controller: FleetController, board: SiteController) => boolean {
  const wanted = (names: readonly string[] | undefined): ((name: string) => boolean) => {
    const set = new Set(names)
    return names === undefined ? () => true : name => set.has(name)
  }
  const [region, site, kind, named] = [select.regions, select.sites, select.classes, select.controllers].map(
    wanted,
  ) as [(name: string) => boolean, (name: string) => boolean, (name: string) => boolean, (name: string) => boolean]
  const label = wanted(select.labels)
  const { labels: asked, versions = {} } = select
  const runs = ({ class: of, attested }: FleetController): boolean => {
    const range = Object.hasOwn(versions, of) ? versions[of] : undefined
    return range === undefined || (attested !== null && inRange(attested.running.version, range))
  }
  return (controller, board) =>
    region(controller.region) &&
    site(controller.site) &&
    kind(controller.class) &&
    (asked === undefined || (board.labels?.some(label) ?? false)) &&
    named(keyOf(controller)) &&
    runs(controller)
}

/** The sites that a selection can be about; null: any. Nobody else's controllers are read. */
export function sitesOfSelection({ sites, controllers }: Selection): ReadonlySet<string> | null {
  if (controllers !== undefined) {
    const own = controllers.flatMap(key => parseRefKey(key)?.site ?? [])
    return new Set(sites === undefined ? own : own.filter(site => sites.includes(site)))
  }
  return sites === undefined ? null : new Set(sites)
}

/** Whether a selection by regions and sites takes in a site. */
export const isWithin = ({ regions, sites }: Selection, { region, site }: Pick<Site, 'region' | 'site'>): boolean =>
  (regions?.includes(region) ?? true) && (sites?.includes(site) ?? true)

/** A named controller that is not spelt as one. Refuses `plan-controller-unknown`. */
export function misspelt({ controllers = [] }: Selection): Refusal | null {
  const wrong = controllers.findIndex(key => parseRefKey(key) === null)
  if (wrong < 0) return null
  const key = controllers[wrong] as string
  const expected = 'a registered controller, SITE/CONTROLLER'
  return refuse('plan-controller-unknown', key, expected, `another form at select.controllers[${wrong}]`)
}

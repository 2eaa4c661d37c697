import { type Millis, millis, type WattHours, type Watts, wattHours, watts } from '../../src/core/encoding/units.ts'
import type { Site } from '../../src/core/fleet/topology.ts'

/**
 * What a controller stands for in the plant: a battery rack, a power conversion system that racks feed the grid through,
 * an uninterruptible power supply in front of the critical load, a charging point, or something that carries no power.
 */
export type UnitKind = 'rack' | 'pcs' | 'ups' | 'charger' | 'control'

/** One controller with the part of the plant that goes away while it restarts. */
export type Unit = {
  readonly id: string
  readonly kind: UnitKind
  readonly power: Watts
  readonly energy: WattHours
  readonly feeder: string | null
  /** The unit through which its power flows. */
  readonly behind: string | null
  /** How long it is away from its duty when it restarts into an update. */
  readonly restart: Millis
}

/** Redundancy: at least `needed` of the members are in service. */
export type Group = Pick<Site['groups'][number], 'id' | 'members' | 'needed'>

/** What stands at a site. `criticalLoad` is behind the UPS, and there day and night. */
export type PlantSpec = {
  readonly site: string
  readonly region: string
  readonly units: readonly Unit[]
  readonly groups: readonly Group[]
  readonly criticalLoad: Watts
}

/** What the classes of the simulated sites stand for. A class that is not here carries no power. */
const KINDS: Readonly<Record<string, UnitKind>> = { bms: 'rack', pcs: 'pcs', ups: 'ups', evse: 'charger' }

/** The plant that a site file describes. `kinds` adds classes of other names. */
export function plantOf(
  site: Site,
  criticalLoad: Watts = watts(0),
  kinds: Readonly<Record<string, UnitKind>> = {},
): PlantSpec {
  const known = { ...KINDS, ...kinds }
  const boards = new Map(site.controllers.map(one => [one.id, one]))
  const units = site.controllers.map((one): Unit => {
    const { id, power = watts(0), energy = wattHours(0), behind = null } = one
    const feeder = one.feeder ?? (behind === null ? undefined : boards.get(behind)?.feeder) ?? null
    return {
      id,
      kind: known[one.class] ?? 'control',
      power,
      energy,
      feeder,
      behind,
      restart: site.classes[one.class]?.restart ?? millis(0),
    }
  })
  return { site: site.site, region: site.region, units, groups: site.groups, criticalLoad }
}

import type { Happenings } from '../../../sim/plant/happenings.ts'
import { QUIET } from '../../../sim/plant/happenings.ts'
import type { PlantSpec, Unit, UnitKind } from '../../../sim/plant/unit.ts'
import { type Instant, instant, millis, wattHours, watts } from '../../../src/core/encoding/units.ts'

export const T0 = instant(Date.UTC(2026, 2, 1))
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const later = (at: number, by: number): Instant => instant(at + by)

export function unit(id: string, kind: UnitKind, power = 0, energy = 0, more: Partial<Unit> = {}): Unit {
  const rest = { feeder: null, behind: null, restart: millis(10 * MINUTE), ...more }
  return { id, kind, power: watts(power), energy: wattHours(energy), ...rest }
}

/** Two converters of 1 MW, two racks of 1 MWh behind each. */
export const WIND: PlantSpec = {
  site: 'ridge',
  region: 'north',
  criticalLoad: watts(0),
  groups: [{ id: 'converters', members: ['pcs-1', 'pcs-2'], needed: 1 }],
  units: [
    unit('ems-1', 'control'),
    unit('pcs-1', 'pcs', 1e6),
    unit('pcs-2', 'pcs', 1e6),
    ...[1, 2, 3, 4].map(n => unit(`bms-${n}`, 'rack', 5e5, 1e6, { behind: `pcs-${n < 3 ? 1 : 2}` })),
  ],
}

/** Two UPS that each carry the whole load (2N), and a rack with a converter. */
export const UPS: PlantSpec = {
  site: 'hall',
  region: 'west',
  criticalLoad: watts(4e5),
  groups: [{ id: 'ups', members: ['ups-1', 'ups-2'], needed: 1 }],
  units: [
    unit('ups-1', 'ups', 5e5, 1e5),
    unit('ups-2', 'ups', 5e5, 1e5),
    unit('pcs-1', 'pcs', 5e5),
    unit('bms-1', 'rack', 5e5, 1e6, { behind: 'pcs-1' }),
  ],
}

export const happening = (some: Partial<Happenings>): Happenings => ({ ...QUIET, ...some })

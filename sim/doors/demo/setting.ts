import type { Phase } from '../fast-clock.ts'

/**
 * Where a demo plays: which site (sim/sites), which firmware, and what of the world around it is simulated beside the
 * controllers.
 */
export type Setting = {
  readonly site: string
  /** The classes that get firmware, and of them those that get an update. */
  readonly classes: readonly string[]
  readonly updated: readonly string[]
  /**
   * The local time of the site at which the demo begins, and how fast time goes by once the campaign has started; null: the
   * machine's own clock.
   */
  readonly clock: { readonly from: string; readonly rate: number } | null
  /** The way between gateway and fleet: bytes a second each way, and the chance that a connection breaks in a second. */
  readonly link: { readonly bytesPerSecond: number; readonly loss: number } | null
  /** Whether a plant stands behind the controllers, whose EMS the gateway asks (see sim/doors/plant.ts). */
  readonly plant: boolean
  /** Of the releases; and of a campaign in few words, its soak, and when a controller that does not come back has failed. */
  readonly times: { readonly health: string; readonly soak: string; readonly timeout: string }
  readonly maxRestarting: number
  /** Whether the campaign is made from a plan file beside the site file, or in few words. */
  readonly planFile: boolean
}

/** Seven controllers, real time, a good link, and no plant. */
export const HARBOUR: Setting = {
  site: 'harbour',
  classes: ['bms', 'pcs', 'ems'],
  updated: ['bms', 'pcs'],
  clock: null,
  link: null,
  plant: false,
  times: { health: '1500ms', soak: '500ms', timeout: '60s' },
  maxRestarting: 2,
  planFile: false,
}

/** An evening at a wind farm: the commitment of the evening runs until 22:00. */
export const WIND_STORAGE: Setting = {
  site: 'wind-storage',
  classes: ['bms', 'pcs', 'ems'],
  updated: ['bms', 'pcs'],
  clock: { from: '21:40', rate: 60 },
  link: { bytesPerSecond: 96_000, loss: 0.04 },
  plant: true,
  times: { health: '4min', soak: '1min', timeout: '3h' },
  maxRestarting: 3,
  planFile: true,
}

/** A night at a data centre: the window opens at 01:00. */
export const DATACENTER_UPS: Setting = {
  site: 'datacenter-ups',
  classes: ['bms', 'pcs', 'ups', 'ems'],
  updated: ['bms', 'pcs', 'ups'],
  clock: { from: '00:50', rate: 60 },
  link: null,
  plant: true,
  times: { health: '4min', soak: '1min', timeout: '3h' },
  maxRestarting: 3,
  planFile: true,
}

/** Simulated time begins at the latest such local time that is so long ago, in milliseconds: no certificate is of the future. */
const AGO = 3 * 3_600_000

/** How the clock of a demo that starts now begins: at the pace of time itself. */
export function beginningOf({ clock }: Setting, zone: string, now: number): Phase | null {
  if (clock === null) return null
  const [hour, minute] = clock.from.split(':').map(Number) as [number, number]
  const latest = Temporal.Instant.fromEpochMilliseconds(now - AGO).toZonedDateTimeISO(zone)
  const today = latest.with({ hour, minute, second: 0, millisecond: 0, microsecond: 0, nanosecond: 0 })
  const at = Temporal.ZonedDateTime.compare(today, latest) <= 0 ? today : today.subtract({ days: 1 })
  return { real: now, simulated: at.epochMilliseconds, rate: 1 }
}

import { type Instant, instant, watts } from '../../src/core/encoding/units.ts'
import { parseSite, type Site } from '../../src/core/fleet/topology.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { seeded } from '../clock/random.ts'
import { type MeterFault, Meters } from '../plant/conditions.ts'
import { Plant } from '../plant/plant.ts'
import { SiteRun } from '../plant/site-run.ts'
import { plantOf } from '../plant/unit.ts'
import { type Life, lifeOf } from '../plant/weather.ts'

/** Twelve zones of two hemispheres: with and without summer time, at whole, half and odd hours from UTC. */
export const ZONES = [
  'Europe/Oslo',
  'Europe/London',
  'America/New_York',
  'America/St_Johns',
  'America/Los_Angeles',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Adelaide',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
] as const

const common = { slot: '1MiB', hardware: 'r1', restart: '10min' }
const CLASSES = {
  bms: { ...common, duty: 'power' },
  pcs: { ...common, duty: 'power' },
  ups: { ...common, duty: 'protection' },
  evse: { ...common, duty: 'power', restart: '5min' },
  meter: { ...common, duty: 'auxiliary', restart: '2min' },
}
const every = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const link = 'lan'
const age = { maxAgeMillis: '30s' }

/** Wind and storage: nothing restarts while power is sold, or soon will be. */
const wind = {
  controllers: [
    { id: 'meter-1', class: 'meter', link },
    ...[1, 2, 3].flatMap(n => [
      { id: `pcs-${n}`, class: 'pcs', link, power: '1MW', feeder: n === 3 ? 'east' : 'west' },
      { id: `bms-${n}a`, class: 'bms', link, power: '500kW', energy: '750kWh', behind: `pcs-${n}` },
      { id: `bms-${n}b`, class: 'bms', link, power: '500kW', energy: '750kWh', behind: `pcs-${n}` },
    ]),
  ],
  groups: [{ id: 'conversion', members: ['pcs-1', 'pcs-2', 'pcs-3'], needed: 2 }],
  limits: {
    permissives: [
      { point: 'dispatch', is: false, ...age },
      { point: 'dispatch-in', min: 900, ...age },
      { point: 'state-of-charge', min: 15, ...age },
      { point: 'grid-event', is: false, ...age },
      { point: 'islanded', is: false, ...age },
    ],
    budgets: [{ per: 'site', watts: '1MW', controllers: 3 }],
  },
}

/** A data centre: at night only, and never both UPS. */
const hall = {
  controllers: [
    { id: 'ups-1', class: 'ups', link, power: '500kW', energy: '100kWh', feeder: 'a' },
    { id: 'ups-2', class: 'ups', link, power: '500kW', energy: '100kWh', feeder: 'b' },
    { id: 'pcs-1', class: 'pcs', link, power: '500kW', feeder: 'a' },
    { id: 'bms-1', class: 'bms', link, power: '500kW', energy: '1MWh', behind: 'pcs-1' },
    { id: 'meter-1', class: 'meter', link },
  ],
  groups: [{ id: 'ups', members: ['ups-1', 'ups-2'], needed: 1 }],
  limits: {
    windows: [{ days: every, from: '01:30', to: '04:30' }],
    permissives: [
      { point: 'on-backup', is: false, ...age },
      { point: 'islanded', is: false, ...age },
      { point: 'active-alarms', max: 0, ...age },
    ],
    budgets: [{ per: 'feeder', watts: '500kW' }],
    restarting: 2,
  },
}

/** A charging depot: no car loses its session. */
const depot = {
  controllers: [
    ...[1, 2, 3, 4].map(n => ({ id: `evse-${n}`, class: 'evse', link, power: '150kW', feeder: 'yard' })),
    { id: 'pcs-1', class: 'pcs', link, power: '500kW', feeder: 'yard' },
    { id: 'bms-1', class: 'bms', link, power: '500kW', energy: '1MWh', behind: 'pcs-1' },
  ],
  groups: [{ id: 'chargers', members: ['evse-1', 'evse-2', 'evse-3', 'evse-4'], needed: 2 }],
  limits: {
    blackouts: [{ why: 'the evening rush', days: every, from: '16:00', to: '20:00' }],
    permissives: [
      { point: 'charging-session', is: false, ...age, classes: ['evse'] },
      { point: 'grid-event', is: false, ...age },
    ],
    budgets: [{ per: 'site', watts: '600kW' }],
  },
}

const KINDS = [
  { name: 'wind', is: wind, criticalLoad: 0, life: { wind: 2e6, sells: 1.8e6, sessions: 0 } },
  { name: 'hall', is: hall, criticalLoad: 4e5, life: { wind: 0, sells: 0, sessions: 0 } },
  { name: 'depot', is: depot, criticalLoad: 0, life: { wind: 1e5, sells: 0, sessions: 5 } },
] as const

/** A site of the year: its gateway without doors, its plant, and a fate for every order. */
export type YearSite = { readonly site: Site; readonly plant: Plant; readonly run: SiteRun }

/** The `n`th site of a year. */
export function siteOf(n: number, seed: number, from: Instant, days: number): YearSite {
  const kind = KINDS[n % KINDS.length] as (typeof KINDS)[number]
  const zone = ZONES[n % ZONES.length] as string
  const head = { site: `${kind.name}-${n}`, name: `Site ${n}`, region: `region-${n % 4}`, zone, vendor: 'v.example' }
  const rest = { gateway: { id: 'gw' }, links: [{ id: link, kind: 'ethernet' }], classes: CLASSES }
  const site = orThrow(parseSite({ ...head, ...rest, ...kind.is }, head.site))
  const spec = plantOf(site, watts(kind.criticalLoad))
  const random = seeded(seed + n * 7919)
  const life: Life = { ...kind.life, outages: 12, gridEvents: 40, alarms: 30, linkLosses: 40, shift: n % 24 }
  const plant = new Plant(spec, lifeOf(spec, life, seed, from, days), from, 0.3 + 0.6 * random())
  return { site, plant, run: new SiteRun(site, plant, new Meters(plant, faultsOf(random, from, days))) }
}

/** Meters out of order: ten times a year, for hours. */
function faultsOf(random: () => number, from: number, days: number): MeterFault[] {
  return Array.from({ length: Math.ceil((10 * days) / 365) }, (): MeterFault => {
    const begins = from + random() * days * 86_400_000
    const span = { from: instant(begins), to: instant(begins + random() * 12 * 3_600_000) }
    return random() < 0.5 ? { ...span, is: 'gone' } : { ...span, is: 'stuck' }
  })
}

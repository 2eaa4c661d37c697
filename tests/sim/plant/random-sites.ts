import fc from 'fast-check'
import { seeded } from '../../../sim/clock/random.ts'
import { type MeterFault, Meters } from '../../../sim/plant/conditions.ts'
import { Plant } from '../../../sim/plant/plant.ts'
import { type Fate, SiteRun } from '../../../sim/plant/site-run.ts'
import { plantOf } from '../../../sim/plant/unit.ts'
import { Watch } from '../../../sim/plant/watch.ts'
import { lifeOf } from '../../../sim/plant/weather.ts'
import { type Instant, instant, watts } from '../../../src/core/encoding/units.ts'
import { parseSite, type Site } from '../../../src/core/fleet/topology.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, MINUTE } from './plants.ts'

/** Instants near which clocks change, and one at which nothing does; in zones of whole, half and odd hours. */
const STARTS = [
  Date.UTC(2026, 2, 28, 12),
  Date.UTC(2026, 9, 24, 12),
  Date.UTC(2026, 10, 1, 0),
  Date.UTC(2026, 3, 4, 6),
  Date.UTC(2026, 6, 15, 3),
]
const ZONES = ['Europe/Oslo', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Chatham', 'UTC']

const time = fc
  .tuple(fc.nat(23), fc.constantFrom('00', '15', '30', '59'))
  .map(([h, m]) => `${String(h).padStart(2, '0')}:${m}`)
const days = fc.subarray(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const, { minLength: 1 })
const window = fc.record({ days, from: time, to: time }).filter(({ from, to }) => from !== to)
const permissives = fc.subarray([
  { point: 'state-of-charge', min: 30, maxAgeMillis: 60_000 },
  { point: 'state-of-charge', max: 95, maxAgeMillis: 60_000 },
  { point: 'dispatch', is: false, maxAgeMillis: 60_000 },
  { point: 'grid-event', is: false, maxAgeMillis: 60_000 },
  { point: 'islanded', is: false, maxAgeMillis: 60_000 },
  { point: 'on-backup', is: false, maxAgeMillis: 60_000 },
  { point: 'active-alarms', max: 0, maxAgeMillis: 60_000 },
  { point: 'charging-session', is: false, maxAgeMillis: 60_000, classes: ['evse'] },
])
const budgets = fc.array(
  fc.oneof(
    fc.record({ per: fc.constantFrom('site', 'feeder'), watts: fc.integer({ min: 5e5, max: 3e6 }) }),
    fc.record({ per: fc.constantFrom('site', 'feeder'), controllers: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ per: fc.constant('site'), wattHours: fc.integer({ min: 1e6, max: 4e6 }) }),
  ),
  { maxLength: 3 },
)
const rules = fc.record({
  windows: fc.array(window, { maxLength: 2 }),
  blackouts: fc.array(
    window.map(one => ({ why: 'market', ...one })),
    { maxLength: 1 },
  ),
  permissives,
  budgets,
  restarting: fc.option(fc.integer({ min: 1, max: 5 })),
})

export const situation = fc.record({
  seed: fc.nat(1e9),
  start: fc.constantFrom(...STARTS),
  zone: fc.constantFrom(...ZONES),
  converters: fc.integer({ min: 1, max: 4 }),
  // At least one: a limit on energy needs somebody who has some.
  racks: fc.integer({ min: 1, max: 3 }),
  ups: fc.constantFrom(0, 2, 3),
  chargers: fc.nat(2),
  auxiliary: fc.nat(2),
  limits: rules,
  plan: rules,
  restart: fc.constantFrom('5min', '20min', '1h'),
  faulty: fc.boolean(),
})
export type Situation = typeof situation extends fc.Arbitrary<infer S> ? S : never

function siteOf(s: Situation, seed: number): Site {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1)
  const members = (kind: string, count: number) => numbers(count).map(n => `${kind}-${n}`)
  const link = 'lan'
  const controllers = [
    ...numbers(s.auxiliary).map(n => ({ id: `meter-${n}`, class: 'meter', link })),
    ...numbers(s.ups).map(n => ({ id: `ups-${n}`, class: 'ups', link, power: 3e5, energy: 1e5, feeder: `f${n % 2}` })),
    ...numbers(s.chargers).map(n => ({ id: `evse-${n}`, class: 'evse', link, power: 15e4, feeder: 'f0' })),
    ...numbers(s.converters).flatMap(n => [
      { id: `pcs-${n}`, class: 'pcs', link, power: 1e6, feeder: `f${n % 2}` },
      ...numbers(s.racks).map(m => {
        return { id: `bms-${n}${m}`, class: 'bms', link, power: 5e5, energy: 1e6, behind: `pcs-${n}` }
      }),
    ]),
  ]
  const pairs = [
    { id: 'converters', members: members('pcs', s.converters), needed: s.converters - 1 },
    { id: 'ups', members: members('ups', s.ups), needed: s.ups - 1 },
  ]
  const common = { slot: '1MiB', hardware: 'r1', restart: s.restart }
  const description = {
    ...{
      site: `site-${seed}`,
      name: 'Random',
      region: 'north',
      zone: s.zone,
      vendor: 'v.example',
      gateway: { id: 'gw' },
    },
    classes: {
      bms: { ...common, duty: 'power' },
      pcs: { ...common, duty: 'power' },
      ups: { ...common, duty: 'protection' },
      evse: { ...common, duty: 'power' },
      meter: { ...common, duty: 'auxiliary' },
    },
    links: [{ id: link, kind: 'ethernet' }],
    controllers,
    groups: pairs.filter(({ members: all, needed }) => all.length > 1 && needed > 0),
    limits: s.limits,
  }
  return orThrow(parseSite(description, 'a random site'))
}

/** Fates of controllers: most come back in time, some do not stand it, one in many stays dark. */
function fateOf(random: () => number, restart: number): Fate {
  const draw = random()
  const ends = draw < 0.85 ? 'confirmed' : draw < 0.97 ? 'reverted' : 'dark'
  return { staging: MINUTE * (1 + 60 * random()), away: restart * (0.2 + 0.8 * random()), ends }
}

/** Meters that are out of order now and then. */
function faultsOf(random: () => number, from: number): MeterFault[] {
  return Array.from({ length: 6 }, (): MeterFault => {
    const begins = from + random() * 60 * HOUR
    const span = { from: instant(begins), to: instant(begins + random() * 4 * HOUR) }
    return random() < 0.5 ? { ...span, is: 'gone' } : { ...span, is: 'stuck' }
  })
}

export type Ran = { readonly run: SiteRun; readonly watch: Watch; readonly plant: Plant }

/** Runs one campaign over all controllers of a random site, for so many hours. */
export function ran(s: Situation, hours = 48, step = 10 * MINUTE): Ran {
  const random = seeded(s.seed)
  const site = siteOf(s, s.seed)
  const start: Instant = instant(s.start)
  const spec = plantOf(site, watts(s.ups === 0 ? 0 : 3e5 * (s.ups - 1)))
  const life = {
    wind: 1e6,
    sells: 8e5 * s.converters,
    outages: 60,
    gridEvents: 90,
    alarms: 120,
    linkLosses: 0,
    sessions: 5,
    shift: 0,
  }
  const plant = new Plant(spec, lifeOf(spec, life, s.seed, start, hours / 24 + 1), start, 0.3 + 0.6 * random())
  const run = new SiteRun(site, plant, new Meters(plant, s.faulty ? faultsOf(random, start) : []))
  const plan = orThrow(parseSite({ ...JSON.parse(JSON.stringify(site)), limits: s.plan }, 'a plan')).limits
  run.terms.set('spring', { rules: plan, priority: 50, maxFailures: null, tries: null, back: [] })
  const watch = new Watch(site, plant, [plan])
  const until = instant(start + hours * HOUR)
  for (const { id, class: className } of site.controllers) {
    const restart = site.classes[className]?.restart ?? 0
    run.order({ controller: id, assignment: `spring/${id}/1`, until, fate: fateOf(random, restart) })
  }
  for (let at = start + step; at <= until; at += step) {
    for (const grant of run.tick(instant(at))) watch.granted(grant)
    watch.look()
  }
  return { run, watch, plant }
}

import { unstated } from '../../../sim/versions/site.ts'
import { coordinate, type Situation } from '../../../src/core/campaign/coordinator.ts'
import type { Reading } from '../../../src/core/campaign/rules/readings.ts'
import type { SiteWork } from '../../../src/core/campaign/site-work.ts'
import type { Terms } from '../../../src/core/campaign/terms.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { rulesShape, type SiteRules } from '../../../src/core/fleet/site-rules.ts'
import { parseSite, type Site } from '../../../src/core/fleet/topology.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'

/** Wednesday 2026-11-11, 12:00 UTC. */
export const NOON = Date.UTC(2026, 10, 11, 12)

/** Rules as people write them. */
export function rules(written: object): SiteRules {
  const read = rulesShape(written, 'rules')
  if (read instanceof Misfit) throw new Error(`${read.at}: ${read.expected}, not ${read.actual}`)
  return read
}

export const terms = (written: object = {}, more: Partial<Terms> = {}): Terms => ({
  rules: rules(written),
  priority: 50,
  maxFailures: null,
  tries: null,
  back: [],
  ...more,
})

/** Two PCS on two feeders, two racks behind each, a display, and a board of the EMS. */
const YARD = {
  site: 'yard',
  name: 'Yard',
  region: 'nl-west',
  zone: 'UTC',
  vendor: 'voltworks.example',
  gateway: { id: 'gw' },
  links: [{ id: 'lan', kind: 'ethernet' }],
  classes: {
    pcs: { slot: '1MiB', hardware: 'r1', duty: 'power', restart: '5min' },
    bms: { slot: '1MiB', hardware: 'r1', duty: 'protection', restart: '10min' },
    ems: { slot: '1MiB', hardware: 'r1' },
    display: { slot: '1MiB', hardware: 'r1', duty: 'auxiliary', restart: '1min' },
  },
  controllers: [
    { id: 'pcs-1', class: 'pcs', link: 'lan', power: '1MW', feeder: 'f1', circle: 'one' },
    {
      id: 'bms-1',
      class: 'bms',
      link: 'lan',
      power: '500kW',
      energy: '1MWh',
      behind: 'pcs-1',
      circle: 'one',
      rack: 'A1',
    },
    {
      id: 'bms-2',
      class: 'bms',
      link: 'lan',
      power: '500kW',
      energy: '1MWh',
      behind: 'pcs-1',
      circle: 'one',
      rack: 'A2',
    },
    { id: 'pcs-2', class: 'pcs', link: 'lan', power: '1MW', feeder: 'f2', circle: 'two' },
    {
      id: 'bms-3',
      class: 'bms',
      link: 'lan',
      power: '500kW',
      energy: '1MWh',
      behind: 'pcs-2',
      circle: 'two',
      rack: 'B1',
    },
    {
      id: 'bms-4',
      class: 'bms',
      link: 'lan',
      power: '500kW',
      energy: '1MWh',
      behind: 'pcs-2',
      circle: 'two',
      rack: 'B2',
    },
    { id: 'ems-1', class: 'ems', link: 'lan' },
    { id: 'display-1', class: 'display', link: 'lan' },
  ],
}

export const yard = (more: object = {}): Site => orThrow(parseSite({ ...YARD, ...more }, 'yard'))

export const staged = (campaign = 'spring', since = 0): SiteWork => ({
  at: 'staged',
  assignment: `${campaign}/x/0`,
  since: instant(since),
})
export const granted = (campaign = 'spring'): SiteWork => ({
  at: 'granted',
  assignment: `${campaign}/x/0`,
  since: instant(NOON - 60_000),
  latest: instant(NOON + 60_000),
})

/** A situation at noon: the work as given, every order good for a day, no rule but what is named. */
export function at(work: Readonly<Record<string, SiteWork>>, more: Partial<Situation> = {}): Situation {
  return {
    site: yard(),
    work: new Map(Object.entries(work)),
    until: new Map(Object.keys(work).map(id => [id, instant(NOON + 86_400_000)])),
    terms: new Map([['spring', terms()]]),
    steps: [],
    versions: unstated(Object.keys(work)),
    failed: [],
    standings: new Map(yard().controllers.map(({ id }) => [id, 'stable'])),
    readings: [],
    restarting: 100,
    now: instant(NOON),
    clock: instant(NOON),
    doubts: [],
    ...more,
  }
}

/** Who goes, and of each of the others why not: `rule: because`. */
export function told(situation: Situation): { go: string[]; wait: Record<string, string> } {
  const { grants, waits } = coordinate(situation)
  return {
    go: grants.map(({ controller }) => controller),
    wait: Object.fromEntries(waits.map(({ controller, rule, because }) => [controller, `${rule}: ${because}`])),
  }
}

export const reading = (
  point: Reading['point'],
  value: Reading['value'],
  of: string | null = null,
  age = 4,
): Reading => ({
  point,
  of,
  value,
  at: instant(NOON - age * 1000),
})

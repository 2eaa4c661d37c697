import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../../sim/clock/random.ts'
import { unstated } from '../../../sim/versions/site.ts'
import { type Line, lineFrom, readClock } from '../../../src/core/campaign/clock-line.ts'
import { coordinate } from '../../../src/core/campaign/coordinator.ts'
import type { Reading } from '../../../src/core/campaign/rules/readings.ts'
import { decideSiteWork, type SiteEvent, type SiteWork } from '../../../src/core/campaign/site-work.ts'
import type { Terms } from '../../../src/core/campaign/terms.ts'
import { type Instant, instant, millis } from '../../../src/core/encoding/units.ts'
import type { Budget, SiteRules } from '../../../src/core/fleet/site-rules.ts'
import { parseSite, type Site } from '../../../src/core/fleet/topology.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { NOON, rules, terms } from './situations.ts'

/**
 * A site run minute by minute with everything that can go wrong: controllers that take their time, go dark, or come back
 * late; orders that are taken back; meters that fail. What must never be is judged by an oracle that shares nothing with
 * the coordinator but the words of the rules.
 */

const MINUTE = 60_000
const RESTART = 10 * MINUTE
const CAMPAIGNS = ['spring', 'autumn']

const budget = fc.oneof(
  fc.record({ per: fc.constantFrom('site', 'feeder'), watts: fc.integer({ min: 200, max: 3000 }) }),
  fc.record({ per: fc.constantFrom('site', 'feeder'), wattHours: fc.integer({ min: 200, max: 3000 }) }),
  fc.record({ per: fc.constantFrom('site', 'feeder'), controllers: fc.integer({ min: 1, max: 4 }) }),
)
const hour = fc.integer({ min: 0, max: 23 }).map(value => `${String(value).padStart(2, '0')}:00`)
const window = fc.record({ days: fc.constant(['wed', 'thu']), from: hour, to: hour })
const written = fc.record({
  windows: fc.array(window, { maxLength: 2 }),
  blackouts: fc.array(
    fc.record({ why: fc.constant('peak'), from: fc.constant(NOON + 3_600_000), to: fc.constant(NOON + 7_200_000) }),
    { maxLength: 1 },
  ),
  permissives: fc.constantFrom([], [{ point: 'state-of-charge', min: 40, maxAgeMillis: '2min' }]),
  budgets: fc.array(budget, { maxLength: 2 }),
  restarting: fc.option(fc.integer({ min: 1, max: 5 })),
})

/** PCS with racks behind them, on two feeders, in groups. */
const sites = fc.record({
  racks: fc.array(fc.array(fc.integer({ min: 100, max: 900 }), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 3,
  }),
  /** Null: the site file does not say what they carry. */
  pcs: fc.option(fc.integer({ min: 500, max: 2000 })),
  needed: fc.integer({ min: 1, max: 3 }),
  limits: written,
})

type Drawn = {
  readonly racks: readonly (readonly number[])[]
  readonly pcs: number | null
  readonly needed: number
  readonly limits: object
}

function siteOf({ racks, pcs, needed, limits }: Drawn): Site {
  const controllers = racks.flatMap((powers, n) => [
    {
      id: `pcs-${n}`,
      class: 'board',
      link: 'lan',
      feeder: `f${n % 2}`,
      ...(pcs === null ? {} : { power: pcs, energy: pcs }),
    },
    ...powers.map((power, m) => ({
      id: `bms-${n}-${m}`,
      class: 'board',
      link: 'lan',
      power,
      energy: power,
      behind: `pcs-${n}`,
    })),
  ])
  const members = controllers.filter(({ id }) => id.startsWith('bms')).map(({ id }) => id)
  return orThrow(
    parseSite(
      {
        site: 'yard',
        name: 'Yard',
        region: 'nl-west',
        zone: 'UTC',
        vendor: 'voltworks.example',
        gateway: { id: 'gw' },
        links: [{ id: 'lan', kind: 'ethernet' }],
        classes: { board: { slot: '1MiB', hardware: 'r1', duty: 'power', restart: RESTART } },
        controllers,
        groups: members.length > needed ? [{ id: 'racks', members, needed, metered: false }] : [],
        limits,
      },
      'yard',
    ),
  )
}

// --- The oracle ---

/** What is missing now: of who is offline, those that have nobody offline above them. */
function missing(site: Site, offline: ReadonlySet<string>, of: 'power' | 'energy', feeder: string | null): number {
  const byId = new Map(site.controllers.map(one => [one.id, one]))
  const feederOf = (id: string): string | undefined => {
    const one = byId.get(id)
    return one?.feeder ?? (one?.behind === undefined ? undefined : feederOf(one.behind))
  }
  const isUnder = (id: string): boolean => {
    const over = byId.get(id)?.behind
    return over !== undefined && (offline.has(over) || isUnder(over))
  }
  const costs = (id: string): number =>
    byId.get(id)?.[of] ?? sum(site.controllers.filter(one => one.behind === id).map(one => costs(one.id)))
  const counted = [...offline].filter(id => !isUnder(id) && (feeder === null || feederOf(id) === feeder))
  return sum(counted.map(costs))
}

const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0)

function overBudget(site: Site, offline: ReadonlySet<string>, { per, watts, wattHours, controllers }: Budget): boolean {
  const feeders = per === 'site' ? [null] : ['f0', 'f1']
  return feeders.some(feeder => {
    const on = [...offline].filter(id => feeder === null || missing(site, new Set([id]), 'power', feeder) > 0)
    return (
      missing(site, offline, 'power', feeder) > (watts ?? Number.POSITIVE_INFINITY) ||
      missing(site, offline, 'energy', feeder) > (wattHours ?? Number.POSITIVE_INFINITY) ||
      on.length > (controllers ?? Number.POSITIVE_INFINITY)
    )
  })
}

const clockText = (at: number): string => new Date(at).toISOString().slice(11, 16)
const dayText = (at: number): string => ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date(at).getUTCDay()]!

function isOpen({ windows, blackouts }: SiteRules, at: number): boolean {
  const isIn = ({ days, from, to }: SiteRules['windows'][number]): boolean => {
    const on = (when: number): boolean => (days as string[]).includes(dayText(when))
    const time = clockText(at)
    if (from < to) return on(at) && time >= from && time < to
    return (on(at) && time >= from) || (on(at - 24 * 60 * MINUTE) && time < to)
  }
  const shut = blackouts.some(one => !('days' in one) && at >= one.from && at < one.to)
  return !shut && (windows.length === 0 || windows.some(isIn))
}

describe('a simulated run of the coordinator', () => {
  test('budgets and N-1 are never exceeded at any instant, and nobody is away outside a window or against a permissive', () => {
    let turns = 0
    fc.assert(
      fc.property(
        sites,
        written,
        written,
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.integer({ min: 1, max: 6 }),
        (drawn, first, second, seed, restarting) => {
          const random = seeded(seed)
          const site = siteOf(drawn)
          const held = new Map<string, Terms>(
            CAMPAIGNS.map((id, n) => [id, terms([first, second][n]!, { priority: 50 + n })]),
          )
          const work = new Map<string, SiteWork>(site.controllers.map(({ id }) => [id, { at: 'idle' }]))
          /** What really happens: when each offline controller comes back (infinity: never), and by whose rules it went. */
          const away = new Map<string, { until: number; campaign: string }>()
          const asked = new Map<string, number>()
          let charge: Reading = { point: 'state-of-charge', of: null, value: 50, at: instant(NOON) }
          const tell = (id: string, event: SiteEvent): void =>
            void work.set(id, orThrow(decideSiteWork(work.get(id)!, event)))

          for (let now = NOON; now < NOON + 20 * 60 * MINUTE; now += (1 + Math.floor(random() * 9)) * MINUTE) {
            const at = instant(now)
            if (random() < 0.7) charge = { ...charge, value: Math.floor(random() * 100), at }
            for (const { id } of site.controllers) {
              const state = work.get(id)!
              const back = away.get(id)
              if (back !== undefined && back.until <= now) {
                away.delete(id)
                asked.delete(id)
                tell(id, { kind: 'through' })
                if (state.at === 'granted')
                  tell(id, {
                    kind: 'ended',
                    assignment: state.assignment,
                    result: random() < 0.8 ? 'confirmed' : 'reverted',
                  })
              } else if (state.at === 'granted' && back === undefined) {
                // It takes its turn up within its time, or asks too late: then the turn is over.
                if (now > state.latest) tell(id, { kind: 'lapsed', at })
                else if ((asked.get(id) ?? 0) <= now) {
                  const isDark = random() < 0.02
                  away.set(id, {
                    until: isDark ? Number.POSITIVE_INFINITY : now + Math.floor(random() * RESTART),
                    campaign: state.assignment.split('/')[0]!,
                  })
                }
              } else if (random() < 0.05) tell(id, { kind: 'withdrawn' })
              else if (state.at === 'idle' || state.at === 'done') {
                if (random() < 0.5)
                  tell(id, { kind: 'assigned', assignment: `${CAMPAIGNS[Math.floor(random() * 2)]}/x/${now}` })
              } else if (state.at === 'staging') tell(id, { kind: 'staged', assignment: state.assignment, at })
            }
            // One whose order was taken back before it went asks again: it is through.
            for (const [id, state] of work) if (state.at === 'leaving' && !away.has(id)) tell(id, { kind: 'through' })

            const readings = random() < 0.9 ? [charge] : []
            const until = new Map(site.controllers.map(({ id }) => [id, instant(NOON + 10 ** 9)]))
            const { grants, waits } = coordinate({
              failed: [],
              site,
              work,
              until,
              terms: held,
              steps: [],
              versions: unstated(work.keys()),
              standings: new Map([...work.keys()].map(id => [id, 'stable'])),
              readings,
              restarting,
              now: at,
              clock: at,
              doubts: [],
            })
            const staged = [...work].filter(([, state]) => state.at === 'staged').map(([id]) => id)
            assert.deepEqual(
              [...grants, ...waits].map(({ controller }) => controller).sort(),
              staged.sort(),
              'a turn or a reason, for each',
            )
            for (const { controller, campaign, latest } of grants) {
              turns += 1
              tell(controller, { kind: 'grant', at, latest })
              if (random() < 0.3) asked.set(controller, now + Math.floor(random() * 4) * MINUTE)
              for (const { windows, blackouts, permissives } of [site.limits, held.get(campaign)!.rules]) {
                for (let minute = now; minute < latest + RESTART; minute += MINUTE) {
                  assert.ok(
                    isOpen({ ...rules({}), windows, blackouts }, minute),
                    `${controller} away at ${clockText(minute)}`,
                  )
                }
                if (permissives.length > 0) {
                  assert.ok(
                    readings.length > 0 && Number(charge.value) >= 40 && now - charge.at <= 120_000,
                    'permitted',
                  )
                }
              }
            }
            // Whoever is offline at this instant, by any subset that is really away, and by all that may be.
            const counted = new Set(
              [...work].filter(([, { at: where }]) => where === 'granted' || where === 'leaving').map(([id]) => id),
            )
            for (const offline of [new Set(away.keys()), counted]) {
              for (const id of offline) assert.ok(counted.has(id), `${id} is away and counted`)
              const active = new Set(
                [...counted].flatMap(id => {
                  const state = work.get(id)!
                  return state.at === 'granted' ? [state.assignment.split('/')[0]!] : []
                }),
              )
              for (const set of [site.limits, ...[...active].map(id => held.get(id)!.rules)]) {
                for (const one of set.budgets)
                  assert.ok(!overBudget(site, offline, one), JSON.stringify([one, [...offline]]))
                assert.ok(offline.size <= (set.restarting ?? Number.POSITIVE_INFINITY), 'restarting')
              }
              assert.ok(offline.size <= restarting, 'the gateway’s own budget')
              for (const { members, needed } of site.groups) {
                const byId = new Map(site.controllers.map(one => [one.id, one]))
                const left = members.filter(id => !offline.has(id) && !offline.has(byId.get(id)?.behind ?? ''))
                assert.ok(left.length >= needed, `${left.length} of ${needed} in service`)
              }
            }
          }
        },
      ),
      { numRuns: 40 },
    )
    assert.ok(turns > 300, `only ${turns} turns were given: the runs show little`)
  })
})

describe('a clock that jumps', () => {
  const DAY = 24 * 60 * MINUTE
  const NIGHT = rules({
    windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '01:00', to: '04:00' }],
  })
  const site = siteOf({ racks: [[100]], pcs: 500, needed: 1, limits: {} })

  /** Runs a gateway whose clock jumps at a minute, and answers at which true minutes it would give a turn. */
  function turnsWith(jumps: readonly { readonly at: number; readonly by: number }[], days: number): number[] {
    let line: Line | null = null
    let error = 0
    const given: number[] = []
    for (let passed = 0; passed < days * DAY; passed += 10 * MINUTE) {
      for (const jump of jumps) if (passed === jump.at) error += jump.by
      const [clock, steady] = [instant(NOON + passed + error), millis(passed)]
      const read = readClock(line ?? lineFrom(clock, clock, steady), clock, steady)
      line = read.line
      const work = new Map<string, SiteWork>([['bms-0-0', { at: 'staged', assignment: 'spring/x/0', since: clock }]])
      const { grants } = coordinate({
        failed: [],
        site,
        work,
        until: new Map([['bms-0-0', instant(NOON + 1000 * DAY)]]),
        terms: new Map([['spring', { rules: NIGHT, priority: 50, maxFailures: null, tries: null, back: [] }]]),
        steps: [],
        versions: unstated(work.keys()),
        standings: new Map([...work.keys()].map(id => [id, 'stable'])),
        readings: [],
        restarting: 1,
        now: clock,
        clock,
        doubts: [read.doubt].filter(one => one !== null),
      })
      if (grants.length > 0) given.push(passed)
    }
    return given
  }
  const isNight = (passed: number): boolean => isOpen(NIGHT, NOON + passed)

  test('attack: forwards or backwards, it opens no window for a day, and holds nobody up for longer', () => {
    const jump = fc
      .integer({ min: -47, max: 47 })
      .filter(by => by !== 0)
      .map(by => by * 30 * MINUTE)
    const when = fc.integer({ min: 1, max: 143 }).map(n => n * 10 * MINUTE)
    fc.assert(
      fc.property(when, jump, (at, by) => {
        const given = turnsWith([{ at, by }], 4)
        for (const passed of given.filter(one => one < at + DAY))
          assert.ok(isNight(passed), `a turn at ${clockText(NOON + passed)}`)
        // After a day the new time counts: it may have been put right.
        assert.ok(
          given.some(passed => passed >= at + DAY),
          'it goes on by the new time',
        )
        for (const passed of given.filter(one => one >= at + DAY)) assert.ok(isNight(passed + by))
      }),
      { numRuns: 40 },
    )
  })

  test('attack: a clock that is moved in small steps is one that jumped', () => {
    const steps = Array.from({ length: 30 }, (_, n) => ({ at: n * 10 * MINUTE, by: 30 * 1000 }))
    let line = lineFrom(instant(NOON), instant(NOON), millis(0))
    let jumped = 0
    for (const [n, { by }] of steps.entries()) {
      const read = readClock(line, instant(NOON + n * MINUTE + n * by), millis(n * MINUTE))
      line = read.line
      jumped += read.jumped
    }
    assert.ok(jumped > 0 && line.off !== null)
  })

  test('one that comes back is believed at once; a usual correction is no jump', () => {
    const away = [
      { at: 10 * MINUTE, by: 5 * 60 * MINUTE },
      { at: 60 * MINUTE, by: -5 * 60 * MINUTE },
    ]
    const undisturbed = turnsWith([], 2)
    assert.ok(undisturbed.length > 10)
    assert.deepEqual(turnsWith(away, 2), undisturbed)
    const corrected = turnsWith([{ at: 10 * MINUTE, by: 30_000 }], 2)
    assert.ok(corrected.length >= undisturbed.length - 2, 'but for the last restart of a night, which no longer fits')
  })

  test('a clock that was set back while the gateway was off is in doubt from the start', () => {
    const latest = instant(NOON)
    const clock: Instant = instant(NOON - DAY / 2)
    const { doubt } = readClock(lineFrom(latest, clock, millis(5)), clock, millis(5))
    assert.deepEqual(doubt, { by: 'jump', time: latest, until: instant(clock + DAY), jumped: -DAY / 2 })
    assert.equal(
      readClock(lineFrom(latest, instant(NOON + DAY), millis(5)), instant(NOON + DAY), millis(5)).doubt,
      null,
    )
  })
})

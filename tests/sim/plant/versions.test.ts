import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../../sim/clock/random.ts'
import { Meters } from '../../../sim/plant/conditions.ts'
import { Plant } from '../../../sim/plant/plant.ts'
import { SiteRun } from '../../../sim/plant/site-run.ts'
import { plantOf } from '../../../sim/plant/unit.ts'
import { board, type Needs, release } from '../../../sim/versions/site.ts'
import { findPath } from '../../../src/core/campaign/path.ts'
import { isStuck } from '../../../src/core/campaign/path-cohorts.ts'
import { shelfOf } from '../../../src/core/campaign/path-shelf.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { NO_RULES } from '../../../src/core/fleet/site-rules.ts'
import { parseSite, type Site } from '../../../src/core/fleet/topology.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { HOUR, happening, MINUTE, T0 } from './plants.ts'

/** Random sites whose versions do not all go together: a path is found, a site carries it out, and every instant is looked at. */

const CLASSES = ['bms', 'ems', 'pcs'] as const
const NEWEST = 3
type Rules = Readonly<Record<string, readonly Needs[]>>

const needs = fc.array(
  fc.tuple(
    fc.constantFrom(...CLASSES),
    fc.integer({ min: 1, max: NEWEST }),
    fc.option(fc.integer({ min: 2, max: NEWEST + 1 })),
  ),
  { maxLength: 1 },
)
const world = fc.record({
  seed: fc.nat(1e9),
  circles: fc.integer({ min: 1, max: 2 }),
  racks: fc.integer({ min: 1, max: 2 }),
  rules: fc.dictionary(fc.constantFrom(...CLASSES.flatMap(name => [1, 2, 3].map(n => `${name} ${n}`))), needs, {
    maxKeys: 5,
  }),
  restarting: fc.integer({ min: 1, max: 4 }),
  going: fc.boolean(),
})
type World = typeof world extends fc.Arbitrary<infer W> ? W : never

/** Rules that name their own class, or nothing, are none. */
const rulesOf = ({ rules }: World): Rules =>
  Object.fromEntries(
    Object.entries(rules).map(([name, some]) => {
      const fits = some.filter(([of, min, below]) => !name.startsWith(of) && (below ?? 99) > min)
      return [name, fits.map(([of, min, below]): Needs => (below === null ? [of, min] : [of, min, below]))]
    }),
  )

/** Two versions beside each other that one of them refuses; null: all is well. Judged from the rules as they were drawn. */
function refused(site: Site, runs: ReadonlyMap<string, number>, rules: Rules): string | null {
  for (const one of site.controllers) {
    for (const [of, min, below = 99] of rules[`${one.class} ${runs.get(one.id)}`] ?? []) {
      for (const other of site.controllers) {
        const talks = one.circle === undefined || other.circle === undefined || one.circle === other.circle
        const version = runs.get(other.id) ?? 0
        if (other.class !== of || other.id === one.id || !talks || (version >= min && version < below)) continue
        return `${one.id} ${runs.get(one.id)} beside ${other.id} ${version}`
      }
    }
  }
  return null
}

function siteOf({ circles, racks, restarting }: World): Site {
  const common = { slot: '1MiB', hardware: 'r1', restart: '10min' }
  const link = 'lan'
  const controllers = [
    { id: 'ems-1', class: 'ems', link },
    ...Array.from({ length: circles }, (_, n) => `circle-${n}`).flatMap((circle, n) => [
      { id: `pcs-${n}`, class: 'pcs', link, circle },
      ...Array.from({ length: racks }, (_, m) => ({ id: `bms-${n}${m}`, class: 'bms', link, circle })),
    ]),
  ]
  const head = { site: 'harbour', name: 'H', region: 'nl', zone: 'UTC', vendor: 'voltworks.example' }
  const rest = { gateway: { id: 'g' }, links: [{ id: link, kind: 'can' }], limits: { restarting } }
  return orThrow(
    parseSite({ ...head, ...rest, classes: { bms: common, ems: common, pcs: common }, controllers }, 'random'),
  )
}

/** Carries a path out at a site, some of it failing; answers what was wrong at any instant, and how many steps were taken. */
function carriedOut(w: World): { readonly wrong: string | null; readonly steps: number; readonly left: number } | null {
  const random = seeded(w.seed)
  const [site, rules] = [siteOf(w), rulesOf(w)]
  const published = CLASSES.flatMap(name =>
    [1, 2, 3].map(number => release(name, number, { needs: rules[`${name} ${number}`] ?? [] })),
  )
  const goals = new Map(
    CLASSES.map(name => [name as string, published.find(one => one.path === `${name}/3.0.0/envelope.suit`)]),
  )
  const runs = new Map(site.controllers.map(one => [one.id, 1]))
  if (refused(site, runs, rules) !== null) return null
  const boards = site.controllers.map(one =>
    board(one.id, one.class, 1, { circle: one.circle ?? null, goal: goals.get(one.class) ?? null }),
  )
  const path = findPath('harbour', boards, shelfOf(published))
  if (isStuck(path)) return null
  const run = new SiteRun(site, ...standing(site))
  run.terms.set('spring', { rules: NO_RULES, priority: 50, maxFailures: null, tries: null, back: [] })
  run.steps = [...path.steps].flatMap(([controller, steps]) =>
    steps.map(({ release: { path: release }, order }) => {
      return { campaign: 'spring', controller, release, order, confirmed: false }
    }),
  )
  const at = new Map<string, number>()
  let taken = 0
  for (let now = T0 + MINUTE; now < T0 + 20 * HOUR; now += MINUTE) {
    for (const [controller, steps] of path.steps) {
      const step = steps[at.get(controller) ?? 0]
      if (step === undefined) continue
      const ends = w.going || random() < 0.9 ? 'confirmed' : 'reverted'
      const fate = { staging: MINUTE * 10 * random(), away: MINUTE * (1 + 8 * random()), ends } as const
      const assignment = `spring/${step.release.path}/${controller}/${at.get(controller) ?? 0}`
      run.order({ controller, assignment, until: instant(T0 + 100 * HOUR), fate })
    }
    run.tick(instant(now))
    for (const { controller, result, assignment } of run.reported()) {
      if (result !== 'confirmed') continue
      taken += 1
      at.set(controller, (at.get(controller) ?? 0) + 1)
      runs.set(controller, Number.parseInt(assignment.split('/')[2] ?? '', 10))
      const wrong = refused(site, runs, rules)
      if (wrong !== null) return { wrong, steps: taken, left: 0 }
    }
  }
  const left = [...path.steps].filter(([id, steps]) => (at.get(id) ?? 0) < steps.length).length
  return { wrong: null, steps: taken, left }
}

function standing(site: Site): [Plant, Meters] {
  const plant = new Plant(plantOf(site), happening({}), T0)
  return [plant, new Meters(plant)]
}

describe('a path that a site carries out', () => {
  it('never puts two versions beside each other of which one refuses the other, whoever fails', () => {
    let [found, ruled, through] = [0, 0, 0]
    fc.assert(
      fc.property(world, w => {
        const done = carriedOut(w)
        if (done === null) return
        found += 1
        if (Object.values(rulesOf(w)).flat().length > 0) ruled += 1
        if (done.left === 0) through += 1
        assert.equal(done.wrong, null)
        if (w.going) assert.equal(done.left, 0, 'everybody came through, and the path was not')
      }),
      { numRuns: 120 },
    )
    assert.ok(found > 40 && ruled > 10 && through > 20, `${found} paths, ${ruled} with rules, ${through} to their end`)
  })
})

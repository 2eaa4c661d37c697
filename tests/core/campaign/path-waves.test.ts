import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { board, type Needs, release, type VersionedSite } from '../../../sim/versions/site.ts'
import type { PublishedRelease } from '../../../src/core/campaign/draft-fit.ts'
import { draftSite, type SiteDraft, type Turn } from '../../../src/core/campaign/draft-site.ts'
import { drawWaves } from '../../../src/core/campaign/draft-waves.ts'
import type { SignedRelease } from '../../../src/core/campaign/path-places.ts'
import { shelfOf } from '../../../src/core/campaign/path-shelf.ts'
import type { Take, WaveRequest } from '../../../src/core/campaign/plan-request.ts'
import { StepOrder } from '../../../src/core/campaign/step-order.ts'
import { type Versions, VersionsBeside } from '../../../src/core/campaign/versions-beside.ts'
import { millis } from '../../../src/core/encoding/units.ts'
import type { FleetController } from '../../../src/core/fleet/inventory.ts'
import { parseSite } from '../../../src/core/fleet/topology.ts'
import { isRefusal, orThrow, refuse } from '../../../src/core/refusal/refusal.ts'
import { Oracle } from './path-oracle.ts'

const CLASSES = ['bms', 'pcs', 'ems'] as const
const number = (min: number, max: number) => fc.integer({ min, max })

const catalogue = fc
  .array(
    fc.record({
      of: fc.constantFrom(...CLASSES),
      number: number(1, 4),
      on: fc.constantFrom(...CLASSES),
      min: number(1, 4),
    }),
    {
      maxLength: 7,
    },
  )
  .map(rows => {
    const made = new Map(CLASSES.flatMap(of => [2, 3, 4].map(at => [`${of} ${at}`, release(of, at)] as const)))
    for (const { of, number: at, on, min } of rows) {
      const needs: Needs[] = of === on ? [] : [[on, min]]
      made.set(`${of} ${at}`, release(of, at, { needs }))
    }
    return [...made.values()]
  })

const crew = fc.array(
  fc.record({
    name: fc.constantFrom(...CLASSES),
    runs: fc.constantFrom(1, 1, 1, 2),
    circle: fc.constantFrom(null, 'north', 'south'),
  }),
  { minLength: 3, maxLength: 8 },
)

const take: fc.Arbitrary<Take> = fc.oneof(
  fc.record({ by: fc.constant('class' as const), count: number(1, 2) }),
  fc.record({ by: fc.constant('count' as const), count: number(1, 3) }),
  fc.record({ by: fc.constant('percent' as const), percent: number(10, 60) }),
)
const requests = fc.array(take, { minLength: 1, maxLength: 3 }).map(takes =>
  [...takes, { by: 'rest' } as const].map((one, at): WaveRequest => {
    return { name: `wave-${at}`, soakMillis: millis(0), gate: { minSuccessPercent: 100, maxFailures: 0 }, take: one }
  }),
)

/** Draws the plan of one site as the fleet does: all boards, to version 4 of their classes. */
function draftOf({ boards, published }: VersionedSite, registered: (id: string) => boolean = () => true): SiteDraft {
  const classes = Object.fromEntries(CLASSES.map(name => [name, { slot: '1MiB', hardware: 'r1' }]))
  const controllers = boards.map(({ of, circle }) => {
    return { id: of.id, class: of.class, link: 'lan', ...(circle === null ? {} : { circle }) }
  })
  const links = [{ id: 'lan', kind: 'ethernet' }]
  const site = orThrow(
    parseSite(
      {
        site: 'harbour',
        name: 'Harbour',
        region: 'nl',
        zone: 'UTC',
        vendor: 'voltworks.example',
        gateway: { id: 'gw' },
        links,
        classes,
        controllers,
      },
      'site',
    ),
  )
  const known = new Map(
    boards.filter(({ of }) => registered(of.id)).map(({ of }) => [of.id, { attested: of.attested, decrypts: false }]),
  )
  const all = published.map((one): PublishedRelease => ({ ...one, sha256: 'ab'.repeat(32), length: 1 }))
  const goals = (of: FleetController) =>
    all.find(({ facts }) => facts.class === of.class && facts.sequence === 4) ??
    refuse('plan-class-mismatch', of.id, '', '')
  return draftSite({ site, known }, { selects: () => true, goals, shelf: shelfOf(all), stones: true })
}

/** Carries a plan out, wave by wave, as fleet and gateway do together; who is next among those that may go is `pick`'s. */
function carryOut(
  site: VersionedSite,
  turns: readonly Turn[],
  waves: readonly (readonly Turn[])[],
  pick: (below: number) => number,
) {
  const oracle = new Oracle(site.boards, site.published)
  const shelf = shelfOf<SignedRelease>(site.published)
  const controllers = site.boards.map(({ of, circle }) => {
    return { id: of.id, class: of.class, ...(circle === null ? {} : { circle }) } as never
  })
  const at = new Map(site.boards.map(({ of }, index) => [of.id, index]))
  const taken = new Map(turns.map(({ controller }) => [controller, 0]))
  const runs = new Map(site.boards.map(({ of }) => [of.id, [shelf.runningOf(of)]]))
  let state = oracle.start
  for (const wave of waves) {
    for (;;) {
      const left = wave.filter(({ controller, steps }) => taken.get(controller)! < steps.length)
      if (left.length === 0) break
      const planned = turns.flatMap(({ controller, steps }) =>
        steps.map(({ release, order }, step) => ({
          campaign: 'c',
          controller,
          release: release.path,
          order,
          confirmed: step < taken.get(controller)!,
        })),
      )
      const becomes = new Map(
        left.map(({ controller, steps }) => [controller, shelf.runsOf(steps[taken.get(controller)!]!.release)]),
      )
      const order = new StepOrder({ controllers }, planned)
      const versions: Versions = { runs, becomes }
      const beside = new VersionsBeside({ controllers }, versions)
      const ready = left.filter(({ controller, steps }) => {
        const { path } = steps[taken.get(controller)!]!.release
        return order.before('c', controllers[at.get(controller)!]!, path) === null
      })
      assert.ok(ready.length > 0, 'somebody of the wave may always go')
      const { controller, steps } = ready[pick(ready.length)]!
      assert.equal(beside.before(controllers[at.get(controller)!]!), null, 'the gateway lets every planned step go')
      const { release: goes } = steps[taken.get(controller)!]!
      const next = oracle.step(state, at.get(controller)!, goes.facts.sequence)
      assert.ok(next !== null && oracle.allowed(next, at.get(controller)!), `${controller} to ${goes.path}`)
      state = next
      taken.set(controller, taken.get(controller)! + 1)
      runs.set(controller, [becomes.get(controller)!])
    }
  }
  return state
}

describe('a plan with waves, carried out by the site', () => {
  it('never waits for itself, and never lets two versions run beside each other that do not go together', () => {
    let [ordered, brought] = [0, 0]
    fc.assert(
      fc.property(catalogue, crew, requests, fc.nat(), (published, members, wanted, seed) => {
        const boards = members.map(({ name, runs, circle }, at) => board(`${name}-${at}`, name, runs, { circle }))
        const site = { boards, published }
        const { turns } = draftOf(site)
        if (turns.length === 0) return
        const waves = drawWaves('plan', wanted, turns)
        // A wave that everybody was brought out of is a plan that people correct.
        if (isRefusal(waves)) return assert.equal(waves.code, 'plan-wave-empty')
        if (turns.some(({ steps }) => steps.at(-1)!.order > 0)) ordered += 1
        brought += waves.reduce((sum, wave) => sum + wave.brought, 0)
        let state = seed
        const pick = (below: number): number => {
          state = (state * 48_271 + 11) % 2_147_483_647
          return state % below
        }
        const end = carryOut(
          site,
          turns,
          waves.map(wave => wave.turns),
          pick,
        )
        for (const { controller } of turns) {
          assert.equal(end[boards.findIndex(({ of }) => of.id === controller)]!.number, 4, controller)
        }
      }),
      { numRuns: 800, seed: 11 },
    )
    assert.ok(ordered > 60 && brought > 40, `${ordered} with an order, ${brought} brought along`)
  })

  it('attack: a board that the site has and nobody registered runs what nobody knows', () => {
    const published = [release('bms', 4, { needs: [['pcs', 3]] }), release('pcs', 4)]
    const boards = [board('bms-1', 'bms', 1), board('pcs-1', 'pcs', 3)]
    const site = { boards, published }
    const named = (draft: SiteDraft) => [
      draft.turns.map(({ controller }) => controller),
      draft.passedOver.map(({ controller, why }) => `${controller}: ${why.code}`),
    ]
    assert.deepEqual(named(draftOf(site)), [['bms-1', 'pcs-1'], []])
    assert.deepEqual(
      named(draftOf(site, id => id === 'bms-1')),
      [[], ['bms-1: release-dependency-unknown']],
      'and it gets no turn itself',
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { board, crowdedSite, kid, type Needs, type ReleaseWish, release } from '../../../sim/versions/site.ts'
import { findPath, type SitePath } from '../../../src/core/campaign/path.ts'
import { isStuck, type PathController } from '../../../src/core/campaign/path-cohorts.ts'
import type { SignedRelease } from '../../../src/core/campaign/path-places.ts'
import { shelfOf } from '../../../src/core/campaign/path-shelf.ts'
import { sentence } from '../../../src/core/refusal/refusal.ts'
import { Oracle } from './path-oracle.ts'

const find = (boards: readonly PathController<SignedRelease>[], published: readonly SignedRelease[]) =>
  findPath('harbour', boards, shelfOf(published))

/** A path in a few words: `0 pcs-1 pcs-2 to pcs 3`, one move after the other; or the code and its two phrases. */
function told(boards: readonly PathController<SignedRelease>[], published: readonly SignedRelease[]): string[] {
  const path = find(boards, published)
  if (isStuck(path)) return [path.why.code, path.why.subject, path.why.expected, path.why.actual]
  return path.moves.map(({ order, controllers, release: { facts } }) => {
    return `${order} ${controllers.join(' ')} to ${facts.class} ${Number.parseInt(facts.version, 10)}`
  })
}

const paths: [name: string, boards: PathController<SignedRelease>[], published: SignedRelease[], told: string[]][] = []
const add = (
  name: string,
  published: SignedRelease[],
  boards: (get: (name: string, number: number) => SignedRelease) => PathController<SignedRelease>[],
  ...expected: string[]
) => {
  const get = (of: string, number: number) =>
    published.find(({ facts }) => facts.class === of && facts.sequence === number)!
  paths.push([name, boards(get), published, expected])
}

add(
  'nobody states anything: all at once',
  [release('bms', 2), release('pcs', 3)],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 2) }), board('pcs-1', 'pcs', 1, { goal: get('pcs', 3) })],
  '0 bms-1 to bms 2',
  '0 pcs-1 to pcs 3',
)
add(
  'what is needed goes first, all of its kind',
  [release('bms', 2, { needs: [['pcs', 3]] }), release('pcs', 3)],
  get => [
    board('bms-1', 'bms', 1, { goal: get('bms', 2) }),
    board('pcs-1', 'pcs', 1, { goal: get('pcs', 3) }),
    board('pcs-2', 'pcs', 2, { goal: get('pcs', 3) }),
  ],
  '0 pcs-1 to pcs 3',
  '0 pcs-2 to pcs 3',
  '1 bms-1 to bms 2',
)
add(
  'what runs states its own limits',
  [release('bms', 1, { needs: [['pcs', 1, 3]] }), release('bms', 2), release('pcs', 3)],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 2) }), board('pcs-1', 'pcs', 1, { goal: get('pcs', 3) })],
  '0 bms-1 to bms 2',
  '1 pcs-1 to pcs 3',
)
add(
  'a stone is passed where both ends stand in each other’s way',
  [
    release('bms', 2, { needs: [['pcs', 1]] }),
    release('bms', 3, { needs: [['pcs', 3]] }),
    release('pcs', 3, { needs: [['bms', 2]] }),
  ],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 3) }), board('pcs-1', 'pcs', 1, { goal: get('pcs', 3) })],
  '0 bms-1 to bms 2',
  '1 pcs-1 to pcs 3',
  '2 bms-1 to bms 3',
)
add(
  'the stone of the smaller cohort is passed, not that of the larger',
  [
    release('bms', 2),
    release('bms', 3, { needs: [['pcs', 2]] }),
    release('pcs', 2),
    release('pcs', 3, { needs: [['bms', 2]] }),
  ],
  get => [
    board('bms-1', 'bms', 1, { goal: get('bms', 3) }),
    board('bms-2', 'bms', 1, { goal: get('bms', 3) }),
    board('pcs-1', 'pcs', 1, { goal: get('pcs', 3) }),
  ],
  '0 pcs-1 to pcs 2',
  '1 bms-1 bms-2 to bms 3',
  '2 pcs-1 to pcs 3',
)
add(
  'circles do not wait for each other, but for what talks to all',
  [release('bms', 2, { needs: [['ems', 2]] }), release('ems', 2), release('pcs', 2, { needs: [['bms', 2]] })],
  get => [
    board('bms-1', 'bms', 1, { circle: 'north', goal: get('bms', 2) }),
    board('pcs-1', 'pcs', 1, { circle: 'south', goal: get('pcs', 2) }),
    board('ems-1', 'ems', 1, { goal: get('ems', 2) }),
  ],
  '0 ems-1 to ems 2',
  '0 pcs-1 to pcs 2',
  '1 bms-1 to bms 2',
)
add(
  'circles that are made up alike go alike',
  [release('bms', 2, { needs: [['pcs', 2]] }), release('pcs', 2)],
  get =>
    ['north', 'south'].flatMap(circle => [
      board(`bms-${circle}`, 'bms', 1, { circle, goal: get('bms', 2) }),
      board(`pcs-${circle}`, 'pcs', 1, { circle, goal: get('pcs', 2) }),
    ]),
  '0 pcs-north pcs-south to pcs 2',
  '1 bms-north bms-south to bms 2',
)
add(
  'keys and neighbours are kept together: the transition release waits for its neighbour',
  [
    release('bms', 2, { needs: [['pcs', 2]], transition: { kind: 'add', kid: kid('b'), alg: 'ed25519', spki: 'bb' } }),
    release('bms', 3, { by: 'b' }),
    release('pcs', 2),
  ],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 3) }), board('pcs-1', 'pcs', 1, { goal: get('pcs', 2) })],
  '0 pcs-1 to pcs 2',
  '1 bms-1 to bms 2',
  '2 bms-1 to bms 3',
)
add(
  'a step that could be taken at once waits, where it would stand in the way of a stone',
  [
    release('bms', 3),
    release('pcs', 2, {
      needs: [['bms', 1, 3]],
      transition: { kind: 'add', kid: kid('b'), alg: 'ed25519', spki: 'bb' },
    }),
    release('pcs', 3, { by: 'b' }),
  ],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 3) }), board('pcs-1', 'pcs', 1, { goal: get('pcs', 3) })],
  '0 pcs-1 to pcs 2',
  '1 pcs-1 to pcs 3',
  '2 bms-1 to bms 3',
)
add(
  'a site that does not go together already is led out of it',
  [release('bms', 2, { needs: [['pcs', 2]] }), release('pcs', 2)],
  get => [board('bms-1', 'bms', 2), board('pcs-1', 'pcs', 1, { goal: get('pcs', 2) })],
  '0 pcs-1 to pcs 2',
)
add(
  'a crowd whose newest release accepts only the one before goes over that, all but one',
  [release('pcs', 2), release('pcs', 3, { needs: [['pcs', 2]] })],
  get => ['pcs-1', 'pcs-2', 'pcs-3'].map(id => board(id, 'pcs', 1, { goal: get('pcs', 3) })),
  '0 pcs-1 to pcs 2',
  '0 pcs-2 to pcs 2',
  '1 pcs-3 to pcs 3',
  '2 pcs-1 to pcs 3',
  '2 pcs-2 to pcs 3',
)

const refused: typeof paths = []
const never = (...[name, published, boards, ...expected]: Parameters<typeof add>) => {
  add(name, published, boards, ...expected)
  refused.push(paths.pop()!)
}
const CYCLE = 'an order in which each step keeps every pair that talks compatible'

never(
  'two releases that each need the other first',
  [
    release('bms', 2, { needs: [['pcs', 3]] }),
    release('pcs', 3, { needs: [['bms', 2]] }),
    release('ems', 2, { needs: [['pcs', 3]] }),
  ],
  get => [
    board('ems-1', 'ems', 1, { goal: get('ems', 2) }),
    board('bms-1', 'bms', 1, { goal: get('bms', 2) }),
    board('pcs-1', 'pcs', 1, { goal: get('pcs', 3) }),
  ],
  'plan-dependency-cyclic',
  'harbour, bms 2.0.0 and pcs 3.0.0',
  CYCLE,
  'bms 2.0.0 needs pcs 3.0.0 or newer; pcs 3.0.0 needs bms 2.0.0 or newer',
)
never(
  'three in a ring',
  [
    release('bms', 2, { needs: [['pcs', 2]] }),
    release('pcs', 2, { needs: [['ems', 2]] }),
    release('ems', 2, { needs: [['bms', 2]] }),
  ],
  get => [
    board('bms-1', 'bms', 1, { goal: get('bms', 2) }),
    board('pcs-1', 'pcs', 1, { goal: get('pcs', 2) }),
    board('ems-1', 'ems', 1, { goal: get('ems', 2) }),
  ],
  'plan-dependency-cyclic',
  'harbour, bms 2.0.0 and pcs 2.0.0 and ems 2.0.0',
  CYCLE,
  'bms 2.0.0 needs pcs 2.0.0 or newer; pcs 2.0.0 needs ems 2.0.0 or newer; ems 2.0.0 needs bms 2.0.0 or newer',
)
never(
  'a controller that stays as it is stands in the way',
  [release('bms', 2, { needs: [['pcs', 3]] })],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 2) }), board('pcs-1', 'pcs', 1)],
  'release-dependency-unmet',
  'harbour/bms-1, bms 2.0.0',
  'pcs 3.0.0 or newer',
  'pcs 1.0.0 at harbour/pcs-1',
)
never(
  'one of two circles has a neighbour that the other has not',
  [release('bms', 2, { needs: [['pcs', 3]] })],
  get => [
    board('bms-south', 'bms', 1, { circle: 'south', goal: get('bms', 2) }),
    board('pcs-south', 'pcs', 3, { circle: 'south' }),
    board('bms-north', 'bms', 1, { circle: 'north', goal: get('bms', 2) }),
    board('pcs-north', 'pcs', 1, { circle: 'north' }),
  ],
  'release-dependency-unmet',
  'harbour/bms-north, bms 2.0.0',
  'pcs 3.0.0 or newer',
  'pcs 1.0.0 at harbour/pcs-north',
)
never(
  'what runs does not accept what is to come',
  [release('bms', 2), release('pcs', 1, { needs: [['bms', 1, 2]] })],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 2) }), board('pcs-1', 'pcs', 1)],
  'release-dependency-unmet',
  'harbour/pcs-1, pcs 1.0.0',
  'bms 1.0.0 or newer, below 2.0.0',
  'bms 2.0.0 at harbour/bms-1',
)
never(
  'nobody knows what the neighbour runs',
  [release('bms', 2, { needs: [['pcs', 3]] })],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 2) }), board('pcs-1', 'pcs', null)],
  'release-dependency-unknown',
  'harbour/bms-1, bms 2.0.0',
  'pcs 3.0.0 or newer',
  'nothing attested by harbour/pcs-1',
)
never(
  'what is asked for does not go together in the end',
  [release('bms', 2, { needs: [['pcs', 3]] }), release('pcs', 2)],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 2) }), board('pcs-1', 'pcs', 1, { goal: get('pcs', 2) })],
  'release-dependency-unmet',
  'harbour, bms 2.0.0',
  'pcs 3.0.0 or newer',
  'pcs 2.0.0, which is asked for too',
)
never(
  'the stone that the keys ask for does not go together with what stays',
  [
    release('bms', 2, { needs: [['pcs', 3]], transition: { kind: 'add', kid: kid('b'), alg: 'ed25519', spki: 'bb' } }),
    release('bms', 3, { by: 'b' }),
  ],
  get => [board('bms-1', 'bms', 1, { goal: get('bms', 3) }), board('pcs-1', 'pcs', 1)],
  'release-dependency-unmet',
  'harbour/bms-1, bms 2.0.0',
  'pcs 3.0.0 or newer',
  'pcs 1.0.0 at harbour/pcs-1',
)
never(
  'a crowd that would have to change all at once',
  [release('pcs', 2, { needs: [['pcs', 2]] })],
  get => ['pcs-1', 'pcs-2'].map(id => board(id, 'pcs', 1, { goal: get('pcs', 2) })),
  'release-dependency-unmet',
  'harbour/pcs-1, pcs 2.0.0',
  'pcs 2.0.0 or newer',
  'pcs 1.0.0 at another pcs of its circle',
)

describe('a compatibility path', () => {
  for (const [name, boards, published, expected] of paths) {
    it(`leads through allowed states only: ${name}`, () => assert.deepEqual(told(boards, published), expected))
  }
  for (const [name, boards, published, expected] of refused) {
    it(`is refused before the first byte, with the rules that block: ${name}`, () => {
      assert.deepEqual(told(boards, published), expected)
      const stuck = find(boards, published)
      assert.ok(isStuck(stuck) && stuck.controllers.length > 0)
      assert.equal(new Oracle(boards, published).fewest(), null)
    })
  }

  it('is refused when a controller would pass more stones than a plan holds, and names how far one leads', () => {
    const letters = 'abcdef'
    const rotations = [...letters].slice(1).flatMap((next, at) => {
      const [old, number] = [letters[at]!, 2 * at + 2]
      const add = { kind: 'add', kid: kid(next), alg: 'ed25519', spki: 'bb' } as const
      const retire = { kind: 'retire', kid: kid(old) } as const
      return [
        release('bms', number, { by: old, transition: add, counter: number }),
        release('bms', number + 1, { by: next, transition: retire, counter: number + 1 }),
      ]
    })
    const goal = release('bms', 12, { by: 'f', counter: 12 })
    const boards = [board('bms-1', 'bms', 1, { goal })]
    assert.deepEqual(told(boards, [...rotations, goal]), [
      'plan-path-too-long',
      'harbour/bms-1',
      'at most 8 steps to what is asked for',
      '10; the 8th is bms/9.0.0/envelope.suit',
    ])
  })

  it('points from a circle of rules to groups', () => {
    const [, boards, published] = refused[0]!
    const stuck = find(boards, published)
    assert.ok(isStuck(stuck))
    assert.match(sentence(stuck.why), /one release with several components/)
    assert.deepEqual(stuck.controllers, ['bms-1', 'pcs-1'], 'the EMS is no part of the circle')
  })
})

const CLASSES = ['bms', 'pcs', 'ems'] as const
const number = (min: number, max: number) => fc.integer({ min, max })

/** Releases 1 to 4 of each class, with a few rules; own-class rules only where they are asked for. */
const catalogue = (own: boolean) =>
  fc
    .array(
      fc.record({
        of: fc.constantFrom(...CLASSES),
        number: number(1, 4),
        on: fc.constantFrom(...CLASSES),
        min: number(1, 4),
        span: fc.option(number(1, 3), { nil: null }),
        by: fc.constantFrom('a', 'a', 'a', 'b', 'ab'),
        adds: fc.constantFrom(false, false, true),
        there: fc.constantFrom(true, true, true, false),
      }),
      { minLength: 2, maxLength: 9 },
    )
    .map(rows => {
      const made = new Map<string, SignedRelease>()
      for (const name of CLASSES) for (let at = 2; at <= 4; at += 1) made.set(`${name} ${at}`, release(name, at))
      for (const { of, number: at, on, min, span, by, adds, there } of rows) {
        if (of === on && !own) continue
        const key = `${of} ${at}`
        if (!there) {
          made.delete(key)
          continue
        }
        const needs: Needs[] = [[on, min, ...(span === null ? [] : [min + span])] as unknown as Needs]
        const wish: ReleaseWish = adds
          ? { needs, by, transition: { kind: 'add', kid: kid('b'), alg: 'ed25519', spki: 'bb' } }
          : { needs, by }
        made.set(key, release(of, at, wish))
      }
      return [...made.values()]
    })

const crew = fc.array(
  fc.record({
    name: fc.constantFrom(...CLASSES),
    runs: fc.constantFrom(1, 1, 1, 2, null),
    circle: fc.constantFrom(null, null, 'north', 'south'),
    wanted: fc.constantFrom(true, true, true, false),
  }),
  { minLength: 2, maxLength: 5 },
)
const goals = fc.record({ bms: number(2, 4), pcs: number(2, 4), ems: number(2, 4) })

type Crew = typeof crew extends fc.Arbitrary<infer T> ? T : never

function boardsOf(members: Crew, wanted: Record<string, number>, published: readonly SignedRelease[]) {
  return members.map(({ name, runs, circle, wanted: moves }, at) => {
    const goal = published.find(({ facts }) => facts.class === name && facts.sequence === wanted[name])
    const moving = moves && runs !== null && goal !== undefined && goal.facts.sequence > runs
    return board(`${name}-${at}`, name, runs, { circle, goal: moving ? goal : null })
  })
}

/** Walks the steps in some order that the orders allow, and looks at every state on the way. */
function walk(path: SitePath<SignedRelease>, oracle: Oracle, pick: (among: number) => number): void {
  const { boards } = oracle
  const left = boards.map(({ of }) => [...(path.steps.get(of.id) ?? [])])
  let state = oracle.start
  const talk = (a: number, b: number): boolean =>
    a !== b && (boards[a]!.circle === null || boards[b]!.circle === null || boards[a]!.circle === boards[b]!.circle)
  for (;;) {
    const ready = boards.flatMap((_, at) => {
      const step = left[at]![0]
      if (step === undefined) return []
      return boards.every((_, b) => !talk(at, b) || left[b]!.every(({ order }) => order >= step.order)) ? [at] : []
    })
    if (ready.length === 0) break
    const at = ready[pick(ready.length)]!
    const { release: taken } = left[at]!.shift()!
    const behind = oracle.step(state, at, taken.facts.sequence)
    assert.ok(behind !== null, `${boards[at]!.of.id} does not take ${taken.path}`)
    assert.ok(oracle.allowed(behind, at), `${boards[at]!.of.id} may not run ${taken.path} there`)
    state = behind
  }
  assert.deepEqual(left.flat(), [], 'no step waits for ever')
  for (const [at, { goal }] of boards.entries()) {
    if (goal !== null) assert.equal(state[at]!.number, goal.facts.sequence)
  }
}

describe('a compatibility path of any small site', () => {
  for (const own of [false, true]) {
    it(`is one that brute force allows, is as short as can be, and is there whenever one is${own ? ', with rules for a class itself' : ''}`, () => {
      let [found, stuck] = [0, 0]
      fc.assert(
        fc.property(catalogue(own), crew, goals, fc.nat(), (published, members, wanted, seed) => {
          const boards = boardsOf(members, wanted, published)
          if (boards.every(({ goal }) => goal === null)) return
          const oracle = new Oracle(boards, published)
          const path = find(boards, published)
          const fewest = oracle.fewest()
          if (isStuck(path)) {
            stuck += 1
            return assert.equal(fewest, null, sentence(path.why))
          }
          found += 1
          const restarts = [...path.steps.values()].reduce((sum, steps) => sum + steps.length, 0)
          assert.deepEqual([restarts, path.restarts, path.least], [fewest, fewest, fewest])
          let state = seed
          const pick = (among: number): number => {
            state = (state * 48_271 + 11) % 2_147_483_647
            return state % among
          }
          for (let round = 0; round < 4; round += 1) walk(path, oracle, pick)
        }),
        { numRuns: 1500, seed: 5 },
      )
      assert.ok(found > 200 && stuck > 100, `${found} found, ${stuck} stuck`)
    })
  }
})

describe('a compatibility path of a large site', () => {
  for (const classes of [3, 10]) {
    it(`of ${classes} classes goes through allowed states only, with no more restarts than any path takes`, () => {
      let seed = classes
      const random = (below: number): number => {
        seed = (seed * 48_271) % 2_147_483_647
        return seed % below
      }
      const { boards, published } = crowdedSite(200, classes, random)
      const path = find(boards, published)
      assert.ok(!isStuck(path))
      assert.equal(path.restarts, path.least)
      assert.ok(path.restarts > boards.length, 'somebody passes a stone')
      const oracle = new Oracle(boards, published)
      walk(path, oracle, random)
      assert.deepEqual(find(boards, published), path, 'the same again')
    })
  }
})

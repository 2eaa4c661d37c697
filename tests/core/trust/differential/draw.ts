import fc from 'fast-check'
import {
  type Announced,
  type Bins,
  type Edge,
  PATHS,
  POOL,
  type RepositoryModel,
  ROLES,
  type RoleModel,
  type TreeModel,
} from './generated-repository.ts'
import { ATTACKS, type Attack, type Step, type Work } from './steps.ts'

/** How repositories and what happens to them are drawn. What is listed in differences.ts is drawn nowhere here. */

const role = (most = 3): fc.Arbitrary<RoleModel> =>
  fc
    .uniqueArray(fc.nat(POOL - 1), { minLength: 1, maxLength: most })
    .chain(keys => fc.record({ keys: fc.constant(keys), threshold: fc.integer({ min: 1, max: keys.length }) }))

const PATTERNS = [
  '*',
  'a/*',
  'b/*',
  '*/x',
  'a/?',
  'c',
  '*.bin',
  't*p.b?n',
  '*/*',
  '*/*/*',
  'dir/sub/file',
  'a/x',
  '?',
] as const

const by: fc.Arbitrary<Edge['by']> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ paths: fc.subarray([...PATTERNS], { minLength: 0, maxLength: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      path_hash_prefixes: fc.oneof(
        fc.subarray([...'0123456789abcdef'], { maxLength: 12 }),
        fc
          .uniqueArray(fc.nat(255), { maxLength: 40 })
          .map(bytes => bytes.map(byte => byte.toString(16).padStart(2, '0'))),
      ),
    }),
  },
)

const edge: fc.Arbitrary<Edge> = fc
  .record({
    from: fc.oneof({ weight: 2, arbitrary: fc.constant(-1) }, { weight: 3, arbitrary: fc.integer({ min: 0, max: 5 }) }),
    to: fc.nat(ROLES.length - 1),
    terminating: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    by,
    own: role(2),
  })
  .map(({ own, ...rest }) => ({ ...rest, ...own }))

const bins: fc.Arbitrary<Bins> = fc
  .record({ from: fc.integer({ min: -1, max: 1 }), bits: fc.integer({ min: 1, max: 3 }), own: role(2) })
  .map(({ own, ...rest }) => ({ ...rest, ...own }))

export const tree: fc.Arbitrary<TreeModel> = fc.record({
  edges: fc.uniqueArray(edge, { maxLength: 9, selector: ({ from, to }) => `${from} ${to}` }),
  bins: fc.option(bins, { freq: 4 }),
  holds: fc
    .array(fc.subarray([...PATHS.keys()], { maxLength: 3 }), { minLength: ROLES.length, maxLength: ROLES.length })
    .chain(roles => fc.subarray([...PATHS.keys()], { maxLength: 2 }).map(top => [...roles, top])),
  signedForAll: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
})

export const repository: fc.Arbitrary<RepositoryModel> = fc.record({
  roles: fc.record({ root: role(), timestamp: role(2), snapshot: role(2), targets: role() }),
  consistent: fc.boolean(),
  announced: fc.constantFrom<Announced>('version', 'length', 'digest', 'both', 'two digests'),
  unknownMembers: fc.boolean(),
  tree,
})

const rotation = fc.record({
  do: fc.constantFrom('rotate root' as const, 'rotate online' as const, 'rotate targets' as const),
  count: fc.integer({ min: 1, max: 3 }),
  threshold: fc.integer({ min: 1, max: 3 }),
})

const work: fc.Arbitrary<Work> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Work>({ do: 'publish' }) },
  { weight: 2, arbitrary: fc.constant<Work>({ do: 'stamp' }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('grow' as const), tree }) },
  { weight: 3, arbitrary: rotation },
  { weight: 1, arbitrary: fc.constant<Work>({ do: 'other names' }) },
  { weight: 1, arbitrary: fc.constant<Work>({ do: 'let the root die' }) },
)

const attack: fc.Arbitrary<Attack> = fc.record({
  how: fc.constantFrom(...(Object.keys(ATTACKS) as (keyof typeof ATTACKS)[])),
  // The roles at the top more often than those below them.
  role: fc.oneof(fc.nat(3), fc.nat(12)),
  more: fc.nat(6),
})

export type Story = { readonly model: RepositoryModel; readonly steps: readonly Step[] }

/** A repository, and what happens to it between the looks of its clients. */
export const story: fc.Arbitrary<Story> = fc.record({
  model: repository,
  steps: fc.array(fc.record({ work, attack: fc.option(attack, { freq: 3 }) }), { minLength: 1, maxLength: 5 }),
})

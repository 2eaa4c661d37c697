import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { type Found, findTarget, MAX_DELEGATIONS } from '../../../src/core/trust/find-target.ts'
import type { Target } from '../../../src/core/trust/metadata.ts'
import { refresh } from '../../../src/core/trust/refresh.ts'
import { type DelegationSpec, writeDelegations } from '../../../src/core/trust/repository.ts'
import { matchesPattern } from '../../../src/core/trust/target-path.ts'
import type { CurrentSet } from '../../../src/core/trust/trusted-set.ts'
import { later, NOW, SimulatedRepository, type TestKey, target, testKey } from './simulated-repository.ts'

const lineKey = testKey(300)
const other = testKey(301)

type Spec = Partial<DelegationSpec> & { readonly name: string; readonly by?: TestKey }
const delegate = (...specs: readonly Spec[]) =>
  orThrow(
    writeDelegations(
      specs.map(({ by = lineKey, ...spec }) => ({
        keys: [by.key],
        threshold: 1,
        paths: ['*/*'],
        terminating: false,
        ...spec,
      })),
      nodeCrypto,
    ),
  )

function currentOf(repository: SimulatedRepository): CurrentSet {
  const refreshed = repository.drive(refresh(repository.enrolled(), NOW, nodeCrypto))
  if (refreshed.at === 'stopped') throw new Error(JSON.stringify(refreshed.refusal))
  return refreshed.set
}

const find = (repository: SimulatedRepository, path: string, set = currentOf(repository), now = NOW): Found | Refusal =>
  repository.drive(findTarget(set, path, now, nodeCrypto))

/** Which content a search found: `null` for none. */
function content(repository: SimulatedRepository, path: string, of: readonly Target[]): number | null | string {
  const found = find(repository, path)
  if (isRefusal(found)) return found.code
  return found.target === null ? null : of.findIndex(candidate => candidate.sha256 === found.target?.sha256)
}

describe('findTarget', () => {
  const path = 'bms/rack.suit'
  const contents = [target(path, 'first'), target(path, 'second'), target(path, 'third')] as const

  test('top-level targets come before every delegation', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('bms', [contents[1]], [lineKey])
    repository.publish([contents[0]], delegate({ name: 'bms' }))
    assert.equal(content(repository, path, contents), 0)
    assert.equal(content(repository, 'bms/other.suit', contents), null)
  })

  test('delegations are searched in the order of the list, in depth first', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('a', [], [lineKey], delegate({ name: 'below-a' }))
    repository.putDelegated('below-a', [contents[1]], [lineKey])
    repository.putDelegated('b', [contents[2]], [lineKey])
    repository.publish([], delegate({ name: 'a' }, { name: 'b' }))
    assert.equal(content(repository, path, contents), 1)
    repository.publish([], delegate({ name: 'b' }, { name: 'a' }))
    assert.equal(content(repository, path, contents), 2)
  })

  test('a role speaks only for the paths that were delegated to it', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('pcs', [contents[1]], [lineKey])
    repository.publish([], delegate({ name: 'pcs', paths: ['pcs/*'] }))
    assert.equal(content(repository, path, contents), null)
  })

  test('a terminating role ends the search, also when it has nothing', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('a', [], [lineKey])
    repository.putDelegated('b', [contents[1]], [lineKey])
    repository.publish([], delegate({ name: 'a', terminating: true }, { name: 'b' }))
    assert.equal(content(repository, path, contents), null)
    repository.publish([], delegate({ name: 'a', terminating: true, paths: ['x/*'] }, { name: 'b' }))
    assert.equal(content(repository, path, contents), 1)
  })

  test('a terminating role ends the search of those above it too', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('a', [], [lineKey], delegate({ name: 'b', terminating: true }))
    repository.putDelegated('b', [], [lineKey])
    repository.putDelegated('c', [contents[1]], [lineKey])
    repository.publish([], delegate({ name: 'a' }, { name: 'c' }))
    assert.equal(content(repository, path, contents), null)
    repository.publish([], delegate({ name: 'b' }, { name: 'a' }, { name: 'c' }))
    assert.equal(content(repository, path, contents), null, 'also when it was visited before')
  })

  test('a circle of delegations ends', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('a', [], [lineKey], delegate({ name: 'b' }))
    repository.putDelegated('b', [], [lineKey], delegate({ name: 'a' }))
    repository.publish([], delegate({ name: 'a' }))
    assert.equal(content(repository, path, contents), null)
  })

  test('more delegations than the bound are refused', () => {
    const repository = SimulatedRepository.with([])
    const names = Array.from({ length: MAX_DELEGATIONS + 1 }, (_, index) => `r${index}`)
    for (const name of names) repository.putDelegated(name, [], [lineKey])
    repository.publish([], delegate(...names.map(name => ({ name }))))
    assert.equal(content(repository, path, contents), 'delegations-too-many')
  })

  test('a file that was read once is not asked for again', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('bms', [contents[1]], [lineKey])
    repository.publish([], delegate({ name: 'bms' }))
    const first = orThrow(find(repository, path))
    repository.asked.length = 0
    assert.equal(orThrow(find(repository, path, first.set)).target?.sha256, contents[1].sha256)
    assert.deepEqual(repository.asked, [])
  })

  test('a set that has expired since is not searched', () => {
    const found = find(SimulatedRepository.with([contents[0]]), path, undefined, later(2))
    assert.equal(isRefusal(found) && found.code, 'metadata-expired')
  })

  test('attack: cached delegation after its delegator changed', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('bms', [contents[1]], [lineKey])
    repository.publish([], delegate({ name: 'bms' }))
    const { set } = orThrow(find(repository, path))
    // The line's key was stolen and is exchanged; its old file still has the version that the snapshot names.
    repository.publish([], delegate({ name: 'bms', by: other }))
    const refreshed = repository.drive(refresh(set, NOW, nodeCrypto))
    assert.equal(refreshed.at, 'current')
    assert.ok(refreshed.set.delegated.has('bms'), 'the old file is still stored')
    const found = find(repository, path, refreshed.set as CurrentSet)
    assert.equal(isRefusal(found) && found.code, 'metadata-below-threshold')
  })

  test('attack: a file verified for one delegator is not believed by another', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('bms', [contents[1], target('pcs/x.suit')], [lineKey])
    const both = delegate({ name: 'bms', paths: ['bms/*'] }, { name: 'pcs', paths: ['pcs/*'] })
    repository.putDelegated('pcs', [], [lineKey], delegate({ name: 'bms', by: other }))
    repository.publish([], both)
    const { set } = orThrow(find(repository, path))
    const found = find(repository, 'pcs/x.suit', set)
    assert.equal(isRefusal(found) && found.code, 'metadata-below-threshold')
  })

  test('attack: integer-like role names reordered', () => {
    const repository = SimulatedRepository.with([])
    repository.putDelegated('10', [contents[1]], [lineKey])
    repository.putDelegated('2', [contents[2]], [lineKey])
    repository.publish([], delegate({ name: '10' }, { name: '2' }))
    assert.equal(content(repository, path, contents), 1, '10 stands before 2 in the list')
  })

  test('attack: a delegated role that the snapshot does not announce', () => {
    const repository = SimulatedRepository.with([])
    repository.publish([], delegate({ name: 'bms' }))
    assert.equal(content(repository, path, contents), 'metadata-unlisted')
  })
})

describe('delegations for some boards only (Uptane 2.1.0 §5.4.4.7)', () => {
  const path = 'bms/rack.suit'
  const board = (name: unknown, ...hardware: readonly unknown[]) =>
    target(path, 'x', { class: name, hardware } as never)
  const scoped = (hardware: readonly string[], said: Target, ...below: readonly (readonly string[])[]) => {
    const repository = SimulatedRepository.with([])
    const [first] = below
    repository.putDelegated(
      'line',
      first === undefined ? [said] : [],
      [lineKey],
      first && delegate({ name: 'low', hardware: first }),
    )
    repository.putDelegated('low', [said], [lineKey])
    repository.publish([], delegate({ name: 'line', hardware }))
    return content(repository, path, [said])
  }
  const rows: readonly (readonly [string, readonly string[], Target, number | null])[] = [
    ['its class', ['bms-rack'], board('bms-rack', 'primehub', 'other'), 0],
    ['its class and revision', ['pcs', 'bms-rack/primehub'], board('bms-rack', 'primehub'), 0],
    ['attack: wrong device class by a delegated role', ['bms-rack'], board('pcs', 'primehub'), null],
    ['attack: wrong hardware by a delegated role', ['bms-rack/primehub'], board('bms-rack', 'primehub', 'other'), null],
    ['attack: a class that is none, by a delegated role', ['bms-rack'], board(['bms-rack'], 'primehub'), null],
    ['attack: no hardware at all, by a delegated role', ['bms-rack'], board('bms-rack'), null],
    ['a file for no board, which an envelope names', ['bms-rack'], target(path, 'payload'), 0],
    ['other custom data', ['bms-rack'], target(path, 'payload', { note: 'x' }), 0],
  ]
  for (const [name, hardware, said, expected] of rows) {
    test(name, () => assert.equal(scoped(hardware, said), expected))
  }

  test('attack: a delegated role that delegates more than it was given', () => {
    assert.equal(scoped(['bms-rack'], board('pcs', 'primehub'), ['pcs']), null)
    assert.equal(scoped(['bms-rack', 'pcs'], board('pcs', 'primehub'), ['pcs']), 0)
    assert.equal(scoped(['bms-rack', 'pcs'], board('bms-rack', 'primehub'), ['pcs']), null)
  })
})

describe('path patterns', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['bms/a.suit', 'bms/*', true],
    ['bms/a.suit', 'bms/*.suit', true],
    ['bms/a.suit', '*', false],
    ['bms/deep/a.suit', 'bms/*', false],
    ['bms/a', 'bms/?', true],
    ['bms/ab', 'bms/?', false],
    ['bms/a.suit', 'pcs/*', false],
    ['bms/aXbXc', 'bms/*X*X?', true],
    ['bms/', 'bms/*', true],
    ['bms', 'bms', true],
    ['bms/a[1]', 'bms/a[1]', true],
    ['bms/a.b', 'bms/aXb', false],
  ]
  for (const [path, pattern, expected] of rows) {
    test(`${pattern} ${expected ? 'takes' : 'leaves'} ${path}`, () => {
      assert.equal(matchesPattern(path, pattern), expected)
    })
  }

  test('agree with a regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 10 })
    fc.assert(
      fc.property(word, word, (name, pattern) => {
        const source = pattern.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')
        assert.equal(matchesPattern(name, pattern), new RegExp(`^${source}$`).test(name))
      }),
    )
  })

  test('attack: a pattern of many stars does not keep the verifier busy', () => {
    assert.equal(matchesPattern('a'.repeat(500), `${'*a'.repeat(200)}*b`), false)
  })
})

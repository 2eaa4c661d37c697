import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { followRoots } from '../../../src/core/trust/root-chain.ts'
import { later, SimulatedRepository, testKey } from './simulated-repository.ts'

/** Four roots; the second takes new keys, signed by the old ones too. */
function chain(seed = 1): Map<number, Uint8Array> {
  const repository = new SimulatedRepository('image', null, seed)
  const roots = new Map<number, Uint8Array>()
  for (let version = 1; version <= 4; version += 1) {
    const old = repository.holders.root.keys
    if (version === 2) repository.holders.root = { keys: [testKey(9000 + seed), testKey(9100)], threshold: 2 }
    roots.set(version, repository.publishRoot(later(365), version === 2 ? old : []))
  }
  return roots
}

const first = (roots: ReadonlyMap<number, Uint8Array>, ...versions: readonly number[]): Map<number, Uint8Array> =>
  new Map(versions.map(version => [version, roots.get(version)!]))

describe('roots at hand', () => {
  const roots = chain()
  const follow = (trusted: number, given: ReadonlyMap<number, Uint8Array>): number | string => {
    const set = followRoots('image', roots.get(trusted)!, given, nodeCrypto)
    return isRefusal(set) ? set.code : set.root.signed.version
  }
  const damaged = new Uint8Array([0x7b])
  const rows: [name: string, trusted: number, given: ReadonlyMap<number, Uint8Array>, comes: number | string][] = [
    ['are followed to the last', 1, roots, 4],
    ['are followed from a later one, the earlier ones unread', 3, new Map([[1, damaged], ...first(roots, 3, 4)]), 4],
    ['need not have the trusted one among them', 2, first(roots, 3, 4), 4],
    ['that end where trust is are enough', 4, first(roots, 4), 4],
    ['attack: roots that end before the trusted one', 3, first(roots, 1, 2), 'ceremony-root-older'],
    ['attack: no roots at all', 2, new Map(), 'ceremony-root-older'],
    [
      'attack: another root in the place of the trusted one',
      2,
      new Map([...first(roots, 3, 4), [2, chain(2).get(2)!]]),
      'ceremony-root-other',
    ],
    [
      'attack: a chain of somebody else from there on',
      2,
      new Map([...first(roots, 2), [3, chain(2).get(3)!]]),
      'metadata-below-threshold',
    ],
    ['a root that is missing in between', 1, first(roots, 1, 2, 4), 'root-version-skipped'],
    ['a root that cannot be read', 1, new Map([...first(roots, 1), [2, damaged]]), 'metadata-unreadable'],
  ]
  for (const [name, trusted, given, comes] of rows)
    test(`${name}: ${comes}`, () => assert.equal(follow(trusted, given), comes))
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { isRefusal, orThrow, refuse } from '../../../src/core/refusal/refusal.ts'
import { currentOffline, MAX_ROOT_STEPS, type Refreshed, refresh } from '../../../src/core/trust/refresh.ts'
import { resume, storedFiles } from '../../../src/core/trust/stored-set.ts'
import { type CurrentSet, type TrustedSet, trustRoot } from '../../../src/core/trust/trusted-set.ts'
import { later, NOW, SimulatedRepository, sealed, target, testKey } from './simulated-repository.ts'

const run = (repository: SimulatedRepository, set: TrustedSet = repository.enrolled(), now = NOW): Refreshed =>
  repository.drive(refresh(set, now, nodeCrypto))

const current = (refreshed: Refreshed): CurrentSet => {
  assert.equal(refreshed.at, 'current', refreshed.at === 'stopped' ? JSON.stringify(refreshed.refusal) : '')
  return refreshed.set as CurrentSet
}

const stoppedBy = (refreshed: Refreshed): string =>
  refreshed.at === 'stopped' ? refreshed.refusal.code : `nothing: it is ${refreshed.at}`

describe('refresh', () => {
  test('takes a repository in, then asks for nothing but what could have changed', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    const first = current(run(repository))
    assert.equal(first.targets.signed.targets.get('a.suit')?.length, 6)
    assert.deepEqual(repository.asked, ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'])
    repository.asked.length = 0
    const second = current(run(repository, first))
    assert.deepEqual(repository.asked, ['2.root.json', 'timestamp.json'])
    assert.equal(second.snapshot.bytes, first.snapshot.bytes)
    repository.publish([target('a.suit'), target('b.suit')])
    assert.equal(current(run(repository, second)).targets.signed.targets.size, 2)
  })

  test('follows a chain of roots one by one, with keys exchanged on the way', () => {
    const repository = SimulatedRepository.with([])
    const enrolled = repository.enrolled()
    for (let step = 0; step < 5; step += 1) {
      const old = repository.holders.root.keys
      const keys = [old[1], old[2], testKey(5000 + step)] as const
      repository.holders.root = { keys: keys.map(key => key as NonNullable<typeof key>), threshold: 2 }
      repository.publishRoot(later(365), old)
    }
    assert.equal(current(run(repository, enrolled)).root.signed.version, 6)
  })

  test('keeps the roots that it found when it stops later', () => {
    const repository = SimulatedRepository.with([])
    repository.publishRoot()
    repository.files.delete('timestamp.json')
    const stopped = run(repository)
    assert.equal(stoppedBy(stopped), 'metadata-missing')
    assert.equal(stopped.set.root.signed.version, 2)
  })

  test('hands on why the driver could not fetch', () => {
    const workflow = refresh(SimulatedRepository.with([]).enrolled(), NOW, nodeCrypto)
    workflow.next()
    const end = workflow.next(refuse('not-reachable', 'fleet', 'an answer', 'none'))
    assert.equal(end.done && stoppedBy(end.value), 'not-reachable')
  })

  test('stops at a bound of new roots, and goes on from there', () => {
    const repository = SimulatedRepository.with([])
    for (let step = 0; step < MAX_ROOT_STEPS + 3; step += 1) repository.publishRoot()
    const stopped = run(repository)
    assert.equal(stoppedBy(stopped), 'root-chain-too-long')
    assert.equal(current(run(repository, stopped.set)).root.signed.version, MAX_ROOT_STEPS + 4)
  })

  test('an old root that has expired is a step to the new one; a last one that has is the end', () => {
    const repository = new SimulatedRepository()
    repository.publishRoot(later(-1))
    repository.publish([])
    assert.equal(stoppedBy(run(repository)), 'metadata-expired')
    repository.publishRoot(later(1))
    current(run(repository))
  })

  test('goes on with what is stored, with and without the network', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    const files = storedFiles(current(run(repository)))
    assert.deepEqual([...files.keys()], ['root.json', 'timestamp.json', 'snapshot.json', 'targets.json'])
    const { set, discarded } = orThrow(resume('image', files, nodeCrypto))
    assert.deepEqual(discarded, [])
    assert.equal(orThrow(currentOffline(set, NOW, nodeCrypto)).targets.signed.targets.size, 1)
    const expired = currentOffline(set, later(2), nodeCrypto)
    assert.equal(isRefusal(expired) && expired.code, 'metadata-expired')
    repository.stamp(later(30))
    const stamped = orThrow(resume('image', storedFiles(current(run(repository, set))), nodeCrypto))
    const stale = currentOffline(stamped.set, later(8), nodeCrypto)
    assert.equal(isRefusal(stale) && stale.code, 'metadata-expired', 'the snapshot has, though the timestamp has not')
  })

  test('puts a damaged stored file aside, says so, and fetches it anew', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    const files = storedFiles(current(run(repository)))
    files.set('snapshot.json', new TextEncoder().encode('{}'))
    const { set, discarded } = orThrow(resume('image', files, nodeCrypto))
    assert.deepEqual(
      discarded.map(refusal => refusal.code),
      ['metadata-malformed'],
    )
    current(run(repository, set))
    const forged = new SimulatedRepository('image', null, 9)
    forged.publishRoot()
    forged.publish([])
    files.set('timestamp.json', forged.files.get('timestamp.json') as Uint8Array)
    const another = orThrow(resume('image', files, nodeCrypto))
    assert.deepEqual(
      another.discarded.map(refusal => refusal.code),
      ['metadata-below-threshold', 'metadata-malformed'],
    )
    assert.equal(another.set.timestamp, null, 'what nobody of the role signed says nothing about versions')
    files.delete('root.json')
    const rootless = resume('image', files, nodeCrypto)
    assert.equal(isRefusal(rootless) && rootless.code, 'store-without-root')
  })
})

describe('attacks on a repository', () => {
  const rows: readonly {
    readonly name: string
    readonly code: string
    /** Changes what is served, after the client has taken the repository in. */
    readonly attack: (repository: SimulatedRepository, before: Map<string, Uint8Array>) => void
    readonly at?: number
  }[] = [
    {
      name: 'attack: rollback of the timestamp',
      code: 'metadata-rollback',
      attack: (repository, before) =>
        repository.files.set('timestamp.json', before.get('timestamp.json') as Uint8Array),
    },
    {
      name: 'attack: rollback of targets under a newer snapshot, by who holds the online keys',
      code: 'metadata-rollback',
      attack: (repository, before) => {
        repository.putTargets(before.get('1.targets.json') as Uint8Array)
        repository.announce()
      },
    },
    {
      name: 'attack: rollback by a snapshot that drops a role',
      code: 'metadata-rollback',
      attack: repository => {
        repository.delegated.clear()
        const { snapshot } = repository
        const meta = new Map(snapshot?.signed.meta)
        meta.delete('bms')
        const raw = { ...snapshot?.signed.raw, meta: { 'targets.json': { version: 2 } } }
        repository.snapshot = { ...snapshot, signed: { ...snapshot?.signed, meta, raw } } as typeof repository.snapshot
        repository.announce()
      },
    },
    {
      name: 'attack: freeze: the same files for ever',
      code: 'metadata-expired',
      attack: () => {},
      at: later(2),
    },
    {
      name: 'attack: mix and match: targets of another state under this snapshot',
      code: 'metadata-length-mismatch',
      attack: (repository, before) => {
        repository.publish([target('c.suit'), target('d.suit'), target('e.suit')])
        repository.files.set('3.targets.json', before.get('1.targets.json') as Uint8Array)
      },
    },
    {
      name: 'attack: mix and match: bytes of the announced length',
      code: 'metadata-digest-mismatch',
      attack: repository => {
        repository.publish([target('c.suit')])
        const bytes = (repository.files.get('3.targets.json') as Uint8Array).slice()
        bytes[bytes.length - 20]! ^= 1
        repository.files.set('3.targets.json', bytes)
      },
    },
    {
      name: 'attack: mix and match: an old file announced under a new version',
      code: 'metadata-version-mismatch',
      attack: (repository, before) => {
        const old = before.get('1.targets.json') as Uint8Array
        repository.putTargets(old)
        const targets = repository.targets as NonNullable<typeof repository.targets>
        repository.targets = { ...targets, signed: { ...targets.signed, version: 3 } }
        repository.announce()
        repository.files.set('3.targets.json', old)
      },
    },
    {
      name: 'attack: arbitrary software: targets signed by the wrong key',
      code: 'metadata-below-threshold',
      attack: repository => {
        repository.holders.targets = { keys: [testKey(7000), testKey(7001)], threshold: 2 }
        repository.publish([target('evil.suit')])
      },
    },
    {
      name: 'attack: arbitrary software: one of two targets keys stolen',
      code: 'metadata-below-threshold',
      attack: repository => {
        const { keys } = repository.holders.targets
        repository.holders.targets = { keys: keys.slice(0, 1), threshold: 2 }
        repository.publish([target('evil.suit')])
      },
    },
    {
      name: 'attack: endless data',
      code: 'metadata-too-large',
      attack: repository => repository.files.set('timestamp.json', new Uint8Array(64 * 1024 + 1).fill(0x20)),
    },
    {
      name: 'attack: endless data beyond the announced length',
      code: 'metadata-too-large',
      attack: repository => {
        repository.publish([])
        const bytes = repository.files.get('3.targets.json') as Uint8Array
        repository.files.set('3.targets.json', Uint8Array.from([...bytes, 0x20]))
      },
    },
    {
      name: 'attack: a root by its own keys only',
      code: 'metadata-below-threshold',
      attack: repository => {
        repository.holders.root = { keys: [testKey(7100), testKey(7101)], threshold: 2 }
        repository.publishRoot()
      },
    },
    {
      name: 'attack: a root that the old keys sign and its own do not',
      code: 'metadata-below-threshold',
      attack: repository => {
        const old = repository.holders.root.keys
        repository.holders.root = { keys: [testKey(7100), testKey(7101)], threshold: 2 }
        const whole = JSON.parse(new TextDecoder().decode(repository.publishRoot(later(9), old)))
        const own = new Set(whole.signed.roles.root.keyids)
        whole.signatures = whole.signatures.filter((signature: { keyid: string }) => !own.has(signature.keyid))
        repository.serve('root', 2, new TextEncoder().encode(JSON.stringify(whole)))
      },
    },
    {
      name: 'attack: a root that skips a version',
      code: 'root-version-skipped',
      attack: repository => {
        repository.rootVersion += 1
        repository.files.set('2.root.json', repository.publishRoot())
      },
    },
    {
      name: 'attack: partial bundle: the snapshot is held back',
      code: 'metadata-missing',
      attack: repository => {
        repository.publish([])
        repository.files.delete('3.snapshot.json')
      },
    },
  ]

  for (const { name, code, attack, at = NOW } of rows) {
    test(name, () => {
      const repository = SimulatedRepository.with([target('a.suit')])
      const before = new Map(repository.files)
      repository.putDelegated('bms', [target('bms/a.suit')], [testKey(99)])
      repository.publish([target('a.suit'), target('b.suit')])
      const trusted = current(run(repository))
      attack(repository, before)
      const refreshed = run(repository, trusted, at as typeof NOW)
      assert.equal(stoppedBy(refreshed), code)
      assert.equal(refreshed.set.targets?.signed.version, trusted.targets.signed.version, 'nothing was taken over')
    })
  }

  test('attack: fast-forward, and the recovery by exchanged keys', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    const honest = { timestamp: repository.timestamp, snapshot: repository.snapshot }
    // The attacker holds the online keys and signs the highest versions that there are.
    const highest = Number.MAX_SAFE_INTEGER - 1
    for (const role of ['snapshot', 'timestamp'] as const) {
      const stolen = repository[role]
      repository[role] = { ...stolen, signed: { ...stolen?.signed, version: highest } } as never
    }
    repository.announce()
    const poisoned = current(run(repository)).timestamp.signed
    assert.equal(poisoned.version, highest + 1)
    const victim = current(run(repository))
    Object.assign(repository, honest)
    repository.announce()
    assert.equal(stoppedBy(run(repository, victim)), 'metadata-rollback', 'without new keys nothing moves')
    const old = repository.holders.root.keys
    repository.holders.snapshot = { keys: [testKey(8000)], threshold: 1 }
    repository.publishRoot(later(365), old)
    repository.announce()
    assert.equal(stoppedBy(run(repository, victim)), 'nothing: it is current', 'the exchange lets the client recover')
  })

  test('a key that is added only does not make a client forget what it has seen', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    const old = repository.files.get('timestamp.json') as Uint8Array
    repository.stamp()
    const trusted = current(run(repository))
    const { keys, threshold } = repository.holders.timestamp
    repository.holders.timestamp = { keys: [...keys, testKey(8100)], threshold }
    repository.publishRoot()
    repository.files.set('timestamp.json', old)
    assert.equal(stoppedBy(run(repository, trusted)), 'metadata-rollback')
  })

  test('attack: a file that too few keys of the new root have signed is not compared with, or kept', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    repository.stamp()
    const trusted = current(run(repository))
    const thief = repository.holders.timestamp
    // No key is taken away: from now on a second one must sign too.
    repository.holders.timestamp = { keys: [...thief.keys, testKey(8200)], threshold: 2 }
    repository.publishRoot()
    repository.timestamp = null
    repository.announce()
    assert.equal(repository.timestamp!.signed.version, 1)
    const after = current(run(repository, trusted))
    assert.equal(after.timestamp.signed.version, 1, 'the one that both have signed, though it has the lower version')
    assert.deepEqual(orThrow(resume('image', storedFiles(after), nodeCrypto)).discarded, [], 'no false alarm')
  })

  test('roots that take keys away leave nothing in the store that does not verify', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    const trusted = current(run(repository))
    repository.holders.targets = { keys: [testKey(8300)], threshold: 1 }
    repository.publishRoot()
    repository.files.delete('timestamp.json')
    const stopped = run(repository, trusted)
    assert.equal(stoppedBy(stopped), 'metadata-missing')
    const { set, discarded } = orThrow(resume('image', storedFiles(stopped.set), nodeCrypto))
    assert.deepEqual(discarded, [])
    assert.equal(set.targets, null)
    assert.notEqual(set.timestamp, null, 'what the new root still vouches for stays')
  })

  test('attack: an older snapshot once the trusted timestamp was lost', () => {
    const repository = SimulatedRepository.with([target('a.suit')])
    const before = new Map(repository.files)
    repository.announce()
    const trusted = current(run(repository))
    for (const [path, bytes] of before) repository.files.set(path, bytes)
    const damaged = run(repository, { ...trusted, timestamp: null })
    assert.equal(stoppedBy(damaged), 'metadata-rollback')
  })

  for (const holds of [true, false]) {
    test(`${holds ? '' : 'attack: '}a second digest that ${holds ? 'holds' : 'does not hold'}, in a repository of others`, () => {
      const repository = SimulatedRepository.with([target('a.suit')])
      const { snapshot } = repository
      const { length } = snapshot!.bytes
      const sha512 = holds ? nodeCrypto.sha512(snapshot!.bytes).toHex() : 'ab'.repeat(64)
      const hashes = { sha256: nodeCrypto.sha256(snapshot!.bytes).toHex(), sha512 }
      const raw = { ...repository.timestamp!.signed.raw, meta: { 'snapshot.json': { version: 1, length, hashes } } }
      repository.files.set('timestamp.json', sealed(raw, repository.holders.timestamp.keys))
      const root = repository.files.get('1.root.json') as Uint8Array
      const enrolled = orThrow(trustRoot('other', root, nodeCrypto, { dialect: 'tuf' }))
      const end = stoppedBy(run(repository, enrolled))
      assert.equal(end, holds ? 'nothing: it is current' : 'metadata-digest-mismatch')
    })
  }

  test("attack: wrong site: one site's files are played to another", () => {
    const trusted = current(run(SimulatedRepository.with([], 'director', 'harbour')))
    const there = SimulatedRepository.with([], 'director', 'mountain')
    there.announce()
    assert.equal(stoppedBy(run(there, trusted)), 'metadata-wrong-site')
    const nameless = SimulatedRepository.with([], 'director')
    assert.equal(stoppedBy(run(nameless, trusted)), 'metadata-wrong-site', 'no site is not this site')
  })
})

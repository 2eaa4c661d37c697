import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { MAX_GROWN_VERSION } from '../../src/core/trust/after-rotation.ts'
import type { Target, TopRole } from '../../src/core/trust/metadata.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { nextRoot, nextSnapshot, nextTimestamp, type RoleSpec, withTargets } from '../../src/core/trust/repository.ts'
import { type TrustedSet, updateRoot } from '../../src/core/trust/trusted-set.ts'
import { directorRoot } from '../../src/flows/direct.ts'
import { openRepository } from '../../src/flows/keep.ts'
import type { FleetStore, Signer } from '../../src/flows/ports.ts'
import { renew } from '../../src/flows/renew.ts'
import { acceptRoot, type NewRoot } from '../../src/flows/rotate.ts'
import { QuietFleet, sealedBy } from '../worlds/quiet-fleet.ts'

const DAY = 86_400_000
const one = (...signers: readonly Signer[]): RoleSpec => ({ keys: signers.map(({ key }) => key), threshold: 1 })

describe('a new root, as the server takes it', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('harbour', 2)
    await fleet.site('quay')
  })
  after(() => fleet?.close())

  const soon = (days: number) => instant(fleet.clock.now() + days * DAY)
  const root = async (repo: string): Promise<TrustedSet> =>
    orThrow(repo === 'director' ? await directorRoot(fleet.world) : await openRepository(fleet.world, repo as 'image'))

  /** The next root of a repository with some roles changed, signed by the root key of the server's folder and others. */
  async function written(
    repo: string,
    changes: Partial<Record<TopRole, RoleSpec>>,
    by?: readonly Signer[],
    change: (root: JsonObject) => JsonObject = same => same,
  ): Promise<Uint8Array> {
    const { signed } = (await root(repo)).root
    const next = orThrow(nextRoot(signed, changes, soon(365), crypto))
    return sealedBy(change(next), by ?? [fleet.key(`${repo}-root`)])
  }

  const accept = (repo: 'image' | 'approval' | 'director', handed: NewRoot) =>
    acceptRoot(fleet.world, 'ann', repo, handed)

  async function everything(): Promise<string> {
    const repos = ['image', 'approval', 'director', 'director/harbour', 'director/quay']
    const names = ['root.json', '2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json']
    const files = repos.flatMap(repo => names.map(async name => (await fleet.world.store.file(repo, name))?.toHex()))
    return (await Promise.all(files)).join('\n')
  }

  describe('refuses, and nothing has changed:', () => {
    type Row = { code: string; repo?: 'image' | 'approval' | 'director'; handed: () => Promise<NewRoot> }
    const alone = (root: Promise<Uint8Array>) => root.then(bytes => ({ root: bytes }))
    const rows: Record<string, Row> = {
      'attack: a root that the holders of the old root have not signed': {
        code: 'metadata-below-threshold',
        handed: () => alone(written('image', { root: one(fleet.key('release')) }, [fleet.key('release')])),
      },
      'attack: a root of the director that the image root has signed': {
        code: 'metadata-below-threshold',
        repo: 'director',
        handed: () => alone(written('director', {}, [fleet.key('image-root')])),
      },
      'a root that its own new holders have not signed': {
        code: 'metadata-below-threshold',
        handed: () => alone(written('image', { root: one(fleet.key('release')) })),
      },
      'a root that leaves a version out': {
        code: 'root-version-skipped',
        handed: () => alone(written('image', {}, undefined, next => ({ ...next, version: 3 }))),
      },
      'a root that has expired': {
        code: 'metadata-expired',
        handed: () => alone(written('image', {}, undefined, next => ({ ...next, expires: '2026-01-01T00:00:00Z' }))),
      },
      'a root with an online key that this server does not hold': {
        code: 'online-key-missing',
        handed: () => alone(written('image', { timestamp: one(fleet.key('firmware')) })),
      },
      'a root of the director with a targets key that this server does not hold': {
        code: 'online-key-missing',
        repo: 'director',
        handed: () => alone(written('director', { targets: one(fleet.key('firmware')) })),
      },
      'attack: a root whose targets keys have not signed the targets in force': {
        code: 'root-orphans-targets',
        handed: () => alone(written('image', { targets: one(fleet.key('firmware')) })),
      },
      'attack: targets that say something new on the way': {
        code: 'root-targets-differ',
        handed: async () => {
          const signer = fleet.key('firmware')
          const add: Target = { path: 'notes.txt', length: 1, sha256: '0'.repeat(64), custom: null }
          const targets = await anew('image', [signer], { add: [add] })
          return { root: await written('image', { targets: one(signer) }), targets }
        },
      },
      'targets anew by keys that are not of the new root': {
        code: 'root-orphans-targets',
        handed: async () => {
          const targets = await anew('image', [fleet.key('release')])
          return { root: await written('image', { targets: one(fleet.key('firmware')) }), targets }
        },
      },
      'targets anew with another version than the next': {
        code: 'publish-version-conflict',
        handed: async () => {
          const targets = await anew('image', [fleet.key('firmware')], {}, 7)
          return { root: await written('image', { targets: one(fleet.key('firmware')) }), targets }
        },
      },
      'one approver where two must have signed': {
        code: 'root-orphans-targets',
        repo: 'approval',
        handed: async () => {
          const keys = ['approver-0', 'firmware'].map(name => fleet.key(name).key)
          return { root: await written('approval', { targets: { keys, threshold: 2 } }) }
        },
      },
    }
    for (const [name, { code, repo = 'image', handed }] of Object.entries(rows)) {
      it(`${name}: ${code}`, async () => {
        const [was, log] = [await everything(), (await fleet.entries()).length]
        const answer = await accept(repo, await handed())
        assert.ok(isRefusal(answer), 'refused')
        assert.equal(answer.code, code, `${answer.subject}: ${answer.expected}, ${answer.actual}`)
        assert.equal(await everything(), was)
        assert.equal((await fleet.entries()).length, log)
      })
    }
  })

  /** The targets in force, signed anew by other keys. */
  async function anew(
    repo: 'image' | 'approval',
    signers: readonly Signer[],
    changes: Parameters<typeof withTargets>[1] = {},
    version?: number,
  ): Promise<Uint8Array> {
    const { targets } = orThrow(await openRepository(fleet.world, repo))
    const next = version ?? targets!.signed.version + 1
    return sealedBy(orThrow(withTargets(targets!.signed, changes, next, soon(365))), signers)
  }

  it('new online keys: clients follow, what the old keys sign counts no more, the server signs with the new ones', async () => {
    const seen = orThrow(await fleet.refreshed(await fleet.client('image')))
    const spares = [fleet.newKey('next-snapshot'), fleet.newKey('next-timestamp')] as const
    fleet.open(spares)
    const changes = { snapshot: one(spares[0]), timestamp: one(spares[1]) }
    const handed = { root: await written('image', changes) }
    assert.deepEqual(orThrow(await accept('image', handed)), { version: 2, repositories: 1 })
    assert.deepEqual(orThrow(await accept('image', handed)), { version: 2, repositories: 1 }, 'the same again')
    const now = orThrow(await fleet.refreshed(seen))
    assert.equal(now.root.signed.version, 2)
    assert.equal(now.timestamp.signed.version, seen.timestamp.signed.version + 1, 'no file name is used twice')
    // The stolen old keys: whatever they sign, the client refuses.
    const forged = nextTimestamp(now.timestamp.signed, now.snapshot, { expires: soon(9) }, crypto)
    const honest = await fleet.world.store.file('image', 'timestamp.json')
    await fleet.damage('image', 'timestamp.json', await sealedBy(forged, [fleet.key('image-timestamp')]))
    const answer = await fleet.refreshed(now)
    assert.ok(isRefusal(answer) && answer.code === 'metadata-below-threshold')
    await fleet.damage('image', 'timestamp.json', honest!)
    fleet.clock.advance(0.6 * DAY)
    assert.deepEqual((await renew(fleet.world)).refused, [])
    orThrow(await fleet.refreshed(now))
    const told = (await fleet.entries()).filter(({ kind }) => kind === 'root-rotated')
    assert.deepEqual(
      told.map(({ actor, detail }) => [actor.id, detail]),
      [['ann', { repository: 'image', version: 2, repositories: 1 }]],
    )
  })

  it('a server that has lost the keys that the root names says so, and writes nothing that no client takes', async () => {
    const was = await everything()
    fleet.open() // without the spares: the root of the test before names them
    fleet.clock.advance(0.6 * DAY)
    const { refused } = await renew(fleet.world)
    assert.deepEqual(
      refused.map(({ code, subject }) => [code, subject]),
      [['online-key-missing', 'image: snapshot']],
    )
    const [imageNow, imageWas] = [await everything(), was].map(all => all.split('\n').slice(0, 5))
    assert.deepEqual(imageNow, imageWas)
    for (const repo of ['director/harbour', 'director/quay']) orThrow(await fleet.refreshed(await fleet.client(repo)))
    fleet.open([fleet.key('next-snapshot'), fleet.key('next-timestamp')])
    assert.deepEqual((await renew(fleet.world)).refused, [])
  })

  it('other targets keys: the targets in force, signed anew, come with the root', async () => {
    const seen = orThrow(await fleet.refreshed(await fleet.client('approval')))
    const keys = ['approver-1', 'firmware'].map(name => fleet.key(name))
    const targets = await anew('approval', keys)
    const handed = { root: await written('approval', { targets: { ...one(...keys), threshold: 2 } }), targets }
    orThrow(await accept('approval', handed))
    const now = orThrow(await fleet.refreshed(seen))
    assert.deepEqual([...now.targets.signed.targets], [...seen.targets.signed.targets])
    assert.equal(now.targets.signed.version, seen.targets.signed.version + 1)
  })

  it('the director: every site goes over at once, and a site that is enrolled later gets the whole chain', async () => {
    const sites = ['director/harbour', 'director/quay']
    const seen = new Map<string, TrustedSet>()
    for (const repo of sites) seen.set(repo, orThrow(await fleet.refreshed(await fleet.client(repo))))
    const key = fleet.newKey('next-director')
    fleet.open([fleet.key('next-snapshot'), fleet.key('next-timestamp'), key])
    // The damaged row of one site does not keep the others, or this one, from the new root.
    await fleet.damage('director/quay', 'snapshot.json')
    const changes = { targets: one(key), snapshot: one(key), timestamp: one(key) }
    const handed = { root: await written('director', changes) }
    assert.deepEqual(orThrow(await accept('director', handed)), { version: 2, repositories: 2 })
    for (const repo of sites) {
      const now = orThrow(await fleet.refreshed(seen.get(repo)!))
      assert.equal(now.root.signed.version, 2, repo)
      assert.equal(now.site, repo.slice('director/'.length))
    }
    await fleet.site('later')
    assert.equal(orThrow(await fleet.refreshed(await fleet.client('director/later'))).root.signed.version, 2)
  })

  it('attack: a fast-forward by stolen online keys ends with the root that takes them away', async () => {
    const repo = await root('image')
    const seen = orThrow(await fleet.refreshed(await fleet.client('image')))
    // The thief shows this client versions that the server will not reach for years.
    const [snapshotKey, timestampKey] = [fleet.key('next-snapshot'), fleet.key('next-timestamp')]
    const head = { expires: soon(1), taken: 1_000_000 }
    const snapshot = await sealedBy(
      nextSnapshot(repo.snapshot!.signed, new Map([['targets', repo.targets!]]), head, crypto),
      [snapshotKey],
    )
    const document = orThrow(readMetadata('snapshot', snapshot, 'forged'))
    const timestamp = await sealedBy(nextTimestamp(repo.timestamp!.signed, document, head, crypto), [timestampKey])
    const honest = await fleet.world.store.file('image', 'timestamp.json')
    await fleet.world.store.commit({
      files: [
        { repo: 'image', path: '1000001.snapshot.json', bytes: snapshot },
        { repo: 'image', path: 'timestamp.json', bytes: timestamp },
      ],
    })
    const driven = orThrow(await fleet.refreshed(seen))
    assert.equal(driven.timestamp.signed.version, 1_000_001)
    await fleet.damage('image', 'timestamp.json', honest!)
    const stuck = await fleet.refreshed(driven)
    assert.ok(isRefusal(stuck) && stuck.code === 'metadata-rollback', 'until the keys are taken away')
    const keys = [fleet.newKey('third-snapshot'), fleet.newKey('third-timestamp'), fleet.key('next-director')] as const
    fleet.open(keys)
    orThrow(
      await accept('image', { root: await written('image', { snapshot: one(keys[0]), timestamp: one(keys[1]) }) }),
    )
    const now = orThrow(await fleet.refreshed(driven))
    assert.ok(now.timestamp.signed.version < 1000)
  })

  it('attack: a server whose own numbers were driven up begins anew, above all that were used', async () => {
    const repo = await root('image')
    const head = { expires: soon(1), taken: MAX_GROWN_VERSION * 2 }
    const [snapshotKey, timestampKey] = [fleet.key('third-snapshot'), fleet.key('third-timestamp')]
    const content = nextSnapshot(repo.snapshot!.signed, new Map([['targets', repo.targets!]]), head, crypto)
    const snapshot = await sealedBy(content, [snapshotKey])
    const document = orThrow(readMetadata('snapshot', snapshot, 'forged'))
    const timestamp = await sealedBy(nextTimestamp(repo.timestamp!.signed, document, head, crypto), [timestampKey])
    await fleet.world.store.commit({
      files: [
        { repo: 'image', path: `${document.signed.version}.snapshot.json`, bytes: snapshot },
        { repo: 'image', path: 'snapshot.json', bytes: snapshot },
        { repo: 'image', path: 'timestamp.json', bytes: timestamp },
      ],
    })
    const driven = orThrow(await fleet.refreshed(await fleet.client('image')))
    const keys = [
      fleet.newKey('fourth-snapshot'),
      fleet.newKey('fourth-timestamp'),
      fleet.key('next-director'),
    ] as const
    fleet.open(keys)
    orThrow(
      await accept('image', { root: await written('image', { snapshot: one(keys[0]), timestamp: one(keys[1]) }) }),
    )
    const now = orThrow(await fleet.refreshed(driven))
    assert.equal(now.snapshot.signed.version, Math.floor(fleet.clock.now() / 1000) + 1)
  })

  it('a cut of power at the commit leaves the old root and everything below it; the same again puts it in force', async () => {
    const keys = ['fourth-snapshot', 'fourth-timestamp', 'next-director'].map(name => fleet.key(name))
    let cut = true
    const through = (store: FleetStore): FleetStore =>
      new Proxy(store, {
        get: (target, name) => {
          const value = target[name as keyof FleetStore]
          if (name === 'commit' && cut) return () => Promise.reject(new Error('power lost'))
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    fleet.open(keys, through)
    const seen = orThrow(await fleet.refreshed(await fleet.client('director/harbour')))
    const was = await everything()
    const handed = { root: await written('director', {}) }
    await assert.rejects(accept('director', handed), /power lost/)
    assert.equal(await everything(), was)
    cut = false
    // The same process goes on: what it signed and never committed is forgotten.
    fleet.clock.advance(0.6 * DAY)
    assert.deepEqual((await renew(fleet.world)).refused, [])
    assert.equal(orThrow(await fleet.refreshed(seen)).root.signed.version, 2)
    orThrow(await accept('director', handed))
    const now = orThrow(await fleet.refreshed(seen))
    assert.equal(now.root.signed.version, 3)
  })

  it('a root that loses nothing keeps unknown members, and the keys of roles that stay', async () => {
    const { root: old } = await root('approval')
    const key = fleet.newKey('another-root')
    const next = orThrow(nextRoot(old.signed, { root: one(fleet.key('approval-root'), key) }, soon(365), crypto))
    const marked = { ...next, 'x-note': 'kept' }
    orThrow(await accept('approval', { root: await sealedBy(marked, [fleet.key('approval-root')]) }))
    const { root: now } = await root('approval')
    const again = orThrow(nextRoot(now.signed, {}, soon(365), crypto))
    assert.equal(again['x-note'], 'kept')
    assert.deepEqual(Object.keys(again.keys as object).sort(), Object.keys(now.signed.raw.keys as object).sort())
    const set = await root('approval')
    assert.ok(!isRefusal(updateRoot(set, await sealedBy(again, [key]), crypto)))
  })
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { PlainFiles } from '../../src/adapters/repository-folder.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import { toBase64, toHex } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { findTarget } from '../../src/core/trust/find-target.ts'
import {
  BINS_FROM,
  binNames,
  binsOf,
  type Publication,
  publication,
  publicationInBins,
  succinctOf,
} from '../../src/core/trust/hash-bins.ts'
import type { Target, Targets } from '../../src/core/trust/metadata.ts'
import { readMetadata, signableBytes } from '../../src/core/trust/read-metadata.ts'
import { nextRoot, seal, signatureBy, withTargets } from '../../src/core/trust/repository.ts'
import type { CurrentSet, TrustedSet } from '../../src/core/trust/trusted-set.ts'
import { drive } from '../../src/flows/drive.ts'
import { allTargets, openRepository, storedBin } from '../../src/flows/keep.ts'
import type { FleetStore } from '../../src/flows/ports.ts'
import { publishedReleases, publishRelease, storeBlob } from '../../src/flows/publish.ts'
import { assigned, takeOrders } from '../../src/flows/relay.ts'
import { acceptRoot } from '../../src/flows/rotate.ts'
import type { StatusView } from '../../src/wire/fleet-views.ts'
import { call, fleetUrl, tls } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { QuietFleet, sealedBy } from '../worlds/quiet-fleet.ts'
import { gatewayOf } from '../worlds/site-world.ts'
import { rest, started } from '../worlds/started.ts'

const DAY = 86_400_000
const bytes = new TextEncoder().encode('notes')
const sha256 = toHex(crypto.sha256(bytes))
const note = (name: string): Target => ({ path: `notes/${name}`, length: bytes.length, sha256, custom: null })
const notes = (count: number): Target[] => Array.from({ length: count }, (_, n) => note(String(n)))

async function* stream(): AsyncGenerator<Uint8Array> {
  yield bytes
}

describe('a repository that grows past a thousand targets', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
    assert.equal(await storeBlob(fleet.world, { sha256, length: bytes.length }, 1000, stream()), null)
  })
  after(() => fleet?.close())

  const soon = (days: number) => instant(fleet.clock.now() + days * DAY)
  const set = async (): Promise<TrustedSet> => orThrow(await openRepository(fleet.world, 'image'))

  /** What the command line signs for these targets, by a key of the role. */
  async function written(add: readonly Target[], names?: Iterable<string>): Promise<Publication> {
    const now = await set()
    const [root, targets] = [now.root.signed, now.targets!.signed]
    if (targets.delegations === null) return orThrow(publication(root, targets, { add }, soon(365), crypto))
    const current = new Map<string, Targets>()
    const wanted =
      names ??
      binsOf(
        targets,
        add.map(({ path }) => path),
        crypto,
      )
    for (const name of wanted) current.set(name, orThrow(await storedBin(fleet.world, now, name)).signed)
    return orThrow(publicationInBins(root, targets, current, { add }, soon(365), crypto))
  }

  async function signed(made: Publication, by = 'release') {
    const signers = [fleet.key(by)]
    const metadata = await sealedBy(made.targets, signers)
    const bins = new Map<string, Uint8Array>()
    for (const [name, bin] of made.bins) bins.set(name, await sealedBy(bin, signers))
    return { metadata, bins }
  }

  const publish = async (add: readonly Target[]) => publishRelease(fleet.world, 'ann', await signed(await written(add)))

  async function found(client: CurrentSet, path: string): Promise<Target | null | Refusal> {
    const search = findTarget(client, path, fleet.clock.now(), crypto)
    const result = await drive(search, wanted => fleet.world.store.file('image', wanted.path))
    return isRefusal(result) ? result : result.target
  }

  it('gets bins at once, and a client that knew it before finds everything', async () => {
    orThrow(await publish(notes(BINS_FROM - 1)))
    const small = orThrow(await fleet.refreshed(await fleet.client('image')))
    assert.equal(small.targets.signed.targets.size, BINS_FROM - 1)
    assert.deepEqual(orThrow(await publish([note('last')])).published, ['notes/last'])
    const large = orThrow(await fleet.refreshed(small))
    assert.equal(large.targets.signed.targets.size, 0)
    for (const path of ['notes/0', `notes/${BINS_FROM - 2}`, 'notes/last']) {
      assert.deepEqual(orThrow(await found(large, path)), note(path.slice('notes/'.length)))
    }
    assert.equal(await found(large, 'notes/none'), null)
    assert.equal((orThrow(await allTargets(fleet.world, await set())) as ReadonlyMap<string, Target>).size, BINS_FROM)
  })

  it('from then on a publication signs the bins that change and the targets above them', async () => {
    const made = await written([note('more'), note('even-more')])
    assert.ok(made.bins.size <= 2)
    const before = await set()
    orThrow(await publishRelease(fleet.world, 'ann', await signed(made)))
    const meta = (await set()).snapshot!.signed.meta
    const raised = [...meta].filter(
      ([name, { version }]) => version > (before.snapshot!.signed.meta.get(name)?.version ?? 0),
    )
    assert.deepEqual(raised.map(([name]) => name).sort(), [...made.bins.keys(), 'targets'].sort())
    const client = orThrow(await fleet.refreshed(await fleet.client('image')))
    assert.deepEqual(orThrow(await found(client, 'notes/even-more')), note('even-more'))
  })

  it('two who publish at once, in other bins: the second is told to start again', async () => {
    const first = await signed(await written([note('a')]))
    const second = await signed(await written([note('b')]))
    orThrow(await publishRelease(fleet.world, 'ann', first))
    const late = await publishRelease(fleet.world, 'ben', second)
    assert.ok(isRefusal(late) && late.code === 'publish-version-conflict')
    assert.deepEqual(orThrow(await publishRelease(fleet.world, 'ann', first)).published, [], 'the same again')
  })

  const refused: Record<string, [code: string, make: () => Promise<Publication>, by?: string]> = {
    'attack: other bytes under a published name, in a bin': [
      'target-conflict',
      async () => {
        const made = await written([note('5')])
        return changedBin(made, 'notes/5', target => ({ ...target, hashes: { sha256: '0'.repeat(64) } }))
      },
    ],
    'a blob that was never uploaded, in a bin': [
      'blob-missing',
      () => written([{ ...note('new'), sha256: 'ab'.repeat(32) }]),
    ],
    'attack: bins by a key that is not of the targets': [
      'metadata-below-threshold',
      () => written([note('x')]),
      'firmware',
    ],
    'attack: bins that are given up': [
      'bins-layout-changed',
      async () => {
        const { targets } = await written([note('x')])
        const { delegations: _, ...flat } = targets
        return { targets: flat, bins: new Map() }
      },
    ],
  }
  for (const [name, [code, make, by]] of Object.entries(refused)) {
    it(`${name}: ${code}, nothing half published`, async () => {
      const files = async () =>
        Promise.all(
          ['timestamp.json', 'snapshot.json', 'targets.json'].map(path => fleet.world.store.file('image', path)),
        )
      const was = await files()
      const answer = await publishRelease(fleet.world, 'ann', await signed(await make(), by))
      assert.ok(isRefusal(answer), 'refused')
      assert.equal(answer.code, code, `${answer.subject}: ${answer.expected}, ${answer.actual}`)
      assert.deepEqual(await files(), was)
    })
  }

  function changedBin(
    made: Publication,
    path: string,
    change: (target: Record<string, unknown>) => object,
  ): Publication {
    const bins = new Map(
      [...made.bins].map(([name, bin]) => {
        const targets = { ...(bin.targets as Record<string, Record<string, unknown>>) }
        if (targets[path] !== undefined) targets[path] = change(targets[path]) as Record<string, unknown>
        return [name, { ...bin, targets } as typeof bin]
      }),
    )
    return { ...made, bins }
  }

  it('attack: a bin that somebody changed at the database is not signed over, and not shown', async () => {
    const now = await set()
    const [name] = binsOf(now.targets!.signed, ['notes/7'], crypto)
    const honest = (await fleet.world.store.file('image', `${name}.json`))!
    await fleet.damage(
      'image',
      `${name}.json`,
      await sealedBy({ ...JSON.parse(new TextDecoder().decode(honest)).signed }, [fleet.key('firmware')]),
    )
    fleet.open()
    const all = await publishedReleases(fleet.world)
    assert.ok(isRefusal(all) && all.code === 'metadata-below-threshold')
    await fleet.damage('image', `${name}.json`, honest)
    fleet.open()
    assert.ok(!isRefusal(await publishedReleases(fleet.world)))
  })

  it('a cut of power at the commit leaves the old set, bins and all', async () => {
    const made = await signed(await written([note('cut')]))
    const through = (store: FleetStore): FleetStore =>
      new Proxy(store, {
        get: (target, name) => {
          if (name === 'commit') return () => Promise.reject(new Error('power lost'))
          const value = target[name as keyof FleetStore]
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    fleet.open([], through)
    await assert.rejects(publishRelease(fleet.world, 'ann', made), /power lost/)
    fleet.open()
    const client = orThrow(await fleet.refreshed(await fleet.client('image')))
    assert.equal(await found(client, 'notes/cut'), null)
    orThrow(await publishRelease(fleet.world, 'ann', made))
    assert.deepEqual(orThrow(await found(orThrow(await fleet.refreshed(client)), 'notes/cut')), note('cut'))
  })

  it('other targets keys: all bins are signed anew with the root, or nothing changes', async () => {
    const now = await set()
    const spec = { keys: [fleet.key('firmware').key], threshold: 1 }
    const next = orThrow(nextRoot(now.root.signed, { targets: spec }, soon(365), crypto))
    const root = await sealedBy(next, [fleet.key('image-root')])
    const layout = succinctOf(now.targets!.signed)
    const bins = new Map<string, Targets>()
    for (const name of binNames(layout)) bins.set(name, orThrow(await storedBin(fleet.world, now, name)).signed)
    const after = orThrow(readMetadata('root', root, 'root')).signed
    const made = orThrow(publicationInBins(after, now.targets!.signed, bins, {}, soon(365), crypto))
    const { metadata, bins: files } = await signed(made, 'firmware')
    const some = new Map([...files].slice(1))
    const partly = await acceptRoot(fleet.world, 'ann', 'image', { root, targets: metadata, bins: some })
    assert.ok(isRefusal(partly) && partly.code === 'bin-missing')
    const plain = orThrow(withTargets(now.targets!.signed, {}, now.targets!.signed.version + 1, soon(365)))
    const stale = await sealedBy(plain, [fleet.key('firmware')])
    const unkeyed = await acceptRoot(fleet.world, 'ann', 'image', { root, targets: stale })
    assert.ok(isRefusal(unkeyed) && unkeyed.code === 'bins-keys-differ')
    const client = orThrow(await fleet.refreshed(await fleet.client('image')))
    orThrow(await acceptRoot(fleet.world, 'ann', 'image', { root, targets: metadata, bins: files }))
    const later = orThrow(await fleet.refreshed(client))
    assert.equal(later.root.signed.version, 2)
    assert.deepEqual(orThrow(await found(later, 'notes/5')), note('5'))
    // What the old key signs is nothing any more.
    const old = await publishRelease(fleet.world, 'ann', await signed(await written([note('old-key')])))
    assert.ok(isRefusal(old) && old.code === 'metadata-below-threshold')
    orThrow(await publishRelease(fleet.world, 'ann', await signed(await written([note('new-key')]), 'firmware')))
  })
})

describe('bins from the command line to a site', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, async one => {
      await one.reported()
      await rest(one)
      return one
    })
  })
  after(() => world?.stop())

  it('publish crosses over, publishes into bins, renews; approvers and the gateway find the release', {
    timeout: 120_000,
  }, async () => {
    const admin = tls.administrator(world)
    orThrow(await call(fleetUrl(world), admin, 'PUT', `/v1/blobs/${sha256}`, bytes))
    const file = orThrow(await call(fleetUrl(world), admin, 'GET', '/v1/repos/image/targets.json')).body
    const before = orThrow(readMetadata('targets', file, 'image')).signed
    const expires = instant(Math.ceil(Date.now() / 1000) * 1000 + DAY)
    const raw = orThrow(withTargets(before, { add: notes(BINS_FROM - 1) }, before.version + 1, expires))
    const signer = orThrow(loadSigner(world.at('keys', 'release')))
    const signature = orThrow(await signer.sign(signableBytes(raw), 'der'))
    const metadata = toBase64(seal(raw, [signatureBy(signer.key, signature, crypto)]))
    orThrow(await call(fleetUrl(world), admin, 'POST', '/v1/releases', { metadata }))

    await world.publish(await world.release('bms', '1.1.0', image(2)))
    await world.publish(await world.release('bms', '1.2.0', image(3)))
    await world.must('publish', '--renew', '--key', world.at('keys', 'release'))
    const { metadata: kept, alarms } = (await world.must('fleet', 'status')) as StatusView
    assert.deepEqual(
      kept.map(({ repository, role }) => `${repository} ${role}`),
      ['image root', 'image targets', 'image bins', 'approval root', 'approval targets', 'director root'],
    )
    assert.deepEqual(alarms, [])
    const releases = (await world.must('release', 'list')) as { path: string }[]
    assert.deepEqual(releases.map(({ path }) => path).sort(), ['bms/1.1.0/envelope.suit', 'bms/1.2.0/envelope.suit'])
    await world.campaign('binned', ['bms/1.2.0/envelope.suit'], '--soak', '1h')
    // The same from a folder that was carried there: the gateway needs no trust in it.
    const folder = world.at('stick')
    await world.must('repository', 'export', folder, '--site', 'quay')
    const roots = ['image', 'approval', 'director'].flatMap(repo => [
      '--root',
      `${repo}=${world.at('fleet', 'roots', `${repo}.root.json`)}`,
    ])
    const { repositories } = (await world.must('repository', 'verify', folder, ...roots)) as {
      repositories: { name: string; targets: number; here: number }[]
    }
    assert.deepEqual(
      repositories.map(({ name, targets, here }) => [name, targets, here]),
      [
        ['image', BINS_FROM + 3, 2],
        ['approval', 1, 1],
        ['director/quay', 1, 0],
      ],
    )
    const untold = await world.run('repository', 'verify', folder, ...roots.slice(0, 4))
    assert.equal(untold.exit, 64, 'a repository without a root of one’s own is not believed')
    const asGateway = tls.gateway(world.at('gateway'))
    const peeking = await call(fleetUrl(world), asGateway, 'GET', '/v1/sites/quay/director/timestamp.json')
    assert.ok(isRefusal(peeking) && peeking.code === 'not-permitted')
    const carried = (repo: string, path: string, max: number) =>
      repo === 'sheets'
        ? new PlainFiles(join(folder, 'sheets/quay')).read(path, max)
        : new PlainFiles(join(folder, repo === 'director' ? 'director/quay' : repo)).read(`metadata/${path}`, max)
    const gateway = await gatewayOf(world, { link: () => ({ file: carried }) })
    try {
      assert.equal(await takeOrders(gateway.site), null)
      assert.deepEqual(
        (await assigned(gateway.site)).map(({ envelope }) => envelope.path),
        ['bms/1.2.0/envelope.suit'],
      )
    } finally {
      gateway.close()
    }
  })

  it('publish for a key on another machine carries each bin as it is in force, and the signer sees what changes', async () => {
    const folder = await world.release('bms', '1.3.0', image(4))
    const [request, key] = [world.at('bins.request'), world.at('keys', 'release')]
    await world.must('publish', folder, '--key', `${key}.pub`, '--export', request)
    const root = world.at('fleet', 'roots', 'image.root.json')
    const { documents } = (await world.must('sign', request, '--root', root)) as {
      documents: { name: string; compared: boolean; changes: { what: string; before: string | null }[] }[]
    }
    assert.ok(documents.length > 1)
    for (const { name, compared } of documents) assert.ok(compared, name)
    const targets = documents.flatMap(({ changes }) => changes.filter(({ what }) => what.startsWith('target ')))
    assert.deepEqual(
      targets.map(({ what, before }) => [what, before]).sort(),
      ['envelope.suit', 'payload.bin'].map(name => [`target bms/1.3.0/${name}`, null]),
    )
    await world.must('sign', request, '--key', key)
    const published = (await world.must('publish', folder, '--import', request)) as { releases: string[] }
    assert.deepEqual(published.releases, ['bms/1.3.0/envelope.suit'])
  })
})

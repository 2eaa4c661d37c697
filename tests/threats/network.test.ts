import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { instant } from '../../src/core/encoding/units.ts'
import { refuse } from '../../src/core/refusal/refusal.ts'
import type { FileRef } from '../../src/core/trust/image-target.ts'
import { offerFor } from '../../src/flows/offer.ts'
import type { FleetLink } from '../../src/flows/ports.ts'
import { assigned } from '../../src/flows/relay.ts'
import { Bench, running } from './bench.ts'
import { exchange, forge, forgedPlan, leave, online, order, roleOf, serve, smuggle } from './thief.ts'

const DAY = 86_400_000

/** Nothing is stolen: somebody stands between the gateway and the fleet server, or plays the mirror. */
describe('on the network, or as a mirror, without a key', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  const gone = async () => refuse('not-reachable', 'the fleet', 'an answer', 'none')
  const cut = (): Partial<FleetLink> => ({ file: gone, blob: gone, send: gone, checkIn: gone })

  it('attack: drop request: the site goes on with what it has, restarts nothing for it, and converges when the line is back', async () => {
    const [c0, c1] = bench.controllers
    assert.equal(await bench.refresh(), 'taken')
    bench.line = cut
    assert.equal(await bench.refresh(), 'not-reachable')
    assert.equal((await assigned(bench.site)).length, 1, 'what was agreed stays agreed')
    const offer = await offerFor(bench.site, 'c0')
    assert.ok(offer !== null && 'envelope' in offer, 'its controllers are served')
    assert.deepEqual([running(c0!), running(c1!)], ['1.0.0', '1.0.0'])
    leave(bench)
    assert.equal(await bench.deliver(c0!), '1.1.0')
  })

  it('attack: freeze: a site that is shown the same files for ever does nothing with them once they have expired', async () => {
    assert.equal(await bench.refresh(), 'taken')
    const frozen = new Map<string, Uint8Array | null>()
    bench.line = honest => ({
      file: async (repo, path, max) => {
        const name = `${repo} ${path}`
        if (!frozen.has(name)) frozen.set(name, (await honest.file(repo, path, max)) as Uint8Array | null)
        return frozen.get(name) ?? null
      },
    })
    assert.equal(await bench.refresh(), 'taken')
    bench.fleet.clock.advance(2 * DAY)
    assert.equal(await bench.refresh(), 'metadata-expired')
    assert.equal(await offerFor(bench.site, 'c0'), null, 'nor is what was agreed before offered')
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('attack: partial bundle: the envelope comes and the payload does not; nothing is offered, and nothing is half installed', async () => {
    const [, payload] = bench.releases['1.1.0'].targets
    bench.line = honest => ({ blob: (id, from) => (id.sha256 === payload.sha256 ? gone() : honest.blob(id, from)) })
    assert.equal(await bench.refresh(), 'not-reachable')
    const offer = await offerFor(bench.site, 'c0')
    assert.ok(offer !== null && 'code' in offer && offer.code === 'not-reachable')
    leave(bench)
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
  })

  it('attack: rollback: yesterday’s files of all three repositories are not taken any more', async () => {
    const files = ['image', 'approval', 'director/quay']
    const before = new Map<string, Uint8Array | null>()
    for (const repo of files) before.set(repo, await bench.fleet.world.store.file(repo, 'timestamp.json'))
    // Everything is renewed, and the gateway has seen it.
    await bench.publish(await bench.make('1.3.0'))
    assert.equal(await bench.refresh(), 'taken')
    bench.line = honest => ({
      file: async (repo, path, max) =>
        repo === 'image' && path === 'timestamp.json' ? (before.get('image') ?? null) : honest.file(repo, path, max),
    })
    assert.equal(await bench.refresh(), 'metadata-rollback')
  })

  it('attack: mix and match: the targets of another moment under today’s snapshot', async () => {
    const old = await bench.fleet.world.store.file('image', '1.targets.json')
    bench.line = honest => ({
      file: async (repo, path, max) =>
        repo === 'image' && /^\d+\.targets\.json$/.test(path) ? old : honest.file(repo, path, max),
    })
    assert.equal(await bench.refresh(), 'metadata-length-mismatch')
  })
})

describe('at the site, with hands on the gateway', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  it('attack: the clock of a gateway set back revives no metadata that had expired, over a restart too', async () => {
    assert.equal(await bench.refresh(), 'taken')
    const recorded = new Map<string, Uint8Array | null>()
    for (const repo of ['image', 'approval', 'director'] as const) {
      for (const [path, bytes] of await bench.site.store.files(repo)) recorded.set(`${repo} ${path}`, bytes)
    }
    const then = bench.fleet.clock.now()
    bench.fleet.clock.advance(2 * DAY)
    assert.equal(await bench.refresh(), 'metadata-expired')
    // The clock goes back to the day on which all of it was fresh, and the line plays what was recorded then.
    bench.line = () => ({
      file: async (repo, path) =>
        path.endsWith('root.json') ? null : (recorded.get(`${repo} ${path.replace(/^\d+\./, '')}`) ?? null),
    })
    const setBack = { now: () => instant(then + 1000), quality: 'simulated' } as const
    bench.site = { ...bench.site, clock: setBack }
    assert.equal(await bench.refresh(), 'metadata-expired')
    bench.restartGateway()
    assert.equal(await bench.refresh(), 'metadata-expired')
    assert.equal(await offerFor(bench.site, 'c0'), null)
  })

  it('attack: a laptop at a controller installs nothing that the maker has not signed, and nothing older', async () => {
    const [c0] = bench.controllers
    const codes = [
      await bench.make('2.0.0', { signer: null }),
      await bench.make('2.0.0', { signer: bench.fleet.newKey('laptop') }),
      await bench.make('2.0.0', { hardware: ['r2'] }),
      bench.releases['1.0.0'],
    ].map(({ envelope, image }) => bench.install(c0!, envelope, image))
    assert.deepEqual(codes, [
      'envelope-unsigned',
      'envelope-signature-invalid',
      'release-wrong-hardware',
      'release-not-newer',
    ])
  })
})

describe('inside the fleet server, with every key that lies there', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  it('attack: a hacked fleet server publishes nothing, approves nothing, and assigns nothing that was not approved', async () => {
    const foreign = await bench.make('6.6.6', { signer: bench.fleet.newKey('thief') })
    smuggle(bench, foreign.envelope, foreign.image)
    const { target } = await forgedPlan(bench, 'coup', foreign)
    const [image, approval] = [online(bench, 'image'), online(bench, 'approval')]
    // What the release key has signed, under online keys that are the thief's.
    const file = (await bench.fleet.world.store.file('image', '2.targets.json')) as Uint8Array
    const directed = (envelope: FileRef, campaign: string) =>
      forge(bench, 'director', [order(envelope, ['c0'], { campaign })], online(bench, 'director'))
    const said = async (forged: Parameters<typeof serve>[1]): Promise<string> => {
      serve(bench, forged)
      return bench.refresh()
    }
    const [envelope] = foreign.targets
    const codes = [
      await said({
        director: await directed(envelope, 'coup'),
        image: await forge(bench, 'image', [], image, { file }),
        approval: await forge(bench, 'approval', [target], { ...approval, targets: approval.snapshot }),
      }),
      await said({
        director: await directed(envelope, 'coup'),
        image: await forge(bench, 'image', foreign.targets, { ...image, targets: image.snapshot }),
      }),
    ]
    assert.deepEqual(codes, ['metadata-below-threshold', 'metadata-below-threshold'])
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('attack: a hacked fleet server that is cleaned goes on by new online keys of all three roots', async () => {
    for (const repo of ['image', 'approval', 'director'] as const) {
      const bytes = await bench.fleet.world.store.file(repo === 'director' ? 'director/quay' : repo, 'targets.json')
      const signed = repo === 'director' ? {} : { file: bytes as Uint8Array }
      serve(bench, { [repo]: await forge(bench, repo, [], online(bench, repo), { version: 2 ** 40, ...signed }) })
      await bench.refresh()
    }
    leave(bench)
    assert.equal(await bench.refresh(), 'metadata-rollback')
    const spare = (repo: string, role: string) => bench.fleet.newKey(`${repo}-${role}-2`)
    const spares = (['image', 'approval', 'director'] as const).map(repo => {
      return { repo, keys: [spare(repo, 'snapshot'), spare(repo, 'timestamp'), spare(repo, 'targets')] as const }
    })
    const all = spares.flatMap(({ keys }) => keys)
    for (const { repo, keys } of spares) {
      const [snapshot, timestamp, targets] = keys.map(key => roleOf(1, key))
      const online = { snapshot: snapshot!, timestamp: timestamp! }
      const changes = repo === 'director' ? { ...online, targets: targets! } : online
      await exchange(bench, repo, changes, { spares: all })
    }
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
  })
})

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { memoryOf, parseHeader } from '../../src/core/delta/patch.ts'
import { sealPatch } from '../../src/core/firmware/patch-encryption.ts'
import { FROM_NOTHING } from '../../src/core/fleet/patch-rows.ts'
import { isRefusal, orThrow, refuse } from '../../src/core/refusal/refusal.ts'
import { makeNextPatch, servePatches, wantPatch } from '../../src/flows/make-patches.ts'
import type { PatchMaker } from '../../src/flows/patch-ports.ts'
import type { FleetStore, FleetWorld } from '../../src/flows/ports.ts'
import { publishRelease } from '../../src/flows/publish.ts'
import { drawn, patchOf } from '../core/delta/images.ts'
import { brought, digestOf, IMAGES, makeHere, PatchedFleet, POLICY } from '../worlds/patched-fleet.ts'
import { memoryWrappingKey, TOOLS } from '../worlds/wrapping.ts'

const [OLD, NEW, NEXT] = IMAGES
const codeOf = (value: unknown): string | null => (isRefusal(value) ? value.code : null)
/** A store that power fails at. */
const cutAt = (
  store: FleetStore,
  name: 'commit',
  instead: FleetStore['commit'] = () => Promise.reject(new Error('power failed')),
): FleetStore =>
  new Proxy(store, {
    get: (target, key) => {
      if (key === name) return instead
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

describe('patches at the fleet server', () => {
  let at: PatchedFleet
  beforeEach(async () => {
    at = await PatchedFleet.make()
  })
  afterEach(() => at.close())

  const pairs = async () =>
    (await at.world.store.patches.page(null, 100)).map(row => [row.base, row.target, row.at]).reverse()
  /** Makes all that waits; answers how many there were. */
  async function makeAll(make: PatchMaker = makeHere): Promise<number> {
    for (let count = 0; ; count += 1) if (!orThrow(await makeNextPatch(at.world, make))) return count
  }
  const told = async (kind: string) => (await at.fleet.entries()).filter(entry => entry.kind === kind)

  it('are wanted of a published release from what the fleet runs most, and from nothing; never from itself', async () => {
    await at.publish(1, OLD)
    assert.deepEqual(await pairs(), [[FROM_NOTHING, digestOf(OLD), 'wanted']])
    await at.attests('c0', '1.1.0', digestOf(OLD))
    await at.attests('c1', '1.1.0', digestOf(OLD))
    assert.deepEqual(await at.world.store.patches.running('bms', 2), [
      { version: '1.1.0', digest: digestOf(OLD), controllers: 2 },
    ])
    await at.publish(2, NEW)
    assert.deepEqual((await pairs()).slice(1), [
      [digestOf(OLD), digestOf(NEW), 'wanted'],
      [FROM_NOTHING, digestOf(NEW), 'wanted'],
    ])
    assert.equal(await makeAll(), 3)
    const made = orThrow((await at.world.store.patches.patch({ base: digestOf(OLD), target: digestOf(NEW) }))!)
    assert.ok(made.at === 'made' && made.by === 'fleet')
    const bytes = orThrow(await at.world.blobs.read(made))
    assert.deepEqual(bytes, patchOf({ old: OLD, now: NEW, architecture: 'none', load: 0 }))
    assert.equal(made.memory, memoryOf(orThrow(parseHeader(bytes, 'it'))))
    // Bytes that nothing is known of have no smaller form.
    const none = await at.world.store.patches.patch({ base: FROM_NOTHING, target: digestOf(NEW) })
    assert.ok(none?.at === 'none' && none.code === 'patch-not-smaller')
    assert.deepEqual(
      (await told('patch-made')).map(({ detail }) => detail),
      [
        {
          ...{ base: digestOf(OLD), target: digestOf(NEW), patch: made.sha256, bytes: made.length },
          ...{ memory: made.memory, millis: made.took },
        },
      ],
    )
    assert.deepEqual(
      (await told('patch-not-made')).map(({ code }) => code),
      ['patch-not-smaller', 'patch-not-smaller'],
    )
    assert.equal(await makeAll(), 0, 'nothing is made twice')
    assert.deepEqual(await at.world.store.patches.counts(), { wanted: 0, made: 1, none: 2 })
  })

  it('are ordered when they are made; until then the orders say that they are coming, and are written anew by themselves', async () => {
    await at.publish(1, OLD)
    await makeAll()
    await at.attests('c0', '1.1.0', digestOf(OLD))
    const release = await at.publish(2, NEW)
    await at.campaign('spring', release)
    const first = await at.order()
    assert.deepEqual(first.get('c0'), { base: digestOf(OLD), coming: true })
    assert.deepEqual(first.get('c1'), { base: FROM_NOTHING, coming: true }, 'it attests nothing')
    assert.deepEqual(await at.ordered(), first)
    assert.deepEqual(await at.world.store.patches.awaiting(9), [])
    await makeAll()
    assert.deepEqual(await at.world.store.patches.awaiting(9), ['harbour'])
    assert.equal(await servePatches(at.world), null)
    const made = (await at.world.store.patches.patch({ base: digestOf(OLD), target: digestOf(NEW) }))!
    assert.ok(made.at === 'made')
    const { sha256, length, memory } = made
    const now = await at.ordered()
    assert.deepEqual(now.get('c0'), { base: digestOf(OLD), sha256, length, memory })
    assert.equal(now.get('c1'), undefined, 'what it could be given is not smaller')
    assert.deepEqual(await at.world.store.patches.awaiting(9), [])
    assert.deepEqual(await at.order(), now, 'and stay what they are')
  })

  it('are the smaller of those from what runs there and from nothing', async () => {
    const [alike, other] = [new Uint8Array(6000).with(7, 1), drawn(9, 5000)]
    await at.publish(1, other)
    await at.attests('c0', '1.1.0', digestOf(other))
    const release = await at.publish(2, alike)
    await makeAll()
    await at.campaign('spring', release)
    const [own, any] = [digestOf(other), FROM_NOTHING].map(base =>
      at.world.store.patches.patch({ base, target: digestOf(alike) }),
    )
    const rows = [await own, await any].map(row => (row?.at === 'made' ? row.length : 0))
    assert.ok(rows.every(length => length > 0))
    const smaller = rows[0]! <= rows[1]! ? digestOf(other) : FROM_NOTHING
    assert.equal((await at.order()).get('c0')?.base, smaller)
  })

  it('are made on demand for what nobody foresaw, of what is here alone', async () => {
    await at.publish(1, OLD)
    const release = await at.publish(2, NEW)
    await makeAll()
    await at.attests('c0', '1.1.0', digestOf(OLD))
    await at.attests('c1', '1.0.9', digestOf(drawn(8, 100)))
    await at.campaign('spring', release)
    assert.deepEqual([...(await at.order()).values()], [{ base: digestOf(OLD), coming: true }, undefined])
    assert.deepEqual((await pairs()).at(-1), [digestOf(OLD), digestOf(NEW), 'wanted'])
    assert.equal(await makeAll(), 1, 'what a controller attests and nobody has here is no job')
  })

  it('none are made, and none ordered, where the settings say so', async () => {
    at.policy = null
    await at.publish(1, OLD)
    await at.attests('c0', '1.1.0', digestOf(OLD))
    const release = await at.publish(2, NEW)
    await at.campaign('spring', release)
    assert.deepEqual([...(await at.order()).values()], [undefined, undefined])
    assert.deepEqual(await pairs(), [])
    const pair = { base: digestOf(OLD), target: digestOf(NEW) }
    assert.equal(codeOf(await wantPatch(at.world, 'somebody', pair)), 'patches-off')
  })

  it('wait in a queue that is bounded: what does not fit is said, and made when it is ordered', async () => {
    at.policy = { ...POLICY, queue: 1 }
    await at.publish(1, OLD)
    await at.attests('c0', '1.1.0', digestOf(OLD))
    const release = await at.publish(2, NEW)
    assert.equal((await at.world.store.patches.counts()).wanted, 1)
    assert.deepEqual(
      (await told('patch-not-made')).map(({ code }) => code),
      ['patch-queue-full', 'patch-queue-full'],
    )
    await at.campaign('spring', release)
    assert.deepEqual([...(await at.order()).values()], [undefined, undefined], 'nobody waits for what is not made')
    const pair = { base: digestOf(OLD), target: digestOf(NEW) }
    assert.equal(codeOf(await wantPatch(at.world, 'somebody', pair)), 'patch-queue-full')
    await makeAll()
    assert.deepEqual((await at.order()).get('c0'), { base: digestOf(OLD), coming: true })
  })

  it('are made once, however often they are wanted, and again when a person asks for one that could not be had', async () => {
    await at.publish(1, OLD)
    await at.publish(2, NEW)
    const pair = { base: digestOf(OLD), target: digestOf(NEW) }
    assert.equal(orThrow(await wantPatch(at.world, 'somebody', pair)).at, 'wanted')
    assert.equal(orThrow(await wantPatch(at.world, 'somebody', pair)).at, 'wanted')
    assert.equal((await pairs()).length, 3)
    const slow: PatchMaker = async () => refuse('patch-too-slow', 'the patch', 'at most 1 s', 'longer')
    await makeAll(slow)
    const row = await at.world.store.patches.patch(pair)
    assert.ok(row?.at === 'none' && row.code === 'patch-too-slow')
    assert.equal(orThrow(await wantPatch(at.world, 'somebody', pair)).at, 'wanted')
    assert.equal(await makeAll(), 1)
    assert.equal(orThrow(await wantPatch(at.world, 'somebody', pair)).at, 'made')
    assert.equal((await told('patch-wanted')).length, 2)
    for (const [what, other, code] of [
      ['an image that is not here', { base: digestOf(drawn(1, 9)), target: digestOf(NEW) }, 'blob-missing'],
      ['a target that is not here', { base: digestOf(OLD), target: digestOf(drawn(1, 9)) }, 'blob-missing'],
      ['itself', { base: digestOf(OLD), target: digestOf(OLD) }, 'request-malformed'],
      ['no digest', { base: '../..', target: digestOf(OLD) }, 'request-malformed'],
      ['nothing', { base: digestOf(OLD), target: FROM_NOTHING }, 'request-malformed'],
    ] as const) {
      assert.equal(codeOf(await wantPatch(at.world, 'somebody', other)), code, what)
    }
  })

  it('are made again when power fails, or the server ends, before they were told to be made', async () => {
    await at.publish(1, OLD)
    await at.attests('c0', '1.1.0', digestOf(OLD))
    const release = await at.publish(2, NEW)
    await at.campaign('spring', release)
    await at.order()
    const pair = { base: digestOf(OLD), target: digestOf(NEW) }
    const ended: PatchMaker = async () => refuse('patch-cancelled', 'the patch', 'a patch', 'somebody ended it')
    assert.equal(codeOf(await makeNextPatch(at.world, ended)), 'patch-cancelled')
    at.fleet.open()
    at.fleet.open([], store => cutAt(store, 'commit'))
    await assert.rejects(makeNextPatch(at.world, makeHere), /power/)
    at.fleet.open()
    assert.equal((await at.world.store.patches.patch(pair))?.at, 'wanted')
    await makeAll()
    assert.equal((await at.world.store.patches.patch(pair))?.at, 'made')
    // And once more before the orders are written.
    assert.deepEqual((await at.ordered()).get('c0'), { base: digestOf(OLD), coming: true })
    at.fleet.open()
    assert.equal(await servePatches(at.world), null)
    assert.ok('sha256' in ((await at.ordered()).get('c0') ?? {}))
  })

  it('come to the same wherever power fails: before a commit, or behind it with its answer lost', async () => {
    const site = async () => {
      const one = await PatchedFleet.make()
      await one.publish(1, OLD)
      await one.attests('c0', '1.1.0', digestOf(OLD))
      await one.campaign('spring', await one.publish(2, NEW))
      await one.order()
      return one
    }
    const work = async ({ world }: PatchedFleet): Promise<void> => {
      while (orThrow(await makeNextPatch(world, makeHere))) assert.equal(await servePatches(world), null)
      assert.equal(await servePatches(world), null)
    }
    const outcome = async ({ world, ordered }: { world: FleetWorld; ordered: object }) => ({
      ordered,
      counts: await world.store.patches.counts(),
      awaiting: await world.store.patches.awaiting(9),
    })
    const whole = await site()
    await work(whole)
    const wanted = await outcome({ world: whole.world, ordered: await whole.ordered() })
    whole.close()
    assert.deepEqual(wanted.counts, { wanted: 0, made: 1, none: 2 })
    let cuts = 0
    for (const persisted of [false, true]) {
      for (let after = 1, isCut = true; isCut; after += 1) {
        const one = await site()
        let left = after
        one.fleet.open([], store =>
          cutAt(store, 'commit', async change => {
            left -= 1
            if (left !== 0) return store.commit(change)
            if (persisted) await store.commit(change)
            throw new Error('power failed')
          }),
        )
        isCut = await work(one).then(
          () => false,
          () => true,
        )
        one.fleet.open()
        await work(one)
        const what = `commit ${after}, ${persisted ? 'persisted' : 'lost'}`
        assert.deepEqual(await outcome({ world: one.world, ordered: await one.ordered() }), wanted, what)
        if (isCut) cuts += 1
        one.close()
      }
    }
    assert.ok(cuts >= 8, `${cuts} cuts`)
  })

  it('attack: a maker that hands over something else makes no patch', async () => {
    await at.publish(1, OLD)
    await at.publish(2, NEW)
    const pair = { base: digestOf(OLD), target: digestOf(NEW) }
    const good = patchOf({ old: OLD, now: NEW, architecture: 'none', load: 0 })
    for (const [what, bytes, code] of [
      ['no patch', drawn(1, 200), 'patch-malformed'],
      ['a cut one', good.slice(0, -1), 'patch-malformed'],
      ['one to another image', patchOf({ old: OLD, now: NEXT, architecture: 'none', load: 0 }), 'patch-not-made'],
    ] as const) {
      await wantPatch(at.world, 'somebody', pair)
      await makeAll(async () => bytes)
      const row = await at.world.store.patches.patch(pair)
      assert.ok(row?.at === 'none' && row.code === code, what)
    }
  })

  it('attack: a release that was revoked is made no patches, and none is offered of before', async () => {
    await at.publish(1, OLD)
    await at.attests('c0', '1.1.0', digestOf(OLD))
    const release = await at.publish(2, NEW)
    await makeAll()
    await at.campaign('spring', release)
    assert.ok((await at.order()).get('c0') !== undefined)
    assert.equal(codeOf(await at.revoke('bms/1.2.0/envelope.suit', 'bms/1.2.0/payload.bin')), null)
    assert.deepEqual(
      (await pairs()).filter(([, target]) => target === digestOf(NEW)),
      [],
    )
    assert.deepEqual([...(await at.order()).values()], [undefined, undefined])
    assert.equal((await at.world.store.patches.counts()).wanted, 0)
  })

  it('of an encrypted release are the publisher’s alone', async () => {
    const holder = memoryWrappingKey()
    const encrypt = { keys: [holder.spki], cipher: nodeCipher }
    await at.publish(1, OLD)
    await at.attests('c0', '1.1.0', digestOf(OLD))
    const before = await pairs()
    const patch = brought(OLD, NEW)
    const between = { base: digestOf(OLD), target: digestOf(NEW) }
    const sealed = { ...patch, bytes: sealPatch(patch.bytes, between, 1024, new Uint8Array(32), TOOLS) }
    const release = await at.publish(2, NEW, { encrypt, brought: [sealed] })
    assert.deepEqual(await pairs(), before)
    await at.campaign('spring', release)
    assert.deepEqual([...(await at.order()).values()], [])
    const plain = await at.drawnUp(3, NEXT, { encrypt, brought: [brought(OLD, NEXT)] })
    assert.equal(codeOf(await publishRelease(at.world, 'somebody', plain)), 'patch-malformed', 'in the clear')
  })

  it('that a publisher brings are taken in place of making them', async () => {
    await at.publish(1, OLD)
    await makeAll()
    await at.attests('c0', '1.1.0', digestOf(OLD))
    const patch = brought(OLD, NEW)
    const release = await at.publish(2, NEW, { brought: [patch] })
    const row = await at.world.store.patches.patch({ base: digestOf(OLD), target: digestOf(NEW) })
    assert.ok(row?.at === 'made' && row.by === 'publisher' && row.sha256 === crypto.sha256(patch.bytes).toHex())
    await at.campaign('spring', release)
    assert.equal((await at.order()).get('c0')?.base, digestOf(OLD))
  })

  it('attack: a patch that is not what its release says of it is not published', async () => {
    await at.publish(1, OLD)
    const good = brought(OLD, NEW)
    const path = `bms/1.2.0/from-${digestOf(OLD).slice(0, 16)}.vsdp`
    const { base, memory } = good
    const longer = { base, memory, path, length: good.bytes.length + 1, sha256: digestOf(good.bytes) }
    for (const [what, more, code] of [
      ['from another base', { brought: [{ ...good, base: digestOf(NEXT) }] }, 'release-patch-refused'],
      ['to another image', { brought: [brought(OLD, NEXT)] }, 'release-patch-refused'],
      ['for less memory', { brought: [{ ...good, memory: good.memory - 1 }] }, 'release-patch-refused'],
      ['of another name', { brought: [{ ...good, path: 'bms/1.2.0/other.vsdp' }] }, 'release-patch-refused'],
      ['of another length', { brought: [good], said: { patches: [longer] } }, 'release-patch-refused'],
      ['that is no target', { brought: [good], left: [path] }, 'release-patch-refused'],
      ['that is no patch', { brought: [{ ...good, bytes: drawn(1, 300) }] }, 'patch-malformed'],
      ['that is cut', { brought: [{ ...good, bytes: good.bytes.slice(0, -3) }] }, 'patch-malformed'],
      ['as long as the images', { brought: [{ ...good, bytes: drawn(1, 6000) }] }, 'release-patch-refused'],
      ['from itself', { brought: [brought(NEW, NEW, { base: digestOf(NEW) })] }, 'release-patch-refused'],
    ] as const) {
      const drawnUp = await at.drawnUp(2, NEW, more)
      assert.equal(codeOf(await publishRelease(at.world, 'somebody', drawnUp)), code, what)
    }
    assert.equal(
      codeOf(await publishRelease(at.world, 'somebody', await at.drawnUp(2, NEW, { brought: [good] }))),
      null,
    )
  })
})

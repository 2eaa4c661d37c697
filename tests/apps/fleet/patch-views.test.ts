import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCipher } from '../../../src/adapters/cipher-node.ts'
import { patches, patchesTo } from '../../../src/apps/fleet/patch-views.ts'
import { sealPatch } from '../../../src/core/firmware/patch-encryption.ts'
import { FROM_NOTHING } from '../../../src/core/fleet/patch-rows.ts'
import type { Reach } from '../../../src/core/fleet/roles.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { makeNextPatch, refusesWanted, wantPatch } from '../../../src/flows/make-patches.ts'
import type { ReleasePatches } from '../../../src/wire/patch-api.ts'
import { brought, digestOf, IMAGES, makeHere, PatchedFleet, POLICY } from '../../worlds/patched-fleet.ts'
import { memoryWrappingKey, TOOLS } from '../../worlds/wrapping.ts'

const [OLD, NEW, NEXT] = IMAGES
const TO_NEW = 'bms/1.2.0/envelope.suit'
/** Whose roles reach no controller. */
const NOWHERE: Reach = { regions: new Set(), sites: new Set() }
const AT_HARBOUR: Reach = { regions: new Set(), sites: new Set(['harbour']) }

/** The same object with some of it in other hands. */
const handed = <T extends object>(real: T, other: Partial<T>): T =>
  new Proxy(real, {
    get: (target, key) => {
      const value: unknown = Reflect.get(key in other ? other : target, key)
      return typeof value === 'function' && !(key in other) ? value.bind(target) : value
    },
  })

describe('the patches to a release', () => {
  let at: PatchedFleet
  beforeEach(async () => {
    at = await PatchedFleet.make()
  })
  afterEach(() => at.close())

  const to = async (path = TO_NEW, reach: Reach = 'all'): Promise<ReleasePatches> =>
    orThrow(await patchesTo(at.world, path, reach))
  /** Of each base: what runs there, how many, how its patch stands, and why none can be had. */
  const lines = async (reach: Reach = 'all', path = TO_NEW) =>
    (await to(path, reach)).bases.map(({ base, version, controllers, state, ahead, refused }) => {
      return [base, version, controllers, state, ahead, refused?.code ?? null]
    })
  async function makeAll(): Promise<void> {
    while (orThrow(await makeNextPatch(at.world, makeHere)));
  }

  it('are from what controllers run and from nothing: in the queue one behind the other, then made, with what they save', async () => {
    await at.publish(1, OLD)
    await makeAll()
    for (const id of ['c0', 'c1']) await at.attests(id, '1.1.0', digestOf(OLD))
    await at.publish(2, NEW)
    assert.deepEqual(await lines(), [
      [digestOf(OLD), '1.1.0', 2, 'wanted', 0, null],
      [FROM_NOTHING, null, null, 'wanted', 1, null],
    ])
    orThrow(await makeNextPatch(at.world, makeHere))
    const [made, nothing] = (await to()).bases
    assert.equal(made?.state, 'made')
    assert.ok(made.made !== null && made.made.bytes < NEW.length / 10 && made.made.by === 'fleet')
    assert.deepEqual([nothing?.state, nothing?.ahead], ['wanted', 0], 'the queue has moved on')
    orThrow(await makeNextPatch(at.world, makeHere))
    const [, none] = (await to()).bases
    assert.deepEqual([none?.state, none?.reason?.code, none?.refused], ['none', 'patch-not-smaller', null])
    const { class: of, version, target, full, encrypted } = await to()
    assert.deepEqual([of, version, target, full, encrypted], ['bms', '1.2.0', digestOf(NEW), NEW.length, false])
    const all = orThrow(await patches(at.world, {})).items
    assert.deepEqual(
      all.map(({ state, ahead }) => [state, ahead]),
      [
        ['none', null],
        ['made', null],
        ['none', null],
      ],
    )
  })

  it('that nobody asked for yet are there to be asked for, and what can be had by nobody says why', async () => {
    await at.publish(1, OLD)
    await at.publish(2, NEW)
    await makeAll()
    await at.attests('c0', '1.1.0', digestOf(OLD))
    await at.attests('c1', '1.0.0', 'ab'.repeat(32))
    const unasked = [digestOf(OLD), '1.1.0', 1, 'unasked', null, null]
    const foreign = ['ab'.repeat(32), '1.0.0', 1, 'unasked', null, 'blob-missing']
    const nothing = [FROM_NOTHING, null, null, 'none', null, null]
    assert.deepEqual((await lines()).toSorted(), [unasked, foreign, nothing].toSorted())
    at.policy = { ...POLICY, queue: 0 }
    assert.deepEqual((await lines()).find(([base]) => base === digestOf(OLD))?.at(-1), 'patch-queue-full')
    at.policy = null
    assert.ok((await lines()).every(one => one[5] === 'patches-off'))
    at.policy = POLICY
    orThrow(await wantPatch(at.world, 'somebody', { base: digestOf(OLD), target: digestOf(NEW) }))
    assert.deepEqual((await lines()).find(([base]) => base === digestOf(OLD))?.slice(3), ['wanted', 0, null])
    at.policy = null
    const left = (await lines()).find(([base]) => base === digestOf(OLD))?.slice(3)
    assert.deepEqual(left, ['wanted', 0, 'patches-off'], 'of a server that makes none any more')
  })

  it('are looked up with the queue and their image asked for once, and each base once, however many there are', async () => {
    await at.publish(1, OLD)
    await at.publish(2, NEW)
    await at.publish(3, NEXT)
    await makeAll()
    await at.attests('c0', '1.1.0', digestOf(OLD))
    await at.attests('c1', '1.3.0', digestOf(NEXT))
    const read: string[] = []
    const { store, blobs } = at.world
    const counts = () => {
      read.push('queue')
      return store.patches.counts()
    }
    const size = (sha256: string) => {
      read.push(sha256)
      return blobs.size(sha256)
    }
    const noted = handed(store, { patches: handed(store.patches, { counts }) })
    const counted = { ...at.world, blobs: handed(blobs, { size }), store: noted }
    const { bases } = orThrow(await patchesTo(counted, TO_NEW, 'all'))
    assert.ok(bases.every(({ state }) => state !== 'made'))
    assert.deepEqual(bases.map(({ base }) => base).toSorted(), [digestOf(OLD), digestOf(NEXT), FROM_NOTHING].toSorted())
    assert.deepEqual(read.slice(0, 2), [digestOf(NEW), 'queue'])
    assert.deepEqual(read.slice(2).toSorted(), [digestOf(OLD), digestOf(NEXT)].toSorted())
  })

  it('are refused before they are asked for what they are refused for then', async () => {
    await at.publish(1, OLD)
    await at.publish(2, NEW)
    await makeAll()
    const [old, now, none] = [digestOf(OLD), digestOf(NEW), 'ab'.repeat(32)]
    const pairs = [old, now, none, FROM_NOTHING, 'no digest'].flatMap(base =>
      [old, now, none, FROM_NOTHING, 'no digest'].map(target => ({ base, target })),
    )
    for (const policy of [POLICY, { ...POLICY, queue: 0 }, null]) {
      at.policy = policy
      for (const pair of pairs) {
        const row = await at.world.store.patches.patch(pair)
        if (row?.at === 'made') continue
        const before = await (await refusesWanted(at.world, pair.target))(pair.base)
        const then = await wantPatch(at.world, 'somebody', pair)
        assert.deepEqual(before, isRefusal(then) ? then : null, `${pair.base} to ${pair.target}`)
        await makeAll()
      }
    }
  })

  it('say who runs what to those alone who may see it', async () => {
    await at.publish(1, OLD)
    await at.attests('c0', '1.1.0', digestOf(OLD))
    await at.attests('c1', '1.0.0', 'ab'.repeat(32))
    await at.publish(2, NEW)
    const all = [
      ['1.0.0', 1],
      ['1.1.0', 1],
      [null, null],
    ]
    const seen = async (reach: Reach) => {
      const { counted, bases } = await to(TO_NEW, reach)
      return [counted, ...bases.map(one => [one.version, one.controllers]).toSorted()]
    }
    assert.deepEqual(await seen('all'), ['all', ...all.toSorted()])
    assert.deepEqual(await seen(AT_HARBOUR), ['some', ...all.toSorted()])
    // Patches are no secret, and their bases are named as the releases that they are.
    const published = (controllers: number | null) =>
      [
        ['1.1.0', controllers],
        [null, controllers],
        [null, null],
      ].toSorted()
    const elsewhere: Reach = { regions: new Set(['another']), sites: new Set() }
    assert.deepEqual(await seen(elsewhere), ['some', ...published(0)])
    assert.deepEqual(await seen({ regions: new Set(), sites: new Set(['another']) }), ['some', ...published(0)])
    assert.deepEqual(
      await seen(NOWHERE),
      ['none', ...published(null)],
      'who may see none is not told that there are none',
    )
  })

  it('of an encrypted release are those that its publisher brought', async () => {
    const holder = memoryWrappingKey()
    const encrypt = { keys: [holder.spki], cipher: nodeCipher }
    await at.publish(1, OLD)
    await at.attests('c0', '1.1.0', digestOf(OLD))
    await at.attests('c1', '1.3.0', digestOf(NEXT))
    const patch = brought(OLD, NEW)
    const between = { base: digestOf(OLD), target: digestOf(NEW) }
    const bytes = sealPatch(patch.bytes, between, 1024, new Uint8Array(32), TOOLS)
    await at.publish(2, NEW, { encrypt, brought: [{ ...patch, bytes }] })
    const { encrypted, bases } = await to()
    assert.ok(encrypted)
    const made = bases.find(({ base }) => base === digestOf(OLD))
    assert.deepEqual(
      [made?.state, made?.version, made?.controllers, made?.made?.by, made?.made?.bytes],
      ['made', '1.1.0', 1, 'publisher', bytes.length],
    )
    const others = (await lines()).filter(([base]) => base !== digestOf(OLD))
    assert.deepEqual(
      others.map(([base, , , state, , refused]) => [base, state, refused]),
      [
        [digestOf(NEXT), 'unasked', 'release-encrypted'],
        [FROM_NOTHING, 'unasked', 'release-encrypted'],
      ],
    )
  })

  it('of what is not published there are none', async () => {
    const refused = await patchesTo(at.world, 'bms/9.9.9/envelope.suit', 'all')
    assert.equal(isRefusal(refused) && refused.code, 'not-found')
  })
})

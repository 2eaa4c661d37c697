import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { type Plan, plannedControllers } from '../../src/core/campaign/turns.ts'
import { fromBase64, toHex } from '../../src/core/encoding/bytes.ts'
import type { Json } from '../../src/core/encoding/canonical-json.ts'
import { readWrap, wrapFor } from '../../src/core/encoding/cose-recipient.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { openContentKey } from '../../src/core/firmware/encryption.ts'
import { releaseTarget } from '../../src/core/firmware/release-facts.ts'
import type { Version } from '../../src/core/firmware/version.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import { withTargets } from '../../src/core/trust/repository.ts'
import { ordersFor } from '../../src/flows/direct.ts'
import { contentKeyWith } from '../../src/flows/encrypt.ts'
import { openRepository } from '../../src/flows/keep.ts'
import type { FleetWorld } from '../../src/flows/ports.ts'
import { publishRelease, storeBlob } from '../../src/flows/publish.ts'
import { createRelease, type Release } from '../../src/flows/release.ts'
import { signEnvelope } from '../../src/flows/sign.ts'
import { encrypted, refuseUnwrappable, takeWraps, unwrapped, type Wanted } from '../../src/flows/wrap.ts'
import { planOf } from '../core/campaign/plans.ts'
import { QuietFleet, sealedBy } from '../worlds/quiet-fleet.ts'
import { running } from '../worlds/running.ts'
import { agreeWith, memoryWrappingKey, p256Pair, TOOLS, wrapOf } from '../worlds/wrapping.ts'

const holder = memoryWrappingKey()
const keys = [p256Pair(), p256Pair()] as const
/** Who gets what by a plan. */
const wantedIn = (plan: Plan): readonly Wanted[] =>
  [...plannedControllers(plan)].map(({ site, controller, release }) => {
    return { site, controller, envelope: plan.releases[release]! }
  })
const codeOf = (value: unknown): string | null => (isRefusal(value) ? value.code : null)

describe('wraps at the fleet server', () => {
  let fleet: QuietFleet
  let release: Release
  let plan: Plan
  /** The server as it is with a wrapping key, and as it is without. */
  const served = (): FleetWorld => ({ ...fleet.world, wrappingKey: holder })
  const orders = async (world: FleetWorld) => {
    const ordered = await ordersFor(world, new Set(['harbour']))
    const [target] = ordered.orders.get('harbour') ?? []
    const custom = target?.custom as { controllers: Record<string, { wrap?: string }> } | undefined
    const of = Object.entries(custom?.controllers ?? {}).map(([id, { wrap }]) => [id, wrap] as const)
    return { ...ordered, wrapped: new Map(of) }
  }

  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('harbour', 2)
    const facts = {
      vendor: 'voltworks.example',
      class: 'bms',
      hardware: ['r1'],
      version: '2.3.0',
      sequence: 2,
      counter: 3,
    }
    const encrypt = { keys: [holder.spki], cipher: nodeCipher }
    const made = orThrow(createRelease({ image: new Uint8Array(5_000).fill(7), facts, encrypt }, { crypto }))
    const signer = fleet.key('firmware')
    const signed = orThrow(await signEnvelope(made.envelope, keyId(signer.key, crypto), { crypto, signer }))
    release = { ...made, envelope: signed.envelope }
    const sized = (bytes: Uint8Array) => ({ length: bytes.length, sha256: toHex(crypto.sha256(bytes)) })
    const payload = { path: 'bms/2.3.0/payload.bin', ...sized(release.payload), custom: null }
    const custom = releaseTarget(release.facts, payload.path, release.contentKeys) as unknown as Json
    const envelope = { path: 'bms/2.3.0/envelope.suit', ...sized(release.envelope), custom }
    for (const [target, bytes] of [
      [envelope, release.envelope],
      [payload, release.payload],
    ] as const) {
      const body = async function* () {
        yield bytes
      }
      assert.equal(await storeBlob(fleet.world, target, 1 << 20, body()), null)
    }
    const { signed: before } = orThrow(await openRepository(fleet.world, 'image')).targets!
    const expires = instant(fleet.clock.now() + 30 * 86_400_000)
    const written = orThrow(withTargets(before, { add: [envelope, payload] }, before.version + 1, expires))
    const metadata = await sealedBy(written, [fleet.key('release')])
    orThrow(await publishRelease(served(), 'somebody', { metadata }))
    const { path, sha256, length } = envelope
    const planned = {
      path,
      sha256,
      length,
      class: 'bms',
      version: '2.3.0' as Version,
      counter: 3,
      criticality: 'security',
    } as const
    plan = planOf([2], { releases: [planned] })
    await fleet.campaign(plan, running(plan))
    await give(0, keys[0].spki)
    await give(1, keys[1].spki)
  })
  after(() => fleet?.close())

  async function give(controller: 0 | 1, decryptionKey: Uint8Array | null): Promise<void> {
    const row = (await fleet.world.store.controller('harbour', `c${controller}`))!
    await fleet.world.store.commit({ controllers: [{ ...row, decryptionKey }] })
  }

  it('are missing, one for each controller, before anything was ordered', async () => {
    const missing = orThrow(await unwrapped(fleet.world, wantedIn(plan)))
    assert.deepEqual(
      missing.map(({ controller }) => controller),
      ['c0', 'c1'],
    )
    assert.equal(codeOf(await refuseUnwrappable(fleet.world, 'spring', wantedIn(plan))), 'campaign-wraps-missing')
    assert.equal(await refuseUnwrappable(served(), 'spring', wantedIn(plan)), null)
    const stranger = { ...fleet.world, wrappingKey: memoryWrappingKey() }
    assert.equal(codeOf(await refuseUnwrappable(stranger, 'spring', wantedIn(plan))), 'content-key-not-for-us')
  })

  it('a controller without a key, and one for which nobody can wrap, are ordered nothing, and the log says so', async () => {
    const without = await orders(fleet.world)
    assert.equal(without.wrapped.size, 0)
    assert.deepEqual(
      without.events.map(({ controller, code }) => [controller, code]),
      [
        ['c0', 'campaign-wraps-missing'],
        ['c1', 'campaign-wraps-missing'],
      ],
    )
    await give(1, null)
    assert.equal(
      codeOf(await refuseUnwrappable(served(), 'spring', wantedIn(plan))),
      'controller-without-decryption-key',
    )
    const { wrapped, events, wraps } = await orders(served())
    assert.deepEqual([...wrapped.keys()], ['c0'])
    assert.deepEqual(
      events.map(({ controller, code }) => [controller, code]),
      [['c1', 'controller-without-decryption-key']],
    )
    assert.equal(wraps.length, 1)
    await give(1, keys[1].spki)
  })

  it('are the content key of the release, for each controller alone, and stay the same once they are stored', async () => {
    const { encryption } = release.facts
    assert.ok(encryption !== null)
    const { wrapped, wraps } = await orders(served())
    const content = orThrow(await contentKeyWith(release.contentKeys, encryption, holder, TOOLS, 'test'))
    for (const [index, { privateKey }] of keys.entries()) {
      const bytes = fromBase64(wrapped.get(`c${index}`) as string) as Uint8Array
      const wrap = orThrow(readWrap(bytes, 'test'))
      assert.deepEqual(openContentKey(wrap, agreeWith(privateKey, wrap.point), encryption, TOOLS, 'test'), content)
      const other = keys[1 - index]!.privateKey
      assert.equal(
        codeOf(openContentKey(wrap, agreeWith(other, wrap.point), encryption, TOOLS, 'test')),
        'wrap-not-opened',
      )
    }
    assert.notDeepEqual([...(await orders(served())).wrapped], [...wrapped], 'not stored: made anew')
    await fleet.world.store.commit({ wraps })
    const again = await orders(served())
    assert.deepEqual([[...again.wrapped], again.wraps], [[...wrapped], []])
    // What is stored is ordered without the wrapping key too.
    assert.deepEqual([...(await orders(fleet.world)).wrapped], [...wrapped])
    assert.equal(await refuseUnwrappable(fleet.world, 'spring', wantedIn(plan)), null)
  })

  it('are made anew for a controller that was replaced: those of the old device are for nobody any more', async () => {
    const before = (await orders(served())).wrapped.get('c0')
    const replaced = p256Pair()
    await give(0, replaced.spki)
    assert.equal(codeOf(await refuseUnwrappable(fleet.world, 'spring', wantedIn(plan))), 'campaign-wraps-missing')
    const { wrapped, wraps } = await orders(served())
    assert.notEqual(wrapped.get('c0'), before)
    assert.deepEqual(
      wraps.map(({ controller }) => controller),
      ['c0'],
    )
    const wrap = orThrow(readWrap(fromBase64(wrapped.get('c0') as string) as Uint8Array, 'test'))
    const secret = agreeWith(replaced.privateKey, wrap.point)
    assert.equal(isRefusal(openContentKey(wrap, secret, release.facts.encryption!, TOOLS, 'test')), false)
    await give(0, keys[0].spki)
  })

  it('that a person brings are taken all or none, and only for what the campaign orders', async () => {
    const wanted = wantedIn(plan)
    const envelope = plan.releases[0]!.sha256
    const one = { site: 'harbour', controller: 'c0', envelope }
    const wrap = await wrapOf(release, holder, keys[0].spki)
    const stray = await takeWraps(fleet.world, 'somebody', 'spring', wanted, [{ ...one, controller: 'c7', wrap }])
    assert.equal(codeOf(stray), 'request-malformed')
    const fresh = { ...fleet.world, store: withoutWraps(fleet.world.store) }
    const evil = await wrapOf(release, holder, p256Pair().spki)
    const mixed = [
      { ...one, wrap },
      { ...one, controller: 'c1', wrap: evil },
    ]
    const size = (await fleet.entries()).length
    assert.equal(codeOf(await takeWraps(fresh, 'somebody', 'spring', wanted, mixed)), 'wrap-for-another-key')
    assert.equal((await fleet.entries()).length, size)
    assert.deepEqual(await takeWraps(fresh, 'somebody', 'spring', wanted, [{ ...one, wrap }]), { taken: 1, missing: 1 })
    assert.deepEqual((await fleet.world.store.wraps(envelope, 'harbour')).get('c0'), wrap)
    assert.equal((await fleet.entries()).at(-1)?.kind, 'content-keys-wrapped')
  })

  describe('that are well-formed and wrong', () => {
    const one = () => ({ site: 'harbour', controller: 'c0', envelope: plan.releases[0]!.sha256 })
    const bring = async (world: FleetWorld, wrap: Uint8Array) =>
      takeWraps(world, 'somebody', 'spring', wantedIn(plan), [{ ...one(), wrap }])
    const ofNothing = () => orThrow(wrapFor(keys[0].spki, new Uint8Array(32), TOOLS, 'nothing'))
    /** What the controller makes of the wrap that it is ordered. */
    const openedBy = async (privateKey: KeyObject) => {
      const ordered = (await orders(fleet.world)).wrapped.get('c0')
      const wrap = orThrow(readWrap(fromBase64(ordered as string) as Uint8Array, 'test'))
      return openContentKey(wrap, agreeWith(privateKey, wrap.point), release.facts.encryption!, TOOLS, 'test')
    }
    const told = async () => {
      const { kind, detail } = (await fleet.entries()).at(-1)!
      return { kind, detail }
    }

    it('attack: a wrap of nothing is replaced by the right one', async () => {
      assert.deepEqual(await bring(fleet.world, ofNothing()), { taken: 1, missing: 0 })
      assert.equal(codeOf(await openedBy(keys[0].privateKey)), 'content-key-mismatch')
      assert.deepEqual(orThrow(await unwrapped(fleet.world, wantedIn(plan))), [], 'the server cannot tell')
      assert.equal(orThrow(await encrypted(fleet.world, wantedIn(plan))).length, 2)
      const right = await wrapOf(release, holder, keys[0].spki)
      assert.deepEqual(await bring(fleet.world, right), { taken: 1, missing: 0 })
      assert.deepEqual((await fleet.world.store.wraps(one().envelope, 'harbour')).get('c0'), right)
      assert.ok((await openedBy(keys[0].privateKey)) instanceof Uint8Array)
      assert.deepEqual(await told(), {
        kind: 'content-keys-wrapped',
        detail: { wraps: 1, replaced: 1, missing: 0 },
      })
    })

    it('attack: a wrap of nothing is brought to a server that can wrap itself: it stores its own', async () => {
      assert.deepEqual(await bring(served(), ofNothing()), { taken: 1, missing: 0 })
      assert.ok((await openedBy(keys[0].privateKey)) instanceof Uint8Array)
      // With a key to which this release was not encrypted it can only believe.
      const other = { ...fleet.world, wrappingKey: memoryWrappingKey() }
      const right = await wrapOf(release, holder, keys[0].spki)
      assert.deepEqual(await bring(other, right), { taken: 1, missing: 0 })
      assert.deepEqual((await fleet.world.store.wraps(one().envelope, 'harbour')).get('c0'), right)
    })
  })
})

/** A store in which nothing has been wrapped yet. */
function withoutWraps(store: FleetWorld['store']): FleetWorld['store'] {
  return new Proxy(store, {
    get: (on, name) => {
      if (name === 'wraps') return async () => new Map()
      const value = Reflect.get(on, name) as unknown
      return typeof value === 'function' ? value.bind(on) : value
    },
  })
}

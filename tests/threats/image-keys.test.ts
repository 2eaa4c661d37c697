import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { keyIdOf, keyObject } from '../../src/core/trust/keys.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { signableBytes } from '../../src/core/trust/read-metadata.ts'
import { seal, signatureBy, withTargets, writeTargets } from '../../src/core/trust/repository.ts'
import { openRepository } from '../../src/flows/keep.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'
import { Bench, running } from './bench.ts'
import { exchange, forge, forgedPlan, type Loot, leave, online, ordering, roleOf, serve, smuggle } from './thief.ts'

describe('theft of keys of the image repository', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.make()
  })
  afterEach(() => bench?.close())

  const publishedTargets = async (): Promise<readonly Target[]> => [
    ...orThrow(await openRepository(bench.fleet.world, 'image')).targets!.signed.targets.values(),
  ]
  const all = (release: Signer): Loot => ({ ...online(bench, 'image'), targets: [release] })

  // --- The online keys alone ---

  it('the thief of the online keys can hide a new release from who has not seen it', async () => {
    const before = (await bench.fleet.world.store.file('image', '1.targets.json')) as Uint8Array
    serve(bench, { image: await forge(bench, 'image', [], online(bench, 'image'), { file: before }) })
    assert.equal(await bench.refresh(), 'assignment-target-missing', 'a gateway that begins')
  })

  it('attack: stolen online keys of the image repository name no target, and go back behind nothing that was seen', async () => {
    const before = (await bench.fleet.world.store.file('image', '1.targets.json')) as Uint8Array
    assert.equal(await bench.refresh(), 'taken')
    const { snapshot, timestamp } = online(bench, 'image')
    const foreign = await bench.make('1.1.0', { signer: bench.fleet.newKey('thief') })
    serve(bench, { image: await forge(bench, 'image', foreign.targets, { targets: snapshot, snapshot, timestamp }) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    serve(bench, { image: await forge(bench, 'image', [], { targets: [], snapshot, timestamp }, { file: before }) })
    assert.equal(await bench.refresh(), 'metadata-rollback')
  })

  it('attack: stolen online keys of the image repository are worth nothing once the root has exchanged them', async () => {
    assert.equal(await bench.refresh(), 'taken')
    const stolen = online(bench, 'image')
    const targets = (await bench.fleet.world.store.file('image', '2.targets.json')) as Uint8Array
    const driven = await forge(bench, 'image', [], stolen, { file: targets, version: 2 ** 40 })
    serve(bench, { image: driven })
    assert.equal(await bench.refresh(), 'taken', 'the numbers are driven up')
    leave(bench)
    assert.equal(await bench.refresh(), 'metadata-rollback')
    const spares = ['snapshot', 'timestamp'].map(role => bench.fleet.newKey(`new-${role}`))
    await exchange(bench, 'image', { snapshot: roleOf(1, spares[0]!), timestamp: roleOf(1, spares[1]!) }, { spares })
    assert.equal(await bench.refresh(), 'taken')
    serve(bench, { image: driven })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    leave(bench)
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
  })

  // --- One of two targets keys ---

  /** The targets in force, signed anew by other keys. */
  async function signedAnew(signers: readonly Signer[]): Promise<Uint8Array> {
    const { signed } = orThrow(await openRepository(bench.fleet.world, 'image')).targets!
    return sealedBy(orThrow(withTargets(signed, {}, signed.version + 1, bench.soon(30))), signers)
  }

  it('attack: one of two stolen targets keys of the image repository is nothing, under a second key id too', async () => {
    const [release, second] = [bench.fleet.key('release'), bench.fleet.newKey('second')]
    const targets = await signedAnew([release, second])
    await exchange(bench, 'image', { targets: roleOf(2, release, second) }, { also: { targets } })
    assert.equal(await bench.refresh(), 'taken')
    const foreign = await bench.make('1.1.0', { signer: bench.fleet.newKey('thief') })
    serve(bench, { image: await forge(bench, 'image', foreign.targets, all(second)) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    // The same signature again, under another id of the same key.
    const written = writeTargets({ version: 1000, expires: bench.soon(1) }, foreign.targets)
    const signature = signatureBy(second.key, orThrow(await second.sign(signableBytes(written), 'der')), crypto)
    const twin = keyIdOf({ ...(keyObject(second.key) as object), 'x-twin': true } as never, crypto)
    const file = seal(written, [signature, { ...signature, keyid: twin }])
    serve(bench, { image: await forge(bench, 'image', [], all(second), { file }) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    // The root replaces the key, and the online keys, whose numbers the thief drove up.
    leave(bench)
    const third = bench.fleet.newKey('third')
    const anew = await signedAnew([release, third])
    const spares = ['snapshot', 'timestamp'].map(role => bench.fleet.newKey(`new-${role}`))
    const changes = {
      targets: roleOf(2, release, third),
      snapshot: roleOf(1, spares[0]!),
      timestamp: roleOf(1, spares[1]!),
    }
    await exchange(bench, 'image', changes, { spares, also: { targets: anew } })
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
  })

  // --- The targets keys up to their threshold ---

  it('the thief of the targets keys can publish an image as authentic', async () => {
    const foreign = await bench.make('6.6.6', { signer: bench.fleet.newKey('thief') })
    const targets = [...(await publishedTargets()), ...foreign.targets]
    serve(bench, { image: await forge(bench, 'image', targets, all(bench.fleet.key('release'))) })
    assert.equal(await bench.refresh(), 'taken', 'the gateway believes the repository; nobody orders the image')
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
  })

  it('attack: stolen targets keys of the image repository run nothing: the director and the plan name another digest', async () => {
    const foreign = await bench.make('1.1.0', { signer: bench.fleet.newKey('thief') })
    smuggle(bench, foreign.envelope, foreign.image)
    serve(bench, { image: await forge(bench, 'image', foreign.targets, all(bench.fleet.key('release'))) })
    assert.equal(await bench.deliver(bench.controllers[0]!), 'assignment-target-disagrees')
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('attack: stolen targets keys of the image repository end with the root that replaces them', async () => {
    const stolen = bench.fleet.key('release')
    const foreign = await bench.make('6.6.6', { signer: bench.fleet.newKey('thief') })
    const targets = [...(await publishedTargets()), ...foreign.targets]
    const forged = await forge(bench, 'image', targets, all(stolen), { version: 3 })
    serve(bench, { image: forged })
    assert.equal(await bench.refresh(), 'taken')
    leave(bench)
    const spares = ['snapshot', 'timestamp'].map(role => bench.fleet.newKey(`new-${role}`))
    const next = bench.fleet.newKey('next-release')
    const also = { targets: await signedAnew([next]) }
    const changes = { targets: roleOf(1, next), snapshot: roleOf(1, spares[0]!), timestamp: roleOf(1, spares[1]!) }
    await exchange(bench, 'image', changes, { spares, also })
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
    serve(bench, {
      image: await forge(bench, 'image', targets, { ...all(stolen), snapshot: [spares[0]!], timestamp: [spares[1]!] }),
    })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
  })

  // --- With other repositories ---

  it('attack: image and director stolen together lack the approvers', async () => {
    const foreign = await bench.make('1.1.0', { signer: bench.fleet.newKey('thief') })
    smuggle(bench, foreign.envelope, foreign.image)
    serve(bench, {
      image: await forge(bench, 'image', foreign.targets, all(bench.fleet.key('release'))),
      director: await ordering(bench, foreign),
    })
    assert.equal(await bench.deliver(bench.controllers[0]!), 'assignment-not-planned')
  })

  it('attack: image and approval stolen together lack the director', async () => {
    const foreign = await bench.make('6.6.6', { signer: bench.fleet.newKey('thief') })
    const { target } = await forgedPlan(bench, 'coup', foreign)
    smuggle(bench, foreign.envelope, foreign.image)
    const approvers = {
      ...online(bench, 'approval'),
      targets: ['approver-0', 'approver-1'].map(name => bench.fleet.key(name)),
    }
    const image = await forge(
      bench,
      'image',
      [...(await publishedTargets()), ...foreign.targets],
      all(bench.fleet.key('release')),
    )
    serve(bench, { image, approval: await forge(bench, 'approval', [target], approvers) })
    assert.equal(
      await bench.deliver(bench.controllers[0]!),
      'assignment-not-approved',
      'the honest order is not approved any more',
    )
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })

  it('attack: all three repositories stolen lack the firmware key', async () => {
    const approvers = {
      ...online(bench, 'approval'),
      targets: ['approver-0', 'approver-1'].map(name => bench.fleet.key(name)),
    }
    const codes: string[] = []
    for (const signer of [bench.fleet.newKey('thief'), null]) {
      const foreign = await bench.make('6.6.6', { signer })
      const { target } = await forgedPlan(bench, 'coup', foreign)
      smuggle(bench, foreign.envelope, foreign.image)
      serve(bench, {
        image: await forge(bench, 'image', foreign.targets, all(bench.fleet.key('release'))),
        approval: await forge(bench, 'approval', [target], approvers),
        director: await ordering(bench, foreign, 'coup'),
      })
      codes.push(await bench.deliver(bench.controllers[0]!))
      codes.push(bench.install(bench.controllers[0]!, foreign.envelope, foreign.image) ?? 'staged')
    }
    assert.deepEqual(codes, [
      'envelope-signature-invalid', // at the gateway
      'envelope-signature-invalid', // at the controller, had the gateway been a thief too
      'envelope-unsigned',
      'envelope-unsigned',
    ])
    assert.equal(running(bench.controllers[0]!), '1.0.0')
  })
})

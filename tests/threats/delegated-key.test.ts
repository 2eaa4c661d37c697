import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import type { Target } from '../../src/core/trust/metadata.ts'
import { readMetadata } from '../../src/core/trust/read-metadata.ts'
import { nextSnapshot, nextTimestamp, writeDelegations, writeTargets } from '../../src/core/trust/repository.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { sealedBy } from '../worlds/quiet-fleet.ts'
import { Bench, type Made, running } from './bench.ts'
import { type Forged, online, ordering, serve, smuggle } from './thief.ts'

/**
 * Stolen: the key of a product line, to which the image repository has delegated `bms/*` of the class bms. The thief has the
 * fleet server too, and so the online keys of image and director: what is left are the release key, the approvers, the firmware key.
 */
describe('theft of a delegated key', () => {
  let bench: Bench
  let line: Signer
  let version = 100
  beforeEach(async () => {
    bench = await Bench.make()
    line = bench.fleet.newKey('line')
    version = 100
  })
  afterEach(() => bench?.close())

  /** The image repository whose targets are all in the line's own file; `by` is whom the release key delegates to. */
  async function image(
    said: readonly Target[],
    by = line,
    signed = line,
    top: readonly Target[] = [],
  ): Promise<Forged> {
    version += 1
    const expires = bench.soon(1)
    const spec = {
      name: 'line',
      keys: [by.key],
      threshold: 1,
      paths: ['bms/*/*'],
      hardware: ['bms'],
      terminating: true,
    }
    const delegations = orThrow(writeDelegations([spec], crypto))
    const release = [bench.fleet.key('release')]
    const targetsFile = await sealedBy(writeTargets({ version, expires }, top, delegations), release)
    const lineFile = await sealedBy(writeTargets({ version, expires }, said), [signed])
    const files = new Map([
      ['targets', orThrow(readMetadata('targets', targetsFile, 'targets'))],
      ['line', orThrow(readMetadata('targets', lineFile, 'line'))],
    ])
    const { snapshot, timestamp } = online(bench, 'image')
    const snapshotFile = await sealedBy({ ...nextSnapshot(null, files, { expires }, crypto), version }, snapshot)
    const document = orThrow(readMetadata('snapshot', snapshotFile, 'snapshot'))
    const stamp = { ...nextTimestamp(null, document, { expires }, crypto), version }
    return new Map([
      [`${version}.targets.json`, targetsFile],
      [`${version}.line.json`, lineFile],
      [`${version}.snapshot.json`, snapshotFile],
      ['timestamp.json', await sealedBy(stamp, timestamp)],
    ])
  }

  const directed = async (made: Made) => ordering(bench, made)

  it('the thief can say of the line what the line may say, and the plan still names another digest', async () => {
    serve(bench, { image: await image(bench.releases['1.1.0'].targets) })
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0', 'an honest line')
    const foreign = await bench.make('1.1.0', { signer: bench.fleet.newKey('thief') })
    smuggle(bench, foreign.envelope, foreign.image)
    serve(bench, { image: await image(foreign.targets), director: await directed(foreign) })
    assert.equal(await bench.deliver(bench.controllers[1]!), 'assignment-not-planned')
  })

  it('attack: a stolen delegated key says nothing of other paths, of other classes, or over its delegator', async () => {
    const [ordered] = bench.controllers
    const elsewhere = await bench.make('6.6.6', { folder: 'pcs/6.6.6' })
    const strange = await bench.make('6.6.6', { class: 'pcs' })
    const codes: string[] = []
    for (const made of [elsewhere, strange]) {
      serve(bench, { image: await image(made.targets), director: await directed(made) })
      codes.push(await bench.refresh())
    }
    assert.deepEqual(codes, ['assignment-target-missing', 'assignment-target-missing'])
    // The delegator says it itself: what the line says of it is not looked at.
    const honest = bench.releases['1.1.0']
    const foreign = await bench.make('1.1.0', { signer: bench.fleet.newKey('thief') })
    serve(bench, { image: await image(foreign.targets, line, line, honest.targets), director: await directed(honest) })
    assert.equal(await bench.deliver(ordered!), '1.1.0')
  })

  it('attack: a stolen delegated key ends with its delegator: the file in the cache is not believed any more', async () => {
    const honest = bench.releases['1.1.0']
    serve(bench, { image: await image(honest.targets) })
    assert.equal(await bench.refresh(), 'taken')
    const kept = await bench.site.store.files('image')
    assert.ok(kept.has('line.json'), 'it is cached')
    // The line has a new key; the thief plays the line's old file under its new version, and the cached one has the digest.
    const next = bench.fleet.newKey('next-line')
    serve(bench, { image: await image(honest.targets, next, line) })
    assert.equal(await bench.refresh(), 'metadata-below-threshold')
    serve(bench, { image: await image(honest.targets, next, next) })
    assert.equal(await bench.deliver(bench.controllers[0]!), '1.1.0')
    assert.equal(running(bench.controllers[1]!), '1.0.0')
  })
})

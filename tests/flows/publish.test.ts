import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../sim/doors/world.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { loadSigner } from '../../src/adapters/signer-file.ts'
import { fromUtf8, toBase64 } from '../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../src/core/encoding/canonical-json.ts'
import { type ReleaseFacts, releaseTarget } from '../../src/core/firmware/release-facts.ts'
import { authorManifest } from '../../src/core/firmware/suit-author.ts'
import { assembleEnvelope } from '../../src/core/firmware/suit-envelope.ts'
import type { Version } from '../../src/core/firmware/version.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { keyId } from '../../src/core/trust/keys.ts'
import type { Target, Targets } from '../../src/core/trust/metadata.ts'
import { createRelease, mcubootPayload } from '../../src/flows/release.ts'
import { signEnvelope } from '../../src/flows/sign.ts'
import { call, fleetUrl, log, standing, tls, voltseal } from '../worlds/people.ts'
import { currentTargets, type Post, postTargets, soon, upload } from '../worlds/publisher.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { rest, started } from '../worlds/started.ts'

async function fill(world: World): Promise<World> {
  await rest(world)
  await world.publish(await world.release('bms', '1.1.0', image(2)))
  return world
}

const HOUR = 3_600_000

describe('publishing, as the server takes it', () => {
  let world: World
  before(async () => {
    world = await started(QUAY, fill)
  })
  after(() => world?.stop())

  const post = (what: Post) => postTargets(world, what)

  const envelopeOf = (before: Targets): Target => before.targets.get('bms/1.1.0/envelope.suit')!
  const payloadOf = (before: Targets): Target => before.targets.get('bms/1.1.0/payload.bin')!
  const zeros = '0'.repeat(64)

  const ROWS: readonly (Post & { readonly name: string; readonly code: string })[] = [
    { name: 'attack: targets by another key', code: 'metadata-below-threshold', key: 'approver-0' },
    { name: 'a version that is not the next', code: 'publish-version-conflict', version: 9 },
    { name: 'attack: an older version', code: 'publish-version-conflict', version: 1 },
    { name: 'targets that have expired', code: 'metadata-expired', expires: soon(-HOUR) },
    {
      name: 'a blob that was never uploaded',
      code: 'blob-missing',
      targets: () => ({ add: [{ path: 'notes.txt', length: 5, sha256: zeros, custom: null }] }),
    },
    {
      name: 'attack: a length that the bytes do not have, so that nobody could download them',
      code: 'blob-digest-mismatch',
      targets: before => ({ add: [{ ...envelopeOf(before), path: 'bms/1.1.1/envelope.suit', length: 1 }] }),
    },
    {
      name: 'attack: other bytes under a published name',
      code: 'target-conflict',
      targets: before => ({ add: [{ ...payloadOf(before), sha256: zeros }] }),
    },
    {
      name: 'attack: other facts about a published envelope',
      code: 'release-metadata-disagrees',
      targets: before => ({
        add: [{ ...envelopeOf(before), custom: { ...(envelopeOf(before).custom as JsonObject), counter: 9 } }],
      }),
    },
    {
      name: 'an envelope without a word about its release',
      code: 'image-target-malformed',
      targets: before => ({ add: [{ ...envelopeOf(before), path: 'bms/1.1.2/envelope.suit', custom: null }] }),
    },
    {
      name: 'an envelope whose payload is no target',
      code: 'assignment-target-disagrees',
      targets: before => ({
        remove: ['bms/1.1.0/payload.bin'],
        add: [{ ...envelopeOf(before), path: 'bms/1.1.3/envelope.suit' }],
      }),
    },
    {
      name: 'a payload that is passed off as an envelope',
      code: 'envelope-too-large',
      targets: before => ({
        add: [{ ...payloadOf(before), path: 'bms/1.1.4/envelope.suit', custom: envelopeOf(before).custom }],
      }),
    },
    {
      name: 'attack: targets of one site, which no client of the image repository takes',
      code: 'metadata-wrong-site',
      change: signed => ({ ...signed, site: 'quay' }),
    },
    {
      name: 'attack: targets that call themselves a snapshot',
      code: 'metadata-malformed',
      change: signed => ({ ...signed, _type: 'snapshot' }),
    },
  ]

  for (const { name, code, ...what } of ROWS) {
    it(`${name}: ${code}, nothing half published`, async () => {
      const [was, entries] = [await standing(world), (await log(world)).length]
      const answer = await post(what)
      assert.ok(isRefusal(answer), 'refused')
      assert.equal(answer.code, code, answer.actual)
      assert.deepEqual(await standing(world), was)
      const more = (await log(world)).slice(entries)
      assert.deepEqual(
        more.map(({ kind, code: of }) => [kind, of]),
        [['access-refused', code]],
      )
    })
  }

  it('attack: a signed release whose MCUboot image says something else, past the own tools', async () => {
    const signer = orThrow(loadSigner(world.at('keys', 'firmware')))
    const kid = keyId(signer.key, nodeCrypto)
    const boot = { crypto: nodeCrypto, signer }
    const options = { image: image(9, 5_000), version: '1.5.0', counter: 3, headerBytes: 512, dependencies: [] }
    const whole = orThrow(await mcubootPayload(options, boot))
    const stated = {
      vendor: 'voltworks.example',
      class: 'bms',
      hardware: ['primehub'],
      version: '1.5.0',
      sequence: 9,
      counter: 3,
    }
    const honest = orThrow(createRelease({ image: whole, facts: stated }, { crypto: nodeCrypto }))
    const post = async (facts: ReleaseFacts) => {
      const unsigned = assembleEnvelope(authorManifest(facts), [], nodeCrypto)
      const { envelope } = orThrow(await signEnvelope(unsigned, kid, boot))
      const base = `bms/${facts.version}`
      const payload = { path: `${base}/payload.bin`, custom: null, ...(await upload(world, whole)) }
      const custom = releaseTarget(facts, payload.path) as unknown as JsonObject
      const target = { path: `${base}/envelope.suit`, custom, ...(await upload(world, envelope)) }
      return postTargets(world, { targets: () => ({ add: [target, payload] }) })
    }
    for (const change of [{ counter: 4 }, { version: '1.6.0' as Version }]) {
      const answer = await post({ ...honest.facts, ...change })
      assert.equal(isRefusal(answer) ? answer.code : 'published', 'mcuboot-disagrees')
    }
    assert.ok(!isRefusal(await post(honest.facts)), 'one that says the same')
  })

  it('the same metadata again is answered as before, and is no event', async () => {
    const folder = await world.release('bms', '1.2.0', image(3))
    await world.publish(folder)
    const files = await currentTargets(world)
    const answer = orThrow(await call(fleetUrl(world), tls.administrator(world), 'GET', '/v1/repos/image/targets.json'))
    const entries = (await log(world)).length
    const body = { metadata: toBase64(answer.body) }
    const again = orThrow(await call(fleetUrl(world), tls.administrator(world), 'POST', '/v1/releases', body))
    assert.deepEqual(JSON.parse(fromUtf8(again.body) ?? ''), { version: files.version, published: [] })
    assert.equal((await log(world)).length, entries)
  })

  it('a release that is taken out of the targets is an entry of its own, with its envelope; its payload is none', async () => {
    await world.publish(await world.release('bms', '1.2.5', image(7)))
    const path = 'bms/1.2.5/envelope.suit'
    const { targets } = await currentTargets(world)
    const release = targets.get(path)?.sha256
    const before = (await log(world)).length
    const gone = { remove: [...targets.keys()].filter(one => one.startsWith('bms/1.2.5/')) }
    const { version } = JSON.parse(fromUtf8(orThrow(await post({ targets: () => gone })).body) ?? '') as {
      version: number
    }
    const said = (await log(world)).slice(before).map(({ kind, release, detail }) => [kind, release, detail])
    assert.deepEqual(said, [
      ['repository-updated', undefined, { repository: 'image', version }],
      ['release-revoked', release, { path, version }],
    ])
  })

  it('a blob that was damaged between its upload and its publication: blob-digest-mismatch', async () => {
    const { sha256 } = await upload(world, new Uint8Array(3000).fill(5))
    writeFileSync(world.at('fleet', 'blobs', sha256.slice(0, 2), sha256), new Uint8Array(3000).fill(6))
    const was = await standing(world)
    const answer = await post({ targets: () => ({ add: [{ path: 'notes.txt', length: 3000, sha256, custom: null }] }) })
    assert.ok(isRefusal(answer) && answer.code === 'blob-digest-mismatch')
    assert.match(answer.subject, /^notes\.txt: blob /)
    assert.deepEqual(await standing(world), was)
  })

  it('two people who publish at once: one wins, the other is told to run again, and then wins', async () => {
    const folders = [await world.release('bms', '1.3.0', image(4)), await world.release('bms', '1.4.0', image(5))]
    const publish = (folder: string) => voltseal(world, ['publish', folder, '--key', world.at('keys', 'release')])
    const ended = await Promise.all(folders.map(publish))
    const lost = ended.flatMap(({ refusal }, index) => (refusal === null ? [] : [{ refusal, folder: folders[index]! }]))
    for (const { refusal, folder } of lost) {
      assert.equal(refusal.code, 'publish-version-conflict')
      assert.equal((await publish(folder)).exit, 0)
    }
    assert.ok(lost.length <= 1)
    const { targets } = await currentTargets(world)
    for (const version of ['1.3.0', '1.4.0']) assert.ok(targets.has(`bms/${version}/envelope.suit`), version)
    for (const folder of folders) rmSync(folder, { recursive: true })
  })
})

import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { World } from '../../../sim/doors/world.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { fromUtf8, toHex } from '../../../src/core/encoding/bytes.ts'
import { FROM_NOTHING } from '../../../src/core/fleet/patch-rows.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { ImageTarget } from '../../../src/core/trust/image-target.ts'
import type { PatchView, ReleasePatches } from '../../../src/wire/patch-api.ts'
import { ask, call, fleetUrl, tls } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'
import { ended, settled, started } from '../../worlds/started.ts'

const [FIRST, SECOND] = [image(2), image(2).with(300, 1).with(20_000, 7)]
const THIRD = SECOND.with(5000, 9)
const digestOf = (bytes: Uint8Array): string => toHex(nodeCrypto.sha256(bytes))

describe('patches, from a publication to the orders of a site', () => {
  let world: World
  before(async () => {
    world = await started({ ...QUAY, patches: true }, async one => {
      await one.reported()
      await one.publish(await one.release('bms', '1.1.0', FIRST))
      await one.campaign('first', ['bms/1.1.0/envelope.suit'])
      assert.equal((await ended(one, 'first')).state, 'done')
      await one.publish(await one.release('bms', '1.2.0', SECOND))
      return one
    })
  })
  after(() => world?.stop())

  it('are made of what the fleet runs, in threads of their own, and shown with what they save', async () => {
    const all = await settled(world)
    const found = all.find(({ base, target }) => base === digestOf(FIRST) && target === digestOf(SECOND))
    assert.ok(found?.made != null)
    assert.deepEqual(
      [found.from, found.to],
      [
        { class: 'bms', version: '1.1.0' },
        { class: 'bms', version: '1.2.0' },
      ],
    )
    assert.equal(found.full, SECOND.length)
    assert.ok(found.made.by === 'fleet' && found.made.bytes < SECOND.length / 50, `${found.made.bytes} bytes`)
    assert.ok(all.some(({ base, target }) => base === FROM_NOTHING && target === digestOf(SECOND)))
    const to = await ask<ReleasePatches>(world, '/v1/patches/to/bms/1.2.0/envelope.suit')
    const own = to.bases.find(({ base }) => base === digestOf(FIRST))
    assert.deepEqual([own?.version, own?.controllers, own?.made?.bytes], ['1.1.0', 2, found.made.bytes])
    const shown = await world.run('fleet', 'patches')
    assert.equal(shown.exit, 0)
    const metrics = orThrow(await call(fleetUrl(world), tls.administrator(world), 'GET', '/metrics'))
    assert.match(fromUtf8(metrics.body) ?? '', /voltseal_patches\{state="wanted"\} 0/)
  })

  it('that could not be made are tried again when somebody asks, who may publish', async () => {
    const pair = ['--base', digestOf(FIRST), '--target', digestOf(SECOND)]
    const again = (await world.must('fleet', 'patches', 'make', ...pair)) as PatchView
    assert.equal(again.state, 'made', 'one that is made stays')
    const unknown = await world.run('fleet', 'patches', 'make', '--base', 'ab'.repeat(32), '--target', digestOf(SECOND))
    assert.equal((unknown.json as { code: string }).code, 'blob-missing')
    const refused = await world.run('fleet', 'patches', 'make', ...pair, '--profile', world.profileOf('approver-0'))
    assert.equal((refused.json as { code: string }).code, 'role-missing')
  })

  /** Blobs in the gateway's cache, by name: what came over the link. */
  const fetched = (): readonly string[] =>
    readdirSync(world.at('gateway', 'cache'), { recursive: true, encoding: 'utf8' }).map(path => basename(path))

  it('are what the site is ordered and fetches, in place of the images; and what they come to is the release', async () => {
    const all = await settled(world)
    const patch = all.find(({ base, target }) => base === digestOf(FIRST) && target === digestOf(SECOND))?.made
    await world.campaign('second', ['bms/1.2.0/envelope.suit'])
    assert.equal((await ended(world, 'second')).state, 'done')
    const came = fetched()
    assert.ok(came.includes(patch?.sha256 ?? 'no patch'), 'the patch came')
    assert.ok(!came.includes(digestOf(SECOND)), 'and not the images')
  })

  it('of an encrypted release come with it, encrypted, and are decrypted by the controllers alone', async () => {
    writeFileSync(world.at('second.bin'), SECOND)
    const to = ['--encrypt-to', `${world.at('fleet', 'keys', 'wrapping')}.pub`]
    const from = ['--patch-from', world.at('second.bin'), '--patch-from', world.at('bms-1.1.0.release')]
    const folder = await world.release('bms', '1.3.0', THIRD, ...to, ...from)
    const [path] = await world.publish(folder)
    assert.equal(path, 'bms/1.3.0/envelope.suit')
    const { signed } = await ask<{ signed: { targets: Record<string, { custom: unknown }> } }>(
      world,
      '/v1/repos/image/targets.json',
    )
    const { patches, payload } = signed.targets[path as string]!.custom as ImageTarget
    assert.deepEqual(
      patches?.map(({ base }) => base),
      [digestOf(SECOND), digestOf(FIRST)],
    )
    await world.campaign('third', [path as string])
    assert.equal((await ended(world, 'third')).state, 'done')
    const came = fetched()
    assert.ok(came.includes(patches?.[0]?.sha256 ?? 'no patch'), 'the patch came')
    assert.ok(!came.includes(payload.sha256), 'and not the payload')
    assert.ok(!(await settled(world)).some(({ target }) => target === digestOf(THIRD)), 'the fleet made none')
  })
})

import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { World } from '../../../sim/doors/world.ts'
import { loadSigner } from '../../../src/adapters/signer-file.ts'
import type { CeremonyView } from '../../../src/apps/cli/ceremony/text.ts'
import { toBase64 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { readMetadata } from '../../../src/core/trust/read-metadata.ts'
import { withTargets } from '../../../src/core/trust/repository.ts'
import { call, fleetUrl, log, tls, voltseal } from '../../worlds/people.ts'
import { QUAY } from '../../worlds/quay.ts'
import { sealedBy } from '../../worlds/quiet-fleet.ts'

/** A fleet server, and people with folders of their own, each with the root that they were given. */
async function desk(): Promise<World> {
  const world = await World.make(QUAY)
  await world.startFleet()
  for (const name of PEOPLE) {
    await world.must('key', 'generate', world.at(name, 'key'), '-a', 'ed25519')
    cpSync(world.at('fleet', 'roots'), world.at(name), { recursive: true })
  }
  return world
}

const PEOPLE = ['ana', 'bo', 'cho', 'dan']

describe('a ceremony by the command line', () => {
  let world: World
  before(async () => {
    world = await desk()
  })
  after(() => world?.stop())

  const signer = (name: string): string => `${name}=${world.at(name, 'key.pub')}`
  const own = (name: string, repo: string): string[] => ['--root', world.at(name, `${repo}.root.json`)]
  const start = (folder: string, ...more: string[]) => voltseal(world, ['ceremony', 'start', world.at(folder), ...more])
  const sign = (folder: string, key: string, ...more: string[]) =>
    voltseal(world, ['ceremony', 'sign', world.at(folder), '--key', key, ...more])
  const close = (folder: string) => voltseal(world, ['ceremony', 'close', world.at(folder)])
  const view = async (folder: string): Promise<CeremonyView> =>
    (await voltseal(world, ['ceremony', 'status', world.at(folder)])).json as CeremonyView
  const take = ['--repository', 'image', '--threshold', '2']

  it('takes the root out of the server: three holders, two of whom must sign', async () => {
    const people = ['ana', 'bo', 'cho'].flatMap(name => ['--add-signer', signer(name)])
    const old = world.at('fleet', 'keys', 'image-root')
    const begun = await start('first', ...take, ...people, '--remove-signer', `${old}.pub`, '--name', 'first')
    assert.equal(begun.exit, 0, begun.said)
    await world.fleet?.close()
    cpSync(world.at('fleet'), world.at('fleet-before'), { recursive: true })
    await world.startFleet()
    assert.deepEqual(readdirSync(world.at('first')).sort(), ['in-force', 'next', 'roots', 'signatures'])
    assert.equal((await view('first')).state, 'open')
    // Each on a machine of their own: a copy of the folder travels, and the signatures come back as files.
    for (const [name, key] of [
      ['server', old],
      ['ana', world.at('ana', 'key')],
      ['bo', world.at('bo', 'key')],
    ] as const) {
      cpSync(world.at('first'), world.at(`usb-${name}`), { recursive: true })
      const root = name === 'server' ? [] : own(name, 'image')
      const ended = await sign(`usb-${name}`, key, ...root)
      assert.equal(ended.exit, 0, ended.said)
      cpSync(world.at(`usb-${name}`, 'signatures'), world.at('first', 'signatures'), { recursive: true })
    }
    assert.equal((await view('first')).state, 'complete')
    const closed = await close('first')
    assert.equal(closed.exit, 0, closed.said)
    assert.deepEqual([(closed.json as { version: number }).version, (closed.json as CeremonyView).state], [2, 'closed'])
    const again = await close('first')
    assert.equal(again.exit, 0, again.said)
    const told = (await log(world)).filter(({ kind }) => kind === 'ceremony-closed' || kind === 'root-rotated')
    assert.deepEqual(
      told.map(({ kind }) => kind),
      ['root-rotated', 'ceremony-closed'],
      'once, though it was closed twice',
    )
    const shown = await voltseal(world, ['ceremony', 'show', world.at('first'), ...own('ana', 'image')])
    assert.equal(shown.exit, 0, shown.said)
    assert.equal(JSON.parse(readFileSync(world.at('ana', 'image.root.json'), 'utf8')).signed.version, 2)
  })

  it('the server serves on without the root keys', async () => {
    rmSync(world.at('fleet', 'keys', 'image-root'))
    await world.fleet?.close()
    await world.startFleet()
    await world.publish(await world.release('bms', '1.1.0', new Uint8Array(4000).fill(3)))
  })

  it('a rehearsal goes all the way, and nothing of it counts', async () => {
    const asked = ['--repository', 'image', '--replace-key', 'bo', '--with', signer('dan')]
    const begun = await start('drill', ...asked, '--rehearse')
    assert.equal(begun.exit, 0, begun.said)
    assert.equal((begun.json as CeremonyView).rehearsal, true)
    for (const name of ['ana', 'cho']) {
      const ended = await sign('drill', world.at('drill', 'keys', name))
      assert.equal(ended.exit, 0, ended.said)
    }
    const closed = await close('drill')
    assert.equal(closed.exit, 0, closed.said)
    assert.equal((closed.json as CeremonyView).state, 'closed')
    const roles = (await world.must('ceremony', 'roles', '--repository', 'image')) as { root: number }
    assert.equal(roles.root, 2, 'the real root is the one before')
    assert.equal((await sign('drill', world.at('ana', 'key'))).refusal?.code, 'ceremony-not-next')
    assert.equal(existsSync(world.at('drill', 'closed', 'root.json')), true)
  })

  it('signs once with a key, and with no key of another role', async () => {
    assert.equal(
      (await start('second', '--repository', 'image', '--replace-key', 'bo', '--with', signer('dan'))).exit,
      0,
    )
    assert.equal((await sign('second', world.at('ana', 'key'), ...own('ana', 'image'))).exit, 0)
    const twice = await sign('second', world.at('ana', 'key'), ...own('ana', 'image'))
    assert.equal(twice.refusal?.code, 'ceremony-already-signed')
    assert.equal((await sign('second', world.at('keys', 'release'))).refusal?.code, 'signer-not-in-role')
    assert.equal(
      (await sign('second', world.at('ana', 'key'), ...own('cho', 'approval'))).refusal?.code,
      'ceremony-root-other',
    )
    const missing = await close('second')
    assert.deepEqual(
      [missing.refusal?.code, missing.refusal?.actual],
      ['ceremony-signatures-missing', '1; not yet: bo, cho'],
    )
    const { documents, leftMillis } = await view('second')
    assert.deepEqual(
      documents[0]?.signatures.map(({ missing: of }) => of.map(({ owner }) => owner)),
      [
        ['bo', 'cho'],
        ['dan', 'cho'],
      ],
    )
    assert.ok(leftMillis > 6 * 86_400_000 && leftMillis < 7 * 86_400_000 + 1000)
  })

  it('attack: closing after the deadline, by a clock that says so', async () => {
    cpSync(world.at('second'), world.at('late'), { recursive: true })
    assert.equal((await sign('late', world.at('cho', 'key'))).exit, 0)
    const late = { skew: 8 * 86_400_000 }
    const closed = await voltseal(world, ['ceremony', 'close', world.at('late')], late)
    assert.equal(closed.refusal?.code, 'ceremony-over')
    const signed = await voltseal(world, ['ceremony', 'sign', world.at('late'), '--key', world.at('bo', 'key')], late)
    assert.equal(signed.refusal?.code, 'ceremony-over')
    const lost = { skew: -30 * 365 * 86_400_000 }
    const early = await voltseal(world, ['ceremony', 'sign', world.at('late'), '--key', world.at('bo', 'key')], lost)
    assert.equal(early.refusal?.code, 'clock-before-build', 'a machine that has lost its time')
  })

  it('attack: a hacked server serves an older root to start from: who has seen the newer one goes on from that', async () => {
    // The server as it was before the first ceremony; the profile is the person's own.
    cpSync(world.at('fleet', 'profile'), world.at('mine', 'profile'), { recursive: true })
    cpSync(world.at('fleet', 'roots'), world.at('mine', 'roots'), { recursive: true })
    rmSync(world.at('mine', 'profile', 'trusted'), { recursive: true })
    const mine = { profile: world.at('mine', 'profile', 'profile.yaml') }
    const seenNow = await voltseal(world, ['ceremony', 'roles', '--repository', 'image'], mine)
    assert.equal((seenNow.json as { root: number }).root, 2, 'one look is enough')
    await world.fleet?.close()
    cpSync(world.at('fleet'), world.at('fleet-now'), { recursive: true })
    rmSync(world.at('fleet'), { recursive: true })
    cpSync(world.at('fleet-before'), world.at('fleet'), { recursive: true })
    await world.startFleet()
    try {
      const asked = ['--repository', 'image', '--replace-key', 'bo', '--with', signer('dan'), '--name', 'older']
      const older = await voltseal(world, ['ceremony', 'start', world.at('knowing'), ...asked], mine)
      assert.equal(older.refusal?.code, 'metadata-rollback', 'it remembers the timestamp too')
      // A profile that was last used when roots alone were kept.
      for (const role of ['timestamp', 'snapshot']) rmSync(world.at('mine', 'profile', 'trusted', `image.${role}.json`))
      const seen = await voltseal(world, ['ceremony', 'start', world.at('knowing'), ...asked], mine)
      assert.equal(seen.exit, 0, seen.said)
      assert.equal((seen.json as CeremonyView).documents[0]?.version, 3, 'it follows root 2, which the server hides')
      // Somebody who never saw root 2 starts from root 1, as the server would have it. The signers have seen it.
      const take = ['--add-signer', signer('dan')]
      const naive = await start('naive', '--repository', 'image', ...take, '--name', 'older')
      assert.equal(naive.exit, 0, naive.said)
      const shown = await voltseal(world, ['ceremony', 'show', world.at('naive'), ...own('ana', 'image')])
      assert.equal(shown.refusal?.code, 'ceremony-root-older')
      assert.equal(
        (await sign('naive', world.at('ana', 'key'), ...own('ana', 'image'))).refusal?.code,
        'ceremony-root-older',
      )
    } finally {
      await world.fleet?.close()
      rmSync(world.at('fleet'), { recursive: true })
      cpSync(world.at('fleet-now'), world.at('fleet'), { recursive: true })
      await world.startFleet()
    }
  })

  it('what was not written before power failed is written by the same command again', async () => {
    // Two documents: the signature over the second was lost.
    const asked = [
      '--repository',
      'approval',
      '--replace-key',
      world.at('keys', 'approver-1.pub'),
      '--with',
      signer('dan'),
    ]
    assert.equal((await start('cut', ...asked)).exit, 0)
    const key = world.at('keys', 'approver-0')
    assert.deepEqual(readdirSync(world.at('cut', 'next')).sort(), ['root.json', 'targets.json'])
    for (const one of [world.at('fleet', 'keys', 'approval-root'), key, world.at('dan', 'key')]) {
      assert.equal((await sign('cut', one)).exit, 0)
    }
    const [gone] = readdirSync(world.at('cut', 'signatures')).filter(name => name.startsWith('targets.'))
    rmSync(world.at('cut', 'signatures', gone!))
    assert.equal((await close('cut')).refusal?.code, 'ceremony-signatures-missing')
    const again = await Promise.all([sign('cut', key), sign('cut', world.at('dan', 'key'))])
    assert.deepEqual(again.map(({ refusal }) => refusal?.code ?? 'signed').sort(), [
      'ceremony-already-signed',
      'signed',
    ])
    // It came into force, and the folder was not told.
    assert.equal((await close('cut')).exit, 0)
    const entries = (await log(world)).length
    rmSync(world.at('cut', 'closed'), { recursive: true })
    assert.equal((await close('cut')).exit, 0)
    assert.equal((await log(world)).length, entries)
    // The documents were not all there yet.
    rmSync(world.at('cut', 'next'), { recursive: true })
    assert.equal((await sign('cut', key)).refusal?.code, 'ceremony-malformed')
  })

  it('attack: files that are no signatures, too large, or named for another key', async () => {
    const [name] = readdirSync(world.at('second', 'signatures'))
    const good = readFileSync(world.at('second', 'signatures', name!), 'utf8')
    const rows: [file: string, content: string, code: string][] = [
      ['notes.txt', 'x', 'ceremony-malformed'],
      [`root.${'0'.repeat(64)}.json`, good, 'ceremony-malformed'],
      [name!, `${' '.repeat(40_000)}${good}`, 'file-too-large'],
      [name!, '{"keyid":"a"}', 'ceremony-malformed'],
      [name!, good.replace('}', ',"more":1}'), 'ceremony-malformed'],
      [name!, '[[[[', 'ceremony-malformed'],
    ]
    for (const [file, content, code] of rows) {
      cpSync(world.at('second'), world.at('odd'), { recursive: true })
      writeFileSync(world.at('odd', 'signatures', file), content)
      const shown = await voltseal(world, ['ceremony', 'show', world.at('odd')])
      assert.equal(shown.refusal?.code, code, file)
      rmSync(world.at('odd'), { recursive: true })
    }
  })

  it('without any root to trust, nothing is shown', async () => {
    const none = { profile: world.at('nobody', 'profile.yaml') }
    const shown = await voltseal(world, ['ceremony', 'show', world.at('second')], none)
    assert.equal(shown.refusal?.code, 'ceremony-root-missing')
  })

  it('a ceremony that was begun is not overwritten, and one that changes nothing is not begun', async () => {
    assert.equal((await start('second', '--repository', 'image', '--threshold', '1')).refusal?.code, 'ceremony-exists')
    assert.equal((await start('third', '--repository', 'image')).refusal?.code, 'ceremony-unchanged')
    assert.equal(
      (await start('third', '--repository', 'image', '--threshold', '2')).refusal?.code,
      'ceremony-unchanged',
    )
    assert.equal(existsSync(world.at('third')), false)
    assert.equal((await start('third', '--repository', 'image', '--renew', '--expires', '10d')).exit, 0)
  })

  it('attack: a signature of a rehearsal is put beside the real documents', async () => {
    const asked = ['--repository', 'image', '--replace-key', 'bo', '--with', signer('dan')]
    assert.equal((await start('real', ...asked)).exit, 0)
    cpSync(world.at('drill', 'signatures'), world.at('real', 'signatures'), { recursive: true })
    assert.equal((await sign('real', world.at('ana', 'key'))).refusal?.code, 'ceremony-altered')
    assert.equal((await close('real')).refusal?.code, 'ceremony-altered')
  })
})

describe('a role that is delegated by name', () => {
  let world: World
  before(async () => {
    world = await desk()
  })
  after(() => world?.stop())

  it('does not keep the holder of the targets from publishing what it may speak for, and its limits are said', async () => {
    const key = world.at('keys', 'release')
    const folder = world.at('line')
    const asked = ['--repository', 'image', '--delegate', 'line', '--role', 'line', '--path', 'bms/*/*']
    const holder = ['--add-signer', `dan=${world.at('dan', 'key.pub')}`]
    const begun = await voltseal(world, ['ceremony', 'start', folder, ...asked, ...holder])
    assert.equal(begun.exit, 0, begun.said)
    const { warnings } = begun.json as { warnings: string[] }
    assert.match(warnings.join(), /cannot publish the metadata of line itself.*no hash bins/)
    assert.ok(begun.said.includes(warnings[0] as string), 'people are told too')
    assert.equal((await voltseal(world, ['ceremony', 'sign', folder, '--key', key])).exit, 0)
    const closed = await voltseal(world, ['ceremony', 'close', folder])
    assert.equal(closed.exit, 0, closed.said)
    // On the same day: this is when it is asked whether all of it is published already.
    const release = await world.release('bms', '1.1.0', new Uint8Array(4000).fill(3))
    const published = await voltseal(world, ['publish', release, '--key', key])
    assert.equal(published.exit, 0, published.said)
    const again = await voltseal(world, ['publish', release, '--key', key])
    assert.equal(again.exit, 0, again.said)
    assert.deepEqual(again.json, published.json, 'published already: no other version')
  })
})

describe('a ceremony after the targets have expired', () => {
  let world: World
  before(async () => {
    world = await desk()
  })
  after(() => world?.stop())

  it('a root ceremony of a repository whose targets have expired brings them along', async () => {
    const admin = tls.administrator(world)
    const inForce = async () => {
      const { body } = orThrow(await call(fleetUrl(world), admin, 'GET', '/v1/repos/image/targets.json'))
      return orThrow(readMetadata('targets', body, 'targets')).signed
    }
    const before = await inForce()
    const expires = instant(Math.ceil(Date.now() / 1000) * 1000 + 2000)
    const raw = orThrow(withTargets(before, {}, before.version + 1, expires))
    const metadata = toBase64(await sealedBy(raw, [orThrow(loadSigner(world.at('keys', 'release')))]))
    orThrow(await call(fleetUrl(world), admin, 'POST', '/v1/releases', { metadata }))
    await world.until('they have expired', async () => Date.now() > expires)
    const run = (verb: string, ...more: string[]) => voltseal(world, ['ceremony', verb, world.at('late'), ...more])
    const begun = await run('start', '--repository', 'image', '--add-signer', `ana=${world.at('ana', 'key.pub')}`)
    assert.equal(begun.exit, 0, begun.said)
    assert.deepEqual(
      (begun.json as CeremonyView).documents.map(({ document }) => document),
      ['root', 'targets'],
    )
    assert.equal((await run('sign', '--key', world.at('fleet', 'keys', 'image-root'))).exit, 0)
    assert.equal((await run('close')).refusal?.code, 'ceremony-signatures-missing')
    assert.equal((await run('sign', '--key', world.at('keys', 'release'))).exit, 0)
    const closed = await run('close')
    assert.equal(closed.exit, 0, closed.said)
    const after = await inForce()
    assert.equal(after.version, before.version + 2)
    assert.ok(after.expires > Date.now() + 300 * 86_400_000)
  })
})

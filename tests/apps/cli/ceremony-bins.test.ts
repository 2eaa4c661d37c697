import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { World } from '../../../sim/doors/world.ts'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { loadSigner } from '../../../src/adapters/signer-file.ts'
import type { CeremonyView } from '../../../src/apps/cli/ceremony/text.ts'
import { toBase64 } from '../../../src/core/encoding/bytes.ts'
import type { JsonObject } from '../../../src/core/encoding/canonical-json.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { BIN_ROLE } from '../../../src/core/trust/bin-role.ts'
import { binOf } from '../../../src/core/trust/delegation.ts'
import { binNames } from '../../../src/core/trust/hash-bins.ts'
import type { Target } from '../../../src/core/trust/metadata.ts'
import { readMetadata } from '../../../src/core/trust/read-metadata.ts'
import { withTargets, writeTargets } from '../../../src/core/trust/repository.ts'
import { call, fleetUrl, tls, voltseal } from '../../worlds/people.ts'
import { image, QUAY } from '../../worlds/quay.ts'
import { sealedBy } from '../../worlds/quiet-fleet.ts'

/** As many bins as a test has patience for; from a thousand targets on there are 2^10 of them. */
const BITS = 3
const NOTES = 20

/** A fleet whose image repository has hash bins, with some small targets in them. */
async function grown(lifetime = 86_400_000): Promise<World> {
  const world = await World.make(QUAY)
  await world.startFleet()
  await world.must('key', 'generate', world.at('new', 'release'), '-a', 'ed25519')
  const admin = tls.administrator(world)
  const bytes = new TextEncoder().encode('note')
  const sha256 = crypto.sha256(bytes).toHex()
  orThrow(await call(fleetUrl(world), admin, 'PUT', `/v1/blobs/${sha256}`, bytes))
  const file = async (path: string) =>
    orThrow(await call(fleetUrl(world), admin, 'GET', `/v1/repos/image/${path}`)).body
  const root = orThrow(readMetadata('root', await file('root.json'), 'root')).signed
  const targets = orThrow(readMetadata('targets', await file('targets.json'), 'targets')).signed
  const add = Array.from({ length: NOTES }, (_, n): Target => ({ path: `notes/${n}`, length: 4, sha256, custom: null }))
  const expires = instant(Math.ceil(Date.now() / 1000) * 1000 + lifetime)
  const { keyids, threshold } = root.roles.targets
  const layout = { keyids, threshold, bitLength: BITS, prefix: 'bin' }
  const delegations = {
    keys: Object.fromEntries(keyids.map(id => [id, (root.raw.keys as JsonObject)[id]!])),
    succinct_roles: { bit_length: BITS, keyids, name_prefix: 'bin', threshold },
  }
  const signer = orThrow(loadSigner(world.at('keys', 'release')))
  const seal = async (raw: JsonObject): Promise<string> => toBase64(await sealedBy(raw, [signer]))
  const bins: Record<string, string> = {}
  for (const name of binNames(layout)) {
    const own = add.filter(({ path }) => binOf(layout, path, crypto).name === name)
    bins[name] = await seal({ ...writeTargets({ version: 1, expires }, own), [BIN_ROLE]: name })
  }
  const above = orThrow(withTargets(targets, {}, targets.version + 1, expires))
  const body = { metadata: await seal({ ...above, delegations }), bins }
  orThrow(await call(fleetUrl(world), admin, 'POST', '/v1/releases', body))
  return world
}

describe('a ceremony over a repository with hash bins', () => {
  let world: World
  before(async () => {
    world = await grown()
  })
  after(() => world?.stop())

  const change = (): string[] => [
    '--replace-key',
    world.at('keys', 'release.pub'),
    '--with',
    world.at('new', 'release.pub'),
  ]
  const root = (): string => world.at('fleet', 'keys', 'image-root')
  const run = (verb: string, folder: string, ...more: string[]) =>
    voltseal(world, ['ceremony', verb, world.at(folder), ...more])

  it('signs all of them anew with the new key, and takes a target away', async () => {
    const begun = await run('start', 'swap', '--repository', 'image', ...change(), '--withdraw', 'notes/7')
    assert.equal(begun.exit, 0, begun.said)
    const [, targets] = (begun.json as CeremonyView).documents
    const shown = targets!.changes.map(({ what, after: is }) => [what, is])
    assert.ok(shown.some(([what, is]) => what === 'bins that are signed anew' && is === String(2 ** BITS)))
    assert.ok(shown.some(([what, is]) => what === 'target notes/7' && is === null))
    assert.ok(
      targets!.changes.every(({ known }) => known),
      JSON.stringify(targets!.changes),
    )
    assert.equal((await run('sign', 'swap', '--key', root())).exit, 0)
    assert.equal((await run('close', 'swap')).refusal?.code, 'ceremony-signatures-missing')
    const signed = await run('sign', 'swap', '--key', world.at('new', 'release'))
    assert.equal(signed.exit, 0, signed.said)
    assert.deepEqual(
      (signed.json as CeremonyView).documents[1]?.signatures.map(({ by, have }) => [by, have]),
      [
        ['targets signers of root 2', 1],
        ['targets signers of root 2, all bins', 1],
      ],
    )
  })

  it('attack: a bin that is changed after it was signed, or slipped in', async () => {
    const path = (folder: string): string => world.at(folder, 'next', 'bins.json')
    const bins = JSON.parse(readFileSync(path('swap'), 'utf8'))
    const [name] = Object.entries(bins as Record<string, { signed: { targets: object } }>).find(
      ([, { signed }]) => Object.keys(signed.targets).length > 0,
    ) as [string, unknown]
    const rows: [what: string, code: string, change: (bin: { signed: Record<string, unknown> }) => void][] = [
      ['expires', 'ceremony-altered', bin => Object.assign(bin.signed, { expires: '2040-01-01T00:00:00Z' })],
      [
        'a target exchanged',
        'root-targets-differ',
        bin => Object.assign(bin.signed, { targets: exchanged(bin.signed.targets as JsonObject) }),
      ],
      ['another member', 'ceremony-malformed', bin => Object.assign(bin.signed, { more: 1 })],
      ['another version', 'ceremony-not-next', bin => Object.assign(bin.signed, { version: 9 })],
      ['no note', 'ceremony-malformed', bin => Reflect.deleteProperty(bin.signed, 'x-voltseal-ceremony')],
    ]
    for (const [what, code, alter] of rows) {
      cpSync(world.at('swap'), world.at('altered'), { recursive: true })
      const copy = structuredClone(bins)
      alter(copy[name])
      writeFileSync(path('altered'), JSON.stringify(copy))
      assert.equal((await run('close', 'altered')).refusal?.code, code, what)
    }
    const fewer = Object.fromEntries(Object.entries(bins).slice(1))
    writeFileSync(path('altered'), JSON.stringify(fewer))
    assert.equal((await run('show', 'altered')).refusal?.code, 'bin-missing')
  })

  const exchanged = (targets: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(targets).map(([path, one]) => [path, { ...(one as JsonObject), length: 5 }]))

  it('comes into force, and the old key signs nothing any more', async () => {
    const closed = await run('close', 'swap')
    assert.equal(closed.exit, 0, closed.said)
    const folder = await world.release('bms', '1.1.0', image(2))
    const old = await voltseal(world, ['publish', folder, '--key', world.at('keys', 'release')])
    assert.equal(old.refusal?.code, 'signer-not-in-role')
    const published = await voltseal(world, ['publish', folder, '--key', world.at('new', 'release')])
    assert.equal(published.exit, 0, published.said)
    const bins = await call(fleetUrl(world), tls.administrator(world), 'GET', '/v1/repos/image/2.bin-0.json')
    assert.ok(!isRefusal(bins))
  })

  it('a root that leaves the targets’ keys alone needs no bins; delegations stand in no repository with bins', async () => {
    const renewed = await run('start', 'renew', '--repository', 'image', '--renew', '--expires', '200d')
    assert.equal((renewed.json as CeremonyView).documents.length, 1, renewed.said)
    const delegate = ['--delegate', 'line', '--role', 'line', '--path', 'a/*']
    const key = ['--add-signer', `x=${world.at('new', 'release.pub')}`]
    const refused = await run('start', 'delegate', '--repository', 'image', ...delegate, ...key)
    assert.equal(refused.refusal?.code, 'usage-error')
  })

  it('is rehearsed, too', async () => {
    const change = [
      '--replace-key',
      world.at('new', 'release.pub'),
      '--with',
      `rita=${world.at('keys', 'release.pub')}`,
    ]
    const begun = await run('start', 'drill', '--repository', 'image', ...change, '--rehearse')
    assert.equal(begun.exit, 0, begun.said)
    for (const name of ['image-root', 'rita']) {
      const signed = await run('sign', 'drill', '--key', world.at('drill', 'keys', name))
      assert.equal(signed.exit, 0, signed.said)
    }
    const closed = await run('close', 'drill')
    assert.equal(closed.exit, 0, closed.said)
  })
})

describe('a ceremony over hash bins that have expired', () => {
  let world: World
  before(async () => {
    world = await grown(3000)
  })
  after(() => world?.stop())

  it('a root ceremony of a repository whose bins have expired brings them along', async () => {
    const admin = tls.administrator(world)
    const file = async (path: string) =>
      orThrow(
        readMetadata(
          'targets',
          orThrow(await call(fleetUrl(world), admin, 'GET', `/v1/repos/image/${path}`)).body,
          path,
        ),
      )
    const { expires } = (await file('targets.json')).signed
    await world.until('they have expired', async () => Date.now() > expires)
    const run = (verb: string, ...more: string[]) => voltseal(world, ['ceremony', verb, world.at('late'), ...more])
    const begun = await run('start', '--repository', 'image', '--renew')
    assert.equal(begun.exit, 0, begun.said)
    const [, targets] = (begun.json as CeremonyView).documents
    const anew = targets?.changes.find(({ what }) => what === 'bins that are signed anew')
    assert.equal(anew?.after, String(2 ** BITS))
    for (const key of [world.at('fleet', 'keys', 'image-root'), world.at('keys', 'release')]) {
      assert.equal((await run('sign', '--key', key)).exit, 0)
    }
    const closed = await run('close')
    assert.equal(closed.exit, 0, closed.said)
    const bin = (await file('2.bin-0.json')).signed
    assert.ok(bin.expires > Date.now() + 300 * 86_400_000)
  })
})

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { loadWrappingKey } from '../../src/adapters/signer-file.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { settingsOf } from '../../src/apps/fleet/settings.ts'
import { fromUtf8 } from '../../src/core/encoding/bytes.ts'
import type { AuditEntry } from '../../src/core/ledger/entry.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { noteSettings, type Settings } from '../../src/flows/settings.ts'
import { FleetConfig, parseConfig } from '../../src/wire/config.ts'
import { configOf } from '../worlds/people.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { Died, Interruptor } from './interruption/interruptor.ts'

describe('settings that decide who may do what, between two starts of a server', () => {
  let fleet: QuietFleet
  let folder = ''
  before(async () => {
    fleet = await QuietFleet.make()
    folder = join(fleet.folder, 'fleet')
    for (const name of ['witnesses.policy', 'witnesses.pem', 'hooks.pem'])
      writeFileSync(join(folder, name), `first ${name}`)
  })
  after(() => fleet?.close())

  /** The settings of the server's config with a change, as a start reads them. */
  function read(change: object = {}, wraps = true): Settings {
    const files = fleetFiles(folder)
    const config = orThrow(
      parseConfig<FleetConfig>(FleetConfig, { ...configOf(files.config), ...change }, files.config),
    )
    const { spki } = orThrow(loadWrappingKey(files.wrappingKey))
    return orThrow(settingsOf(folder, config, wraps ? spki : null, crypto))
  }

  /** What a start with these settings puts into the log. */
  async function started(settings: Settings): Promise<AuditEntry['detail'][]> {
    const before = (await fleet.entries()).length
    await noteSettings(fleet.world, settings)
    const entries = (await fleet.entries()).slice(before)
    assert.ok(entries.every(({ kind, actor }) => kind === 'policy-changed' && actor.kind === 'fleet'))
    return entries.map(({ detail }) => detail)
  }

  it('a new server begins with those that it was made with: its first start says nothing', async () => {
    assert.deepEqual(await started(read()), [])
  })

  const witnesses = { policy: 'witnesses.policy', ca: 'witnesses.pem' }
  const webhooks = { allow: ['10.0.0.0/8'], ca: 'hooks.pem' }
  const anchor = { kid: 'ab'.repeat(32), alg: 'ed25519', spki: 'AAAA' }
  const CHANGES: readonly (readonly [setting: string, change: object, said: object])[] = [
    ['governance', { governance: { separateOrganisations: false } }, { separateOrganisations: false }],
    [
      'governance',
      { governance: { changeRequest: ['safety', 'security'] } },
      { changeRequest: ['safety', 'security'] },
    ],
    ['sign-in', { signIn: true }, { signIn: true }],
    ['sign-in', { console: { host: '127.0.0.1', port: 8080 } }, { console: '127.0.0.1:8080' }],
    ['anchors', { anchors: [anchor] }, { anchors: [anchor.kid] }],
    ['witnesses', { witnesses }, {}],
    ['witnesses', { witnesses: { ...witnesses, patienceMillis: 1000 } }, { patienceMillis: 1000 }],
    ['archive', { archive: { folder: '/secret/place' } }, { days: {}, otherwise: null }],
    [
      'archive',
      { archive: { folder: 'a', days: { 'access-granted': 7 }, otherwise: 90 } },
      { days: { 'access-granted': 7 } },
    ],
    ['webhooks', { webhooks }, { allow: ['10.0.0.0/8'] }],
    ['silence', { silence: { gatewayMillis: 60_000 } }, { controllerMillis: 3_600_000, gatewayMillis: 60_000 }],
    ['metadata', { metadataMillis: 5000 }, { metadataMillis: 5000 }],
    ['metadata', { warningDays: [1] }, { warningDays: [1] }],
  ]
  for (const [setting, change, said] of CHANGES) {
    it(`${setting}: ${JSON.stringify(change)} leaves one entry, and another one when it is taken back`, async () => {
      const [there, ...more] = await started(read(change))
      assert.deepEqual([there?.policy, there?.setting, more.length], ['server', setting, 0])
      assert.deepEqual({ ...there, ...said }, there)
      assert.doesNotMatch(JSON.stringify(there), /secret/)
      assert.deepEqual(await started(read(change)), [], 'the same again is no change')
      const [back] = await started(read())
      assert.deepEqual([back?.before, back?.after], [there?.after, there?.before])
      assert.notEqual(back?.before, back?.after)
    })
  }

  it('the wrapping key that is taken away or put back is one', async () => {
    const [gone] = await started(read({}, false))
    assert.deepEqual([gone?.setting, gone?.wrappingKey], ['wrapping', null])
    assert.match(`${(await started(read()))[0]?.wrappingKey}`, /^[0-9a-f]{64}$/)
  })

  it('attack: a file beside the config is exchanged, and the config left as it is', async () => {
    const change = { witnesses, webhooks }
    await started(read(change))
    for (const [file, setting] of [
      ['witnesses.policy', 'witnesses'],
      ['witnesses.pem', 'witnesses'],
      ['hooks.pem', 'webhooks'],
    ] as const) {
      writeFileSync(join(folder, file), `second ${file}`)
      const [there, ...more] = await started(read(change))
      assert.deepEqual([there?.setting, more.length], [setting, 0], file)
    }
    const { cert } = fleetFiles(folder).authority('fleet')
    const before = readFileSync(cert)
    writeFileSync(cert, 'another authority')
    assert.deepEqual(
      (await started(read(change))).map(({ setting }) => setting),
      ['authority'],
    )
    writeFileSync(cert, before)
    await started(read())
  })

  it('attack: what the store remembers is spoiled, so that a change looks like none: all of it is said again', async () => {
    const all = [...read().keys()].sort()
    for (const bytes of ['', '{', '[]', '{"anchors":7}']) {
      await fleet.damage('policy', 'server.json', Buffer.from(bytes))
      const said = await started(read())
      assert.deepEqual(said.map(({ setting }) => setting).sort(), all, bytes)
      assert.ok(said.every(({ before }) => before === null))
    }
  })

  it('a folder that is named from where one stands is the same folder', () => {
    const { config } = fleetFiles(folder)
    const written = orThrow(parseConfig<FleetConfig>(FleetConfig, { ...configOf(config), witnesses, webhooks }, config))
    const from = (where: string): Settings => orThrow(settingsOf(where, written, null, crypto))
    assert.deepEqual(from(relative(process.cwd(), folder)), from(folder))
  })

  it('a file that is named and is not there stops the start', () => {
    const { config } = fleetFiles(folder)
    const named = { ...configOf(config), witnesses: { policy: 'nowhere' } }
    const settings = settingsOf(folder, orThrow(parseConfig<FleetConfig>(FleetConfig, named, config)), null, crypto)
    assert.ok(isRefusal(settings) && settings.code === 'file-missing')
  })

  for (const mode of ['lost', 'unanswered'] as const) {
    it(`power fails at the commit, ${mode}: behind the next start the log has said it exactly once`, async () => {
      const change = read({ metadataMillis: mode.length * 1000 })
      const before = (await fleet.entries()).length
      const interruptor = new Interruptor(1, mode)
      fleet.open([], store => interruptor.store(store))
      await assert.rejects(noteSettings(fleet.world, change), Died)
      fleet.open()
      await noteSettings(fleet.world, change)
      const said = (await fleet.entries()).slice(before).map(({ detail }) => detail.metadataMillis)
      assert.deepEqual(said, [mode.length * 1000])
      await started(read())
    })
  }

  it('no text of a file is in the log', async () => {
    const { size } = await fleet.world.store.log()
    const rows = await fleet.world.store.entries(0, size)
    assert.ok(rows.every(({ bytes }) => !/first |second |secret/.test(fromUtf8(bytes) ?? '')))
  })
})

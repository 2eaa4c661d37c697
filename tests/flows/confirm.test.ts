import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { folderLog } from '../../src/adapters/log-folder.ts'
import { nodeRandom } from '../../src/adapters/random-node.ts'
import { PlainFiles } from '../../src/adapters/repository-folder.ts'
import { generateKeyFile } from '../../src/adapters/signer-file.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { canonicalJson } from '../../src/core/encoding/canonical-json.ts'
import { instant, millis } from '../../src/core/encoding/units.ts'
import { parseCredential } from '../../src/core/fleet/credential.ts'
import { openCheckpoint } from '../../src/core/ledger/checkpoint.ts'
import { entryBytes } from '../../src/core/ledger/entry.ts'
import type { SentItem } from '../../src/core/ledger/own-log-rows.ts'
import { firstHead, headBehind } from '../../src/core/ledger/site-chain.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { batchDigest, sealSiteManifest, writeSiteManifest } from '../../src/core/trust/site-manifest.ts'
import { accountsOf, admit } from '../../src/flows/admit.ts'
import { addAccount, editAccount, makeToken, revokeCredential } from '../../src/flows/appoint.ts'
import { record } from '../../src/flows/audit.ts'
import { type Confirmation, confirmRestored } from '../../src/flows/confirm.ts'
import { copyLog } from '../../src/flows/copy-log.ts'
import { directSites } from '../../src/flows/direct.ts'
import { storedLog } from '../../src/flows/log-files.ts'
import { refuseToGoOn } from '../../src/flows/log-start.ts'
import type { Signer } from '../../src/flows/ports.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { acceptUpstream } from '../../src/flows/report.ts'
import { aheadOf, upstreamOf } from '../../src/flows/upstream.ts'
import { planOfSheets, sheetOf, turnOf } from '../core/campaign/plans.ts'
import { grants } from '../worlds/people-door.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { running } from '../worlds/running.ts'
import { heads } from '../worlds/site-log.ts'

/** A fleet whose store is put back to what it was, and what it then does not do by itself. */

const codeOf = (value: unknown): string | null => (isRefusal(value) ? (value as Refusal).code : null)

describe('a fleet that was set back to an older store', () => {
  let fleet: QuietFleet
  let gateway: Signer
  let token: { id: string }
  let later: string
  const file = (): string => join(fleet.folder, 'fleet', 'fleet.sqlite')
  const copy = (): string => join(fleet.folder, 'copy.sqlite')
  const root = async () => orThrow(await admit(fleet.world, { by: 'certificate', person: 'administrator' }))

  const exported = (): string => join(fleet.folder, 'exported')

  /** Puts the copy in the place of the store: with the mark of a restore, or as somebody does by hand. */
  const setBack = async (mark: boolean): Promise<void> => {
    fleet.shut()
    rmSync(file())
    copyFileSync(copy(), file())
    const store = orThrow(openFleetStore(file()))
    if (mark) await store.commit({ copied: { made: fleet.clock.now(), given: (await store.log()).size } })
    store.close()
    fleet.open()
  }

  const confirm = (change: Partial<Confirmation> = {}) =>
    confirmRestored(fleet.world, { by: 'administrator', seen: [], unwitnessed: true, log: null, keep: [], ...change })

  const items = (from: number, count: number): SentItem[] =>
    Array.from({ length: count }, (_, n) => {
      const entry = {
        v: 1,
        kind: 'download-finished',
        at: instant(1_800_000_000_000),
        clock: 'simulated',
        actor: { kind: 'gateway', id: 'quay' },
        site: 'quay',
        detail: { number: from + n },
      } as const
      return { sequence: from + n, kind: 'entry', bytes: orThrow(entryBytes(entry)) }
    })

  /** Hands items of the gateway over, as it does itself. */
  const handOver = async (
    batch: readonly SentItem[],
    sequence = batch.at(-1)?.sequence ?? 0,
    said: { readonly lostFrom?: number } = {},
  ) => {
    const at = fleet.clock.now()
    const first = batch[0]?.sequence ?? sequence + 1
    const ends = heads(headBehind(crypto, firstHead(), items(1, first - 1)), batch)
    const body = writeSiteManifest({
      site: 'quay',
      sequence,
      at,
      batch: batchDigest(batch, crypto),
      ...ends,
      ...said,
      reports: [],
    })
    const manifest = sealSiteManifest(body, orThrow(await gateway.sign(canonicalJson(body), 'der')))
    return acceptUpstream(fleet.world, 'quay', batch, manifest)
  }

  before(async () => {
    fleet = await QuietFleet.make()
    gateway = orThrow(generateKeyFile(fleet.keyFile('gateway'), 'ecdsa-p256'))
    await fleet.site('quay', 2, { gateway: gateway.key.spki })
    const { plan } = planOfSheets([sheetOf('quay', [turnOf('c0'), turnOf('c1')], 'spring')], { id: 'spring' })
    await fleet.campaign(plan, running(plan))
    for (const id of ['ben', 'ida']) {
      orThrow(
        await addAccount(fleet.world, await root(), {
          id,
          kind: 'person',
          name: id,
          grants: grants('auditor@fleet'),
          keys: [],
        }),
      )
    }
    const asked = { label: 'robot', grants: null, lifeMillis: millis(86_400_000) }
    token = orThrow(await makeToken({ world: fleet.world, random: nodeRandom }, await root(), 'administrator', asked))
    const passkey = { id: 'ab'.repeat(32), account: 'ben', passkey: new Uint8Array(1) }
    await fleet.world.store.commit({
      passwords: [{ account: 'ben', hash: 'the hash of a password' }],
      passkeys: [passkey],
    })
    orThrow(await handOver(items(1, 3)))
    assert.equal(await (fleet.world.store as SqliteFleetStore).copyTo(copy(), () => true), null)
    // All of this is unknown to the copy.
    orThrow(await editAccount(fleet.world, await root(), 'ben', { disabled: 'left' }))
    assert.equal(await revokeCredential(fleet.world, await root(), 'administrator', token.id), null)
    orThrow(await handOver(items(4, 3)))
    for (let n = 0; n < 3; n += 1) {
      const { files } = orThrow(await directSites(fleet.world, new Map([['quay', []]]), fleet.clock.now()))
      await record(fleet.world, { files }, [])
      fleet.clock.advance(1000)
    }
    later = (await fleet.world.store.log()).checkpoint
    const target = { files: folderLog(exported()), folder: new PlainFiles(exported()) }
    const key = { name: fleet.world.name, key: fleet.world.auditSigner.key }
    orThrow(await copyLog(storedLog(fleet.world.store), target, key, crypto))
  })
  after(() => fleet?.close())

  it('attack: by hand, and its gateway says at its next check-in that more was acknowledged: an alarm, once', async () => {
    await setBack(false)
    for (let n = 0; n < 3; n += 1)
      assert.deepEqual(await upstreamOf(fleet.world, 'quay', 6), { taken: 3, restored: false })
    assert.deepEqual([...aheadOf(fleet.world)], [['quay', 6]])
    const alarms = (await fleet.entries()).filter(({ code }) => code === 'fleet-store-older')
    assert.deepEqual(
      alarms.map(({ kind, site }) => [kind, site]),
      [['intrusion-signal', 'quay']],
    )
    assert.equal(codeOf(await handOver(items(7, 2))), 'upstream-gap')
    assert.equal(codeOf(await handOver([], 6)), 'upstream-gap', 'nor does one without items pass over the gap')
    assert.equal(await upstreamOf(fleet.world, 'harbour', 6), null)
  })

  it('attack: it is not confirmed by a checkpoint of another history, though that one is shorter', async () => {
    // The store by hand went on, and its log is another one now than that of the copy.
    const { checkpoint } = await fleet.world.store.log()
    await setBack(true)
    await record(
      fleet.world,
      {},
      [1, 2, 3, 4].map(number => {
        return { kind: 'link-lost', actor: { kind: 'fleet', id: 'quiet' }, detail: { number } } as const
      }),
    )
    assert.equal(codeOf(await confirm({ seen: [checkpoint], unwitnessed: false })), 'log-forked')
    await setBack(true)
    assert.equal(codeOf(await confirm({ seen: [later] })), 'restore-behind')
    assert.notEqual(await fleet.world.store.copied(), null)
  })

  it('attack: a revoked token, a password, a passkey, a disabled account and a halted campaign come back', async () => {
    await setBack(true)
    const client = await fleet.client('director/quay')
    const confirmed = orThrow(await confirm({ keep: ['ida'] }))
    const standing = new Map(orThrow(await accountsOf(fleet.world)).map(({ id, standing: { at } }) => [id, at]))
    assert.deepEqual(
      [standing.get('ben'), standing.get('ida'), standing.get('administrator')],
      ['disabled', 'active', 'active'],
    )
    const row = await fleet.world.store.credential(token.id)
    assert.notEqual(orThrow(parseCredential(row!.credential, 'the token')).revoked, null)
    assert.equal(await fleet.world.store.password('ben'), null)
    assert.deepEqual(await fleet.world.store.passkeys('ben'), [], 'nor does a passkey')
    assert.deepEqual(confirmed.paused, ['spring'])
    assert.match((await fleet.world.store.campaign('spring'))!.state, /"at":"paused"/)
    const director = orThrow(await fleet.refreshed(client))
    assert.ok(director.targets.signed.version > confirmed.above)
    assert.equal(director.targets.signed.targets.size, 0, 'nothing is ordered')
    assert.equal(codeOf(await confirm()), 'store-not-restored')
  })

  it('takes the gap that a gateway says is gone, says which numbers are lost, and its log verifies', async () => {
    assert.deepEqual(await upstreamOf(fleet.world, 'quay', 6), { taken: 3, restored: true })
    assert.equal(codeOf(await handOver(items(7, 2))), 'upstream-gap', 'it may still have them')
    assert.equal(codeOf(await handOver([], 8)), 'upstream-gap')
    assert.deepEqual(await handOver(items(7, 2), 8, { lostFrom: 4 }), { acknowledged: 8 })
    assert.deepEqual(await upstreamOf(fleet.world, 'quay', 8), { taken: 8, restored: false })
    assert.equal(codeOf(await handOver(items(12, 1))), 'upstream-gap')
    const lost = (await fleet.entries()).filter(({ kind, site }) => kind === 'store-restored' && site === 'quay')
    assert.deepEqual(
      lost.map(({ detail }) => detail.lost),
      [{ from: 4, to: 6, head: toHex(headBehind(crypto, firstHead(), items(1, 6))) }],
    )
    const key = { name: fleet.world.name, key: fleet.world.auditSigner.key }
    assert.deepEqual(orThrow(await verifyStore(fleet.world.store, key, crypto)).findings, [])
  })

  it('power fails behind the pause and before the rest: it is still a copy, and the same again goes on', async () => {
    await setBack(true)
    let left = 1
    fleet.open(
      [],
      store =>
        new Proxy(store, {
          get: (target, name) => {
            const member = Reflect.get(target, name)
            if (name !== 'commit') return typeof member === 'function' ? member.bind(target) : member
            return async (change: Parameters<typeof store.commit>[0]) => {
              left -= 1
              if (left < 0) throw new Error('the power is gone')
              return target.commit(change)
            }
          },
        }),
    )
    await assert.rejects(async () => confirm(), /the power is gone/)
    fleet.open()
    assert.notEqual(await fleet.world.store.copied(), null)
    assert.deepEqual(orThrow(await confirm()).paused, ['spring'])
  })

  it('brings the log back that others have seen: it goes on behind it, and nothing of an outbox is lost', async () => {
    await setBack(true)
    const { size } = await fleet.world.store.log()
    const confirmed = orThrow(await confirm({ seen: [later], log: folderLog(exported()) }))
    assert.ok(confirmed.forward > 0 && confirmed.seen === size + confirmed.forward)
    const key = { name: fleet.world.name, key: fleet.world.auditSigner.key }
    const known = orThrow(openCheckpoint(later, key, crypto))
    assert.deepEqual(orThrow(await verifyStore(fleet.world.store, key, crypto, known)).findings, [])
    assert.equal(await refuseToGoOn(fleet.world.store, { ...key, retired: [] }, crypto), null)
    assert.deepEqual(await upstreamOf(fleet.world, 'quay', 6), { taken: 6, restored: false })
    assert.deepEqual(await handOver(items(7, 1)), { acknowledged: 7 })
    assert.ok(!(await fleet.entries()).some(({ detail }) => 'lost' in detail))
  })

  it('attack: the copy that is brought is changed, or the beginning of another log', async () => {
    const bundle = readdirSync(join(exported(), 'tile', 'entries', '000.p'))[0] as string
    const path = join(exported(), 'tile', 'entries', '000.p', bundle)
    const bytes = readFileSync(path)
    writeFileSync(path, Buffer.from(bytes.toString('latin1').replace('disabled', 'enablled'), 'latin1'))
    await setBack(true)
    const { size } = await fleet.world.store.log()
    assert.match(codeOf(await confirm({ seen: [later], log: folderLog(exported()) })) ?? '', /^log-entry/)
    writeFileSync(path, bytes)
    const event = { kind: 'link-lost', actor: { kind: 'fleet', id: 'quiet' }, detail: {} } as const
    await record(fleet.world, {}, [event])
    assert.equal(codeOf(await confirm({ seen: [later], log: folderLog(exported()) })), 'log-forked')
    assert.deepEqual(
      [(await fleet.world.store.log()).size, (await fleet.world.store.copied()) === null],
      [size + 1, false],
    )
  })
})

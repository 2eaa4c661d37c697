import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { openGatewayStore, type SqliteGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { parseEntry } from '../../src/core/ledger/entry.ts'
import { firstHead } from '../../src/core/ledger/site-chain.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { confirmCaughtUp, heard, refuseUntilCaughtUp } from '../../src/flows/catch-up.ts'
import type { SiteWorld } from '../../src/flows/ports.ts'
import { goesBy } from '../../src/flows/tell.ts'
import { acknowledgedUpTo, holdAgainst, tellsStanding } from '../../src/flows/upstream.ts'
import { testSigner } from '../core/ledger/keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-catch-up-'))
const NOW = instant(1_800_000_000_000)
let store: SqliteGatewayStore
let files = 0

/** A gateway's process: what it knows beyond its store is gone with it. */
const started = (): SiteWorld =>
  ({
    site: { site: 'quay' },
    store,
    clock: { now: () => NOW, quality: 'simulated' },
    crypto,
    signer: testSigner(1),
    // The fleet has what the copy has: nothing.
    fleet: { upstream: async () => ({ sequence: 0, head: firstHead(), restored: true }) },
  }) as unknown as SiteWorld

const codes = async (): Promise<(string | undefined)[]> => {
  const items = await store.outbox(100)
  return items.map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry'))).map(({ kind, code }) => code ?? kind)
}

describe('a gateway that was set back', () => {
  beforeEach(async () => {
    store?.close()
    store = orThrow(openGatewayStore(join(folder, `${++files}.sqlite`)))
    const row = { reportKey: new Uint8Array(1), report: null, sequence: 0, work: '{"at":"idle"}' }
    await store.commit({ controllers: ['bms-1', 'bms-2'].map(id => ({ id, ...row })) })
  })
  after(() => {
    store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('attack: a restored one gives no turn to a controller beside one that may be away since the backup', async () => {
    await store.commit({ copied: { made: NOW, given: 7 } })
    const gateway = started()
    assert.equal((await refuseUntilCaughtUp(gateway))?.expected, 'the orders of the fleet')
    goesBy(gateway, 3)
    heard(gateway, 'bms-1')
    const waits = await refuseUntilCaughtUp(gateway)
    assert.deepEqual([waits?.code, waits?.actual], ['gateway-restored', 'none of bms-2'])
    assert.notEqual(await store.copied(), null)
    // A start forgets who was heard: whoever is heard after it stands as it stands.
    const again = started()
    goesBy(again, 3)
    heard(again, 'bms-2')
    assert.equal((await refuseUntilCaughtUp(again))?.actual, 'none of bms-1')
    heard(again, 'bms-1')
    assert.equal(await refuseUntilCaughtUp(again), null)
    assert.deepEqual([await store.copied(), await codes()], [null, ['store-restored']])
    assert.equal(await refuseUntilCaughtUp(started()), null, 'a store that is no copy holds nobody back')
  })

  it('a person on the spot lets it go on without a controller that is gone for good, and the log says so', async () => {
    await store.commit({ copied: { made: NOW, given: 7 } })
    assert.deepEqual(await confirmCaughtUp(started()), { copied: NOW })
    assert.deepEqual([await refuseUntilCaughtUp(started()), await codes()], [null, ['store-restored']])
    const again = await confirmCaughtUp(started())
    assert.equal('code' in again && again.code, 'store-not-restored')
  })

  it('what the fleet has of the outbox is held against what the gateway knows; each finding is told once', async () => {
    const gateway = started()
    await store.commit({ outbox: [1, 2, 3].map(n => ({ kind: 'report', bytes: new Uint8Array([n]) })) })
    assert.equal(await acknowledgedUpTo(gateway), 0)
    await store.commit({ acknowledged: 2 })
    assert.equal(await acknowledgedUpTo(gateway), 2)
    await store.commit({ acknowledged: 3 })
    const says = (upstream: number, restored?: true) =>
      holdAgainst(gateway, { tag: null, at: NOW, upstream, ...(restored ? { restored } : {}) }, 3)
    await says(3)
    assert.deepEqual(await codes(), [])
    for (const upstream of [1, 1, 1]) await says(upstream)
    assert.deepEqual(await codes(), ['fleet-store-older'])
    assert.equal(tellsStanding(gateway), false)
    for (const upstream of [9, 9]) await says(upstream)
    assert.deepEqual(await codes(), ['fleet-store-older', 'gateway-store-older'])
    await says(1, true)
    assert.deepEqual([tellsStanding(gateway), (await codes()).length], [true, 2])
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { type Authority, certifyNewKey, createAuthority } from '../../../src/adapters/certificates.ts'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import { type HttpsServer, listen } from '../../../src/adapters/http-server.ts'
import { HttpsClient } from '../../../src/adapters/link-https/client.ts'
import { openGatewayStore, type SqliteGatewayStore } from '../../../src/adapters/store-sqlite/gateway.ts'
import { Bell } from '../../../src/apps/gateway/bell.ts'
import { gatewayDoor } from '../../../src/apps/gateway/door.ts'
import { instant, millis } from '../../../src/core/encoding/units.ts'
import type { Identity } from '../../../src/core/fleet/identity.ts'
import { type AuditEntry, parseEntry } from '../../../src/core/ledger/entry.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import type { SiteWorld } from '../../../src/flows/ports.ts'
import { MAX_REPORT } from '../../../src/wire/gateway-api.ts'
import { testSigner } from '../../core/ledger/keys.ts'

const MINUTE = 60_000

describe('refused attempts, at a gateway’s door', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-gateway-door-'))
  const clients: HttpsClient[] = []
  let now = Date.UTC(2027, 0, 10)
  let store: SqliteGatewayStore
  let door: HttpsServer
  let authority: Authority
  let url = ''
  before(async () => {
    const real = instant(Date.now())
    authority = await createAuthority('site', real)
    store = orThrow(openGatewayStore(join(folder, 'gateway.sqlite')))
    const row = { reportKey: testSigner(2).key.spki, report: null, sequence: 0, work: '{"at":"idle"}' }
    await store.commit({ controllers: [{ id: 'bms-2', ...row }] })
    // The door asks for no more of the world than this before it lets somebody in.
    const world = {
      store,
      clock: { now: () => instant(now), quality: 'simulated' },
      steady: () => millis(0),
      site: { site: 'quay' },
      crypto: nodeCrypto,
      signer: testSigner(1),
    } as unknown as SiteWorld
    const grant = { identity: { kind: 'gateway', site: 'quay' }, hosts: ['127.0.0.1'] } as const
    const tls = { ca: authority.cert, ...(await certifyNewKey(authority, grant, real)) }
    door = gatewayDoor(world, tls, { reports: new Bell(), work: new Bell() }, pino({ level: 'silent' }))
    url = `https://127.0.0.1:${orThrow(await listen(door, '127.0.0.1', 0))}`
  })
  after(async () => {
    for (const client of clients) client.close()
    await door?.close()
    store?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function as(identity: Identity): Promise<HttpsClient> {
    const made = await certifyNewKey(authority, { identity }, instant(Date.now()))
    const client = new HttpsClient(url, { ca: authority.cert, ...made })
    clients.push(client)
    return client
  }

  const outbox = async (): Promise<AuditEntry[]> =>
    (await store.outbox(1000)).map(({ bytes }) => orThrow(parseEntry(bytes, 'an entry')))

  const HASH = 'ab'.repeat(32)
  const BYTES = { 'content-type': 'application/octet-stream' }
  const report = (body: Uint8Array, type = BYTES['content-type']) => ({ body, headers: { 'content-type': type } })
  const OURS: Identity = { kind: 'controller', site: 'quay', id: 'bms-1' }
  const KNOWN: Identity = { kind: 'controller', site: 'quay', id: 'bms-2' }
  const ROWS: readonly {
    readonly who: Identity
    readonly asks: readonly [method: string, path: string, call?: ReturnType<typeof report>]
    readonly is: readonly [kind: string, code: string, controller?: string]
  }[] = [
    ...(['/v1/offer', '/v1/wait', `/v1/blobs/${HASH}`] as const).map(path => ({
      who: { kind: 'controller', site: 'reef', id: 'bms-1' } as const,
      asks: ['GET', path] as const,
      is: ['access-refused', 'not-permitted'] as const,
    })),
    { who: { kind: 'person', id: 'ada' }, asks: ['GET', '/v1/offer'], is: ['access-refused', 'not-permitted'] },
    {
      who: { kind: 'controller', site: 'reef', id: 'bms-1' },
      asks: ['POST', '/v1/reports', report(new Uint8Array(8))],
      is: ['access-refused', 'not-permitted'],
    },
    {
      who: OURS,
      asks: ['POST', '/v1/reports', report(new Uint8Array(MAX_REPORT + 1))],
      is: ['access-refused', 'request-malformed', 'bms-1'],
    },
    {
      who: OURS,
      asks: ['POST', '/v1/reports', report(Buffer.from('{}'), 'application/json')],
      is: ['access-refused', 'request-malformed', 'bms-1'],
    },
    ...(['/v1/reports', '/v1/history'] as const).map(path => ({
      who: OURS,
      asks: ['POST', path, report(new Uint8Array(8))] as const,
      is: ['report-refused', 'controller-unknown', 'bms-1'] as const,
    })),
    ...(['report', 'history'] as const).map(what => ({
      who: KNOWN,
      asks: ['POST', what === 'report' ? '/v1/reports' : '/v1/history', report(new Uint8Array(8))] as const,
      is: ['report-refused', `${what}-malformed`, 'bms-2'] as const,
    })),
    { who: OURS, asks: ['POST', '/v1/no-such-door'], is: ['access-refused', 'not-found', 'bms-1'] },
  ]

  for (const { who, asks, is } of ROWS) {
    const [method, path, call] = asks
    const [kind, code, controller] = is
    it(`${code}: ${method} ${path} by ${JSON.stringify(who)} is in the outbox before it is answered`, async () => {
      const before = (await outbox()).length
      const client = await as(who)
      const answer = await client.call(method, path, call)
      assert.ok(isRefusal(answer))
      const said = (await outbox()).slice(before).map(one => [one.kind, one.code, one.controller, one.site])
      assert.deepEqual(said, [[kind, code, controller, 'quay']])
    })
  }

  for (const path of ['/v1/no-such-door', '/v1/reports', '/v1/history']) {
    it(`attack: a controller that sends nonsense to ${path} without end does not fill the outbox, and is counted`, async () => {
      now += 11 * MINUTE
      const before = (await outbox()).length
      const client = await as(KNOWN)
      const send = () => client.call('POST', path, report(new Uint8Array(8)))
      for (let n = 0; n < 5; n += 1) await Promise.all(Array.from({ length: 30 }, send))
      assert.equal((await outbox()).length - before, 100)
      now += 11 * MINUTE
      await send()
      assert.equal((await outbox()).at(-1)?.detail.leftOut, 50)
    })
  }

  it('who looks for what is not there, and may, is no attempt', async () => {
    const before = (await outbox()).length
    assert.ok(isRefusal(await (await as(OURS)).call('GET', '/v1/no-such-door')))
    assert.equal((await outbox()).length, before)
  })
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { inflateNode } from '../../../src/adapters/inflate-node.ts'
import type { HttpsClient } from '../../../src/adapters/link-https/client.ts'
import { Packs } from '../../../src/apps/fleet/packs.ts'
import { noWitness } from '../../../src/core/ledger/log-policy.ts'
import { verifyPack } from '../../../src/core/ledger/pack/verify.ts'
import { isRefusal, orThrow, type Refusal } from '../../../src/core/refusal/refusal.ts'
import type { PackView } from '../../../src/wire/audit-views.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

describe('evidence packs that the server makes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-packs-'))
  let fleet: QuietFleet
  let door: PeopleDoor
  let ida: HttpsClient
  let ira: HttpsClient
  const packs = (): string => join(fleet.folder, 'fleet', 'packs')

  before(async () => {
    // Any verifier will do: what is in it is tried where it is built.
    for (const [name, text] of Object.entries({
      'verify.html': '<!doctype html>',
      'verify.mjs': '//',
      'sources.json': '{}',
    })) {
      writeFileSync(join(folder, name), text)
    }
    fleet = await QuietFleet.make()
    await fleet.site('quay', 2)
    door = await PeopleDoor.open(fleet, { verifier: folder })
    for (const who of ['ida', 'ira']) await door.account(who, ['auditor@fleet'])
    await door.account('tim', ['technician@fleet'])
    ;[ida, ira] = [door.client({ bearer: await door.token('ida') }), door.client({ bearer: await door.token('ira') })]
  })
  after(async () => {
    await door?.close()
    fleet?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const json = async <T>(answer: ReturnType<typeof send>): Promise<T> => {
    const came = orThrow(await answer)
    return JSON.parse(Buffer.from(came.body).toString('utf8')) as T
  }
  const begin = (who: HttpsClient, query: object = { sites: ['quay'] }) =>
    // As the console asks: its seal comes long after the end of a request that may be repeated.
    send(who, 'POST', '/v1/audit/packs', { query }, { 'idempotency-key': `"${randomBytes(12).toString('hex')}"` })
  const mine = (who: HttpsClient): Promise<PackView[]> => json(send(who, 'GET', '/v1/audit/packs'))
  async function ended(who: HttpsClient): Promise<PackView> {
    for (;;) {
      const [newest] = await mine(who)
      if (newest !== undefined && ['made', 'failed', 'cancelled'].includes(newest.state)) return newest
      await pause(20)
    }
  }
  const code = (answer: unknown): string => (isRefusal(answer) ? (answer as Refusal).code : 'none')

  it('are made, sealed by an entry under who asked, and verify', async () => {
    const { crypto, name, auditSigner, store } = fleet.world
    const begun = await json<PackView>(begin(ida))
    assert.equal(begun.state, 'reading')
    assert.equal(code(await begin(ira)), 'pack-under-way')
    const made = await ended(ida)
    assert.equal(made.state, 'made', JSON.stringify(made))
    const file = orThrow(await send(ida, 'GET', `/v1/audit/packs/${made.id}/file`))
    assert.equal(file.headers['content-type'], 'application/zip')
    assert.match(`${file.headers['content-disposition']}`, /^attachment; /)
    const verifying = verifyPack(crypto, file.body, inflateNode, {
      policy: noWitness({ name, key: auditSigner.key }),
      eventsOnly: false,
    })
    let step = verifying.next()
    while (!step.done) step = verifying.next()
    assert.ok(step.value.sound, JSON.stringify(step.value.findings))
    assert.equal(step.value.manifest?.events.length, made.events)
    assert.equal(step.value.seal?.index, made.sealed)
    const page = await store.entries(made.sealed as number, (made.sealed as number) + 1)
    assert.match(Buffer.from(page[0]?.bytes ?? []).toString('utf8'), /"kind":"evidence-exported"/)
    assert.equal(statSync(join(packs(), `${made.id}.zip`)).mode & 0o777, 0o600)
  })

  it('attack: the pack of somebody else', async () => {
    const [made] = await mine(ida)
    assert.deepEqual(await mine(ira), [])
    assert.equal(code(await send(ira, 'GET', `/v1/audit/packs/${made?.id}/file`)), 'not-found')
    assert.equal(code(await send(ira, 'POST', `/v1/audit/packs/${made?.id}/cancel`)), 'not-found')
    const tim = door.client({ bearer: await door.token('tim') })
    for (const [method, path] of [
      ['GET', '/v1/audit/packs'],
      ['GET', `/v1/audit/packs/${made?.id}/file`],
      ['POST', `/v1/audit/packs/${made?.id}/cancel`],
    ] as const) {
      assert.equal(code(await send(tim, method, path)), 'role-missing', path)
    }
    assert.equal(code(await begin(tim)), 'role-missing')
  })

  it('attack: a query that is none', async () => {
    for (const query of [{ sites: [] }, { from: 'yesterday' }, { release: 'bms/1.0.0' }, { more: 1 }]) {
      assert.equal(code(await begin(ira, query)), 'request-malformed', JSON.stringify(query))
    }
    const period = { from: '2026-02-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }
    assert.equal(code(await begin(ira, period)), 'request-malformed')
    assert.deepEqual(await mine(ira), [])
  })

  it('can be cancelled: nothing is sealed, and the next one can be made', async () => {
    const { size } = await fleet.world.store.log()
    const begun = await json<PackView>(begin(ira))
    const stopped = await json<PackView>(send(ira, 'POST', `/v1/audit/packs/${begun.id}/cancel`))
    assert.deepEqual([stopped.state, stopped.sealed], ['cancelled', null])
    assert.equal((await fleet.world.store.log()).size, size)
    assert.equal(code(await send(ira, 'GET', `/v1/audit/packs/${begun.id}/file`)), 'not-found')
    await json<PackView>(begin(ira))
    assert.equal((await ended(ira)).state, 'made')
  })

  it('on a disk without room for one nothing is sealed', async t => {
    const other = new Packs(door.parts.gathering, join(folder, 'small'), folder)
    const small = join(folder, 'small', 'packs')
    mkdirSync(small, { recursive: true })
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'none', small], { stdio: 'ignore' })
    } catch {
      return t.skip('this user may not mount a small disk')
    }
    try {
      const before = await fleet.world.store.log()
      orThrow(other.begin(await door.who('ida'), { sites: ['quay'] }))
      while (other.of('ida')[0]?.fault === null) await pause(20)
      assert.deepEqual([other.of('ida')[0]?.fault?.code, other.of('ida')[0]?.sealed], ['no-space', null])
      assert.equal((await fleet.world.store.log()).size, before.size)
    } finally {
      execFileSync('umount', [small])
      await other.close()
    }
  })

  it('say why they failed', async () => {
    const other = new Packs(door.parts.gathering, join(folder, 'other'), join(folder, 'nowhere'))
    const who = await door.who('ida')
    orThrow(other.begin(who, {}))
    while (other.of('ida')[0]?.fault === null) await pause(20)
    assert.equal(other.of('ida')[0]?.fault?.code, 'pack-verifier-missing')
    await other.close()
  })

  it('are gone after an hour, and with the server', async () => {
    const [made] = await mine(ida)
    assert.ok(readdirSync(packs()).includes(`${made?.id}.zip`))
    fleet.clock.advance(3_600_001)
    ida = door.client({ bearer: await door.token('ida') })
    assert.deepEqual(await mine(ida), [])
    assert.deepEqual(readdirSync(packs()), [])
    await door.packs.close()
    assert.ok(!existsSync(packs()))
  })

  it('left by a power failure are deleted at the next start', () => {
    const left = join(folder, 'left', 'packs')
    mkdirSync(left, { recursive: true })
    writeFileSync(join(left, 'half.zip'), 'half of a pack')
    assert.deepEqual(new Packs(door.parts.gathering, join(folder, 'left')).of('ida'), [])
    assert.ok(!existsSync(left))
  })
})

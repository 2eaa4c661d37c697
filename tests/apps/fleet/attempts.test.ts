import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { HttpsClient } from '../../../src/adapters/link-https/client.ts'
import type { AuditEntry } from '../../../src/core/ledger/entry.ts'
import { parseEntry, STRANGER } from '../../../src/core/ledger/entry.ts'
import { withNames } from '../../../src/core/ledger/pseudonym.ts'
import { isRefusal, orThrow, RefusalError, refuse } from '../../../src/core/refusal/refusal.ts'
import { type RefusalCode, registry } from '../../../src/core/refusal/registry.ts'
import { namesFor } from '../../../src/flows/persons.ts'
import { isAttempt } from '../../../src/flows/refused.ts'
import { STRANGERS } from '../../../src/wire/access.ts'
import { ROUTES } from '../../../src/wire/fleet-routes.ts'
import type { RouteSpec } from '../../../src/wire/route.ts'
import { LEAVES } from '../../worlds/leaves.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

/** In this time a hundred attempts of one actor are written. */
const SPAN = 10 * 60_000

const changing = ROUTES.filter(({ method }) => method !== 'GET')

/** Refused to none in particular: the server itself is not as it should be, or the command line or another program refuses. */
const NO_ATTEMPT: Readonly<Record<string, readonly string[]>> = {
  'the log, the store or a key of the server is damaged or wrong: the server stops, and its technical log says so': [
    'store-without-root',
    'inventory-row-differs',
    'inventory-count-differs',
    'campaign-state-malformed',
    'log-signer-unsuitable',
    'log-state-inconsistent',
    'log-index-gap',
    'checkpoint-key-retired',
    'internal-error',
    'backup-damaged',
    'data-folder-damaged',
  ],
  'the server cannot start, or a part of it cannot: nobody is answered': [
    'port-in-use',
    'port-not-permitted',
    'data-folder-newer',
    'data-folder-in-use',
    'clock-before-build',
    'witness-not-loopback',
    'console-not-loopback',
    'console-certificate-unusable',
    'file-not-permitted',
    'secret-file-permissions',
    'key-file-permissions',
    'key-not-written',
    'pkcs11-support-missing',
    'pkcs11-module-unusable',
    'token-failed',
    'token-key-copyable',
  ],
  'a gateway judges its own clock: an intrusion-signal with this code (flows/time.ts)': ['clock-set-back'],
  'a device or its agent says it of itself: in its report, where one can still be signed': [
    'boot-record-not-written',
    'board-area-missing',
    'board-area-short',
    'element-unreadable',
    'watchdog-device-unusable',
    'runtime-unusable',
    'account-unknown',
    'gateway-not-enrolled',
  ],
  'the server makes an evidence pack, and its view says to its owner that it failed: no request was refused': [
    'pack-not-made',
  ],
  'the server makes a patch, and the log says that there is none and why: no request was refused': ['patch-not-made'],
  'a command line says it to whoever started it, and asked no server': ['profile-missing', 'pack-verifier-missing'],
}

const codes = Object.keys(registry) as RefusalCode[]
const silent = codes.filter(code => !isAttempt('POST', refuse(code, '', '', '')))

describe('refused attempts, at the fleet’s door', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let nobody: HttpsClient
  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay')
    door = await PeopleDoor.open(fleet, {
      more: server => {
        // Refuses with whichever code it is asked for, as any flow could.
        for (const method of ['GET', 'POST'] as const) {
          server.route<{ Params: { code: string } }>({
            method,
            url: '/attempts/:code',
            config: { access: STRANGERS },
            handler: ({ params: { code } }) => {
              throw new RefusalError(refuse(code as RefusalCode, 'something', 'this', 'that'))
            },
          })
        }
      },
    })
    nobody = door.client()
    await door.account('ada', ['technician@site:quay'])
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  /** What a piece of work put into the log. */
  async function left(work: () => Promise<unknown>): Promise<AuditEntry[]> {
    const { store } = fleet.world
    const from = (await store.log()).size
    await work()
    const rows = await store.entries(from, (await store.log()).size)
    const entries = rows.map(({ bytes, index }) => orThrow(parseEntry(bytes, `entry ${index}`)))
    const names = await namesFor(fleet.world, entries)
    return entries.map(entry => withNames(entry, names))
  }

  /** Asks, expects to be refused, and expects the one entry that says so; answers its code. */
  async function refused(
    client: HttpsClient,
    id: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<string> {
    let code = ''
    const entries = await left(async () => {
      const answer = await send(client, method, path, body)
      assert.ok(isRefusal(answer), `${method} ${path} by ${id} was not refused`)
      code = answer.code
    })
    const said = entries.map(({ kind, actor, code }) => [kind, actor.id, code])
    assert.deepEqual(said, [['access-refused', id, code]], `${method} ${path}`)
    // So many of one actor are written at a time; the others are counted.
    fleet.clock.advance(SPAN / 90)
    return code
  }

  /** Of accounts it is about one in force: a name that is nobody's was tried, and can be forgotten. */
  const pathOf = ({ path }: RouteSpec): string =>
    path
      .replace('/accounts/{id}', '/accounts/administrator')

      .replace('{sha256}', 'ab'.repeat(32))
      .replace('{repo}', 'image')
      .replaceAll(/\{\w+\}/g, '1')

  it('every route that changes something, asked by nobody, by who may not, and with nonsense: an entry each', async () => {
    const ada = door.client(await door.certificate('ada'))
    const administrator = door.client(await door.certificate('administrator'))
    const gateway = door.client(await door.gateway('quay'))
    assert.ok(changing.length >= 30)
    for (const route of changing) {
      const { method, access } = route
      const path = pathOf(route)
      await refused(nobody, STRANGER, method, path, { odd: true })
      // Strangers are judged by what they bring; and everybody may sign out.
      if (access.for === 'strangers' || access.for === 'accounts') continue
      const isOfGateways = access.for === 'gateways'
      // Where no person may come, nobody looks for her account: the words of the refusal say which certificate it was.
      const why = await refused(ada, isOfGateways ? STRANGER : 'ada', method, path, { odd: true })
      if (access.for === 'roles') assert.equal(why, 'role-missing', path)
      await refused(isOfGateways ? gateway : administrator, isOfGateways ? 'quay' : 'administrator', method, path, {
        odd: true,
      })
    }
  })

  it('every route that changes something is known to leave an entry when it is accepted, or why it leaves none', () => {
    // That each does is seen over a real server: tests/apps/fleet/api.test.ts.
    assert.deepEqual(changing.map(({ id }) => id).sort(), Object.keys(LEAVES).sort())
  })

  it('every route that only shows something, asked by who is nobody: an entry each', async () => {
    for (const route of ROUTES) {
      // What strangers may see is no attempt at anything. Where a sign-in ends: openid.test.ts.
      if (route.method !== 'GET' || route.access.for === 'strangers') continue
      await refused(nobody, STRANGER, 'GET', pathOf(route))
    }
  })

  it('a request that no route was found for, or that cannot be read, is an attempt all the same', async () => {
    assert.equal(await refused(nobody, STRANGER, 'POST', '/v1/no-such-door', {}), 'not-found')
    assert.equal(await refused(nobody, STRANGER, 'PATCH', '/v1/accounts/ada', {}), 'not-found')
    for (const [type, body] of [
      ['application/json', '{"proof":'],
      ['application/x-www-form-urlencoded', 'proof=1'],
      ['application/json', `"${'a'.repeat(100_000)}"`],
    ] as const) {
      const options = { headers: { 'content-type': type }, body: Buffer.from(body) }
      const entries = await left(() => nobody.call('POST', '/v1/sign-in', options))
      assert.deepEqual(
        entries.map(({ kind, code }) => [kind, code]),
        [['access-refused', 'request-malformed']],
      )
    }
  })

  /** Codes, as many at once as one actor's attempts are written; what each left in the log, and its actor. */
  async function tried(method: 'GET' | 'POST', some: readonly RefusalCode[]): Promise<Map<string, string>> {
    const said = new Map<string, string>()
    for (let at = 0; at < some.length; at += 80) {
      const batch = some.slice(at, at + 80)
      fleet.clock.advance(SPAN)
      const entries = await left(() =>
        Promise.all(
          batch.map(async code => {
            const answer = await send(nobody, method, `/attempts/${code}`, method === 'GET' ? undefined : {})
            assert.equal(isRefusal(answer) ? answer.code : answer.status, code)
          }),
        ),
      )
      for (const { kind, code = '', detail } of entries) {
        assert.ok(!said.has(code), `${code} twice`)
        said.set(code, `${kind}: ${detail.attempt}`)
      }
    }
    return said
  }

  it('every code that an attempt can be refused with is recorded, or stands here with the reason why not', async () => {
    assert.deepEqual(new Set(silent), new Set(Object.values(NO_ATTEMPT).flat()))
    const recorded = new Map(
      codes.filter(code => !silent.includes(code)).map(code => [code, 'access-refused: POST /attempts/:code']),
    )
    assert.deepEqual(await tried('POST', codes), recorded)
  })

  it('no route refuses with a code that is not recorded', () => {
    const named = ROUTES.flatMap(({ id, codes }) => codes.map(code => `${id} ${code}`))
    assert.deepEqual(
      named.filter(one => silent.includes(one.split(' ')[1] as RefusalCode)),
      [],
    )
  })

  it('who may not look is recorded, and who looks for what is not there is not', async () => {
    const looked = codes.filter(code => [401, 403].includes(registry[code].status))
    const said = await tried('GET', [...looked, 'not-found', 'request-malformed', 'internal-error'])
    assert.deepEqual([...said.keys()].sort(), looked.toSorted())
  })
})

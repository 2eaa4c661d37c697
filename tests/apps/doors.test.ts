import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import type { World } from '../../sim/doors/world.ts'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import type { ClientTls } from '../../src/adapters/link-https/client.ts'
import { fromUtf8, toBase64 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import type { Identity } from '../../src/core/fleet/identity.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { ROUTES } from '../../src/wire/fleet-routes.ts'
import type { Offer } from '../../src/wire/gateway-api.ts'
import { call, fleetUrl, gatewayUrl, log, standing, tls, voltseal } from '../worlds/people.ts'
import { image, QUAY } from '../worlds/quay.ts'
import { RogueFleet } from '../worlds/rogue-fleet.ts'
import { started } from '../worlds/started.ts'
import { signedReport } from '../worlds/upstream.ts'

/** A site whose controllers are silent, and whose gateway holds an offer for bms-1 and none for bms-2. */
async function fill(world: World): Promise<World> {
  await world.reported()
  await world.stopSite()
  await world.publish(await world.release('bms', '1.1.0', image(2)))
  await world.campaign('spring', ['bms/1.1.0/envelope.suit'])
  const offered = async (): Promise<boolean> => (await offer(world, 'bms-1')).status === 200
  await world.until('the gateway offers', offered)
  return world
}

const offer = async (world: World, id: string) =>
  orThrow(await call(gatewayUrl(world), tls.controller(world, id), 'GET', '/v1/offer'))

/** The handshake ends without an answer: a server says no more to whom it does not know. */
const SHUT = /^(?:tls-refused|not-reachable)$/

const sha = async (bytes: Uint8Array): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))).toString('hex')

/** What a call came to: the code of its refusal, or the status. */
const outcome = (answer: Awaited<ReturnType<typeof call>>): string | number =>
  isRefusal(answer) ? answer.code : answer.status

describe('the doors, over real mutual TLS', () => {
  let world: World
  const people = {} as Record<'administrator' | 'gateway' | 'controller' | 'stranger' | 'forger' | 'self', ClientTls>
  before(async () => {
    world = await started(QUAY, fill)
    const now = instant(Date.now())
    const other = await createAuthority('Voltseal fleet', now)
    const identity: Identity = { kind: 'person', id: 'administrator' }
    people.administrator = tls.administrator(world)
    people.gateway = tls.gateway(world.at('gateway'))
    people.controller = tls.controller(world, 'bms-1')
    people.stranger = { ...(await certifyNewKey(other, { identity }, now)), ca: people.administrator.ca }
    const forged = await certifyNewKey(other, { identity: { kind: 'controller', site: 'quay', id: 'bms-1' } }, now)
    people.forger = { ...forged, ca: people.controller.ca }
    people.self = { cert: other.cert, key: other.key, ca: people.administrator.ca }
  })
  after(() => world?.stop())

  // --- Who may come in ---

  it('attack: a gateway’s certificate at every route of people', async () => {
    const was = await standing(world)
    const theirs = ROUTES.filter(({ access }) => !['gateways', 'gateways-or', 'strangers'].includes(access.for))
    assert.ok(theirs.length >= 20)
    for (const { method, path: described } of theirs) {
      const path = described.replaceAll(/\{site\}/g, 'quay').replaceAll(/\{\w+\}/g, 'spring')
      // Who asks is judged before the body is read.
      const body = method === 'PUT' ? new Uint8Array(4) : method === 'POST' ? { odd: true } : undefined
      const answer = await call(fleetUrl(world), people.gateway, method, path, body)
      assert.equal(outcome(answer), 'not-permitted', `${method} ${path}`)
      assert.match((answer as Refusal).actual, /^gateway:quay$/)
    }
    assert.deepEqual(await standing(world), was)
  })

  it('attack: a person’s certificate at the routes of gateways', async () => {
    const batch = { manifest: toBase64(new Uint8Array(4)), items: [] }
    assert.equal(outcome(await call(fleetUrl(world), people.administrator, 'GET', '/v1/check-in')), 'not-permitted')
    assert.equal(
      outcome(await call(fleetUrl(world), people.administrator, 'POST', '/v1/upstream', batch)),
      'not-permitted',
    )
    // Who asks is judged before the body is.
    const odd = await call(fleetUrl(world), people.administrator, 'POST', '/v1/upstream', { odd: true })
    assert.equal(outcome(odd), 'not-permitted')
    const path = '/v1/repos/director/timestamp.json'
    assert.equal(outcome(await call(fleetUrl(world), people.administrator, 'GET', path)), 'not-found')
  })

  it('attack: a person, and a gateway as itself, at the gateway’s own door', async () => {
    for (const who of [people.administrator, people.gateway]) {
      const ca = people.controller.ca
      assert.match(String(outcome(await call(gatewayUrl(world), { ...who, ca }, 'GET', '/v1/offer'))), SHUT)
    }
    // The gateway's own server certificate is of the site's authority: it gets in, and is no controller.
    const issued = JSON.parse(readFileSync(world.at('gateway', 'issued.json'), 'utf8'))
    const key = readFileSync(world.at('gateway', 'keys', 'door.pem'), 'utf8')
    const own = { ca: issued.siteCa, cert: issued.gateway.serverCert, key }
    for (const [method, path] of [
      ['GET', '/v1/offer'],
      ['GET', `/v1/blobs/${'a'.repeat(64)}`],
      ['POST', '/v1/reports'],
    ] as const) {
      const answer = await call(gatewayUrl(world), own, method, path, method === 'POST' ? new Uint8Array(2) : undefined)
      assert.equal(outcome(answer), 'not-permitted', path)
    }
  })

  it('attack: a controller at the fleet server', async () => {
    const who = { ...people.controller, ca: people.administrator.ca }
    for (const path of ['/v1/check-in', '/v1/repos/image/timestamp.json']) {
      assert.match(String(outcome(await call(fleetUrl(world), who, 'GET', path))), SHUT)
    }
  })

  it('attack: certificates of another authority, under the right names', async () => {
    assert.match(String(outcome(await call(fleetUrl(world), people.stranger, 'GET', '/v1/releases'))), SHUT)
    assert.match(String(outcome(await call(fleetUrl(world), people.self, 'GET', '/v1/releases'))), SHUT)
    assert.match(String(outcome(await call(gatewayUrl(world), people.forger, 'GET', '/v1/offer'))), SHUT)
  })

  it('attack: a server of another authority is not spoken to', async () => {
    // The site's authority is trusted by controllers, not by people: a gateway that plays the fleet server.
    const who = { ...people.administrator, ca: people.controller.ca }
    assert.equal(outcome(await call(fleetUrl(world), who, 'GET', '/v1/releases')), 'tls-refused')
    const { ca } = people.administrator
    assert.equal(
      outcome(await call(gatewayUrl(world), { ...people.controller, ca }, 'GET', '/v1/offer')),
      'tls-refused',
    )
  })

  it('attack: TLS 1.2, and no certificate at all', async () => {
    const shake = (options: object): Promise<string> =>
      new Promise(resolve => {
        const { ca } = people.administrator
        const socket = connect({ host: world.host, port: 8443, ca, checkServerIdentity: () => undefined, ...options })
        // In TLS 1.3 the server says that it wants a certificate after the client has finished.
        socket.on('secureConnect', () => socket.write('GET /v1/releases HTTP/1.1\r\nhost: x\r\n\r\n'))
        socket.on('data', data => resolve(data.toString()))
        socket.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
        socket.on('close', () => resolve('closed'))
      })
    const { cert, key } = people.administrator
    assert.match(await shake({ cert, key, maxVersion: 'TLSv1.2' }), /^ERR_SSL|ECONNRESET|closed/)
    assert.match(await shake({}), /^ERR_SSL|ECONNRESET|closed/)
  })

  // --- Whose things they are ---

  it('attack: a gateway that asks for another site’s director metadata', async () => {
    const mine = await call(fleetUrl(world), people.gateway, 'GET', '/v1/repos/director/timestamp.json')
    assert.ok(!isRefusal(mine) && fromUtf8(mine.body)!.includes('"site":"quay"'))
    for (const repo of [
      'director%2Freef',
      'director%2fquay',
      'director%2F..%2Fimage',
      'draft%2Fspring',
      '..',
      'Image',
      'image%00',
    ]) {
      const answer = await call(fleetUrl(world), people.gateway, 'GET', `/v1/repos/${repo}/timestamp.json`)
      assert.equal(outcome(answer), 'not-found', repo)
    }
  })

  it('attack: paths that climb out of a repository or of the blobs', async () => {
    const secret = ['..%2f..%2fkeys%2faudit', '%2e%2e%2ffleet.sqlite', '..%5c..%5cfleet.yaml', '%00', '*']
    for (const path of secret) {
      assert.equal(
        outcome(await call(fleetUrl(world), people.gateway, 'GET', `/v1/repos/image/${path}`)),
        'not-found',
        path,
      )
      assert.equal(
        outcome(await call(fleetUrl(world), people.gateway, 'GET', `/v1/blobs/${path}`)),
        'blob-missing',
        path,
      )
      const answer = await call(gatewayUrl(world), people.controller, 'GET', `/v1/blobs/${path}`)
      assert.equal(outcome(answer), 'not-found', path)
      const put = await call(fleetUrl(world), people.administrator, 'PUT', `/v1/blobs/${path}`, new Uint8Array(8))
      assert.equal(outcome(put), 'request-malformed', path)
    }
    assert.ok(!existsSync(world.at('keys', 'audit')))
  })

  it('attack: a controller that fetches a blob that is not its own', async () => {
    assert.equal((await offer(world, 'bms-2')).status, 204, 'nothing for the other rack')
    const { payload } = JSON.parse(fromUtf8((await offer(world, 'bms-1')).body) ?? '') as Offer
    const get = (id: string, name: string) =>
      call(gatewayUrl(world), tls.controller(world, id), 'GET', `/v1/blobs/${name}`)
    assert.equal(outcome(await get('bms-1', payload.sha256)), 200)
    assert.equal(outcome(await get('bms-2', payload.sha256)), 'not-found')
    // What is in the cache beside it (the plan, the envelope) is nobody's to fetch.
    const cached = readdirSync(world.at('gateway', 'cache')).flatMap(folder =>
      readdirSync(world.at('gateway', 'cache', folder)),
    )
    assert.ok(cached.length >= 3)
    for (const name of cached) if (name !== payload.sha256) assert.equal(outcome(await get('bms-1', name)), 'not-found')
  })

  it('attack: a controller that reports as another, or the same twice', async () => {
    await world.gateway?.close()
    const [mine, older] = [await signedReport(world, 'bms-2'), await signedReport(world, 'bms-2')].toReversed() as [
      Uint8Array,
      Uint8Array,
    ]
    await world.startGateway()
    const report = (id: string, bytes: Uint8Array) =>
      call(gatewayUrl(world), tls.controller(world, id), 'POST', '/v1/reports', bytes)
    assert.equal(outcome(await report('bms-1', mine)), 'report-signature-invalid')
    assert.equal(outcome(await report('bms-2', mine)), 200)
    assert.equal(outcome(await report('bms-2', older)), 'report-replayed')
    await world.until('the refused reports are in the log', async () => {
      const codes = (await log(world)).filter(({ kind }) => kind === 'report-refused').map(({ code }) => code)
      return codes.includes('report-signature-invalid') && codes.includes('report-replayed')
    })
  })

  // --- Bodies ---

  it('attack: oversized and odd bodies', async () => {
    const admin = people.administrator
    const put = (path: string, body: Uint8Array | object, headers = {}) =>
      call(fleetUrl(world), admin, 'PUT', path, body, headers)
    const [name, bytes] = [await sha(new Uint8Array(64)), new Uint8Array(64)]
    const big = { metadata: 'A'.repeat(6 << 20) }
    assert.equal(outcome(await call(fleetUrl(world), admin, 'POST', '/v1/releases', big)), 'request-malformed')
    assert.equal(
      outcome(await call(fleetUrl(world), admin, 'POST', '/v1/releases', { metadata: 'AAAA', more: 1 })),
      'request-malformed',
    )
    assert.equal(outcome(await put(`/v1/blobs/${name}`, { a: 1 })), 'request-malformed', 'JSON where bytes are taken')
    assert.equal(outcome(await put(`/v1/blobs/${name}`, bytes, { 'content-type': 'text/plain' })), 'request-malformed')
    assert.equal(outcome(await put(`/v1/blobs/${'b'.repeat(64)}`, bytes)), 'blob-digest-mismatch', 'under another name')
    assert.equal(await announced(1 << 30), 413, 'refused before the first byte')
    const report = (body: Uint8Array | object, headers = {}) =>
      call(gatewayUrl(world), people.controller, 'POST', '/v1/reports', body, headers)
    assert.equal(outcome(await report(new Uint8Array(17 * 1024))), 'request-malformed')
    assert.equal(outcome(await report({ report: 1 })), 'request-malformed')
    assert.equal(outcome(await report(new Uint8Array(0))), 'report-malformed')
    const entries = await call(fleetUrl(world), admin, 'GET', '/v1/audit/entries?from=0&to=99999999')
    assert.equal(outcome(entries), 'request-malformed')
    const folder = world.at('fleet', 'blobs')
    assert.ok(!existsSync(`${folder}/${name.slice(0, 2)}/${name}`), 'nothing was kept')
  })

  /** The status that the announcement of a body of so many bytes is answered with. */
  const announced = (bytes: number): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': bytes }
      const options = { ...people.administrator, method: 'PUT', headers, agent: false }
      const asked = request(`${fleetUrl(world)}/v1/blobs/${'c'.repeat(64)}`, options, response => {
        resolve(response.statusCode)
        asked.destroy()
      })
      asked.on('error', reject)
      asked.flushHeaders()
    })

  it('ranges: from an offset, to an end, and none that is not there', async () => {
    const { payload } = JSON.parse(fromUtf8((await offer(world, 'bms-1')).body) ?? '') as Offer
    const get = (range: string) =>
      call(gatewayUrl(world), people.controller, 'GET', `/v1/blobs/${payload.sha256}`, undefined, { range })
    const whole = image(2)
    for (const [range, start, end] of [
      ['bytes=39990-', 39_990, 40_000],
      ['bytes=0-0', 0, 1],
      ['bytes=5-9', 5, 10],
    ] as const) {
      const answer = orThrow(await get(range))
      assert.equal(answer.status, 206)
      assert.deepEqual([...answer.body], [...whole.subarray(start, end)])
      assert.equal(answer.headers['content-range'], `bytes ${start}-${end - 1}/40000`)
    }
    for (const range of ['bytes=40000-', 'bytes=9-5', 'bytes=-5', 'bytes=0-1,3-4', 'items=0-', 'bytes=0-40000']) {
      assert.equal(outcome(await get(range)), 'request-malformed', range)
    }
  })

  it('a blob that was damaged in the fleet’s store is healed by bringing it again', async () => {
    const bytes = new Uint8Array(5000).fill(7)
    const name = await sha(bytes)
    const put = () => call(fleetUrl(world), people.administrator, 'PUT', `/v1/blobs/${name}`, bytes)
    assert.equal(outcome(await put()), 204)
    const path = world.at('fleet', 'blobs', name.slice(0, 2), name)
    writeFileSync(path, new Uint8Array(5000).fill(8))
    assert.equal(outcome(await put()), 204)
    assert.deepEqual(new Uint8Array(readFileSync(path)), bytes)
  })

  // --- A fleet server in other hands, seen by people ---

  const LIES: readonly {
    readonly name: string
    readonly code: string
    readonly lie: (path: string, honest: string) => string | null
  }[] = [
    {
      name: 'attack: an approver who is shown another draft than the plan',
      code: 'approval-draft-altered',
      lie: (path, honest) =>
        path.endsWith('/draft') ? honest.replace(/campaigns\/summer\.json/, 'campaigns/other.json') : null,
    },
    {
      name: 'attack: a draft that pins another plan under this name',
      code: 'approval-draft-altered',
      lie: (path, honest) =>
        path.endsWith('/draft') ? honest.replace(/"sha256":"[0-9a-f]{64}"/g, `"sha256":"${'0'.repeat(64)}"`) : null,
    },
    {
      name: 'attack: a draft of approvals that hold for ever',
      code: 'approval-draft-altered',
      lie: (path, honest) => (path.endsWith('/draft') ? honest.replace(/"expires":"\d{4}/, '"expires":"9999') : null),
    },
    {
      name: 'attack: the plan of another campaign',
      code: 'approval-draft-altered',
      lie: (path, honest) => (path.endsWith('/plan') ? honest.replace('"id":"summer"', '"id":"spring"') : null),
    },
    {
      name: 'attack: a plan that is longer than it was, with the honest draft',
      code: 'approval-draft-altered',
      lie: (path, honest) => (path.endsWith('/plan') ? honest.replace('"title":"summer"', '"title":"winter"') : null),
    },
    {
      name: 'attack: an altered sheet, with the honest plan and draft',
      code: 'sheet-not-approved',
      lie: (path, honest) => (path.includes('/sheets') ? honest.replace('"wave":1', '"wave":0') : null),
    },
    {
      name: 'attack: sheets that are held back from the approver',
      code: 'sheets-not-all-seen',
      lie: path => (path.includes('/sheets') ? '[]' : null),
    },
    {
      name: 'attack: approval metadata with a changed byte, for the approver',
      code: 'metadata-below-threshold',
      lie: (path, honest) =>
        path.endsWith('/repos/approval/timestamp.json') ? honest.replace(/"version":\d+/, '"version":77') : null,
    },
    {
      name: 'a server that answers nonsense',
      code: 'answer-unexpected',
      lie: path => (path.endsWith('/draft') ? '<html>welcome</html>' : null),
    },
  ]

  for (const [index, { name, code, lie }] of LIES.entries()) {
    it(`${name}: ${code}, nothing signed`, async () => {
      await summer()
      const rogue = await RogueFleet.of(world, 8460 + index, (method, path, honest) => {
        const told = method === 'GET' ? lie(path, fromUtf8(honest) ?? '') : null
        if (told !== null) assert.notEqual(told, fromUtf8(honest), 'the lie is one')
        return told === null ? null : new TextEncoder().encode(told)
      })
      try {
        const key = world.at('keys', 'approver-0')
        const profile = profileFor(rogue.url)
        const ended = await voltseal(world, ['campaign', 'approve', 'summer', '--key', key], { profile })
        assert.equal(ended.refusal?.code, code, ended.said)
        assert.deepEqual(rogue.posted, [], 'no signature left this machine')
      } finally {
        await rogue.close()
      }
    })
  }

  it('and the same approver over an honest server signs', async () => {
    await summer()
    await world.approve('summer')
  })

  /** A plan that waits for approval, for the rack that is free once the other campaign is halted. */
  async function summer(): Promise<void> {
    const { exit } = await voltseal(world, ['campaign', 'show', 'summer'])
    if (exit === 0) return
    await world.must('campaign', 'halt', 'spring', '--reason', 'summer comes')
    await world.must('campaign', 'create', '--id', 'summer', '--release', 'bms/1.1.0/envelope.suit')
  }

  function profileFor(url: string): string {
    const folder = mkdtempSync(world.at('profile-'))
    cpSync(world.at('fleet', 'profile'), folder, { recursive: true })
    cpSync(world.at('fleet', 'roots'), `${folder}/roots`, { recursive: true })
    const text = readFileSync(`${folder}/profile.yaml`, 'utf8').replaceAll('../roots', 'roots')
    writeFileSync(`${folder}/profile.yaml`, text.replace(/^url: .*$/m, `url: ${url}`))
    return `${folder}/profile.yaml`
  }

  it('the log of all this verifies', async () => {
    assert.equal(((await world.must('audit', 'verify')) as { sound: boolean }).sound, true)
  })
})

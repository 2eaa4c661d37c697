import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type Authority, certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { type ConditionsSource, HttpsConditions } from '../../src/adapters/conditions-https.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const say = (value: unknown): Handler => {
  return (_, response) => response.end(typeof value === 'string' ? value : JSON.stringify(value))
}
const AT = 1_790_000_000_000
const SOC = { point: 'state-of-charge', value: 41.5, at: AT }

describe('the live values of a plant, over HTTPS', () => {
  let server: Server
  let authority: Authority
  let other: Authority
  let url = ''
  let handler: Handler = say({ readings: [] })
  const open: HttpsConditions[] = []

  before(async () => {
    const now = instant(Date.now())
    authority = await createAuthority('plant', now)
    other = await createAuthority('somebody', now)
    const own = await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'ems' }, hosts: ['127.0.0.1'] }, now)
    server = createServer(
      { ...own, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => handler(request, response),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/plant/readings`
  })
  after(() => {
    for (const one of open) one.close()
    server.closeAllConnections()
    server.close()
  })

  const conditions = (more: Partial<ConditionsSource> = {}): HttpsConditions => {
    const made = new HttpsConditions({ url, ca: authority.cert, timeoutMillis: 5000, ...more })
    open.push(made)
    return made
  }

  it('asks for the points that are needed, and answers what the plant says of them', async () => {
    let asked = ''
    handler = (request, response) => {
      asked = request.url ?? ''
      const readings = [
        SOC,
        { point: 'contactors-closed', of: 'bms-1', value: false, at: AT, quality: 'good' },
        { point: 'dispatch', of: null, value: false, at: AT },
        { point: 'moon-phase', value: 3, at: AT },
      ]
      response.end(JSON.stringify({ readings, plant: 'harbour' }))
    }
    assert.deepEqual(await conditions().read(['contactors-closed', 'state-of-charge']), [
      { point: 'state-of-charge', of: null, value: 41.5, at: AT },
      { point: 'contactors-closed', of: 'bms-1', value: false, at: AT },
    ])
    assert.equal(asked, '/plant/readings?points=contactors-closed%2Cstate-of-charge')
  })

  it('shows its own certificate to an EMS that asks for one', async () => {
    const me = await certifyNewKey(authority, { identity: { kind: 'gateway', site: 'quay' } }, instant(Date.now()))
    let shown = false
    handler = (request, response) => {
      shown = (request.socket as import('node:tls').TLSSocket).authorized
      response.end('{"readings":[]}')
    }
    assert.deepEqual(await conditions(me).read(['dispatch']), [])
    assert.equal(shown, true)
  })

  const BAD: [name: string, answer: Handler, actual: RegExp, more?: () => Partial<ConditionsSource>][] = [
    ['attack: somebody else’s certificate', say({ readings: [SOC] }), /CERT|SIGN|UNABLE/, () => ({ ca: other.cert })],
    ['no JSON', say('ok'), /something else/],
    ['JSON of something else', say([SOC]), /something else/],
    ['a value that is a text', say({ readings: [{ ...SOC, value: '41' }] }), /something else/],
    ['a value that is nothing', say({ readings: [{ ...SOC, value: null }] }), /something else/],
    ['a time that is a text', say({ readings: [{ ...SOC, at: '2026-11-11' }] }), /something else/],
    ['no time', say({ readings: [{ ...SOC, at: undefined }] }), /something else/],
    ['attack: an answer that is too large', say(`{"readings":[]}${' '.repeat(2 << 20)}`), /^more$/],
    [
      'attack: an answer that trickles',
      (_, response) => {
        response.write('{"readings":')
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      },
      /none in 200 ms/,
      () => ({ timeoutMillis: 200 }),
    ],
    [
      'attack: a redirect to another place',
      (_, response) => response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(),
      /status 302/,
    ],
    ['an error', (_, response) => response.writeHead(503).end(), /status 503/],
    [
      'a connection that breaks',
      (request, response) => {
        response.write('{')
        request.socket.destroy()
      },
      /./,
    ],
    ['nobody there', say({}), /ECONNREFUSED/, () => ({ url: 'https://127.0.0.1:1/readings' })],
  ]
  for (const [name, answer, actual, more] of BAD) {
    it(`${name}: conditions-not-read`, async () => {
      handler = answer
      const refusal = await conditions(more?.()).read(['state-of-charge'])
      assert.ok(isRefusal(refusal), JSON.stringify(refusal))
      assert.equal(refusal.code, 'conditions-not-read')
      assert.match(refusal.actual, actual)
    })
  }
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request as ask } from 'node:https'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect as secure, type TLSSocket } from 'node:tls'
import { pino } from 'pino'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { boundConnections } from '../../src/adapters/connection-bounds.ts'
import { type HttpsServer, httpsServer, listen } from '../../src/adapters/http-server.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

const LIMITS = { handshakes: 3, strangers: 3, perAddress: 2 }

describe('connections of strangers', { timeout: 20_000 }, () => {
  let server: HttpsServer
  let port: number
  let ca: string
  let gateway: { key: string; cert: string }
  const open: { destroy(): void }[] = []
  /** Answers what waits at /wait. */
  let answer = (): void => {}

  before(async () => {
    const now = instant(Date.now())
    const { cert, ...authority } = await createAuthority('a fleet', now)
    ca = cert
    const own = { identity: { kind: 'fleet', id: 'server' }, hosts: ['127.0.0.1'] } as const
    const tls = await certifyNewKey({ cert: ca, ...authority }, own, now)
    gateway = await certifyNewKey(
      { cert: ca, ...authority },
      { identity: { kind: 'gateway', site: 'quay' } as const },
      now,
    )
    server = httpsServer({ ca, ...tls }, pino({ level: 'silent' }), 'asked-for')
    boundConnections(server.server as never, pino({ level: 'silent' }), LIMITS)
    server.get('/now', async () => 'now')
    const answered = new Promise<void>(resolve => {
      answer = resolve
    })
    server.get('/wait', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, { connection: 'close' })
      reply.raw.flushHeaders()
      void answered.then(() => reply.raw.end())
    })
    port = orThrow(await listen(server, '0.0.0.0', 0))
  })
  after(() => {
    for (const one of open) one.destroy()
    return server?.close()
  })

  /** A connection that never speaks TLS. */
  const mute = async (localAddress: string): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port, localAddress })
    socket.on('error', () => {})
    open.push(socket)
    await once(socket, 'connect')
    return socket
  }
  /** One that does, without a certificate. It reads nothing before the server's handshake is through. */
  const stranger = async (localAddress: string): Promise<TLSSocket> => {
    const plain = connect({ host: '127.0.0.1', port, localAddress })
    const socket = secure({ socket: plain, host: '127.0.0.1', ca })
    for (const one of [plain, socket]) one.on('error', () => {})
    open.push(socket)
    await once(socket, 'secureConnect')
    return socket
  }
  /** What comes of a request on a connection that stays open; `cut` where it is closed. */
  const says = async (socket: Socket, path: string): Promise<string> => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: fleet\r\n\r\n`)
    return new Promise(resolve => {
      socket.once('data', data => resolve(String(data).slice(9, 12)))
      socket.once('close', () => resolve('cut'))
    })
  }
  const closed = (socket: Socket): Promise<unknown> => (socket.closed ? Promise.resolve() : once(socket, 'close'))
  const asGateway = (): Promise<number | string> =>
    new Promise(resolve => {
      const agent = new Agent({ ...gateway, ca, keepAlive: true, maxCachedSessions: 0 })
      open.push(agent)
      const asked = ask({ host: '127.0.0.1', port, path: '/now', agent }, response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      })
      asked.on('error', error => resolve(error.message))
      asked.end()
    })

  it('attack: connections that never begin take no place from a gateway: the oldest one goes', async () => {
    const first = await mute('127.0.0.2')
    await mute('127.0.0.2')
    await mute('127.0.0.2')
    await closed(first)
    const one = await mute('127.0.0.3')
    const two = await mute('127.0.0.3')
    for (let n = 0; n < 6; n += 1) assert.equal(await asGateway(), 200, 'each on a connection of its own, all held')
    assert.ok([one, two].some(socket => !socket.destroyed))
  })

  it('attack: strangers who hold connections: idle ones go, those of one address first, and gateways come in', async () => {
    const e = await stranger('127.0.0.5')
    assert.equal(await says(e, '/now'), '200')
    const [a, b] = [await stranger('127.0.0.4'), await stranger('127.0.0.4')]
    assert.deepEqual([await says(a, '/now'), await says(b, '/now')], ['200', '200'])
    const c = await stranger('127.0.0.4')
    await closed(a)
    assert.equal(await says(e, '/now'), '200', 'the oldest, of another address')
    assert.equal(await says(c, '/now'), '200')
    assert.equal(await says(b, '/wait'), '200')
    assert.equal(await says(c, '/wait'), '200')
    assert.equal(await says(await stranger('127.0.0.4'), '/now'), 'cut', 'of its address all wait for an answer')
    const d = await stranger('127.0.0.5')
    await closed(e)
    assert.equal(await says(d, '/wait'), '200')
    assert.equal(await says(await stranger('127.0.0.6'), '/now'), 'cut', 'all places are taken')
    assert.equal(await asGateway(), 200)
    assert.equal(b.destroyed || c.destroyed || d.destroyed, false, 'whoever waits for an answer gets it')
    answer()
    await Promise.all([b, c, d].map(closed))
    assert.equal(await says(await stranger('127.0.0.6'), '/now'), '200')
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as ask, type RequestOptions } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { connect as secure } from 'node:tls'
import { pino } from 'pino'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { type HttpsServer, httpsServer, listen, streamOf, uploadOf } from '../../src/adapters/http-server.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'

/** Parts of a body, and the pause between two, in milliseconds. */
const PARTS = 5
const PAUSE = 80

describe('how long a body may take', () => {
  let server: HttpsServer
  let to: RequestOptions
  before(async () => {
    const now = instant(Date.now())
    const { cert: ca, ...authority } = await createAuthority('a fleet', now)
    const grant = { identity: { kind: 'fleet', id: 'server' }, hosts: ['127.0.0.1'] } as const
    const own = await certifyNewKey({ cert: ca, ...authority }, grant, now)
    // Less than all parts take, and more than the pause between two.
    const patience = { handshake: 30_000, headers: 400, body: 250, silence: 1200 }
    server = httpsServer({ ca, ...own }, pino({ level: 'silent' }), 'asked-for', patience)
    const count = async (parts: AsyncIterable<Uint8Array>): Promise<number> => {
      let length = 0
      for await (const part of parts) length += part.length
      return length
    }
    server.put('/hurry', async request => count(streamOf(request)))
    server.put('/upload', async request => count(uploadOf(request)))
    server.put('/json', async request => request.body)
    server.get('/answer', async () => new Promise(resolve => setTimeout(resolve, 400, 'at last')))
    to = { host: '127.0.0.1', port: orThrow(await listen(server, '127.0.0.1', 0)), ca, agent: false }
  })
  after(() => server?.close())

  /** What comes of a body of so many bytes, of which `parts` are sent, one after the other. */
  const sent = (path: string, type: string, length: number, parts = length): Promise<string> =>
    new Promise(resolve => {
      const headers = { 'content-type': type, 'content-length': length }
      const asked = ask({ ...to, method: 'PUT', path, headers }, response => {
        response.on('data', part => resolve(`${response.statusCode} ${part}`))
      })
      asked.on('error', () => resolve('cut off'))
      asked.on('close', () => resolve('cut off'))
      const send = (part: number): void => {
        if (part === length) asked.end()
        if (part >= parts || asked.destroyed) return
        asked.write('7')
        setTimeout(send, PAUSE, part + 1)
      }
      // What is written before the line stands goes out at once.
      asked.on('socket', socket => socket.once('secureConnect', () => send(0)))
      asked.flushHeaders()
    })

  it('attack: a head that comes byte by byte, or never, holds no line open', { timeout: 10_000 }, async () => {
    const { host, port, ca } = to as { host: string; port: number; ca: string }
    const ends = ['', 'GET /answer HTTP/1.1\r\nhost: f'].map(async head => {
      const socket = secure({ host, port, ca })
      socket.on('error', () => {})
      await once(socket, 'secureConnect')
      if (head !== '') socket.write(head)
      socket.resume()
      await once(socket, 'close')
    })
    await Promise.all(ends)
  })

  it('attack: bodies that come byte by byte hold lines open; an upload may, while bytes come', async () => {
    const bytes = 'application/octet-stream'
    const all = await Promise.all([
      sent('/hurry', bytes, 40),
      sent('/json', 'application/json', 40),
      sent('/upload', bytes, PARTS),
      sent('/upload', bytes, PARTS, 2),
    ])
    assert.deepEqual(all, ['cut off', 'cut off', '200 5', 'cut off'])
  })

  it('an answer may take longer than a body', async () => {
    const answer = await new Promise(resolve => {
      ask({ ...to, path: '/answer' }, response => response.on('data', part => resolve(`${part}`))).end()
    })
    assert.equal(answer, 'at last')
  })
})

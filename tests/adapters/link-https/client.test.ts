import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { certifyNewKey, createAuthority } from '../../../src/adapters/certificates.ts'
import { type ClientTls, HttpsClient, readAnswer } from '../../../src/adapters/link-https/client.ts'
import { HttpsFleetLink } from '../../../src/adapters/link-https/fleet-link.ts'
import type { Pace } from '../../../src/adapters/link-https/ranged-body.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, refuse } from '../../../src/core/refusal/refusal.ts'
import { problemOf, refusalOf } from '../../../src/wire/problem.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const ENDLESS = { from: 0, length: 1e9 }
const BLOB = { sha256: 'a'.repeat(64), length: 100 }

describe('the HTTPS client', () => {
  let server: Server
  let origin = ''
  let tls: ClientTls
  let handler: Handler = (_, response) => response.end()
  const clients: HttpsClient[] = []

  before(async () => {
    const now = instant(Date.now())
    const authority = await createAuthority('fleet', now)
    const hosts = ['127.0.0.1']
    const own = await certifyNewKey(authority, { identity: { kind: 'fleet', id: 'server' }, hosts }, now)
    const me = await certifyNewKey(authority, { identity: { kind: 'gateway', site: 'quay' } }, now)
    tls = { ...me, ca: authority.cert }
    server = createServer({ ...own, ca: authority.cert, requestCert: true }, (request, response) =>
      handler(request, response),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => {
    for (const client of clients) client.close()
    server.closeAllConnections()
    server.close()
  })

  const client = (pace?: Pace): HttpsClient => {
    const made = new HttpsClient(origin, tls, 2, pace)
    clients.push(made)
    return made
  }

  async function read(body: AsyncIterable<Uint8Array>): Promise<number> {
    let bytes = 0
    for await (const part of body) bytes += part.length
    return bytes
  }

  /** A server that trickles: some bytes at once, then one every few milliseconds, for ever. */
  const trickle =
    (first: number): Handler =>
    (_, response) => {
      response.writeHead(200)
      response.write(new Uint8Array(first))
      const timer = setInterval(() => response.write(new Uint8Array(1)), 5)
      response.on('close', () => clearInterval(timer))
    }

  it('attack: slow retrieval from the start is given up', async () => {
    handler = trickle(1)
    const body = await client({ idleMillis: 5000, windowMillis: 60, bytesPerWindow: 1000 }).download('/x', ENDLESS)
    assert.ok(!isRefusal(body))
    const bytes = await read(body)
    assert.ok(bytes > 0 && bytes < 1000, `${bytes} bytes kept`)
  })

  it('attack: slow retrieval after a fast beginning is given up as well', async () => {
    handler = trickle(50_000)
    const body = await client({ idleMillis: 5000, windowMillis: 60, bytesPerWindow: 1000 }).download('/x', ENDLESS)
    assert.ok(!isRefusal(body))
    const bytes = await read(body)
    assert.ok(bytes >= 50_000 && bytes < 52_000, `${bytes} bytes kept`)
  })

  it('attack: a server that falls silent in the middle', async () => {
    let asked = 0
    handler = (_, response) => {
      asked += 1
      response.writeHead(asked === 1 ? 200 : 206, { 'content-range': 'bytes 40-99/100', 'content-length': 100 })
      if (asked === 1) response.write(new Uint8Array(40))
      else response.flushHeaders()
    }
    const rule = { idleMillis: 50, windowMillis: 60_000, bytesPerWindow: 1 }
    const body = await client(rule).download('/x', { from: 0, length: 100 })
    assert.ok(!isRefusal(body))
    assert.equal(await read(body), 40)
    assert.equal(asked, 2, 'it was asked once more, and brought nothing')
  })

  it('attack: metadata that never ends coming is given up in time', async () => {
    handler = trickle(1)
    const answer = await client().call('GET', '/x', { timeoutMillis: 80 })
    assert.ok(isRefusal(answer))
    assert.equal(answer.code, 'answer-too-slow')
  })

  it('attack: an answer larger than it may be is not read further', async () => {
    handler = (_, response) => void response.end(new Uint8Array(5000))
    const answer = await client().call('GET', '/x', { maxBytes: 4999 })
    assert.ok(isRefusal(answer) && answer.code === 'answer-too-large')
    const fits = await client().call('GET', '/x', { maxBytes: 5000 })
    assert.ok(!isRefusal(fits))
  })

  for (const [name, status, headers, from] of [
    ['the whole instead of the rest', 200, {}, 40],
    ['another part', 206, { 'content-range': 'bytes 39-99/100' }, 40],
    ['a part that does not say which', 206, {}, 40],
    ['a part instead of the whole', 206, { 'content-range': 'bytes 0-99/100' }, 0],
    ['nothing', 204, {}, 0],
  ] as const) {
    it(`attack: a server that answers ${name}: answer-unexpected`, async () => {
      handler = (_, response) => void response.writeHead(status, headers).end()
      const body = await new HttpsFleetLink(client()).blob(BLOB, from)
      assert.ok(isRefusal(body) && body.code === 'answer-unexpected', JSON.stringify(body))
    })
  }

  it('packed metadata is unpacked, and attack: never to more than it may be', async () => {
    const link = new HttpsFleetLink(client())
    for (const [bytes, code] of [
      [900, null],
      [1_000_000, 'answer-too-large'],
    ] as const) {
      handler = (request, response) => {
        assert.equal(request.headers['accept-encoding'], 'gzip')
        response.setHeader('content-encoding', 'gzip')
        response.end(gzipSync(Buffer.alloc(bytes, 'x')))
      }
      const answer = await link.file('director', 'timestamp.json', 1000)
      if (code === null) assert.ok(answer instanceof Uint8Array && answer.length === bytes)
      else assert.ok(isRefusal(answer) && answer.code === code)
    }
    handler = (_, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end('not packed')
    }
    const nonsense = await link.file('director', 'timestamp.json', 1000)
    assert.ok(isRefusal(nonsense) && nonsense.code === 'answer-unexpected')
  })

  it('asks for the rest, and takes it', async () => {
    const asked: (string | undefined)[] = []
    handler = (request, response) => {
      asked.push(request.headers.range)
      response.writeHead(206, { 'content-range': 'bytes 40-99/100' }).end(new Uint8Array(60))
    }
    const body = await new HttpsFleetLink(client()).blob(BLOB, 40)
    assert.ok(!isRefusal(body))
    assert.equal(await read(body), 60)
    assert.deepEqual(asked, ['bytes=40-'])
  })

  it('a path is one name: what it holds does not lead elsewhere', async () => {
    let url = ''
    handler = (request, response) => {
      url = request.url ?? ''
      response.end('x')
    }
    await new HttpsFleetLink(client()).file('image', '../../v1/audit?from=0#x', 10)
    assert.equal(url, '/v1/repos/image/..%2F..%2Fv1%2Faudit%3Ffrom%3D0%23x')
  })

  it('a refusal of the server is the refusal; not-found of a file is no file', async () => {
    const refusal = refuse('publish-version-conflict', 'image: targets', 'version 2', '3', 'a clause')
    handler = (_, response) => void response.writeHead(409).end(JSON.stringify(problemOf(refusal)))
    assert.deepEqual(await client().call('GET', '/x'), refusal)
    handler = (_, response) =>
      void response.writeHead(404).end(JSON.stringify(problemOf(refuse('not-found', 'a', 'b', 'c'))))
    assert.equal(await new HttpsFleetLink(client()).file('image', '2.root.json', 10), null)
  })

  for (const body of ['', 'null', '[]', '<html>', '{"code":"toString"}', '{"code":"no-space","subject":1}', '\xff']) {
    it(`nonsense instead of a refusal: ${JSON.stringify(body)}`, async () => {
      handler = (_, response) => void response.writeHead(500).end(Buffer.from(body, 'latin1'))
      const answer = await client().call('GET', '/x')
      assert.ok(isRefusal(answer) && answer.code === 'answer-unexpected')
      assert.equal(answer.actual, 'status 500')
    })
  }

  for (const body of ['', 'null', '{}', '{"acknowledged":1.5}', '{"acknowledged":"7"}', '{', '[7]']) {
    it(`nonsense instead of an acknowledgement: ${JSON.stringify(body)}`, async () => {
      handler = (_, response) => void response.end(body)
      const answer = await new HttpsFleetLink(client()).send([], new Uint8Array(1))
      assert.ok(isRefusal(answer) && answer.code === 'answer-unexpected')
    })
  }

  it('a server that is not there, and one that hangs up', async () => {
    const nobody = new HttpsClient('https://127.0.0.1:1', tls)
    const answer = await nobody.call('GET', '/x')
    assert.ok(isRefusal(answer) && answer.code === 'not-reachable')
    assert.equal(answer.actual, 'ECONNREFUSED')
    handler = request => request.socket.destroy()
    const hung = await client().call('GET', '/x')
    assert.ok(isRefusal(hung) && hung.code === 'not-reachable')
    assert.match(hung.actual, /certificate/)
  })

  it('check-in: the tag, nothing new, and an answer without a tag', async () => {
    const link = new HttpsFleetLink(client())
    const time = { 'voltseal-time': '1795219200000' }
    handler = (request, response) => {
      if (request.headers['if-none-match'] === '"b"') response.writeHead(304, time).end()
      else response.writeHead(200, { ...time, etag: '"b"' }).end()
    }
    assert.deepEqual(await link.checkIn(null), { tag: '"b"', at: 1795219200000 })
    assert.deepEqual(await link.checkIn('"b"'), { tag: null, at: 1795219200000 })
    const bad: Record<string, string>[] = [{}, time, { etag: '"b"' }, { etag: '"b"', 'voltseal-time': 'noon' }]
    for (const headers of [...bad, { etag: '"b"', 'voltseal-time': '9999999999999999' }]) {
      handler = (_, response) => void response.writeHead(200, headers).end()
      const answer = await link.checkIn(null)
      assert.ok(isRefusal(answer) && answer.code === 'answer-unexpected', JSON.stringify(headers))
    }
  })
})

describe('problem bodies', () => {
  it('carry a refusal there and back, with its clause or without', () => {
    for (const clause of [undefined, 'TUF 1.0.34 §5.3.4']) {
      const refusal = refuse('metadata-expired', 'a', 'b', 'c', clause)
      assert.deepEqual(refusalOf(JSON.parse(JSON.stringify(problemOf(refusal)))), refusal)
    }
  })
  it('an answer that is no JSON is undefined', () => {
    assert.equal(readAnswer(new Uint8Array([0xff])), undefined)
    assert.deepEqual(readAnswer(new TextEncoder().encode('{"a":1}')), { a: 1 })
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { seeded } from '../../../sim/clock/random.ts'
import { certifyNewKey, createAuthority } from '../../../src/adapters/certificates.ts'
import { type ClientTls, HttpsClient } from '../../../src/adapters/link-https/client.ts'
import type { Pace } from '../../../src/adapters/link-https/ranged-body.ts'
import { concat, sameBytes } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { type Drop, DroppingLine } from '../../worlds/dropping-line.ts'

const KIB = 1024
const PATH = '/v1/blobs/x'
const random = seeded(8)
const FILE = Uint8Array.from({ length: 16 * KIB + 100 }, () => Math.floor(random() * 256))

/** Serves the file as the product's servers do: ranges of the forms `bytes=FROM-` and `bytes=FROM-TO`. */
function serve(request: IncomingMessage, response: ServerResponse, file: Uint8Array = FILE): void {
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  const end = to === '' ? file.length : Number(to) + 1
  const range = { 'content-range': `bytes ${from}-${end - 1}/${file.length}` }
  const ranged = request.headers.range !== undefined
  response.writeHead(ranged ? 206 : 200, { 'content-length': end - Number(from), ...(ranged ? range : {}) })
  response.end(file.subarray(Number(from), end))
}

describe('a download over a bad line', () => {
  let server: Server
  let line: DroppingLine
  let tls: ClientTls
  let handler: typeof serve = serve
  const clients: HttpsClient[] = []

  before(async () => {
    const now = instant(Date.now())
    const authority = await createAuthority('site', now)
    const own = await certifyNewKey(
      authority,
      { identity: { kind: 'gateway', site: 'quay' }, hosts: ['127.0.0.1'] },
      now,
    )
    const me = await certifyNewKey(authority, { identity: { kind: 'controller', site: 'quay', id: 'bms-1' } }, now)
    tls = { ...me, ca: authority.cert }
    server = createServer(
      { ...own, ca: authority.cert, requestCert: true, minVersion: 'TLSv1.3' },
      (request, response) => handler(request, response),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    line = await DroppingLine.to((server.address() as AddressInfo).port)
  })
  after(async () => {
    for (const client of clients) client.close()
    await line.close()
    server.closeAllConnections()
    server.close()
  })

  const open = (pace?: Pace): HttpsClient => {
    const client = new HttpsClient(`https://127.0.0.1:${line.port}`, tls, 2, pace)
    clients.push(client)
    return client
  }

  /** Reads the whole file, asking again where a body ended early; answers it and how often it asked. */
  async function readWhole(client: HttpsClient, asks: number): Promise<{ file: Uint8Array; asked: number }> {
    const parts: Uint8Array[] = []
    let [from, asked] = [0, 0]
    for (; from < FILE.length && asked < asks; asked += 1) {
      const body = await client.download(PATH, { from, length: FILE.length })
      if (isRefusal(body)) continue
      for await (const part of body) {
        parts.push(part.slice())
        from += part.length
      }
    }
    return { file: concat(...parts), asked }
  }

  const lines: [name: string, budget: (random: () => number) => number][] = [
    ['every 2 KiB', () => 2 * KIB],
    ['every 2 to 6 KiB', random => Math.floor(2 * KIB + random() * 4 * KIB)],
    ['every 6 to 12 KiB, where whole records come through', random => Math.floor(6 * KIB + random() * 6 * KIB)],
  ]
  for (const [name, budget] of lines) {
    for (const drop of ['fin', 'rst'] as const satisfies readonly Drop[]) {
      it(`finishes over a line that drops ${name} (${drop})`, async () => {
        handler = serve
        const client = open()
        // The first contact, as long as the line is whole: what is resumed from then on is its session.
        line.budget = () => null
        orThrow(await client.call('GET', PATH))
        const seed = seeded(77)
        line.budget = () => budget(seed)
        line.drop = drop
        line.dropped = 0
        line.cut()
        const { file, asked } = await readWhole(client, 60)
        line.budget = () => null
        assert.ok(sameBytes(file, FILE), `${file.length} of ${FILE.length} bytes after ${asked} downloads`)
        // The last drops of a line that brings kilobytes may come after the last byte.
        assert.ok(line.dropped >= 1, 'the line was never dropped')
      })
    }
  }

  it('finishes over such a line without a session to begin with, once it has carried a whole handshake', async () => {
    handler = serve
    const seed = seeded(5)
    line.budget = () => Math.floor(2 * KIB + seed() * 6 * KIB)
    line.drop = 'rst'
    const { file, asked } = await readWhole(open(), 60)
    line.budget = () => null
    assert.ok(sameBytes(file, FILE), `${file.length} of ${FILE.length} bytes after ${asked} downloads`)
  })

  it('asks for all of it in one, over a line that holds', async () => {
    const asked: (string | undefined)[] = []
    handler = (request, response) => {
      asked.push(request.headers.range)
      serve(request, response)
    }
    const { file } = await readWhole(open(), 1)
    assert.deepEqual(file, FILE)
    assert.deepEqual(asked, [undefined])
  })

  it('attack: endless data is cut off at the length that was signed', async () => {
    let closed = false
    handler = (_, response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!closed && response.write(new Uint8Array(4 * KIB)));
      }
      response.on('drain', more)
      response.on('close', () => {
        closed = true
      })
      more()
    }
    let bytes = 0
    for await (const part of orThrow(await open().download(PATH, { from: 0, length: 10_000 }))) {
      bytes += part.length
      if (bytes > 1e6) break
    }
    assert.equal(bytes, 10_000)
    while (!closed) await new Promise(resolve => setImmediate(resolve))
  })

  it('attack: slow retrieval by a few bytes on each of many connections is given up', async () => {
    handler = (request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0])
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': 1000, 'content-range': `bytes ${from}-999/1000` })
      response.write(new Uint8Array(5), () => setImmediate(() => response.destroy()))
    }
    let bytes = 0
    const rule = { idleMillis: 5000, windowMillis: 150, bytesPerWindow: 500 }
    for await (const part of orThrow(await open(rule).download(PATH, { from: 0, length: 1000 }))) bytes += part.length
    assert.ok(bytes > 5 && bytes < 500, `${bytes} bytes kept`)
  })

  it('a client that was closed takes nothing up again', async () => {
    handler = serve
    const client = open()
    line.budget = () => 22 * KIB
    const body = orThrow(await client.download(PATH, { from: 0, length: FILE.length }))
    client.close()
    let bytes = 0
    for await (const part of body) bytes += part.length
    line.budget = () => null
    assert.ok(bytes < FILE.length)
    const late = await client.download(PATH, { from: 0, length: FILE.length })
    assert.ok(isRefusal(late) && late.code === 'not-reachable')
  })
})

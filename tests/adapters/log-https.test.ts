import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { HttpsLog, type LogServer } from '../../src/adapters/log-https.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { RefusalError } from '../../src/core/refusal/refusal.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

/** A web server of the test's own, and the address of a log below it. */
async function serving(listener: RequestListener, server: Server = createServer()): Promise<string> {
  servers.push(server)
  server.on('request', listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`
}

async function fetched(server: LogServer, path: string): Promise<string> {
  let log: HttpsLog | null = null
  try {
    log = new HttpsLog({ pauses: [], ...server })
    const bytes = await log.file(path)
    return bytes === null ? 'none' : Buffer.from(bytes).toString()
  } catch (error) {
    if (error instanceof RefusalError) return error.refusal.code
    throw error
  } finally {
    log?.close()
  }
}

describe('the files of a log behind a web server', () => {
  test('a file, none, and the full tile in place of a partial one', async () => {
    const asked: string[] = []
    const url = await serving((request, response) => {
      asked.push(request.url ?? '')
      const there = ['/log/checkpoint', '/log/tile/0/001'].includes(request.url ?? '')
      response.writeHead(there ? 200 : 404).end(there ? request.url : 'none')
    })
    assert.equal(await fetched({ url }, 'checkpoint'), '/log/checkpoint')
    assert.equal(await fetched({ url: `${url}/` }, 'checkpoint'), '/log/checkpoint')
    assert.equal(await fetched({ url }, 'tile/0/000'), 'none')
    assert.equal(await fetched({ url }, 'tile/0/001.p/17'), '/log/tile/0/001')
    assert.deepEqual(asked.slice(-2), ['/log/tile/0/001.p/17', '/log/tile/0/001'])
  })

  const rows: [name: string, listener: RequestListener, code: string][] = [
    ['an error', (_, response) => response.writeHead(500).end('x'), 'answer-unexpected'],
    ['the way elsewhere', (_, response) => response.writeHead(302, { location: '/other' }).end(), 'answer-unexpected'],
    [
      'more than a checkpoint can be',
      (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(1 << 16, 97))) {}
        }
        response.on('drain', more)
        more()
      },
      'answer-too-large',
    ],
    [
      'a byte, and then nothing for ever',
      (_, response) => {
        response.writeHead(200)
        response.write('v')
      },
      'answer-too-slow',
    ],
    ['nothing at all', () => {}, 'answer-too-slow'],
    [
      'half of what it announced',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('half', () => response.destroy())
      },
      'not-reachable',
    ],
    ['a closed connection', request => void request.socket.destroy(), 'not-reachable'],
  ]
  for (const [name, listener, code] of rows) {
    test(`attack: a server that answers ${name}`, async () => {
      const url = await serving(listener)
      assert.equal(await fetched({ url, patience: 300 }, 'checkpoint'), code)
    })
  }

  test('asks again where no answer came, and not where one did', async () => {
    let asked = 0
    const url = await serving((request, response) => {
      asked += 1
      if (asked < 3) request.socket.destroy()
      else response.end('here')
    })
    assert.equal(await fetched({ url, pauses: [1, 1, 1] }, 'checkpoint'), 'here')
    assert.equal(asked, 3)
    let refused = 0
    const broken = await serving((_, response) => {
      refused += 1
      response.writeHead(500).end()
    })
    assert.equal(await fetched({ url: broken, pauses: [1, 1] }, 'checkpoint'), 'answer-unexpected')
    assert.equal(refused, 1)
  })

  test('attack: a server whose certificate no authority vouches for', async () => {
    const now = instant(Date.now())
    const authority = await createAuthority('fleet', now)
    const grant = { identity: { kind: 'fleet', id: 'server' }, hosts: ['127.0.0.1'] } as const
    const plain = await serving(
      (_, response) => response.end('x'),
      createTlsServer(await certifyNewKey(authority, grant, now)),
    )
    const url = plain.replace('http:', 'https:')
    assert.equal(await fetched({ url }, 'checkpoint'), 'tls-refused')
    assert.equal(await fetched({ url, ca: authority.cert }, 'checkpoint'), 'x')
  })

  for (const url of [
    'ftp://host/log',
    'file:///log',
    'host/log',
    'https://me:secret@host/log',
    'https://host/log?x=1',
  ]) {
    test(`no address of a log: ${url}`, async () => assert.equal(await fetched({ url }, 'checkpoint'), 'usage-error'))
  }
})

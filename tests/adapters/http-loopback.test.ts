import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { isLoopback, type LoopbackDoor, serveLoopback } from '../../src/adapters/http-loopback.ts'
import { isRefusal, orThrow, refuse } from '../../src/core/refusal/refusal.ts'

type Answered = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

const quiet = pino({ level: 'silent' })
const SHOWN = { type: 'text/plain; charset=utf-8', body: 'what is shown' }
const asked: string[] = []
let door: LoopbackDoor
let port = 0

before(async () => {
  door = orThrow(
    await serveLoopback(
      { host: '127.0.0.1', port: 0 },
      async (path, query) => {
        asked.push(path)
        if (path === '/packed') return { ...SHOWN, gzip: Buffer.from('packed'), kept: true }
        if (path === '/fault') throw new Error('broken')
        if (path === '/' || path === '/view') return { ...SHOWN, body: `${SHOWN.body}${query.get('from') ?? ''}` }
        return refuse('not-found', path, 'a view', 'none')
      },
      quiet,
    ),
  )
  port = Number(new URL(door.url).port)
})
after(() => door.close())

async function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answered> {
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false })
  sent.end()
  const [answer] = await once(sent, 'response')
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part)
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }
}

const codeOf = ({ body }: Answered): unknown => (JSON.parse(body.toString()) as { code: unknown }).code

describe('a listener for this machine', () => {
  test('refuses every address that a network carries, and every name', async () => {
    for (const host of [
      '0.0.0.0',
      '::',
      '192.168.1.10',
      '10.0.0.1',
      'localhost',
      'console.example',
      '',
      '127.0.0.1.example',
    ]) {
      assert.equal(isLoopback(host), false, host)
      const refused = await serveLoopback({ host, port: 0 }, async () => SHOWN, quiet)
      if (!isRefusal(refused)) await refused.close()
      assert.ok(isRefusal(refused) && refused.code === 'console-not-loopback', host)
    }
    for (const host of ['127.0.0.1', '127.64.2.3', '::1']) assert.equal(isLoopback(host), true, host)
  })

  test('refuses a port that is taken', async () => {
    const refused = await serveLoopback({ host: '127.0.0.1', port }, async () => SHOWN, quiet)
    assert.ok(isRefusal(refused) && refused.code === 'port-in-use')
  })

  test('shows what it is given, and the same thing without a body to HEAD', async () => {
    const shown = await get('/view?from=7')
    assert.equal(shown.status, 200)
    assert.equal(shown.body.toString(), 'what is shown7')
    const head = await get('/view?from=7', {}, 'HEAD')
    assert.equal(head.status, 200)
    assert.equal(head.headers['content-length'], String(shown.body.length))
    assert.equal(head.body.length, 0)
    assert.equal((await get('/view?from=7', { 'if-none-match': shown.headers.etag ?? '' })).status, 304)
  })

  test('answers refusals as problems, and a fault without its details', async () => {
    const missing = await get('/elsewhere')
    assert.deepEqual([missing.status, codeOf(missing)], [404, 'not-found'])
    assert.equal(missing.headers['content-type'], 'application/problem+json')
    const fault = await get('/fault')
    assert.deepEqual([fault.status, codeOf(fault)], [500, 'internal-error'])
    assert.doesNotMatch(fault.body.toString(), /\.ts:\d+/)
  })

  test('packed only for those who take it, kept only under a name with a digest', async () => {
    const packed = await get('/packed', { 'accept-encoding': 'br, gzip' })
    assert.deepEqual([packed.headers['content-encoding'], packed.body.toString()], ['gzip', 'packed'])
    assert.match(packed.headers['cache-control'] ?? '', /immutable/)
    const plain = await get('/packed', { 'accept-encoding': 'br' })
    assert.deepEqual([plain.headers['content-encoding'], plain.body.toString()], [undefined, SHOWN.body])
    assert.doesNotMatch((await get('/view')).headers['cache-control'] ?? '', /immutable/)
  })

  test('every answer carries the headers, refused ones too', async () => {
    const answers = [
      await get('/'),
      await get('/elsewhere'),
      await get('/', { host: 'evil.example' }),
      await get('/', {}, 'POST'),
    ]
    for (const { status, headers } of answers) {
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /default-src 'none'/, `${status}`)
      assert.doesNotMatch(policy, /unsafe|https?:|\*/)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['x-frame-options'], 'DENY')
      assert.equal(headers['referrer-policy'], 'no-referrer')
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
      assert.equal(headers['access-control-allow-origin'], undefined)
    }
  })

  test('attack: a page whose own name points here (DNS rebinding)', async () => {
    asked.length = 0
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:${port + 1}`,
      `127.0.0.2:${port}`,
      `localhost.evil.example:${port}`,
    ]) {
      const answer = await get('/view', { host })
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'console-request-foreign'], host)
    }
    assert.deepEqual(asked, [], 'nothing was looked up')
    assert.equal((await get('/view', { host: `localhost:${port}` })).status, 200)
    assert.equal((await get('/view', { host: `LOCALHOST:${port}` })).status, 200)
  })

  test('attack: another page reads the data (cross-site, same-site)', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const answer = await get('/view', { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' })
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'console-request-foreign'], site)
      const opened = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
      assert.equal((await get('/view', opened)).status, 403, 'data is no page')
      assert.equal((await get('/', opened)).status, 200, 'a link to the console opens it')
      assert.equal((await get('/', { ...opened, 'sec-fetch-dest': 'iframe' })).status, 403)
    }
    for (const site of ['same-origin', 'none']) {
      assert.equal((await get('/view', { 'sec-fetch-site': site })).status, 200, site)
    }
  })

  test('attack: a request that changes something', async () => {
    asked.length = 0
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH']) {
      const answer = await get('/view', {}, method)
      assert.deepEqual([answer.status, codeOf(answer)], [405, 'console-read-only'], method)
      assert.equal(answer.headers.allow, 'GET, HEAD')
    }
    assert.deepEqual(asked, [])
  })

  test('attack: a target that is no path, a second request behind a refused one', async () => {
    for (const target of ['http://evil.example/view', '//evil.example/view', '*']) {
      const statuses = await raw(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
      assert.deepEqual(statuses, ['400'], target)
    }
    const post = `POST /view HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 0\r\n\r\n`
    const get = `GET /view HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`
    assert.deepEqual(await raw(post + get), ['405'])
    assert.deepEqual(await raw(get), ['200'])
  })

  /** The statuses of all that is answered to a text, until the connection ends. */
  async function raw(text: string): Promise<string[]> {
    const socket = connect(port, '127.0.0.1')
    socket.write(text)
    const parts: Buffer[] = []
    for await (const part of socket) parts.push(part)
    return [
      ...Buffer.concat(parts)
        .toString()
        .matchAll(/HTTP\/1\.1 (\d{3}) /g),
    ].map(match => match[1] ?? '')
  }
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { certifyNewKey, createAuthority } from '../../../src/adapters/certificates.ts'
import type { Cli } from '../../../src/apps/cli/cli.ts'
import { openSession, type Session } from '../../../src/apps/cli/session.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'

type Asked = { readonly key: string; readonly body: string; readonly url: string }

describe('a session of the command line, at a server that loses answers', () => {
  let folder: string
  let server: Server
  let session: Session
  const asked: Asked[] = []
  /** How many answers are lost before one comes through. */
  let losing = 0
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'voltseal-session-'))
    const now = instant(Date.now())
    const authority = await createAuthority('fleet', now)
    const served = { identity: { kind: 'fleet', id: 'f' }, hosts: ['127.0.0.1'] } as const
    server = createServer(
      { ...(await certifyNewKey(authority, served, now)), ca: authority.cert, requestCert: true },
      async (request, response) => {
        const body = Buffer.concat(await Array.fromAsync<Uint8Array>(request)).toString('utf8')
        asked.push({ key: `${request.headers['idempotency-key']}`, body, url: `${request.url}` })
        losing -= 1
        if (losing >= 0) return void request.socket.destroy()
        const link = request.url?.startsWith('/v1/releases') === true ? '</v1/anchors?cursor=x>; rel="next"' : null
        response.writeHead(200, { 'content-type': 'application/json', ...(link === null ? {} : { link }) }).end('[1]')
      },
    )
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const person = await certifyNewKey(authority, { identity: { kind: 'person', id: 'ada' } }, now)
    const files = { 'ca.pem': authority.cert, 'cert.pem': person.cert, 'key.pem': person.key }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const { port } = server.address() as AddressInfo
    const profile = { kind: 'voltseal-profile', name: 'f', url: `https://127.0.0.1:${port}`, auditKey: 'x' }
    const paths = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem', roots: { image: 'i', approval: 'a' } }
    writeFileSync(join(folder, 'profile.yaml'), JSON.stringify({ ...profile, ...paths }))
    session = orThrow(openSession({ world: { env: {} } } as unknown as Cli, join(folder, 'profile.yaml')))
  })
  after(() => {
    session?.close()
    server?.closeAllConnections()
    server?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a change whose answer was lost is sent again as it was, under its key', async () => {
    losing = 2
    assert.deepEqual(await session.post('/v1/campaigns', { plan: {}, dryRun: false }), [1])
    assert.equal(asked.length, 3)
    assert.equal(new Set(asked.map(one => JSON.stringify(one))).size, 1)
    assert.match(asked[0]?.key ?? '', /^"[0-9a-f-]{36}"$/)
    asked.length = 0
    await session.post('/v1/campaigns', { plan: {}, dryRun: false })
    await session.post('/v1/campaigns', { plan: {}, dryRun: false })
    assert.notEqual(asked[0]?.key, asked[1]?.key, 'another request has another key')
    asked.length = 0
  })

  test('what deals in secrets is sent once', async () => {
    losing = 1
    const made = await session.post('/v1/accounts/ada/tokens', { label: 'a', lifeMillis: 1 })
    assert.equal(isRefusal(made) && made.code, 'not-reachable')
    assert.equal(asked.splice(0).length, 1)
  })

  test('attack: a page that sends us to another list', async () => {
    const listed = await session.list('/v1/releases')
    assert.equal(isRefusal(listed) && listed.code, 'answer-unexpected')
    assert.deepEqual(
      asked.splice(0).map(({ url }) => url.split('?')[0]),
      ['/v1/releases'],
    )
  })
})

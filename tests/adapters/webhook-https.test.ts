import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { certifyNewKey, createAuthority } from '../../src/adapters/certificates.ts'
import { WebhookHttps } from '../../src/adapters/webhook-https.ts'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'

describe('posting webhooks', () => {
  let server: Server
  let ca: string
  let port: number
  const asked: string[] = []
  before(async () => {
    const now = instant(Date.now())
    const authority = await createAuthority('receivers', now)
    const grant = { identity: { kind: 'fleet', id: 'receiver' }, hosts: ['localhost', '127.0.0.1'] } as const
    const { cert, key } = await certifyNewKey(authority, grant, now)
    ca = authority.cert
    server = createServer({ cert, key }, (request, response) => {
      asked.push(`${request.method} ${request.url}`)
      if (request.url === '/elsewhere') response.writeHead(307, { location: `https://localhost:${port}/inner` }).end()
      else if (request.url === '/endless') {
        response.writeHead(200)
        const more = (): void => {
          while (response.writable && response.write('x'.repeat(65_536)));
          response.once('drain', more)
        }
        more()
      } else if (request.url !== '/silent') response.writeHead(204).end()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const outcome = async (url: string, link = new WebhookHttps(['127.0.0.0/8', '::1/128'], ca)) => {
    const status = await link.post(url, { 'content-type': 'application/json' }, utf8('{}'))
    return isRefusal(status) ? status.code : status
  }
  const at = (path: string, host = 'localhost'): string => `https://${host}:${port}${path}`

  test('tells a receiver in a network that was allowed', async () => {
    assert.equal(await outcome(at('/hook')), 204)
    assert.equal(await outcome(at('/hook', '127.0.0.1')), 204)
    assert.deepEqual(asked.splice(0), ['POST /hook', 'POST /hook'])
  })

  test('attack: a webhook to this machine, into its networks or to a cloud’s metadata', async () => {
    const strict = new WebhookHttps([], ca, 2_000)
    for (const host of [
      'localhost',
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f.0.0.1',
      '0.0.0.0',
      '169.254.169.254',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '100.100.100.200',
      '224.0.0.1',
      '255.255.255.255',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:a9fe:a9fe]',
      '[::127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
      '[fd00:ec2::254]',
      '[fe80::1]',
      '[ff02::1]',
    ]) {
      // Of a name nothing is known before it is looked up.
      const said = host === 'localhost' ? undefined : 'webhook-address-refused'
      assert.equal(strict.refuses(at('/hook', host))?.code, said, host)
      assert.equal(await outcome(at('/hook', host), strict), 'webhook-address-refused', host)
    }
    assert.deepEqual(asked, [], 'nobody was asked')
    // What is allowed is that and nothing beside it.
    const other = new WebhookHttps(['10.0.0.0/8'], ca, 2_000)
    assert.equal(await outcome(at('/hook'), other), 'webhook-address-refused')
    // Public addresses of both families are not refused for what they are: no route leads there from a test.
    const brief = new WebhookHttps([], ca, 1)
    for (const host of ['8.8.8.8', '[2606:4700::1111]']) {
      assert.notEqual(await outcome(at('/hook', host), brief), 'webhook-address-refused', host)
    }
  })

  test('attack: a receiver that sends us elsewhere', async () => {
    assert.equal(await outcome(at('/elsewhere')), 307)
    assert.deepEqual(asked.splice(0), ['POST /elsewhere'])
  })

  test('attack: an answer without an end, and one that never comes', async () => {
    assert.equal(await outcome(at('/endless')), 200)
    assert.equal(await outcome(at('/silent'), new WebhookHttps(['127.0.0.0/8'], ca, 100)), 'answer-too-slow')
    asked.length = 0
  })

  test('attack: a receiver with a certificate of nobody, or of another name', async () => {
    assert.equal(await outcome(at('/hook'), new WebhookHttps(['127.0.0.0/8', '::1/128'])), 'tls-refused')
    assert.equal(await outcome(at('/hook', '127.0.0.2')), 'not-reachable')
    assert.equal(await outcome(`http://localhost:${port}/hook`), 'webhook-url-refused')
    assert.deepEqual(asked, [])
  })
})

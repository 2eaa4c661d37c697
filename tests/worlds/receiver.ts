import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Authority, certifyNewKey } from '../../src/adapters/certificates.ts'
import { instant } from '../../src/core/encoding/units.ts'

export type Told = { readonly id: string; readonly type: string; readonly campaign?: string }

/** A receiver of webhooks over https: verifies what comes as Standard Webhooks says, and keeps it. */
export class Receiver {
  readonly got: Told[] = []
  secret: Uint8Array = new Uint8Array(32)
  readonly url: string
  readonly #server: Server

  private constructor(server: Server, host: string) {
    this.#server = server
    this.url = `https://${host}:${(server.address() as AddressInfo).port}/hook`
    server.on('request', async (request, response) => {
      const { headers } = request
      const text = Buffer.concat(await Array.fromAsync<Uint8Array>(request)).toString('utf8')
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`
      const signature = createHmac('sha256', this.secret).update(signed).digest('base64')
      const holds = headers['webhook-signature'] === `v1,${signature}`
      assert.ok(Math.abs(Number(headers['webhook-timestamp']) * 1000 - Date.now()) < 300_000)
      const { type, data } = JSON.parse(text) as { type: string; data: { campaign?: string } }
      if (holds) this.got.push({ id: `${headers['webhook-id']}`, type, ...data })
      response.writeHead(holds ? 204 : 401).end()
    })
  }

  static async start(host: string, authority: Authority): Promise<Receiver> {
    const grant = { identity: { kind: 'fleet', id: 'receiver' }, hosts: [host] } as const
    const server = createServer(await certifyNewKey(authority, grant, instant(Date.now())))
    await new Promise<void>(resolve => server.listen(0, host, resolve))
    return new Receiver(server, host)
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

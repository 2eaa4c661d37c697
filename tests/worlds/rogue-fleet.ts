import { pino } from 'pino'
import type { World } from '../../sim/doors/world.ts'
import { type HttpsServer, httpsServer, listen } from '../../src/adapters/http-server.ts'
import { HttpsClient } from '../../src/adapters/link-https/client.ts'
import { readAuthority } from '../../src/apps/fleet/enrolment.ts'
import { fleetFiles } from '../../src/apps/fleet/files.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { problemOf } from '../../src/wire/problem.ts'
import { fleetUrl, tls } from './people.ts'

/** What a rogue answers instead of the fleet server; null: the honest answer. */
export type Lie = (method: string, path: string, honest: Uint8Array) => Uint8Array | null

/**
 * A fleet server that somebody else has taken over: its real certificate and key, its address, the honest server behind
 * it for all that it does not care to change. What people send is passed on in the administrator's name, and kept.
 */
export class RogueFleet {
  readonly posted: string[] = []
  readonly #server: HttpsServer
  readonly #honest: HttpsClient
  readonly url: string

  private constructor(world: World, lie: Lie, port: number) {
    const files = fleetFiles(world.at('fleet'))
    const [ca, own] = [orThrow(readAuthority(files.authority('fleet'))), orThrow(readAuthority(files.server))]
    this.url = `https://${world.host}:${port}`
    this.#honest = new HttpsClient(fleetUrl(world), tls.administrator(world))
    this.#server = httpsServer({ ca: ca.cert, cert: own.cert, key: own.key }, pino({ level: 'silent' }))
    this.#server.all('/*', async (request, reply) => {
      const { method, url } = request
      const json = request.body === undefined ? {} : { body: Buffer.from(JSON.stringify(request.body)) }
      if (method === 'POST') this.posted.push(url)
      const headers: Record<string, string> = method === 'POST' ? { 'content-type': 'application/json' } : {}
      const answer = await this.#honest.call(method, url, { headers, ...json })
      if (isRefusal(answer)) {
        const problem = problemOf(answer)
        return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem))
      }
      return reply.type('application/json').send(Buffer.from(lie(method, url, answer.body) ?? answer.body))
    })
  }

  static async of(world: World, port: number, lie: Lie): Promise<RogueFleet> {
    const rogue = new RogueFleet(world, lie, port)
    orThrow(await listen(rogue.#server, world.host, port))
    return rogue
  }

  async close(): Promise<void> {
    await this.#server.close()
    this.#honest.close()
  }
}

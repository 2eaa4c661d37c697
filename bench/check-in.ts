import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { World } from '../sim/doors/world.ts'
import { HttpsClient } from '../src/adapters/link-https/client.ts'
import { gatewayFiles } from '../src/apps/gateway/files.ts'
import { isRefusal, sentence } from '../src/core/refusal/refusal.ts'
import type { EnrolledSite } from '../src/wire/fleet-views.ts'
import { type Figure, RUNS, type Run, ratioLine } from './figure.ts'
import { imageOf, siteOf } from './site-world.ts'

/** Gateways that ask at the same time, each over one connection that stays. */
const GATEWAYS = 16
const REQUESTS = { full: 16_000, tiny: 64 } as const
const WARM_UP = { full: 8_000, tiny: 16 } as const
/** Turns of the two servers in one run. */
const SLICES = 4

/**
 * The check-in of an idle gateway: requests per second and core of `GET /v1/check-in` that are answered 304, against a
 * bare `node:https` server that answers the same 304 with a constant tag, under the same TLS: mutual TLS 1.3, kept-alive
 * connections, the same client. Each server is a process of its own, and its rate is what it answers per second of its
 * own processor time (`process.cpuUsage`, user and system): the load of the client on the same cores does not count.
 *
 * What bounds it: the TLS records, the parser and the sockets of Node, which both servers pay; what is ours beside that
 * is Fastify's routing and hooks, the peer's identity, and the site's tag.
 */
export const checkIn: Figure = {
  name: 'check-in',
  title: 'Check-in of an idle gateway',
  against: 'a bare node:https server that answers a constant 304 under the same mutual TLS 1.3, same client',
  async run(run) {
    const world = await World.make({ site: siteOf(1), factory: { bms: imageOf(0, 4096) }, tick: '1s' })
    const children: ChildProcess[] = []
    try {
      await world.startFleet()
      await world.enrol()
      await world.fleet?.close()
      world.fleet = null
      const fleet = await serve(children, world, 'fleet', 8443)
      const bare = await serve(children, world, 'bare', 8445)
      const runs = []
      for (const server of [fleet, bare]) await server.ask(WARM_UP[run.scale])
      for (let round = 0; round < RUNS[run.scale]; round += 1) {
        run.say(`run ${round + 1}`)
        runs.push(await compare(fleet, bare, run))
      }
      for (const server of [fleet, bare]) server.close()
      const target = { bound: 'at least', ratio: 0.5 } as const
      const lines = [ratioLine('check-ins per second and core', '/s', runs, target)]
      return { lines, bounds: [boundOf(lines[0]!.measured, lines[0]!.yardstick!)] }
    } finally {
      for (const child of children) child.kill()
      await world.stop()
    }
  },
}

type Server = { ask(requests: number): Promise<void>; micros(): Promise<number>; close(): void }

/** Both servers in turn, a slice at a time, so that what else the machine does falls on both. */
async function compare(fleet: Server, bare: Server, run: Run): Promise<{ measured: number; yardstick: number }> {
  const micros = { fleet: 0, bare: 0 }
  for (let slice = 0; slice < SLICES; slice += 1) {
    micros.bare += await cost(bare, REQUESTS[run.scale] / SLICES)
    micros.fleet += await cost(fleet, REQUESTS[run.scale] / SLICES)
  }
  const rate = (spent: number): number => (REQUESTS[run.scale] * 1e6) / spent
  return { measured: rate(micros.fleet), yardstick: rate(micros.bare) }
}

/** The server's processor time for so many check-ins, in microseconds. */
async function cost(server: Server, requests: number): Promise<number> {
  const before = await server.micros()
  await server.ask(requests)
  return (await server.micros()) - before
}

function boundOf(fleet: number, bare: number): string {
  const each = (perSecond: number): string => `${(1e6 / perSecond).toFixed(0)} µs`
  const ours = each(1 / (1 / fleet - 1 / bare))
  return `A check-in costs the server ${each(fleet)} of processor time: ${each(bare)} for TLS, sockets and HTTP as in the bare server, ${ours} for routing, identity and tag.`
}

async function serve(children: ChildProcess[], world: World, kind: 'fleet' | 'bare', port: number): Promise<Server> {
  const args = [kind, world.at('fleet'), world.host, String(port)]
  const child = fork(join(import.meta.dirname, 'check-in', 'server.ts'), args, {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  children.push(child)
  await answerOf(child)
  const issued = JSON.parse(readFileSync(gatewayFiles(world.at('gateway')).issued, 'utf8')) as EnrolledSite
  const key = readFileSync(gatewayFiles(world.at('gateway')).callKey, 'utf8')
  const tls = { ca: issued.fleet.ca, cert: issued.gateway.cert, key }
  const clients = Array.from({ length: GATEWAYS }, () => new HttpsClient(`https://${world.host}:${port}`, tls, 1))
  return {
    ask: async requests => {
      await Promise.all(clients.map(client => askAgain(client, Math.ceil(requests / GATEWAYS))))
    },
    micros: async () => {
      child.send('how much?')
      return ((await answerOf(child)) as { micros: number }).micros
    },
    close: () => {
      for (const client of clients) client.close()
    },
  }
}

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const failed = (code: number | null): void => reject(new Error(`the server ended with ${code}`))
    child.once('exit', failed)
    child.once('message', answer => {
      child.off('exit', failed)
      resolve(answer)
    })
  })
}

/** Asks as a gateway does that knows the newest tag: every answer is 304. */
async function askAgain(client: HttpsClient, times: number): Promise<void> {
  const ask = async (tag: string | null) => {
    const answer = await client.call('GET', '/v1/check-in', tag === null ? {} : { headers: { 'if-none-match': tag } })
    if (isRefusal(answer)) throw new Error(sentence(answer))
    return answer
  }
  const tag = String((await ask(null)).headers.etag)
  for (let at = 1; at < times; at += 1) {
    const { status } = await ask(tag)
    if (status !== 304) throw new Error(`a check-in was answered ${status}`)
  }
}

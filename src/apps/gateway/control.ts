import { unlinkSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import type { Doubt } from '../../core/campaign/clock-line.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { SiteWorld } from '../../flows/ports.ts'
import { waitOf } from '../../flows/reason.ts'
import { workOf } from '../../flows/relay.ts'
import { wallTime } from '../../flows/wall-time.ts'
import { gatewayFiles, readGatewayFolder } from './files.ts'

/**
 * What a gateway says to a person on the spot, over a socket in its folder which only its own user may open: who asks is told
 * at once, in one line of JSON. Nothing can be changed over it.
 */
export type GatewayStatus = {
  readonly site: string
  readonly clock: Instant
  /** Other times that count beside the clock's, by how much it is off each, and until when; none: it is believed. */
  readonly doubts: readonly { readonly by: Doubt['by']; readonly jumped: number; readonly until: Instant }[]
  readonly controllers: readonly {
    readonly controller: string
    /** Where its work stands: idle, staging, staged, granted, leaving, done. */
    readonly work: string
    readonly assignment: string | null
    /** Why it waits for its turn, in one sentence. */
    readonly waits: string | null
    readonly rule: string | null
    readonly nextPossible: number | null
  }[]
}

/** Characters of an answer: a site of the most controllers. */
const MAX_ANSWER = 8 << 20
const PATIENCE = 10_000

async function statusOf(world: SiteWorld): Promise<GatewayStatus> {
  const { clock, doubts } = await wallTime(world)
  const controllers = (await world.store.controllers()).map(row => {
    const work = workOf(row)
    const wait = waitOf(world, row.id)
    return {
      controller: row.id,
      work: work.at,
      assignment: 'assignment' in work ? work.assignment : null,
      waits: wait?.sentence ?? null,
      rule: wait?.rule ?? null,
      nextPossible: wait?.nextPossible ?? null,
    }
  })
  return {
    site: world.site.site,
    clock,
    doubts: doubts.map(({ by, jumped, until }) => ({ by, jumped, until })),
    controllers,
  }
}

/**
 * Listens in the gateway's folder; a socket that a killed process left there is replaced. Null when it cannot be (a path that
 * is too long for a socket): the site does not depend on it.
 */
export function serveStatus(path: string, world: SiteWorld): Promise<Server | null> {
  try {
    unlinkSync(path)
  } catch {}
  const server = createServer(socket => {
    socket.setTimeout(PATIENCE, () => socket.destroy())
    // Who asked has gone.
    socket.on('error', () => {})
    statusOf(world).then(
      status => socket.end(`${JSON.stringify(status)}\n`),
      () => socket.destroy(),
    )
  })
  return new Promise(resolve => {
    server.once('error', () => resolve(null))
    const before = process.umask(0o177)
    server.listen(path, () => resolve(server))
    process.umask(before)
  })
}

/**
 * Asks the gateway that serves from a folder. Refuses what `readGatewayFolder` refuses, `gateway-not-running`,
 * `file-not-permitted` (it runs as another user).
 */
export async function askGateway(folder: string): Promise<GatewayStatus | Refusal> {
  const read = readGatewayFolder(folder)
  if (isRefusal(read)) return read
  const path = gatewayFiles(folder).control
  const away = (actual: string): Refusal => refuse('gateway-not-running', folder, 'a gateway that answers', actual)
  const text = await new Promise<string | Refusal>(resolve => {
    const socket = connect({ path })
    let answer = ''
    socket.setEncoding('utf8')
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer in time')))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const { code = error.message } = error
      if (code === 'EACCES') resolve(refuse('file-not-permitted', path, 'the user that the gateway runs as', code))
      else resolve(away(code === 'ENOENT' || code === 'ECONNREFUSED' ? 'none' : code))
    })
    socket.on('data', (part: string) => {
      answer += part
      if (answer.length > MAX_ANSWER) socket.destroy(new Error('too long an answer'))
    })
    socket.on('close', () => resolve(answer))
  })
  if (isRefusal(text)) return text
  try {
    return JSON.parse(text) as GatewayStatus
  } catch {
    return away('something else')
  }
}

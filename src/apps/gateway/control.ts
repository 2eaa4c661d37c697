import type { Server } from 'node:net'
import type { Doubt } from '../../core/campaign/clock-line.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { SiteWorld } from '../../flows/ports.ts'
import { waitOf } from '../../flows/reason.ts'
import { workOf } from '../../flows/relay.ts'
import { wallTime } from '../../flows/wall-time.ts'
import { askControl, serveControl } from '../process/control.ts'
import { type LogStatus, logStatus } from '../process/log-status.ts'
import { gatewayFiles, readGatewayFolder } from './files.ts'
import { type LinkStatus, linkStatus } from './link-status.ts'

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
  /**
   * Its own log: how many items it has given numbers to, how many of them the fleet has, the bytes of the others, and from which number
   * on it had to drop some of those.
   */
  readonly own: {
    readonly items: number
    readonly acknowledged: number
    readonly unsentBytes: number
    readonly lostFrom: number | null
  }
  /** The link to the fleet: what it may bring, and what it brings. */
  readonly link: LinkStatus
  /** The fleet's audit log, of which this gateway is a witness. */
  readonly log: LogStatus
}

async function statusOf(world: SiteWorld, origin: string): Promise<GatewayStatus> {
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
  const { last, acknowledged, unsentBytes, lostFrom = null } = await world.store.ownLog()
  return {
    site: world.site.site,
    clock,
    doubts: doubts.map(({ by, jumped, until }) => ({ by, jumped, until })),
    controllers,
    own: { items: last, acknowledged, unsentBytes, lostFrom },
    link: await linkStatus(world),
    log: logStatus(origin, await world.store.witnessed(origin)),
  }
}

/** Listens in the gateway's folder. Null when it cannot be: the site does not depend on it. `origin`: of the fleet's log. */
export function serveStatus(path: string, world: SiteWorld, origin: string): Promise<Server | null> {
  return serveControl(path, () => statusOf(world, origin))
}

/**
 * Asks the gateway that serves from a folder. Refuses what `readGatewayFolder` refuses, `gateway-not-running`,
 * `file-not-permitted` (it runs as another user).
 */
export async function askGateway(folder: string): Promise<GatewayStatus | Refusal> {
  const read = readGatewayFolder(folder)
  if (isRefusal(read)) return read
  return askControl<GatewayStatus>(gatewayFiles(folder).control, actual =>
    refuse('gateway-not-running', folder, 'a gateway that answers', actual),
  )
}

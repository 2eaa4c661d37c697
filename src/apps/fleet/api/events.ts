import { EventStream } from '../../../adapters/http-events.ts'
import type { HttpsServer } from '../../../adapters/http-server.ts'
import { stateName } from '../../../core/campaign/rollout-state.ts'
import { mayDoSomewhere } from '../../../core/fleet/roles.ts'
import { type AuditEntry, parseEntry } from '../../../core/ledger/entry.ts'
import { isRefusal, orThrow, type Refusal, RefusalError, refuse } from '../../../core/refusal/refusal.ts'
import { admitAgain, type Who } from '../../../flows/admit.ts'
import { openRow } from '../../../flows/opened.ts'
import type { FleetWorld } from '../../../flows/ports.ts'
import * as routes from '../../../wire/routes/events.ts'
import { breathe } from '../../process/breathe.ts'
import { readable } from '../log-views.ts'
import { controllersAt } from '../views.ts'
import { type EventScope, eventScope } from './event-scope.ts'
import type { FleetDoor } from './parts.ts'
import { shows } from './serve-route.ts'
import { Tail } from './tail.ts'

/** Readers at once: of one account, and of all. */
const MOST = { each: 8, all: 256 }
/** Entries that are read from the store at a time. */
const PAGE = 200
/** How often a reader hears that the line still stands, and where it is. Proxies end a line that is silent for a minute. */
const HEARTBEAT = 15_000
/** How long a reader may take nothing. */
const PATIENCE = 10_000
/** How long a stream lasts at most: whoever reads on is admitted anew, and misses nothing. */
const LIFE = 10 * 60_000

type Filter = { readonly site?: string; readonly campaign?: string }

/**
 * What happens, as it happens. The audit log is the queue: each reader goes through it at their own speed, and the id of
 * an event is its index there, so that whoever comes back goes on where they were, on any server of the fleet.
 */
export function eventRoutes(server: HttpsServer, { world }: FleetDoor): void {
  const tail = new Tail(world.store)
  const seats = new Seats()
  const stop = new AbortController()
  server.addHook('preClose', async () => stop.abort())

  shows(server, routes.followEvents, async ({ peer, query, request, reply }) => {
    const { size } = await world.store.log()
    const from = firstIndex(request.headers['last-event-id'], size)
    if (isRefusal(from)) return from
    // Taken before anything is waited for: who asks many times at once is counted many times.
    const leave = seats.take(peer.id)
    if (leave === null) {
      return refuse('events-too-many', 'the streams of events', `at most ${MOST.each} for each account`, 'one more')
    }
    let stream: EventStream | null = null
    try {
      const snapshot = from === null ? await snapshotOf(world, query, eventScope(world, peer), size) : null
      if (isRefusal(snapshot)) return snapshot
      stream = new EventStream(reply, PATIENCE)
      stream.onEnd(leave)
      if (snapshot !== null) {
        await stream.send({ event: 'snapshot', data: snapshot, ...(size > 0 ? { id: size - 1 } : {}) })
      }
      const open = stream
      follow(open, from ?? size, query, peer).catch(error => {
        // What lies in an archive that is not there is no fault of the server: who reads begins behind it.
        const refusal = error instanceof RefusalError ? error.refusal : null
        if (refusal === null) request.log.error({ err: error }, 'a stream of events failed')
        open.end({ event: 'cut-off', data: { why: refusal?.code ?? 'the server failed' } })
      })
      return reply
    } finally {
      if (stream === null) leave()
    }
  })

  async function follow(stream: EventStream, from: number, filter: Filter, first: Who): Promise<void> {
    const end = performance.now() + LIFE
    for (let at = from; stream.open; ) {
      if (stop.signal.aborted || performance.now() > end) {
        return stream.end({ event: 'cut-off', data: { why: stop.signal.aborted ? 'the server ends' : 'come again' } })
      }
      // As at each request: who is disabled, or lost a role, hears no more of what happens from then on.
      const who = await admitAgain(world, first)
      const out = isRefusal(who) ? who : mayDoSomewhere(who, 'read-campaigns')
      if (isRefusal(who) || out !== null) return stream.end({ event: 'cut-off', data: { why: out?.code } })
      const scope = eventScope(world, who)
      const rows = await world.store.entries(at, at + PAGE)
      for (const { index, bytes } of rows) {
        const entry = orThrow(parseEntry(bytes, `entry ${index}`))
        if (!concerns(entry, filter) || !(await scope.entry(entry))) continue
        const shown = await readable(world, who, entry)
        if (!(await stream.send({ id: index, event: entry.kind, data: { index, ...shown } }))) return
      }
      at += rows.length
      if (rows.length === PAGE) {
        // Who goes through years of it for the few entries that are theirs lets others have their turn.
        await breathe()
        continue
      }
      const grown = await tail.beyond(at, HEARTBEAT, stop.signal)
      // Nothing for this reader, perhaps for hours: its position moves on all the same.
      if (grown === null && at > 0) await stream.send({ id: at - 1 })
    }
  }
}

/** The places of readers. */
class Seats {
  readonly #taken = new Map<string, number>()
  #all = 0

  /** Takes one; answers how it is given back, or null when there is none. */
  take(account: string): (() => void) | null {
    const mine = this.#taken.get(account) ?? 0
    if (mine >= MOST.each || this.#all >= MOST.all) return null
    this.#taken.set(account, mine + 1)
    this.#all += 1
    return () => {
      const left = (this.#taken.get(account) ?? 1) - 1
      if (left > 0) this.#taken.set(account, left)
      else this.#taken.delete(account)
      this.#all -= 1
    }
  }
}

const concerns = (entry: AuditEntry, { site, campaign }: Filter): boolean =>
  (site === undefined || entry.site === site) && (campaign === undefined || entry.campaign === campaign)

/** From where a reader wants to go on; null: from now on, with a snapshot. Refuses `event-id-unknown`. */
function firstIndex(header: string | string[] | undefined, size: number): number | null | Refusal {
  if (header === undefined || header === '') return null
  const last = /^\d{1,15}$/.test(`${header}`) ? Number(header) : Number.NaN
  if (last < size) return last + 1
  return refuse('event-id-unknown', 'Last-Event-ID', `an index below ${size}`, `${header}`.slice(0, 40))
}

/**
 * How things stand: the log's size, the campaigns, and of one site its controllers. The size is read first: what happens
 * while the rest is read comes again as an event, and says what the snapshot may say already.
 */
async function snapshotOf(
  world: FleetWorld,
  { site, campaign }: Filter,
  scope: EventScope,
  size: number,
): Promise<object | Refusal> {
  const campaigns = []
  for (const row of await world.store.campaigns()) {
    if ((campaign !== undefined && row.id !== campaign) || !(await scope.campaign(row.id))) continue
    const opened = openRow(row)
    if (isRefusal(opened)) return opened
    campaigns.push({ id: row.id, title: opened.plan.title, state: stateName(opened.rollout.state) })
  }
  const controllers =
    site !== undefined && (await scope.site(site)) ? { controllers: await controllersAt(world, site) } : {}
  return { size, campaigns, ...controllers }
}

import { instant } from '../../core/encoding/units.ts'
import { FLEET, type Holder, mayDo } from '../../core/fleet/roles.ts'
import { parseEntry } from '../../core/ledger/entry.ts'
import { pseudonymOf } from '../../core/ledger/pseudonym.ts'
import type { SoughtFilter, SoughtRow } from '../../core/ledger/sought-rows.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { FoundEntries, FoundEntry, KindsView } from '../../wire/audit-views.ts'
import { breathe } from '../process/breathe.ts'
import { summaryOf } from '../process/history-view.ts'
import { readable } from './log-views.ts'

/** What the fleet server finds in its audit log. */

/** What is asked for, as a query says it. `below` and `above`: an entry that the page begins beside, and which way it goes. */
export type Asked = {
  readonly site?: string
  readonly controller?: string
  readonly campaign?: string
  readonly kind?: string
  readonly code?: string
  readonly actor?: string
  readonly since?: string
  readonly until?: string
  readonly below?: string
  readonly above?: string
  readonly limit?: string
}

/** Entries that are looked at between two turns of the others: a few milliseconds. */
const STRETCH = 65_536
/** Entries that one request looks at, at most. */
const AT_MOST = 1_000_000
const PAGE = 100

/** A page of the entries that fit, from the newest down, or up from one of them. Refuses `request-malformed`. */
export async function search(world: FleetWorld, asked: Asked, reader: Holder): Promise<FoundEntries | Refusal> {
  const { below, above } = asked
  if (below !== undefined && above !== undefined) {
    return refuse('request-malformed', 'below and above', 'one of them', 'both')
  }
  const limit = Number(asked.limit ?? PAGE)
  const filter = await filterOf(world, asked, reader)
  const { size } = await world.store.log()
  const rows: SoughtRow[] = []
  let next: number | null
  if (above === undefined) {
    let to = Math.min(size, Number(below ?? size))
    const floor = Math.max(0, to - AT_MOST)
    while (to > floor && rows.length < limit) {
      const from = Math.max(floor, to - STRETCH)
      rows.push(...world.store.sought.find(filter, { from, to }, 'newest', limit - rows.length))
      to = rows.length < limit ? from : (rows.at(-1) as SoughtRow).index
      await breathe()
    }
    next = to > 0 ? to : null
  } else {
    let from = Math.min(size, Number(above) + 1)
    const roof = Math.min(size, from + AT_MOST)
    while (from < roof && rows.length < limit) {
      const to = Math.min(roof, from + STRETCH)
      rows.push(...world.store.sought.find(filter, { from, to }, 'oldest', limit - rows.length))
      from = rows.length < limit ? to : (rows.at(-1) as SoughtRow).index + 1
      await breathe()
    }
    next = from < size ? from - 1 : null
  }
  return { size, entries: await shownRows(world, rows, reader), next }
}

/** How many entries of each kind fit. */
export async function kinds(world: FleetWorld, { since, until }: Pick<Asked, 'since' | 'until'>): Promise<KindsView> {
  const { size } = await world.store.log()
  const counts = new Map<string, number>()
  for (let from = 0; from < size; from += STRETCH) {
    const stretch = { from, to: Math.min(size, from + STRETCH) }
    for (const [kind, count] of world.store.sought.kinds(period(since, until), stretch)) {
      counts.set(kind, (counts.get(kind) ?? 0) + count)
    }
    await breathe()
  }
  return { size, kinds: Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

const period = (since?: string, until?: string): Pick<SoughtFilter, 'since' | 'until'> => ({
  ...(since === undefined ? {} : { since: instant(Number(since)) }),
  ...(until === undefined ? {} : { until: instant(Number(until)) }),
})

async function filterOf(world: FleetWorld, asked: Asked, reader: Holder): Promise<SoughtFilter> {
  const { site, controller, campaign, kind, code, actor, since, until } = asked
  return {
    ...(site === undefined ? {} : { site }),
    ...(controller === undefined ? {} : { controller }),
    ...(campaign === undefined ? {} : { campaign }),
    ...(kind === undefined ? {} : { kind }),
    ...(code === undefined ? {} : { code }),
    ...(actor === undefined ? {} : { actors: await actorsOf(world, actor, reader) }),
    ...period(since, until),
  }
}

/**
 * Who is meant: a device or a pseudonym as the log has it; and the person of that name, for who may see accounts. To whoever may not, a
 * name finds nothing: it would tell whose a pseudonym is.
 */
async function actorsOf(world: FleetWorld, actor: string, reader: Holder): Promise<string[]> {
  if (mayDo(reader, 'read-accounts', FLEET) !== null) return [actor]
  const person = await world.store.people.person(actor)
  return person === null ? [actor] : [actor, pseudonymOf(world.crypto, person.salt, 'person', person.name)]
}

async function shownRows(world: FleetWorld, rows: readonly SoughtRow[], reader: Holder): Promise<FoundEntry[]> {
  const bytes = await world.store.sought.bytesOf(rows.map(({ index }) => index))
  const shown: FoundEntry[] = []
  for (const row of rows) {
    const { index, at, kind, code, site, controller, campaign } = row
    const known = bytes.get(index)
    const read = known === undefined ? null : parseEntry(known, `entry ${index}`)
    const entry = read === null || isRefusal(read) ? null : await readable(world, reader, read)
    const origin = entry?.origin
    shown.push({
      ...{ index, at, kind, code, site, controller, campaign },
      who: entry === null ? null : { kind: entry.actor.kind, id: entry.actor.id },
      from: origin === undefined ? null : { gateway: origin.gateway, sequence: origin.sequence },
      summary: entry === null ? null : summaryOf(entry),
    })
  }
  return shown
}

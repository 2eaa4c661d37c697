import { fromUtf8, utf8 } from '../core/encoding/bytes.ts'
import { type Instant, instant, type Millis, millis } from '../core/encoding/units.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { boxed } from './audit.ts'
import type { SiteWorld } from './ports.ts'

/** After this long without the fleet, it is an event: the site goes on, and somebody should know that it is by itself. */
export const LOST_AFTER: Millis = millis(15 * 60_000)

/** Where it is kept that the log was told of a lost link: whoever starts anew must not tell it again, nor forget that it ended. */
const FILE = { repo: 'link', path: 'lost' } as const

/**
 * When the fleet was heard last, by a counter that no setting of the clock moves, and what the log was told. `answered`: whether that was
 * the fleet, or the start of this process. `fault`: why it was not heard just now.
 */
type Heard = { last: Millis; lostAt: Instant | null; answered: boolean; fault: Refusal | null }
const known = new WeakMap<SiteWorld, Heard>()

/**
 * Tells the gateway's log when the fleet cannot be reached for long, and when it can be again: once each. `fault`: why the fleet
 * was not reached just now; null: it was heard. Durable on return.
 */
export async function watchLink(world: SiteWorld, fault: Refusal | null): Promise<void> {
  const heard = known.get(world) ?? (await begin(world))
  heard.fault = fault
  if (fault === null) {
    heard.last = world.steady()
    heard.answered = true
    if (heard.lostAt === null) return
    const now = world.clock.now()
    const detail = { since: heard.lostAt, lastedMillis: Math.max(0, now - heard.lostAt) }
    // If power fails before this commit, it is told at the next answer of the fleet.
    const entry = boxed(world, { kind: 'link-restored', detail })
    await world.store.commit({ forgotten: [FILE], outbox: [entry] })
    heard.lostAt = null
    return
  }
  if (heard.lostAt !== null || world.steady() - heard.last < LOST_AFTER) return
  const now = world.clock.now()
  const { code, subject, expected, actual } = lost(world, fault)
  const entry = boxed(world, { kind: 'link-lost', code, detail: { subject, expected, actual } })
  // If power fails before this commit, it is told when the fleet has been away for as long again.
  await world.store.commit({ files: [{ ...FILE, bytes: utf8(String(now)) }], outbox: [entry] })
  heard.lostAt = now
}

/**
 * How the link stands, for people who look. `silentMillis`: since the fleet answered, or since this process began where it has not
 * (`answered`). `lostAt`: since when the log has the link as lost, across starts; null: it has not.
 */
export type LinkStanding = {
  readonly answered: boolean
  readonly silentMillis: Millis
  readonly fault: Refusal | null
  readonly lostAt: Instant | null
}

export async function linkOf(world: SiteWorld): Promise<LinkStanding> {
  const { last, lostAt, answered, fault } = known.get(world) ?? (await begin(world))
  return { answered, silentMillis: millis(Math.max(0, world.steady() - last)), fault, lostAt }
}

async function begin(world: SiteWorld): Promise<Heard> {
  const bytes = (await world.store.files(FILE.repo)).get(FILE.path)
  const kept = bytes === undefined ? null : Number(fromUtf8(bytes))
  const lostAt = kept === null || !Number.isSafeInteger(kept) || kept < 0 ? null : instant(kept)
  const heard = { last: world.steady(), lostAt, answered: false, fault: null }
  known.set(world, heard)
  return heard
}

const lost = (world: SiteWorld, { code, actual }: Refusal): Refusal =>
  refuse('fleet-not-heard', `site ${world.site.site}`, 'an answer of the fleet server', `${code}: ${actual}`)

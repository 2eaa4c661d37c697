import {
  type Apart,
  apartDoubt,
  BOTH_COUNT,
  type Doubt,
  heldAgainst,
  type Line,
  lineFrom,
  readClock,
  USUAL_CORRECTION,
} from '../core/campaign/clock-line.ts'
import { canonicalJson, JsonFault } from '../core/encoding/canonical-json.ts'
import { showDuration } from '../core/encoding/quantity.ts'
import { either, exactly, Misfit, object, type Shape, whole } from '../core/encoding/shape.ts'
import { readJson } from '../core/encoding/strict-json.ts'
import { type Instant, instant, type Millis, millis } from '../core/encoding/units.ts'
import { formatUtc } from '../core/encoding/utc-time.ts'
import { isRefusal, type Refusal, refuse } from '../core/refusal/refusal.ts'
import { note } from './audit.ts'
import { noteLook } from './look.ts'
import type { SiteWorld } from './ports.ts'
import { acknowledgedUpTo, holdAgainst } from './upstream.ts'

/**
 * What the gateway's clock shows, and whether it can be believed alone (core/campaign/clock-line.ts). A clock that was wrong
 * before the process started shows against two things only: the latest time that was kept, if it is behind that; and the
 * fleet's time, as soon as the fleet answers. With the link down, nothing at the site knows that a clock is ahead.
 */

/** By how much the clock is off the time before its jump, and off the fleet's; null: it is not. */
type Off = { readonly jump: Millis | null; readonly fleet: Millis | null }
type Known = { line: Line; apart: Apart | null; kept: Off }
const knownOf = new WeakMap<SiteWorld, Known>()

const FILE = { repo: 'clock', path: 'off.json' } as const
const nothing: Shape<null> = (value, at) => (value === null ? null : new Misfit(at, 'null', 'something else'))
const off = either(whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), nothing)
const offShape = object({ v: exactly(1), jump: off, fleet: off })
const BELIEVED: Off = { jump: null, fleet: null }

/** A clock that was set ahead is recorded, once for each jump; one that was set back is recorded by `siteTime`. */
export async function wallTime(world: SiteWorld): Promise<{ clock: Instant; doubts: readonly Doubt[] }> {
  const known = knownOf.get(world) ?? (await begin(world))
  const [clock, steady] = [world.clock.now(), world.steady()]
  const { line, jumped, doubt } = readClock(known.line, clock, steady)
  known.line = line
  const apart = apartDoubt(known.apart, clock, steady)
  if (apart === null) known.apart = null
  await keep(world, known)
  if (jumped > 0) await signal(world, jump(clock, jumped))
  return { clock, doubts: [doubt, apart].filter(one => one !== null) }
}

/**
 * Asks the fleet for news, tells it by which orders the site goes (`director`, as `shownOrders` says), and holds the clock against the time that it gives. A time that is not ours can only keep windows
 * shut: it opens none. Answers the tag of what is new, null when nothing is. Refuses what the link refuses.
 */
export async function askForNews(
  world: SiteWorld,
  tag: string | null,
  { director }: { readonly director?: number } = {},
): Promise<string | null | Refusal> {
  const sent = world.clock.now()
  const acknowledged = await acknowledgedUpTo(world)
  const news = await world.fleet.checkIn(tag, director, acknowledged)
  if (isRefusal(news)) return news
  await holdAgainst(world, news, acknowledged)
  noteLook(world, news)
  const known = knownOf.get(world) ?? (await begin(world))
  const received = world.clock.now()
  const before = known.apart
  known.apart = heldAgainst(news.at, sent, received, world.steady())
  if (known.apart !== null && before === null) await signal(world, differs(news.at, received, known.apart.by))
  await keep(world, known)
  return news.tag
}

async function begin(world: SiteWorld): Promise<Known> {
  const { latest } = await world.store.time()
  const bytes = (await world.store.files(FILE.repo)).get(FILE.path)
  const kept = bytes === undefined ? BELIEVED : readOff(bytes)
  // Somebody else may have begun meanwhile: there is one line.
  const other = knownOf.get(world)
  if (other !== undefined) return other
  const [clock, steady] = [world.clock.now(), world.steady()]
  const line = lineFrom(latest, clock, steady, kept.jump)
  // Until the fleet is heard again: it may have been put right since.
  const apart = kept.fleet === null ? null : { by: kept.fleet, until: millis(steady + BOTH_COUNT) }
  const known = { line, apart, kept }
  knownOf.set(world, known)
  return known
}

/** What cannot be read was changed by somebody else: whoever can do that can do worse. */
function readOff(bytes: Uint8Array): Off {
  const json = readJson(bytes, 1024)
  const read = json instanceof JsonFault ? json : offShape(json, '')
  if (read instanceof JsonFault || read instanceof Misfit) return BELIEVED
  return { jump: read.jump === null ? null : millis(read.jump), fleet: read.fleet === null ? null : millis(read.fleet) }
}

/** A doubt outlives the process: else whoever sets the clock would only have to start it again. */
async function keep(world: SiteWorld, known: Known): Promise<void> {
  const now: Off = { jump: known.line.off?.by ?? null, fleet: known.apart?.by ?? null }
  const { kept } = known
  if (isLike(now.jump, kept.jump) && isLike(now.fleet, kept.fleet)) return
  known.kept = now
  const bytes = canonicalJson({ v: 1, jump: now.jump, fleet: now.fleet })
  // If power fails before this commit, nobody got a turn by the new time yet, and the next start believes what was kept before.
  await world.store.commit({ files: [{ ...FILE, bytes }] })
}

const isLike = (one: Millis | null, other: Millis | null): boolean =>
  one === null || other === null ? one === other : Math.abs(one - other) <= USUAL_CORRECTION

async function signal(world: SiteWorld, { code, subject, expected, actual }: Refusal): Promise<void> {
  await note(world, { kind: 'intrusion-signal', code, detail: { subject, expected, actual } })
}

const CLOCK = 'the clock of this gateway'

const jump = (clock: Instant, jumped: Millis): Refusal =>
  refuse('clock-jumped', CLOCK, formatUtc(instant(clock - jumped)), formatUtc(clock))

const differs = (fleet: Instant, clock: Instant, by: Millis): Refusal =>
  refuse(
    'clock-differs',
    CLOCK,
    `${formatUtc(fleet)}, the fleet server’s`,
    `${formatUtc(clock)}, ${showDuration(by)} off`,
  )

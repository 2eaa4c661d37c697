import { showBytes } from '../../src/core/campaign/link.ts'
import { showDuration } from '../../src/core/encoding/quantity.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { formatUtc } from '../../src/core/encoding/utc-time.ts'
import type { SiteLinkView } from '../../src/wire/site-page-api.ts'
import type { MarkKind } from './mark-kind.ts'

/** How a gateway's link stands, in sentences. */

type Age = (millis: number) => string

/** What is said of the link, with the sign beside it. `since`: when the log was told that it is lost. */
export function linkLines(
  { at, heardAt, startedAt, fault, lostAt }: SiteLinkView,
  now: number,
  age: Age,
): { readonly kind: MarkKind; readonly said: string; readonly since: string | null } {
  const since = lostAt === null ? null : `${formatUtc(instant(lostAt))}, ${age(Math.max(1000, now - lostAt))} ago`
  if (at === 'heard') return { kind: 'good', said: `The fleet answers: heard ${ago(now, heardAt, age)}.`, since }
  if (at === 'asking') return { kind: 'unknown', said: 'The fleet is asked; nothing has come back yet.', since }
  const why = fault === null ? '' : ` (${fault})`
  const last =
    heardAt === null
      ? `it has not answered since this gateway started, ${ago(now, startedAt, age)}`
      : `it answered last ${ago(now, heardAt, age)}`
  return { kind: 'attention', said: `The link is down: ${last}${why}. The site goes on by itself.`, since }
}

const ago = (now: number, at: number | null, age: Age): string => {
  const passed = Math.max(0, now - (at ?? now))
  return passed < 1000 ? 'just now' : `${age(passed)} ago`
}

/** Orders that the gateway has verified and keeps, and for how long they hold without news. */
export function ordersLine({ count, until, payloads, here }: SiteLinkView['orders'], now: number, age: Age): string {
  if (count === 0) return 'none: nothing is to be installed'
  const files = here === payloads ? 'all of their files are here' : `${here} of ${payloads} files are here`
  const ends =
    until === null ? '' : until > now ? `; they hold for another ${age(Math.max(1000, until - now))} without news` : ''
  const over = until !== null && until <= now ? '; they have run out, and wait for the fleet' : ''
  return `${count === 1 ? 'one controller' : `${count} controllers`}, ${files}${ends}${over}`
}

/** A file that comes over the link, or waits to be let over it. */
export function downloadLine({
  what,
  length,
  here,
  controllers,
  because,
  takesMillis,
  doneAt,
}: SiteLinkView['downloads'][number]): string {
  const whose = controllers.length === 1 ? controllers[0] : `${controllers.length} controllers`
  if (because !== null) return `${whose}: ${because}`
  const some = here === 0 ? showBytes(length) : `${showBytes(here)} of ${showBytes(length)} are here`
  const until =
    takesMillis === null || doneAt === null
      ? ''
      : `; done about ${formatUtc(instant(doneAt))}, in ${showDuration(takesMillis)}`
  return `${whose}: ${what === 'patch' ? 'a patch' : 'an image'}, ${some}${until}`
}

/** What the gateway has to tell the fleet still. */
export function ownLogLine({ items, acknowledged, unsentBytes, lostFrom }: SiteLinkView['own']): string {
  if (acknowledged >= items) return `${items} items, all of them at the fleet`
  const waits = `${items - acknowledged} of ${items} items wait to be handed over (${Math.ceil(unsentBytes / 1024)} KiB)`
  return lostFrom === null ? waits : `${waits}; from item ${lostFrom} on some had to be dropped`
}

/** Whether the clock is believed alone. */
export function clockLine(doubts: SiteLinkView['doubts']): string {
  if (doubts.length === 0) return 'believed'
  const [{ by, jumped, until }] = doubts as [SiteLinkView['doubts'][number]]
  const other = by === 'fleet' ? 'the fleet’s' : 'the time before it jumped'
  const off = `${Math.round(Math.abs(jumped) / 1000)} s ${jumped < 0 ? 'behind' : 'ahead of'} ${other}`
  return `${off}; both count until ${formatUtc(instant(until))}`
}

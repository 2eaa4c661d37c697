import type { Json } from '../../encoding/canonical-json.ts'
import { line, list, Misfit, object, type Shape, shown, text, then } from '../../encoding/shape.ts'
import { after, type Instant, instant, millis } from '../../encoding/units.ts'
import { formatUtc, parseUtc } from '../../encoding/utc-time.ts'

/**
 * Which events of a log are asked for. All that is named must hold; what is left out asks for nothing. `from` counts, `to` does not.
 * `release`: the SHA-256 of its envelope, in hex.
 */
export type Query = {
  readonly sites?: readonly string[]
  readonly from?: Instant
  readonly to?: Instant
  readonly changeRequest?: string
  readonly release?: string
}

/** An entry of the log holds the query of a pack: it has to fit. */
const MAX_SITES = 100
const time: Shape<Instant> = then(
  line(20),
  (value, at) => parseUtc(value) ?? new Misfit(at, 'a time as 2026-01-31T00:00:00Z', shown(value)),
)

/** A query as it stands in a pack. */
export const queryShape: Shape<Query> = then(
  object(
    {},
    {
      sites: list(line(128), 1, MAX_SITES),
      from: time,
      to: time,
      changeRequest: line(120),
      release: text('64 hex digits', /^[0-9a-f]{64}$/),
    },
  ),
  (query, at) =>
    query.from !== undefined && query.to !== undefined && query.from >= query.to
      ? new Misfit(at, 'a period that ends after it begins', formatUtc(query.to))
      : query,
)

/** The same as JSON. */
export function queryJson({ sites, from, to, changeRequest, release }: Query): { readonly [name: string]: Json } {
  return {
    ...(sites === undefined ? {} : { sites }),
    ...(from === undefined ? {} : { from: formatUtc(from) }),
    ...(to === undefined ? {} : { to: formatUtc(to) }),
    ...(changeRequest === undefined ? {} : { changeRequest }),
    ...(release === undefined ? {} : { release }),
  }
}

const DAY = millis(86_400_000)
const DATE = /^\d{4}-\d{2}-\d{2}$/

/**
 * A period as people write it: `2026-01-01/2026-03-31`, both days included, in UTC; or with times (`2026-01-01T06:00:00Z`), of which the
 * second is not included. Either side may be left out. Null for whatever is not one.
 */
export function parsePeriod(written: string): Pick<Query, 'from' | 'to'> | null {
  const [first = '', last, ...more] = written.split('/')
  if (last === undefined || more.length > 0 || written === '/') return null
  const from = first === '' ? undefined : momentOf(first, false)
  const to = last === '' ? undefined : momentOf(last, true)
  if (from === null || to === null) return null
  if (from !== undefined && to !== undefined && from >= to) return null
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
}

/** The beginning of a day or the moment that is written; of a day that ends a period, the beginning of the next. */
function momentOf(written: string, ends: boolean): Instant | null {
  if (!DATE.test(written)) return parseUtc(written)
  const day = parseUtc(`${written}T00:00:00Z`)
  return day === null || !ends ? day : after(day, DAY)
}

/** What was asked, as lines for people. */
export function queryLines({
  sites,
  from,
  to,
  changeRequest,
  release,
}: Query): (readonly [name: string, value: string])[] {
  return [
    ['sites', sites === undefined ? 'all' : sites.join(', ')],
    ['from', from === undefined ? 'the beginning of the log' : formatUtc(from)],
    // The last second that counts, as people read a period.
    ['up to', to === undefined ? 'the end of the log' : formatUtc(instant(to - 1))],
    ['change request', changeRequest ?? 'any'],
    ['release', release ?? 'any'],
  ]
}

import { type Instant, instant, type WattHours, type Watts } from '../../src/core/encoding/units.ts'
import type { Span } from './quantities.ts'

/** Power that the operator has sold: `power` into the grid, all the time; less than it costs `penalty` per MWh. */
export type Commitment = Span & { readonly id: string; readonly power: Watts; readonly penalty: number }
/** A car at a charging point: it leaves at `to`, and wants this much before. */
export type Session = Span & { readonly charger: string; readonly wants: WattHours }
/** An alarm that stands. `unit` null: it is the site's. */
export type Alarm = Span & { readonly unit: string | null; readonly name: string }

/** All that comes to a plant from outside, known in advance to the simulator and to nobody else. */
export type Happenings = {
  /** What wind and sun give in a quarter of an hour, the `slot`th since 1970. */
  readonly generation: (slot: number) => Watts
  readonly commitments: readonly Commitment[]
  readonly sessions: readonly Session[]
  /** The grid is away. */
  readonly outages: readonly Span[]
  /** The grid's operator calls for support. */
  readonly gridEvents: readonly Span[]
  readonly alarms: readonly Alarm[]
  /** The link to the fleet is down. */
  readonly linkLosses: readonly Span[]
  /** The air around the cabinets, in degrees Celsius. */
  readonly ambient: (at: Instant) => number
}

/** Generation, prices and programmes change on the quarter of an hour. */
export const SLOT = 15 * 60_000

/** Nothing happens: no wind, no commitment, a mild day. */
export const QUIET: Happenings = {
  generation: () => 0 as Watts,
  commitments: [],
  sessions: [],
  outages: [],
  gridEvents: [],
  alarms: [],
  linkLosses: [],
  ambient: () => 20,
}

/** Spans of which time goes on to the next ones: what runs at an instant, asked for in order of time. */
export class Running<T extends Span> {
  readonly #coming: readonly T[]
  #next = 0
  #now: readonly T[] = []

  constructor(spans: readonly T[]) {
    this.#coming = [...spans].sort((a, b) => a.from - b.from)
  }

  /** The next one that has not begun at the instant that was asked for last. */
  next(): T | null {
    return this.#coming[this.#next] ?? null
  }

  at(now: number): readonly T[] {
    if (this.#now.some(span => span.to <= now)) this.#now = this.#now.filter(span => span.to > now)
    for (let next = this.#coming[this.#next]; next !== undefined && next.from <= now; ) {
      if (next.to > now) this.#now = [...this.#now, next]
      this.#next += 1
      next = this.#coming[this.#next]
    }
    return this.#now
  }
}

/** Every instant after `from` at which something begins or ends, quarters of an hour apart, in order. */
export function edgesOf(happenings: Happenings, from: Instant): readonly Instant[] {
  const { commitments, sessions, outages, gridEvents, alarms, linkLosses } = happenings
  const edges = new Set<number>()
  for (const spans of [commitments, sessions, outages, gridEvents, alarms, linkLosses]) {
    for (const span of spans) edges.add(span.from).add(span.to)
  }
  return [...edges]
    .filter(at => at > from)
    .sort((a, b) => a - b)
    .map(instant)
}

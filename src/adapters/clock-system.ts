import { type Instant, instant, type Millis, millis } from '../core/encoding/units.ts'
import type { Clock } from '../flows/ports.ts'

/** The machine's own clock. Whether it can be believed is for the caller to judge. */
export const systemClock: Clock = { now: (): Instant => instant(Date.now()), quality: 'free' }

/** The counter beside a clock that nobody can set: its own, or the process's. */
export const steadyOf = ({ steady }: Pick<Clock, 'steady'>): (() => Millis) =>
  steady ?? (() => millis(performance.now()))

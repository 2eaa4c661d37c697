import { type Instant, instant } from '../core/encoding/units.ts'
import type { Clock } from '../flows/ports.ts'

/** The machine's own clock. Whether it can be believed is for the caller to judge. */
export const systemClock: Clock = { now: (): Instant => instant(Date.now()), quality: 'free' }

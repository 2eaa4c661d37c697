import { type Instant, instant, type Watts, watts } from '../../../src/core/encoding/units.ts'
import { type Happenings, QUIET } from '../../plant/happenings.ts'

/** What the plant of a demo has to live through, from an instant on. */
export type DemoLife = { readonly criticalLoad: Watts; readonly held: number; readonly happenings: Happenings }

const MINUTE = 60_000
const later = (from: Instant, minutes: number): Instant => instant(from + minutes * MINUTE)

/** The lives of the demos, by the site's name. Times are counted from the demo's first instant. */
export const LIVES: Readonly<Record<string, (from: Instant) => DemoLife>> = {
  /** The evening's commitment has twenty minutes to go; in two hours the night's begins. A light wind. */
  'wind-storage': from => ({
    criticalLoad: watts(0),
    held: 0.72,
    happenings: {
      ...QUIET,
      generation: slot => watts(300_000 + 40_000 * (slot % 4)),
      commitments: [
        { id: 'evening', from: later(from, -100), to: later(from, 20), power: watts(1_800_000), penalty: 300 },
        { id: 'night', from: later(from, 120), to: later(from, 240), power: watts(1_800_000), penalty: 300 },
      ],
      ambient: () => 6,
    },
  }),
  /** The grid is there all night, but for a dip of two minutes right after the window has opened. */
  'datacenter-ups': from => ({
    criticalLoad: watts(420_000),
    held: 0.8,
    happenings: { ...QUIET, outages: [{ from: later(from, 14), to: later(from, 16) }], ambient: () => 22 },
  }),
}

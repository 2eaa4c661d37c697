import { EVERYTHING } from './asked.ts'
import { ELEMENT, FLASH, type Mode, once } from './mode.ts'

/** A clock that is wrong. Nothing that a device decides may depend on it, but for how long a trial was watched. */

const everything = () => EVERYTHING
const ALL = [...FLASH, ...ELEMENT, 'tick'] as const
const YEAR = 365 * 86_400_000
/** What no clock should say: the beginning of time, before it, between two milliseconds, more than a number counts. */
const ODD = [0, -YEAR, Date.UTC(2026, 0, 1) + 0.5, 2 ** 55] as const

export const MODES_OF_TIME: readonly Mode[] = [
  {
    name: 'clock-ahead',
    on: ALL,
    class: 'cut',
    variants: once,
    pairs: false,
    asks: everything,
    effect: () => ({ jump: YEAR }),
  },
  {
    name: 'clock-back',
    on: ALL,
    class: 'cut',
    variants: once,
    pairs: false,
    asks: everything,
    effect: () => ({ jump: -YEAR }),
  },
  {
    name: 'clock-odd',
    on: ALL,
    class: 'cut',
    variants: () => ODD.length,
    pairs: false,
    asks: everything,
    effect: (_, variant) => ({ clock: ODD[variant] as number }),
  },
]

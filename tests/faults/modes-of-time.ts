import { EVERYTHING } from './asked.ts'
import { ELEMENT, FLASH, type Mode, once } from './mode.ts'

/** A clock that is wrong. Nothing that a device decides may depend on it, but for how long a trial was watched. */

const everything = () => EVERYTHING
const ALL = [...FLASH, ...ELEMENT, 'tick'] as const
const YEAR = 365 * 86_400_000

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
]

/**
 * A live value of a plant. `unit` is what a number is counted in ('' for a count); null: it is true or false.
 * - `scope`: whose value it is. A value of the site holds for all its controllers, a feeder's for those on it, and a
 *   controller's is about the plant behind that one board.
 * - `says`: the words for it in a sentence; for one that is true or false, what is so when it is true, and when not.
 */
export type PointEntry = {
  readonly scope: 'site' | 'feeder' | 'controller'
  readonly says: string
} & (
  | { readonly unit: string; readonly min: number; readonly max: number }
  | { readonly unit: null; readonly not: string }
)

const PERCENT = { unit: '%', min: 0, max: 100 } as const
const POWER = { unit: 'W', min: -1e12, max: 1e12 } as const
const COUNT = { unit: '', min: 0, max: 1_000_000 } as const

/**
 * Every live value that a rule may ask for. The list is closed: a rule about a point that nobody can read would hold a
 * site up for ever, or be passed over. `min` and `max` bound what a reading can be: one beyond them is a fault of its
 * meter, and counts as no reading.
 */
export const points = {
  'state-of-charge': { scope: 'site', ...PERCENT, says: "the site's state of charge" },
  'rack-state-of-charge': { scope: 'controller', ...PERCENT, says: 'state of charge' },
  /** At the grid connection; positive: out of the site. */
  'power-flow': { scope: 'site', ...POWER, says: 'power flow at the grid connection' },
  'feeder-power': { scope: 'feeder', ...POWER, says: 'power on the feeder' },
  /** What flows through the plant behind a board; positive: out of it. */
  power: { scope: 'controller', ...POWER, says: 'power' },
  dispatch: {
    scope: 'site',
    unit: null,
    says: 'a dispatch commitment is in force',
    not: 'no dispatch commitment is in force',
  },
  /** Seconds until the next commitment begins; 0 while one is in force. */
  'dispatch-in': { scope: 'site', unit: 's', min: 0, max: 1e9, says: 'time to the next dispatch commitment' },
  islanded: { scope: 'site', unit: null, says: 'the site is islanded', not: 'the site is on the grid' },
  'grid-event': { scope: 'site', unit: null, says: 'a grid event is in force', not: 'no grid event is in force' },
  'on-backup': { scope: 'site', unit: null, says: 'the load is on backup', not: 'the load is on its normal supply' },
  'active-alarms': { scope: 'site', ...COUNT, says: 'active alarms of the site' },
  'controller-alarms': { scope: 'controller', ...COUNT, says: 'active alarms' },
  'contactors-closed': {
    scope: 'controller',
    unit: null,
    says: 'its contactors are closed',
    not: 'its contactors are open',
  },
  'charging-session': {
    scope: 'controller',
    unit: null,
    says: 'a charging session is in progress',
    not: 'no charging session is in progress',
  },
  'in-service': { scope: 'controller', unit: null, says: 'it is in service', not: 'it is out of service' },
  temperature: { scope: 'controller', unit: '°C', min: -100, max: 1000, says: 'temperature' },
  'ambient-temperature': { scope: 'site', unit: '°C', min: -100, max: 100, says: 'ambient temperature' },
  'link-quality': { scope: 'controller', ...PERCENT, says: 'link quality' },
} as const satisfies Readonly<Record<string, PointEntry>>

export type Point = keyof typeof points

export const isPoint = (word: string): word is Point => Object.hasOwn(points, word)

export const pointOf = (point: Point): PointEntry => points[point]

import { DEFAULT_BUDGET } from '../../src/core/slot/boot-decision.ts'
import type { Configuration } from './device.ts'

/** Seen in `npm test`: every state without harm, and every state with one harm on the smallest budget. */
export const SMALL: readonly Configuration[] = [
  { tries: 3, losses: 3, rots: 0, records: 2 },
  { tries: 1, losses: 1, rots: 1, records: 1 },
]

/** Seen in `npm run test:model`: the budgets that devices ship with, more records, and two harms in one life. */
export const BIG: readonly Configuration[] = [
  { ...DEFAULT_BUDGET, rots: 0, records: 3 },
  { tries: 2, losses: 2, rots: 1, records: 3 },
  { tries: 1, losses: 1, rots: 2, records: 2 },
]

/** Seen in `npm run test:model -- --all` too. */
export const SHIPPED: Configuration = { ...DEFAULT_BUDGET, rots: 1, records: 1 }

export const nameOf = ({ tries, losses, rots, records }: Configuration): string =>
  `tries ${tries}, power losses ${losses}, harms ${rots}, records ${records}`

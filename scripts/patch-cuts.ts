import { cutEverywhere } from '../tests/sim/patch-cuts.ts'

/**
 * `npm run test:patch-cuts`: the power fails at every write of an update by a patch, in each way that a write can be left, and again at
 * every write of what follows, with the journal kept, lost and torn in between. `npm test` does a part of it. Ends with 0 when every update
 * came to its end.
 */
const started = process.hrtime.bigint()
const { runs, resumed } = cutEverywhere(() => true)
const seconds = Number(process.hrtime.bigint() - started) / 1e9
const count = (number: number): string => number.toLocaleString('en-US')
process.stdout.write(
  `${count(runs)} updates came to their end, ${count(resumed)} of them from the middle of the patch (${seconds.toFixed(0)} s)\n`,
)

import { DIFFERENCES } from '../tests/core/trust/differential/differences.ts'
import { compare, plant, shown } from '../tests/core/trust/differential/judge.ts'

/**
 * `npm run test:differential -- RUNS SEED`: draws repositories, shows them to our verifier and to tuf-js, and prints how
 * many there were of each answer. Ends with 1 at the first one about which they differ in a way that is not listed.
 */

const [runs = 2000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number)
const began = performance.now()
process.stdout.write(`${runs} repositories, seed ${seed}\n`)
// In parts: something is to be seen meanwhile.
const PART = 500
for (let done = 0; done < runs; done += PART) {
  const tally = await compare(Math.min(PART, runs - done), seed + done)
  process.stdout.write(`${done + tally.repositories}: ${shown(tally)}\n`)
}
for (const difference of DIFFERENCES) {
  await plant(difference, 20, seed)
  process.stdout.write(`differs as listed, 20 times: ${difference.name}\n`)
}
process.stdout.write(`${((performance.now() - began) / 1000).toFixed(0)} s\n`)

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DIFFERENCES } from './differences.ts'
import { compare, plant, shown } from './judge.ts'
import { ATTACKS } from './steps.ts'

/** How many repositories are drawn; `npm run test:differential -- RUNS SEED` draws more. */
const RUNS = Number(process.env.DIFFERENTIAL_RUNS ?? 50)
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 20_261_121)

// Not in a suite: what it counted is printed then.
test('our verifier and tuf-js answer alike about drawn repositories, attacked on the way', async run => {
  const tally = await compare(RUNS, SEED)
  run.diagnostic(shown(tally))
  assert.equal(tally.repositories, RUNS)
  assert.deepEqual([...tally.answers.keys()].sort(), ['found', 'none', 'refused', 'repository refused'])
  assert.deepEqual([...tally.attacks.keys()].sort(), Object.keys(ATTACKS).sort(), 'every attack was met')
})

describe('our verifier and tuf-js', () => {
  for (const difference of DIFFERENCES) {
    const { name, ours, theirs } = difference
    test(`differ as listed: ${name} (${ours}; tuf-js ${theirs})`, () => plant(difference, 3, SEED))
  }
})

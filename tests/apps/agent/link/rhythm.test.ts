import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../../../sim/clock/random.ts'
import { Rhythm } from '../../../../src/apps/agent/link/rhythm.ts'
import { isRefusal } from '../../../../src/core/refusal/refusal.ts'
import { AgentConfig, FIRST_AGENT_CONFIG, reportEvery } from '../../../../src/wire/agent-config.ts'
import { parseConfig } from '../../../../src/wire/config.ts'

const QUARTER = 900_000

describe('the rhythm of regular reports', () => {
  it('comes once in each interval, a tenth earlier or later, and makes up for nothing that was missed', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.integer({ min: 0, max: 10 * QUARTER }), { maxLength: 60 }),
        (seed, steps) => {
          let now = 0
          const rhythm = new Rhythm(QUARTER, () => now, seeded(seed))
          let last: number | null = null
          for (const step of steps) {
            now += step
            if (!rhythm.isDue()) {
              assert.ok(now - (last ?? 0) < QUARTER * 1.1)
              continue
            }
            assert.ok(last === null || now - last >= QUARTER * 0.9)
            assert.equal(rhythm.isDue(), false)
            last = now
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('a site that gets its power back at one moment does not report at one moment', () => {
    const first = (seed: number): number => {
      let now = 0
      const rhythm = new Rhythm(QUARTER, () => now, seeded(seed))
      while (!rhythm.isDue()) now += 1_000
      return Math.floor(now / (QUARTER / 10))
    }
    const tenths = new Map<number, number>()
    for (let seed = 0; seed < 200; seed += 1) tenths.set(first(seed), (tenths.get(first(seed)) ?? 0) + 1)
    assert.ok(Math.max(...tenths.values()) < 60, JSON.stringify([...tenths]))
  })

  it('is that of the configuration, from a minute to a day; a quarter of an hour unless told', () => {
    assert.equal(reportEvery(FIRST_AGENT_CONFIG), QUARTER)
    const read = (reportMillis: number) =>
      parseConfig<AgentConfig>(AgentConfig, { ...FIRST_AGENT_CONFIG, reportMillis }, 'agent.yaml')
    for (const bad of [0, 59_999, 86_400_001, 900_000.5]) assert.ok(isRefusal(read(bad)), String(bad))
    for (const good of [60_000, 86_400_000]) assert.ok(!isRefusal(read(good)), String(good))
  })
})

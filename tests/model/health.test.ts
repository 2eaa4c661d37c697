import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../src/core/encoding/units.ts'
import { decideHealth, type HealthState, openHealth, type Readings } from '../../src/core/slot/health-machine.ts'

const STEP = 1
const WINDOW = 8 * STEP
const SPEC = { windowMillis: WINDOW, probes: ['ems-link'] }
const OPENED = 1_000

/** What the clock may do between two observations, and what the probe may say. */
const MOVES = {
  'set back': -500,
  still: 0,
  'goes on': STEP,
  'jumps to the end': WINDOW,
  'jumps a year': 31_536_000_000,
}
const READINGS: readonly Readings[] = [{ 'ems-link': 'pass' }, { 'ems-link': 'fail' }, {}]

/** A window, and how often it was observed with the clock moving; four is as good as more. */
type Seen = { readonly state: HealthState; readonly moved: number; readonly path: readonly string[] }
const NEVER = { passedAt: -1, failedAt: -1 }

/** Time counts in steps only: a window that was watched from another moment on is the same window. */
function normal(state: HealthState): HealthState {
  return state.at === 'watching' ? { ...state, last: instant(OPENED) } : state
}

describe('every health window that there can be', () => {
  it('is healthy only when it was watched, passed to its end, and did not fail once settled', t => {
    const first: Seen = { state: openHealth(SPEC, instant(OPENED)), moved: 0, path: [] }
    const seen = new Map([[JSON.stringify([first.state, 0]), first]])
    const verdicts = { healthy: 0, unhealthy: 0 }
    for (const { state, moved, path } of seen.values()) {
      if (state.at !== 'watching') continue
      for (const [name, millis] of Object.entries(MOVES)) {
        for (const readings of READINGS) {
          const now = instant(OPENED + millis)
          const next = normal(decideHealth(state, { kind: 'readings', now, readings }))
          const moves = Math.min(4, moved + (millis > 0 ? 1 : 0))
          const trace = [...path, `${name}, ${readings['ems-link'] ?? 'silent'}`]
          if (next.at !== 'watching') verdicts[next.at] += 1
          const before: typeof NEVER = state.probes['ems-link'] ?? NEVER
          const elapsed: number = state.elapsed + Math.min(Math.max(millis, 0), WINDOW / 4)
          const passedAt: number = readings['ems-link'] === 'pass' ? elapsed : before.passedAt
          if (next.at === 'healthy') {
            assert.ok(moves >= 4, `confirmed after ${moves} looks: ${trace.join('; ')}`)
            assert.ok(passedAt >= (WINDOW * 3) / 4, `confirmed on an old pass: ${trace.join('; ')}`)
            assert.ok(before.failedAt <= WINDOW / 4, `confirmed over a failure: ${trace.join('; ')}`)
          }
          if (millis <= 0) assert.notEqual(next.at, 'healthy', `confirmed by a clock that stood: ${trace.join('; ')}`)
          const key = JSON.stringify([next, moves])
          if (!seen.has(key)) seen.set(key, { state: next, moved: moves, path: trace })
        }
      }
    }
    assert.ok(verdicts.healthy > 0 && verdicts.unhealthy > 0)
    t.diagnostic(`${seen.size} windows; ${verdicts.healthy} ways to health, ${verdicts.unhealthy} to a revert`)
  })
})

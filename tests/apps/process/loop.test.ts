import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { every, type Pause, startLoop } from '../../../src/apps/process/loop.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'
import { ownTimers } from '../../worlds/own-timers.ts'

const quiet = pino({ level: 'silent' })
const HOUR = 3_600_000

/** Lets every promise that is ready go on. */
const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('a loop', () => {
  const rows: [name: string, work: () => Promise<null | ReturnType<typeof refuse>>][] = [
    ['that pauses', async () => null],
    ['that waits to try a refused round again', async () => refuse('not-reachable', 'the fleet', 'an answer', 'none')],
    ['that waits after a fault', () => Promise.reject(new Error('dead disk'))],
  ]
  for (const [name, work] of rows) {
    test(`${name} ends at once when it is stopped, and leaves no timer`, async t => {
      const timers = ownTimers(t)
      const loop = startLoop('test', every(HOUR), HOUR, work, quiet)
      await settled()
      assert.equal(timers(), 1, 'it did not wait')
      await loop.stop()
      assert.equal(timers(), 0)
    })
  }

  test('goes on after each pause, and not after it was stopped', async () => {
    let rounds = 0
    let go = Promise.withResolvers<void>()
    const pause: Pause = () => {
      go = Promise.withResolvers<void>()
      return go.promise
    }
    const work = async (): Promise<null> => {
      rounds += 1
      return null
    }
    const loop = startLoop('test', pause, HOUR, work, quiet)
    await settled()
    assert.equal(rounds, 1)
    go.resolve()
    await settled()
    assert.equal(rounds, 2)
    const ended = loop.stop()
    go.resolve()
    await ended
    assert.equal(rounds, 2)
  })

  test('that is stopped in a round lets it end, and does not pause', async t => {
    const round = Promise.withResolvers<null>()
    const timers = ownTimers(t)
    const loop = startLoop('test', every(HOUR), HOUR, () => round.promise, quiet)
    const ended = loop.stop()
    await settled()
    assert.match(inspect(ended), /pending/, 'it did not wait for its round')
    round.resolve(null)
    await ended
    assert.equal(timers(), 0)
  })
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { VirtualClock } from '../../../sim/clock/virtual-clock.ts'
import { serveFleet } from '../../../src/apps/fleet/serve.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

describe('a fleet server does not start', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
  })
  after(() => fleet.close())

  /** Starts as `fleet serve` does; what it refuses, it refuses before it listens. */
  async function started(clock = fleet.clock): Promise<string | undefined> {
    fleet.shut()
    const refusal = await serveFleet(join(fleet.folder, 'fleet'), clock)
    fleet.open()
    return refusal?.code
  }

  test('with a clock that stands before its log', async () => {
    assert.equal(await started(new VirtualClock(fleet.clock.now() - 3_600_000)), 'log-clock-behind')
  })

  test('attack: with a log that somebody took an entry out of', async () => {
    fleet.beside('UPDATE entry SET ix = ix + 1 WHERE ix = (SELECT max(ix) FROM entry)')
    assert.equal(await started(), 'log-index-gap')
  })
})

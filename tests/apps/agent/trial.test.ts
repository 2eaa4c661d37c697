import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Application } from '../../../src/apps/agent/application.ts'
import type { Device } from '../../../src/apps/agent/device.ts'
import type { AgentEvent } from '../../../src/apps/agent/events.ts'
import { watchTrial } from '../../../src/apps/agent/trial.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { Board } from '../../../src/flows/boot.ts'
import { bench, stage, V2 } from '../../sim/bench-board.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-trial-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** What the agent watches a trial with, over a simulated board; a window is over within some rounds. */
function trialOf(well: (round: number) => boolean): {
  readonly watch: () => ReturnType<typeof watchTrial>
  readonly board: Board
  readonly events: AgentEvent[]
  wear(): void
} {
  const { controller, clock } = bench()
  stage(controller, V2)
  orThrow(controller.activate())
  const running = controller.running()
  assert.ok(running?.trial === true)
  const { board } = controller
  const events: AgentEvent[] = []
  const health = { ...running.facts.health, windowMillis: 160 }
  const device = {
    running: { ...running, facts: { ...running.facts, health } },
    board,
    clock: {
      // Each look at the clock is a round later.
      now: () => {
        clock.advance(10)
        return clock.now()
      },
      quality: 'simulated',
    },
    memory: null,
    mark: {},
    confirmed: () => {},
  } as unknown as Device
  let asked = 0
  const application = {
    ends: 0,
    get beat() {
      asked += 1
      return well(Math.ceil(asked / health.probes.length)) ? performance.now() : null
    },
  } as unknown as Application
  const heartbeat = { kind: 'heartbeat', withinMillis: 600_000 } as const
  const probes = Object.fromEntries(health.probes.map(name => [name, heartbeat]))
  return {
    watch: () =>
      watchTrial({
        folder,
        device,
        application,
        probes,
        note: event => events.push(event),
        stop: new AbortController().signal,
      }),
    board,
    events,
    wear: () => {
      controller.flash.wearOut('record0')
      controller.flash.wearOut('record1')
    },
  }
}

describe('a trial whose verdict cannot be written down', () => {
  it('ends in a restart when it failed, and is not watched on until it passes', async () => {
    // It fails in one round behind the first quarter, and is well ever after.
    const trial = trialOf(round => round !== 8)
    trial.wear()
    assert.equal(await trial.watch(), 'restart')
    assert.deepEqual(
      trial.events.map(event => (event.event === 'waiting' ? event.code : event.event)),
      ['boot-record-not-written'],
    )
    assert.equal(trial.board.element.counter(), 1)
  })

  it('ends in a restart when it passed', async () => {
    const trial = trialOf(() => true)
    trial.wear()
    assert.equal(await trial.watch(), 'restart')
    assert.equal(trial.board.element.counter(), 1)
  })

  it('is confirmed when it can', async () => {
    const trial = trialOf(() => true)
    assert.equal(await trial.watch(), 'confirmed')
    assert.equal(trial.board.element.counter(), 2)
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Application } from '../../../src/apps/agent/application.ts'
import type { Device } from '../../../src/apps/agent/device.ts'
import type { AgentEvent } from '../../../src/apps/agent/events.ts'
import { watchTrial } from '../../../src/apps/agent/trial.ts'
import type { HealthSpec } from '../../../src/core/firmware/release-facts.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import type { Board } from '../../../src/flows/boot.ts'
import { FIRST_AGENT_CONFIG } from '../../../src/wire/agent-config.ts'
import { bench, stage, V2 } from '../../sim/bench-board.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-trial-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Four windows: a trial that goes on for so long does not end by itself. */
const FAR_TOO_MANY = 64

/** What the agent watches a trial with, over a simulated board; a window is over within some rounds. */
function trialOf(
  well: (round: number) => boolean,
  asked: Partial<HealthSpec> = {},
  least = { leastWindowMillis: 1, probes: [] as string[] },
): {
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
  const [events, stop] = [[] as AgentEvent[], new AbortController()]
  const health = { ...running.facts.health, windowMillis: 160, ...asked }
  const names = [...health.probes, ...least.probes]
  let rounds = 0
  const device = {
    running: { ...running, facts: { ...running.facts, health } },
    board,
    clock: {
      // Each look at the clock is a round later.
      now: () => {
        rounds += 1
        if (rounds > FAR_TOO_MANY) stop.abort()
        clock.advance(10)
        return clock.now()
      },
      quality: 'simulated',
    },
    memory: null,
    mark: {},
    confirmed: () => {},
  } as unknown as Device
  let looks = 0
  const application = {
    ends: 0,
    get beat() {
      looks += 1
      return well(Math.ceil(looks / names.length)) ? performance.now() : null
    },
  } as unknown as Application
  const heartbeat = { kind: 'heartbeat', withinMillis: 600_000 } as const
  const probes = Object.fromEntries(names.map(name => [name, heartbeat]))
  const config = { ...FIRST_AGENT_CONFIG, probes, trial: least }
  return {
    watch: () =>
      watchTrial({
        folder,
        device,
        application,
        config,
        note: event => events.push(event),
        stop: stop.signal,
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

  it('is confirmed when it can be', async () => {
    const trial = trialOf(() => true)
    assert.equal(await trial.watch(), 'confirmed')
    assert.equal(trial.board.element.counter(), 2)
  })
})

describe('a release that asks for next to nothing', () => {
  const nothing = { windowMillis: 1, probes: [] }
  const least = { leastWindowMillis: 160, probes: ['alive'] }

  it('is watched as long as the device says, and by its probes', async () => {
    let rounds = 0
    const trial = trialOf(
      round => {
        rounds = round
        return true
      },
      nothing,
      least,
    )
    assert.equal(await trial.watch(), 'confirmed')
    assert.equal(rounds, 16)
  })

  it('is given up when a probe of the device fails', async () => {
    const trial = trialOf(round => round !== 8, nothing, least)
    assert.equal(await trial.watch(), 'restart')
    assert.deepEqual(
      trial.events.map(event => (event.event === 'reverted' ? event.cause : event.event)),
      ['probe-failed alive'],
    )
  })
})

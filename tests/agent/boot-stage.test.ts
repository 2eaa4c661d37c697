import assert from 'node:assert/strict'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { DeviceWatchdog } from '../../src/adapters/watchdog-device.ts'
import { type BootStageParts, runBootStage } from '../../src/apps/agent/boot-stage.ts'
import type { AgentEvent } from '../../src/apps/agent/events.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { AgentBench } from './bench.ts'

const benches: AgentBench[] = []
after(async () => {
  for (const bench of benches) await bench.close()
})

/** A boot stage in this process, with what it says, and a file that takes what the machine's watchdog is told. */
async function stageOn(config: Parameters<AgentBench['configure']>[0] = {}) {
  const bench = await AgentBench.make({ config })
  benches.push(bench)
  const [stop, events, fed] = [new AbortController(), [] as AgentEvent[], bench.at('watchdog')]
  const parts: BootStageParts = {
    clock: systemClock,
    note: event => void events.push(event),
    stop: stop.signal,
    random: () => 0,
    lookAgainMillis: 10,
    openWatchdog: () => DeviceWatchdog.on(openSync(fed, 'w')),
  }
  const run = (): ReturnType<typeof runBootStage> => runBootStage(bench.folder, parts)
  return { bench, stop, events, run, fed: () => readFileSync(fed, 'latin1') }
}

/** Changes one byte in the file of an area. */
function spoil(bench: AgentBench, area: string): () => void {
  const path = join(agentFiles(bench.folder).flash, `${area}.bin`)
  const bytes = readFileSync(path)
  const spoilt = Buffer.from(bytes)
  spoilt[0] = 0
  writeFileSync(path, spoilt)
  return () => writeFileSync(path, bytes)
}

describe('the watchdog of the machine', () => {
  const watchdogDevice = '/dev/watchdog'

  it('is disarmed by an orderly stop', async () => {
    const { run, stop, fed } = await stageOn({ watchdogDevice })
    stop.abort()
    assert.equal(await run(), null)
    assert.match(fed(), /^\0+V$/)
  })

  it('stays armed when the boot stage ends of a fault', async () => {
    const { run, fed, bench } = await stageOn({ watchdogDevice })
    writeFileSync(agentFiles(bench.folder).element, '{}')
    const refused = await run()
    assert.equal(isRefusal(refused) && refused.code, 'element-unreadable')
    assert.match(fed(), /^\0+$/)
  })
})

describe('a controller with nothing to run', () => {
  it('does not write over its history while it waits, and boots as soon as something verifies', async () => {
    const { run, stop, events, bench } = await stageOn()
    spoil(bench, 'a')
    const mend = spoil(bench, 'golden')
    const ended = run()
    await bench.until('it halts', () => events.some(({ event }) => event === 'halted'))
    // Time for tens of looks.
    await new Promise(resolve => setTimeout(resolve, 500))
    mend()
    await bench.until('golden runs', () => events.some(event => event.event === 'boot' && event.slot === 'golden'))
    stop.abort()
    assert.equal(await ended, null)
    assert.deepEqual(
      bench.history().map(({ event }) => event),
      ['manufactured', 'halt', 'golden'],
    )
  })
})

describe('a runtime folder that cannot be made', () => {
  it('is refused, and is not looked for for ever', async () => {
    // Node.js never comes back from making this one with the folders above it.
    const { run } = await stageOn({ runtime: '/proc/voltseal' })
    const refused = await run()
    assert.equal(isRefusal(refused) && refused.code, 'runtime-unusable')
  })
})

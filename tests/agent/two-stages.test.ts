import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { AgentEvent } from '../../src/apps/agent/events.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { AgentBench, BEHAVIOUR, script } from './bench.ts'

const benches: AgentBench[] = []
const make: typeof AgentBench.make = async options => {
  const bench = await AgentBench.make(options)
  benches.push(bench)
  return bench
}
after(async () => {
  for (const bench of benches) await bench.close()
})

const bootsOf = (events: readonly AgentEvent[]): string[] =>
  events.flatMap(event => (event.event === 'boot' ? [`${event.cause} ${event.slot}`] : []))

describe('the boot stage', { concurrency: 3 }, () => {
  it('kills a second stage that hangs, and counts it as a reset by the watchdog', async () => {
    const bench = await make({ config: { watchdogMillis: 3_000 } })
    const { agent } = bench
    const serving = agent.next('application-started')
    agent.start()
    await serving
    const [ended, boot, again] = [
      agent.next('second-stage-ended'),
      agent.next('boot'),
      agent.next('application-started'),
    ]
    process.kill(bench.secondStage as number, 'SIGSTOP')
    assert.equal((await ended).how, 'killed: no sign of life')
    assert.equal((await boot).cause, 'watchdog')
    const { pid } = await again
    await bench.until('one application', () => String(bench.applications) === String(pid))
  })

  it('leaves nothing of an earlier life beside what it starts, and says what each reset came from', async () => {
    // One that writes nothing: it does not notice that nobody reads it any more.
    const bench = await make({ factory: { image: script('1.0.0', 'while :; do sleep 0.05; done') } })
    const { agent } = bench
    const start = async (): Promise<void> => {
      const started = agent.next('application-started')
      agent.start()
      const { pid } = await started
      await bench.until('one application', () => String(bench.applications) === String(pid))
    }
    await start()
    // The boot stage alone: the second stage sees that nobody watches it any more, and ends with all that it started.
    await agent.kill()
    await bench.until('no process is left', () => bench.processes.length === 0)
    await start()
    // The second stage first: nobody is left who would end the application.
    process.kill(bench.secondStage as number, 'SIGKILL')
    await agent.kill()
    await start()
    assert.equal(await agent.stop(), 0)
    assert.deepEqual(bench.processes, [])
    await start()
    assert.deepEqual(bootsOf(agent.events), [
      'power-loss a', // nothing is known of a time before
      'power-loss a', // killed
      'power-loss a', // killed
      'power-on a', // ended in order
    ])
  })

  it('burns no try of a trial by being stopped and started in order', async () => {
    const bench = await make()
    const { agent } = bench
    const serving = agent.next('serving')
    agent.start()
    await serving
    const image = script('1.1.0')
    const wanted = await bench.maker.release({ version: '1.1.0', sequence: 3, windowMillis: 3_600_000, image })
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    const trial = agent.next('serving')
    orThrow(await bench.ask({ do: 'arm' }))
    assert.equal((await trial).version, '1.1.0')
    for (let restart = 0; restart < 4; restart += 1) {
      assert.equal(await agent.stop(), 0)
      const boot = agent.next('boot')
      agent.start()
      const { cause, version, trial } = await boot
      assert.deepEqual([cause, version, trial], ['power-on', '1.1.0', true])
    }
  })

  it('runs golden when both slots are gone, never an application with it, and takes an update from there', async () => {
    const bench = await make()
    const { agent } = bench
    bench.owned(({ flash }) => flash.erase('a', 0, flash.sector('a')))
    const [boot, serving] = [agent.next('boot'), agent.next('serving')]
    agent.start()
    assert.deepEqual([(await boot).decision, (await boot).why], ['golden', 'slot-empty'])
    assert.deepEqual([(await serving).slot, (await serving).version], ['golden', '0.1.0'])
    const wanted = await bench.maker.release({ version: '1.1.0', sequence: 3, image: script('1.1.0') })
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    assert.deepEqual(bench.applications, [])
    const confirmed = agent.next('confirmed')
    orThrow(await bench.ask({ do: 'arm' }))
    await confirmed
    assert.deepEqual(bench.started, ['1.1.0'])
  })

  it('halts, says so and runs nothing when golden is gone too', async () => {
    const bench = await make()
    bench.owned(({ flash }) => flash.erase('a', 0, flash.sector('a')))
    const golden = join(agentFiles(bench.folder).flash, 'golden.bin')
    const bytes = readFileSync(golden)
    bytes[0] = 0
    writeFileSync(golden, bytes)
    const halted = bench.agent.next('halted')
    bench.agent.start()
    assert.equal((await halted).reason, 'slot-empty')
    assert.deepEqual(
      bench.processes.filter(pid => pid !== bench.agent.pid),
      [],
    )
    assert.equal(await bench.agent.stop(), 0)
    assert.equal(bench.history().at(-1)?.event, 'halt')
  })

  it('does not run without the keys of the device', async () => {
    const bench = await make()
    writeFileSync(agentFiles(bench.folder).element, '{}')
    bench.agent.start()
    assert.equal(await bench.agent.ended(), 74)
    assert.match(bench.agent.tail(), /element-unreadable/)
  })

  it('says that its folder is gone, and makes none', async () => {
    const bench = await make()
    const started = bench.agent.next('application-started')
    bench.agent.start()
    await started
    const { token } = bench
    renameSync(bench.folder, bench.at('elsewhere'))
    process.kill(bench.secondStageOf(token) as number, 'SIGKILL')
    assert.equal(await bench.agent.ended(), 66)
    assert.match(bench.agent.tail(), /file-missing/)
    assert.equal(existsSync(bench.folder), false)
    renameSync(bench.at('elsewhere'), bench.folder)
  })

  it('does not execute an image that was changed in flash while it ran', async () => {
    const bench = await make()
    const { agent } = bench
    const started = agent.next('application-started')
    agent.start()
    const { pid } = await started
    await bench.until('it runs', () => bench.started.length === 1)
    const path = join(agentFiles(bench.folder).flash, 'a.bin')
    const bytes = readFileSync(path)
    const at = bytes.indexOf('while')
    bytes[at] = 'W'.charCodeAt(0)
    writeFileSync(path, bytes)
    const refused = agent.next('application-refused')
    const serving = agent.next('serving')
    process.kill(pid, 'SIGKILL')
    assert.equal((await refused).code, 'slot-image-damaged')
    assert.deepEqual(bench.started, ['1.0.0'])
    assert.equal((await serving).slot, 'golden')
  })

  it('boots again when the slot that runs rots, and runs the other one', async () => {
    const bench = await make()
    const { agent } = bench
    const serving = agent.next('serving')
    agent.start()
    await serving
    const wanted = await bench.maker.release({ version: '1.1.0', sequence: 3, image: script('1.1.0') })
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    const confirmed = agent.next('confirmed')
    orThrow(await bench.ask({ do: 'arm' }))
    await confirmed
    await agent.stop()
    const started = agent.next('application-started')
    agent.start()
    const { pid } = await started
    const path = join(agentFiles(bench.folder).flash, 'b.bin')
    const bytes = readFileSync(path)
    bytes[bytes.indexOf('while')] = 'W'.charCodeAt(0)
    writeFileSync(path, bytes)
    const [boot, back] = [agent.next('boot'), agent.next('application-started')]
    process.kill(pid, 'SIGKILL')
    assert.deepEqual([(await boot).cause, (await boot).decision], ['software', 'fallback'])
    assert.equal((await back).version, '1.0.0')
  })
})

describe('the application', { concurrency: 3 }, () => {
  it('has an environment of its own, no secret of the agent, and no descriptor but its own', async () => {
    const work =
      'env > "$JOURNAL.env"; ls -l /proc/self/fd > "$JOURNAL.fd"; echo seen >> "$JOURNAL"; while :; do sleep 1; done'
    const bench = await make({
      factory: { image: script('1.0.0', work) },
      config: { probes: {} },
      env: { A_SECRET_OF_THE_AGENT: 'x' },
    })
    bench.agent.start()
    await bench.until('it has looked', () => bench.started.includes('seen'))
    const names = readFileSync(`${bench.journal}.env`, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split('=')[0])
    const own = ['JOURNAL', 'PATH', 'PWD', 'OLDPWD', 'SHLVL', 'TZ', '_']
    assert.deepEqual(names.filter(name => !own.includes(name as string)).sort(), [
      'VOLTSEAL_APPLICATION',
      'VOLTSEAL_BOARD',
      'VOLTSEAL_HEARTBEAT_FD',
      'VOLTSEAL_SLOT',
      'VOLTSEAL_TRIAL',
      'VOLTSEAL_VERSION',
    ])
    const descriptors = readFileSync(`${bench.journal}.fd`, 'utf8')
    assert.doesNotMatch(descriptors, /board|element|\.bin|lock/)
  })

  const rootly = process.getuid?.() === 0
  it('runs as the account that is named, which can neither read the keys nor change its program', {
    skip: rootly ? false : 'NOT TESTED: only root may run a program as somebody else',
  }, async () => {
    const work = [
      'id -u >> /dev/fd/3',
      'id -u',
      'cat "$FOLDER/element.json" > /dev/null && echo READ-KEYS',
      'cat "$FOLDER/flash/record0.bin" > /dev/null && echo READ-RECORDS',
      'echo changed >> "$0" && echo CHANGED-PROGRAM',
      'echo over',
      'while :; do sleep 1; done',
    ].join('\n')
    const bench = await make({ factory: { image: `#!/bin/sh\n${work}\n` } })
    // The test's folder is closed to others, as mkdtemp makes it; a board's parents are not.
    const { chmodSync } = await import('node:fs')
    chmodSync(bench.at('.'), 0o711)
    bench.configure({
      application: {
        arguments: [],
        environment: { FOLDER: bench.folder },
        user: 65_534,
        group: 65_534,
        stopMillis: 500,
        restartMillis: 10,
      },
    })
    const started = bench.agent.next('application-started')
    bench.agent.start()
    await started
    await bench.until('it has tried', () => bench.agent.tail().includes('"over"'))
    const said = bench.agent.tail()
    assert.match(said, /"line":"65534"/)
    assert.match(said, /"over"/)
    assert.doesNotMatch(said, /READ-KEYS|READ-RECORDS|CHANGED-PROGRAM/)
  })

  it('is started again when it ends, and its children are gone before that', async () => {
    const work = 'sleep 1000 & [ "$(wc -l < "$JOURNAL")" -lt 3 ] && exit 1\necho settled >&2; exec sleep 2000'
    const bench = await make({ factory: { image: script('1.0.0', work) } })
    bench.agent.start()
    await bench.agent.next('application-ended', ({ times }) => times === 2)
    await bench.until('the third settles', () => bench.offspring('sleep\x002000').length === 1)
    assert.equal(bench.offspring('sleep\x002000').length, 1)
    assert.equal(bench.offspring('sleep\x001000').length, 1)
    assert.equal(bench.started.length, 3)
  })
})

describe('a group of application and second stage', () => {
  it('is refused on a board that has no room for a second stage', async () => {
    const bench = await make()
    const serving = bench.agent.next('serving')
    bench.agent.start()
    await serving
    const further = [{ name: 'agent', image: new Uint8Array(100) }]
    const wanted = await bench.maker.release({ version: '2.0.0', sequence: 9, image: script('2.0.0'), further })
    const staged = await bench.ask({ do: 'stage', ...wanted })
    assert.ok(isRefusal(staged))
    assert.equal(staged.code, 'release-wrong-components')
  })

  it('goes back from a second stage that does not work, three tries and no more', async () => {
    const { bundleSecondStage } = await import('../../scripts/build-agent.ts')
    const secondStage = await bundleSecondStage()
    const bench = await make({ secondStage })
    const { agent } = bench
    const serving = agent.next('serving')
    agent.start()
    assert.equal((await serving).stage, 'slot')
    const further = [{ name: 'agent', image: new TextEncoder().encode('throw new Error("broken")') }]
    const image = script('2.0.0', BEHAVIOUR.works)
    const wanted = await bench.maker.release({ version: '2.0.0', sequence: 9, image, further })
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    const before = agent.events.length
    const back = agent.next('serving')
    orThrow(await bench.ask({ do: 'arm' }))
    assert.deepEqual([(await back).version, (await back).stage], ['1.0.0', 'slot'])
    const boots = bootsOf(agent.events.slice(before))
    assert.deepEqual(boots.at(-1), 'watchdog a')
    assert.deepEqual(boots.slice(0, -1), ['software b', ...boots.slice(1, -1).map(() => 'watchdog b')])
    await agent.stop()
    const failed = bench.history().find(({ event }) => event === 'reverted')
    assert.deepEqual([failed?.version, failed?.cause.startsWith('tries spent')], ['2.0.0', true])
  })
})

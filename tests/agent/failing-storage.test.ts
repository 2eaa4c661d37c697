import assert from 'node:assert/strict'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import type { FlashArea } from '../../src/core/slot/layout.ts'
import { AgentProcess } from './agent-process.ts'
import { AgentBench, script } from './bench.ts'
import { Mounts, withoutMounts } from './mounts.ts'

const parent = mkdtempSync(join(tmpdir(), 'voltseal-storage-'))
const [mounts, frozen] = [new Mounts(), new Mounts()]
const benches: AgentBench[] = []
const make: typeof AgentBench.make = async options => {
  const bench = await AgentBench.make(options)
  benches.push(bench)
  return bench
}
after(async () => {
  for (const bench of benches) await bench.agent.stop()
  frozen.close()
  for (const bench of benches) {
    rmSync(`/dev/shm/voltseal-${bench.token}`, { recursive: true, force: true })
    await bench.close()
  }
  mounts.close()
  rmSync(parent, { recursive: true, force: true })
})
const skip = withoutMounts(join(parent, 'probe'))

const fileOf = (bench: AgentBench, area: FlashArea): string => join(agentFiles(bench.folder).flash, `${area}.bin`)

/** Puts another file or device into the place of an area. */
function standIn(bench: AgentBench, area: FlashArea, path: string): void {
  const { board } = agentFiles(bench.folder)
  const made = JSON.parse(readFileSync(board, 'utf8'))
  made.devices[area] = path
  writeFileSync(board, JSON.stringify(made))
}

/** Starts the agent and waits until the application runs. */
async function running(bench: AgentBench, version = '1.0.0'): Promise<void> {
  const started = bench.agent.next('application-started')
  bench.agent.start()
  assert.equal((await started).version, version)
}

/** What the agent says of areas that fail, each once. */
const failing = (bench: AgentBench): string[] => [
  ...new Set(
    bench.agent.events.flatMap(event =>
      event.event === 'flash-failing' ? [`${event.area} ${event.during} ${event.code}`] : [],
    ),
  ),
]
const faults = (bench: AgentBench): string[] =>
  bench.agent.events.flatMap(event => (event.event === 'second-stage-ended' ? [event.how] : []))

const newer = (bench: AgentBench) =>
  bench.maker.release({ version: '1.1.0', sequence: 3, image: script('1.1.0'), windowMillis: 200 })

/** Takes 1.1.0 in, up to its confirmation. */
async function update(bench: AgentBench): Promise<void> {
  orThrow(await bench.ask({ do: 'stage', ...(await newer(bench)) }))
  const confirmed = bench.agent.next('confirmed')
  orThrow(await bench.ask({ do: 'arm' }))
  assert.equal((await confirmed).version, '1.1.0')
}

describe('a Linux controller whose storage fails goes on with what is left', { concurrency: 2 }, () => {
  it('records take no write: what is confirmed runs, and no update is taken', { skip }, async () => {
    const bench = await make()
    for (const area of ['record0', 'record1'] as const) assert.ok(frozen.readOnly(fileOf(bench, area)))
    const boot = bench.agent.next('boot')
    await running(bench)
    assert.equal((await boot).problem, 'boot-record-not-written')
    assert.deepEqual(failing(bench), ['record0 write EROFS', 'record1 write EROFS'])
    const staged = await bench.ask({ do: 'stage', ...(await newer(bench)) })
    assert.equal(isRefusal(staged) && staged.code, 'boot-record-not-written')
    assert.equal(bench.applications.length, 1)
    assert.deepEqual(faults(bench), [])
  })

  it('history takes no write: it runs, and takes updates', async () => {
    const bench = await make()
    // Reads zeros, and is always full.
    standIn(bench, 'history', '/dev/full')
    await running(bench)
    assert.deepEqual(failing(bench), ['history write ENOSPC'])
    await update(bench)
  })

  it('history file gone: it runs, and takes updates', async () => {
    const bench = await make()
    rmSync(fileOf(bench, 'history'))
    await running(bench)
    assert.deepEqual(failing(bench), ['history open ENOENT', 'history write ENXIO'])
    await update(bench)
  })

  it('one slot dead (mcuboot #2219): the other one runs, whichever it is', async () => {
    const bench = await make()
    rmSync(fileOf(bench, 'b'))
    await running(bench)
    assert.deepEqual(failing(bench), ['b open ENOENT'])
    const staged = await bench.ask({ do: 'stage', ...(await newer(bench)) })
    assert.equal(isRefusal(staged) && staged.code, 'install-chunk-damaged')
    assert.equal(bench.applications.length, 1)
    assert.deepEqual(faults(bench), [])

    const other = await make()
    await running(other)
    await update(other)
    await other.agent.stop()
    truncateSync(fileOf(other, 'b'), 4096)
    await running(other, '1.0.0')
    assert.deepEqual(failing(other), ['b open short'])
  })

  it('both slots dead: golden serves', async () => {
    const bench = await make()
    for (const area of ['a', 'b'] as const) rmSync(fileOf(bench, area))
    const serving = bench.agent.next('serving')
    bench.agent.start()
    assert.equal((await serving).slot, 'golden')
  })

  it('nothing left to boot from: it says so and ends', async () => {
    const bench = await make()
    for (const area of ['a', 'b', 'golden'] as const) rmSync(fileOf(bench, area))
    bench.agent.start()
    assert.equal(await bench.agent.ended(), 66)
    assert.match(bench.agent.tail(), /board-area-missing/)
  })

  it('session not writable: it runs, and the next start counts as a loss of power', async () => {
    const bench = await make()
    mkdirSync(agentFiles(bench.folder).session)
    const said = bench.agent.next('not-written')
    await running(bench)
    assert.equal((await said).file, agentFiles(bench.folder).session)
    await bench.agent.stop()
    const boot = bench.agent.next('boot')
    await running(bench)
    assert.equal((await boot).cause, 'power-loss')
  })

  it('disk full: it boots and runs', { skip }, async () => {
    const under = join(parent, 'small')
    assert.ok(mounts.memory(under, 4 << 20))
    const bench = await make({ under })
    await running(bench)
    await bench.agent.stop()
    const filler = openSync(bench.at('filler'), 'w')
    for (const size of [65_536, 4096, 1]) {
      try {
        for (;;) writeSync(filler, new Uint8Array(size))
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
      }
    }
    closeSync(filler)
    await running(bench)
    assert.equal(orThrow(await bench.ask({ do: 'status' })) !== null, true)
    assert.deepEqual(faults(bench), ['ended as it was told to'])
  })

  it('no file of it takes a write: it boots and runs out of memory, and has one owner', { skip }, async () => {
    const bench = await make()
    await running(bench)
    await bench.agent.stop()
    assert.ok(frozen.readOnly(bench.folder))
    await running(bench)
    assert.deepEqual(
      failing(bench).filter(line => !line.endsWith('write EROFS')),
      [],
    )
    const unwritten = bench.agent.events.flatMap(event => (event.event === 'not-written' ? [event.file] : []))
    const { session, control } = agentFiles(bench.folder)
    assert.deepEqual([...new Set(unwritten)], [session, control])
    const second = new AgentProcess(bench.folder, bench.at('second.log'), bench.undertaker)
    second.start()
    assert.equal(await second.ended(), 75)
    assert.equal(await bench.agent.stop(), 0)
    assert.deepEqual(bench.processes, [])
  })
})

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { AgentBench, script } from './bench.ts'

/** A file system of its own, so that it can be filled: only where this user may mount one. */
const folder = mkdtempSync(join(tmpdir(), 'voltseal-full-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', folder], { stdio: 'ignore' }).status === 0

describe('an agent on a full disk', { skip: mounted ? false : 'NOT TESTED: this user may not mount' }, () => {
  let bench: AgentBench
  const filler = join(folder, 'filler')
  const { TMPDIR } = process.env
  const inMemory = (): string => `/dev/shm/voltseal-${bench.token}`
  const fill = (): void => {
    for (const size of [65_536, 512]) {
      try {
        for (;;) appendFileSync(filler, new Uint8Array(size))
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
      }
    }
  }

  before(async () => {
    process.env.TMPDIR = folder
    bench = await AgentBench.make()
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
    bench.agent.start()
    await bench.agent.next('application-started')
  })
  after(async () => {
    if (!mounted) return
    rmSync(inMemory(), { recursive: true, force: true })
    await bench.close()
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  })

  it('runs on, and refuses what it cannot write down', async () => {
    const wanted = await bench.maker.release({ version: '1.1.0', sequence: 3, image: script('1.1.0') })
    const { secondStage } = bench
    fill()
    // The slot has its place already.
    orThrow(await bench.ask({ do: 'stage', ...wanted }))
    const armed = await bench.ask({ do: 'arm' })
    assert.ok(isRefusal(armed) && armed.code === 'no-space')
    assert.equal(bench.secondStage, secondStage)
    assert.equal(bench.applications.length, 1)
  })

  it('boots what it has, and starts the application again', async () => {
    await bench.agent.stop()
    fill()
    const [boot, started] = [bench.agent.next('boot'), bench.agent.next('application-started')]
    bench.agent.start()
    // That the one before ended in order had no room: it counts as a loss of power, which is never wrong.
    assert.deepEqual([(await boot).cause, (await boot).slot], ['power-loss', 'a'])
    await started
  })

  it('runs the application out of memory while there is no room for it', async () => {
    await bench.agent.stop()
    rmSync(join(bench.folder, 'run'), { recursive: true })
    fill()
    const started = bench.agent.next('application-started')
    bench.agent.start()
    await started
    assert.ok(existsSync(join(inMemory(), 'application')))
    rmSync(filler)
    orThrow(await bench.ask({ do: 'arm' }))
    assert.equal((await bench.agent.next('boot')).slot, 'b')
  })
})

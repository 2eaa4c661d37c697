import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { AgentBench, BEHAVIOUR, script } from './bench.ts'

const root = join(import.meta.dirname, '../..')
const unit = readFileSync(join(root, 'packaging/systemd/voltseal-agent.service'), 'utf8')
const can = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
const without = (...programs: string[]): string | false => {
  const missing = programs.filter(program => !can(program))
  return missing.length > 0 ? `NOT TESTED: ${missing.join(', ')} is not on this machine` : false
}
/** The command line of what the application leaves behind. */
const LEFT = ['sleep', '1000'].join('\0')
/** The values of a setting, in order. */
const valuesOf = (name: string): string[] =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(match => match[1] as string)

describe('packaging/systemd/voltseal-agent.service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-unit-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('says what the agent relies on', () => {
    for (const [name, value] of [
      ['Type', 'notify'],
      ['NotifyAccess', 'all'],
      ['KillMode', 'mixed'],
      ['Restart', 'always'],
      ['ProtectSystem', 'strict'],
      ['NoNewPrivileges', 'yes'],
      ['ProcSubset', 'all'],
    ] as const) {
      assert.deepEqual(valuesOf(name), [value], name)
    }
    assert.ok(Number(valuesOf('WatchdogSec')[0]) >= 10)
  })

  it('is a unit that systemd understands', { skip: without('systemd-analyze') }, () => {
    const path = join(folder, 'voltseal-agent.service')
    // Verified with a program that is on this machine: what is tested is the unit.
    writeFileSync(path, unit.replace('/usr/lib/voltseal/bin/voltseal', process.execPath))
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', path])
    assert.deepEqual([status, stderr.toString()], [0, ''])
  })

  it('is as closed as its documentation says', { skip: without('systemd-analyze') }, () => {
    const path = join(root, 'packaging/systemd/voltseal-agent.service')
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', path])
    const score = Number(/exposure level for voltseal-agent.service: ([\d.]+)/.exec(stdout.toString())?.[1])
    const told = Number(/exposure level of (\d\.\d)/.exec(readFileSync(join(root, 'docs/agent.md'), 'utf8'))?.[1])
    // Another version of systemd weighs a little differently.
    assert.ok(Math.abs(score - told) <= 0.5, `systemd-analyze says ${score}, docs/agent.md ${told}`)
  })

  const rootly = process.getuid?.() === 0
  const skip = rootly ? without('setpriv') : 'NOT TESTED: only root may give up the powers of root'
  it('leaves the agent the powers that it needs, with an application of another account', { skip }, async () => {
    // It leaves a process behind in a session of its own, which nothing but its mark leads to.
    const image = script('1.0.0', `setsid sleep 1000 &\n${BEHAVIOUR.works}`)
    const bench = await AgentBench.make({ factory: { image } })
    try {
      chmodSync(bench.at('.'), 0o711)
      // The application writes into the folder of its notes, as one with a state folder of its own would.
      chmodSync(bench.at('notes'), 0o777)
      const account = { user: 65_534, group: 65_534, stopMillis: 500, restartMillis: 10 }
      bench.configure({ application: { arguments: [], environment: {}, ...account } })
      const kept = (valuesOf('CapabilityBoundingSet')[0] as string)
        .split(' ')
        .map(name => `+${name.replace('CAP_', '').toLowerCase()}`)
      const set = ['-all', ...kept].join(',')
      bench.agent.under = ['setpriv', '--no-new-privs', '--inh-caps', '-all', '--bounding-set', set]
      const started = bench.agent.next('application-started')
      bench.agent.start()
      await started
      await bench.until('it runs', () => bench.started.length === 1 && bench.offspring(LEFT).length === 1)
      const [left] = bench.offspring(LEFT)
      const [application] = bench.applications
      const status = readFileSync(`/proc/${application}/status`, 'latin1')
      assert.match(status, /^CapEff:\s+0+$/m)
      assert.match(status, /^CapPrm:\s+0+$/m)
      assert.match(status, /^NoNewPrivs:\s+1$/m)
      // Another account's process is found and ended, also when everything between has been killed.
      process.kill(bench.secondStage as number, 'SIGKILL')
      const again = bench.agent.next('application-started')
      const { pid } = await again
      await bench.until('one application', () => String(bench.applications) === String(pid))
      await bench.until('its own', () => bench.offspring(LEFT).length === 1)
      assert.notDeepEqual(bench.offspring(LEFT), [left])
      assert.equal(await bench.agent.stop(), 0)
      assert.deepEqual(bench.processes, [])
    } finally {
      await bench.close()
    }
  })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { ScenarioName } from '../../../sim/doors/demo/scenario.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-scenarios-'))
const program = join(import.meta.dirname, '../../../sim/doors/demo.ts')

/** What the demo prints with `--json`, as far as it is looked at here. */
type Told = {
  readonly asDescribed: boolean
  readonly fault: string | null
  readonly campaign: { readonly state: string }
  readonly controllers: readonly { readonly outcome: string; readonly from: string; readonly counter: number }[]
  readonly audit: { readonly sound: boolean }
}

async function demo(scenario: ScenarioName, port: number): Promise<{ code: number | null; told: Told }> {
  const args = ['--once', '--json', '--scenario', scenario, '--data', join(root, scenario), '--port', String(port)]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, said] = ['', '']
  child.stdout.on('data', part => {
    out += part
  })
  child.stderr.on('data', part => {
    said += part
  })
  const [code] = (await once(child, 'close')) as [number | null]
  assert.ok(out !== '', `the demo told nothing; it said:\n${said}`)
  return { code, told: JSON.parse(out) as Told }
}

// The whole product, as `npm start` runs it: every program a process of its own, every step a command.
// They mostly wait, so two run at a time; each looks for free ports from another one on.
describe('npm start', { concurrency: 2 }, () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  for (const [scenario, exit, state, port] of [
    ['happy', 0, 'done', 28_443],
    ['bad-canary', 22, 'halted', 28_643],
    ['power-cut', 0, 'done', 28_843],
    ['tampered', 0, 'done', 29_043],
  ] as const) {
    it(`ends as described: ${scenario}`, async () => {
      const { code, told } = await demo(scenario, port)
      assert.equal(told.fault, null)
      assert.equal(told.asDescribed, true)
      assert.equal(code, exit)
      assert.equal(told.campaign.state, state)
      assert.equal(told.audit.sound, true)
      assert.ok(told.controllers.every(({ from }) => from === '7.27.0'))
      const done = told.controllers.filter(one => one.outcome === 'confirmed')
      assert.equal(done.length, state === 'done' ? 6 : 0)
      assert.ok(done.every(({ counter }) => counter === 2))
    })
  }
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * `npm run test:scenarios`: the sites with a plant, as `npm start` plays them, one after the other, each program a process of
 * its own. A minute or two each. Exit code 0: each ended as described.
 */

const demo = join(import.meta.dirname, '../sim/doors/demo.ts')
const folder = mkdtempSync(join(tmpdir(), 'voltseal-scenarios-'))
let failed = 0
for (const [index, scenario] of ['wind-storage', 'datacenter-ups'].entries()) {
  const port = String(30_443 + 100 * index)
  const args = ['--once', '--json', '--scenario', scenario, '--data', join(folder, scenario), '--port', port]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', demo, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said: string[] = []
  let out = ''
  child.stdout.on('data', part => {
    out += part
  })
  child.stderr.on('data', part => {
    said.push(String(part))
  })
  const [code] = (await once(child, 'close')) as [number | null]
  const told = out === '' ? null : (JSON.parse(out) as { asDescribed: boolean; fault: string | null; seconds: number })
  const well = code === 0 && told?.asDescribed === true
  if (!well) failed += 1
  process.stdout.write(
    `${well ? '✔' : '✖'} ${scenario}, ${told?.seconds ?? '?'} s${well ? '' : `: exit ${code}, ${told?.fault}`}\n`,
  )
  if (!well) process.stdout.write(said.join('').split('\n').slice(-30).join('\n'))
}
rmSync(folder, { recursive: true, force: true })
process.exitCode = failed === 0 ? 0 : 1

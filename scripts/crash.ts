import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * `npm run test:crash`: the longer form of tests/crash, 200 moments of another seed each time. `VOLTSEAL_SEED` repeats a
 * run, `VOLTSEAL_MOMENTS` makes it longer or shorter.
 */
const root = join(import.meta.dirname, '..')
const env = {
  ...process.env,
  VOLTSEAL_SEED: process.env.VOLTSEAL_SEED ?? String(Date.now() % 1_000_000_000),
  VOLTSEAL_MOMENTS: process.env.VOLTSEAL_MOMENTS ?? '200',
}
const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-timeout=3600000']
const file = join(root, 'tests', 'crash', 'kill.test.ts')
const { status } = spawnSync(process.execPath, [...flags, file], { cwd: root, env, stdio: 'inherit' })
process.exitCode = status ?? 1

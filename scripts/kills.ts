import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * `npm run test:crash`, `npm run test:agent`, `npm run test:log`: the longer form of a test that kills at seeded moments, of another seed
 * each time. `VOLTSEAL_SEED` repeats a run, `VOLTSEAL_MOMENTS` makes it longer or shorter.
 */
const [folder, count] = process.argv.slice(2)
if (folder === undefined || count === undefined) throw new Error('usage: node scripts/kills.ts FOLDER COUNT')
const root = join(import.meta.dirname, '..')
const env = {
  ...process.env,
  VOLTSEAL_SEED: process.env.VOLTSEAL_SEED ?? String(Date.now() % 1_000_000_000),
  VOLTSEAL_MOMENTS: process.env.VOLTSEAL_MOMENTS ?? count,
}
const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-timeout=3600000']
const file = join(root, 'tests', folder, 'kill.test.ts')
const { status } = spawnSync(process.execPath, [...flags, file], { cwd: root, env, stdio: 'inherit' })
process.exitCode = status ?? 1

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromiumPath } from '../tests/walk/chromium.ts'
import { installPackages } from './needs.ts'

/**
 * `npm run test:console`: the console in a real browser, against the real processes (tests/walk). `npm run screens` is the same, and
 * leaves a picture of every screen in docs/screens. It needs Chromium, which Debian packs; it is installed when it is missing.
 *
 *     npm run test:console -- [--seed N] [--only TEXT]
 *
 * `--only`: the files of tests/walk whose name has that text, or one of several with commas.
 */
const text = { type: 'string' } as const
const { values } = parseArgs({ options: { seed: text, only: text, pictures: text }, strict: true })
const { seed = '1', only = '', pictures } = values
const root = join(import.meta.dirname, '..')

const say = (line: string): void => void process.stdout.write(`${line}\n`)
if (chromiumPath() === null) installPackages(['chromium'], 'Chromium, the browser of the walk', say)
const files = readdirSync(join(root, 'tests', 'walk'))
  .filter(name => name.endsWith('-walk.ts') && only.split(',').some(text => name.includes(text)))
  .map(name => join('tests', 'walk', name))
if (chromiumPath() === null) {
  say('✖ Chromium is not installed: the package chromium of Debian, or that of your system.')
  process.exitCode = 1
} else if (files.length === 0) {
  say(`✖ No walk has “${only}” in its name.`)
  process.exitCode = 2
} else {
  const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-isolation=none', '--test-reporter=spec']
  const env = { ...process.env, VOLTSEAL_WALK_SEED: seed }
  const pictured = pictures === undefined ? {} : { VOLTSEAL_WALK_PICTURES: pictures }
  const { status } = spawnSync(process.execPath, [...flags, ...files], {
    cwd: root,
    stdio: 'inherit',
    env: { ...env, ...pictured },
  })
  if (status !== 0)
    say(`To see it again: npm run test:console -- --seed ${seed}${only === '' ? '' : ` --only ${only}`}`)
  process.exitCode = status ?? 1
}

import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { installNeeds } from './needs.ts'

/**
 * `npm test`: types, lint, and every test, in two processes, each with its time, on one screen. `npm test -- PATH...` runs
 * only those test files. Ends with 0 when all of it is green.
 */

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
/** One test may take this long: those that kill processes and start them again take the most. */
const TEST_TIMEOUT_MILLIS = 300_000

type Step = { readonly name: string; readonly ok: boolean; readonly seconds: number; readonly output: string }

/** Runs a program to its end. Its output is kept, or passed through as it comes. */
function step(name: string, command: string, args: readonly string[], through: boolean): Promise<Step> {
  const started = process.hrtime.bigint()
  return new Promise(resolve => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: environment() })
    const parts: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part: Buffer) => {
        parts.push(part)
        if (through) process.stdout.write(part)
      })
    }
    const end = (ok: boolean, more = ''): void => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9
      resolve({ name, ok, seconds, output: Buffer.concat(parts).toString() + more })
    }
    child.on('error', error => end(false, `${command}: ${error.message}\n`))
    child.on('close', code => end(code === 0))
  })
}

/** Tests run the same in a terminal, in CI and inside another test run. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, FORCE_COLOR: __, ...rest } = process.env
  return { ...rest, NO_COLOR: '1' }
}

const line = ({ name, ok, seconds }: Step, note = ''): string =>
  `${ok ? '✔' : '✖'} ${name.padEnd(7)} ${seconds.toFixed(1).padStart(6)} s${note}\n`

// What cannot be installed here does not stop the rest: the tests that need it fail, and this says why.
for (const missing of installNeeds(said => process.stdout.write(`${said}\n`))) process.stdout.write(`✖ ${missing}\n`)

const chosen = process.argv.slice(2)
const checks = await Promise.all([
  step('types', bin('tsc'), ['--noEmit'], false),
  step('console', bin('tsc'), ['--noEmit', '-p', 'console'], false),
  step('lint', bin('biome'), ['check', '--error-on-warnings', '.'], false),
])
for (const check of checks) process.stdout.write(check.ok ? line(check) : `${line(check)}${check.output}\n`)

const files = chosen.length > 0 ? chosen : globSync('tests/**/*.test.ts', { cwd: root }).sort()
const flags = [
  '--disable-warning=ExperimentalWarning',
  '--test',
  '--test-isolation=none',
  `--test-timeout=${TEST_TIMEOUT_MILLIS}`,
  `--test-reporter=${join(root, 'scripts', 'test-reporter.ts')}`,
]
// One process computes on one core; a process for each file would be slower than both. Every second file goes to the other.
const shares = [0, 1].map(share => files.filter((_, index) => index % 2 === share)).filter(share => share.length > 0)
const halves = await Promise.all(
  shares.map(async share => {
    const half = await step('tests', process.execPath, [...flags, ...share], true)
    const count = Number(/^# tests (\d+)$/m.exec(half.output)?.[1] ?? 0)
    // A run that found no test proves nothing.
    return { ...half, count, ok: half.ok && count > 0 }
  }),
)
const count = halves.reduce((sum, half) => sum + half.count, 0)
const tests: Step = {
  name: 'tests',
  ok: halves.length > 0 && halves.every(({ ok }) => ok),
  seconds: Math.max(0, ...halves.map(({ seconds }) => seconds)),
  output: '',
}
const steps = [...checks, tests]
process.stdout.write(
  `\n${steps.map((each, index) => line(each, index === checks.length ? `  ${count} tests in ${files.length} files` : '')).join('')}`,
)
process.exitCode = steps.every(each => each.ok) ? 0 : 1

import { spawn } from 'node:child_process'
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installNeeds } from './needs.ts'

/**
 * `npm test`: types, lint, and every test, two processes at a time, each with its time, on one screen. `npm test -- PATH...` runs
 * only those test files. Ends with 0 when all of it is green.
 */

const root = join(import.meta.dirname, '..')
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
/** One test may take this long: those that kill processes and start them again take the most. */
const TEST_TIMEOUT_MILLIS = 300_000
/** Fewer files than this are not worth a process of their own. */
const LEAST = 6

/** Memory as a folder, where the system has such a place, and the room that it must have: the folders of all tests at once. */
const MEMORY = '/dev/shm'
const ROOM = 4 * 1024 ** 3

/**
 * Where tests make their folders: in memory, where it is roomy. Every transaction of a store waits until the disk has it, and half of the
 * time of these tests was that. What they prove of a disk they prove by what was synced when, and by cuts between; that is the same here.
 */
function scratch(): string | null {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    if (bavail * bsize < ROOM) return null
    // A short name: the path of a socket has 107 bytes at most.
    const folder = mkdtempSync(join(MEMORY, 'vs-'))
    // As in the system's own folder, other accounts pass: an application that a test runs has one of its own.
    chmodSync(folder, 0o711)
    return folder
  } catch {
    return null
  }
}
const folders = scratch()
process.on('exit', () => {
  if (folders === null) return
  try {
    // What is mounted there is somebody's: a test that was killed left it, and nothing below it is ours to remove.
    if (readFileSync('/proc/mounts', 'utf8').includes(` ${folders}/`)) return
    rmSync(folders, { recursive: true, force: true })
  } catch {
    // What is left over is no fault of a test.
  }
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

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
  const compiled = join(root, 'node_modules', '.cache', 'voltseal-compiled')
  return { ...rest, NO_COLOR: '1', NODE_COMPILE_CACHE: compiled, TMPDIR: folders ?? tmpdir() }
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
// One process computes on one core, so there are two. Each takes a quarter of the files that are left, from everywhere in the list, until
// none is: so both end at about the same time, and few start. A process for each file would be slower than that.
let left = files
function take(): string[] {
  const stride = left.length > LEAST * 4 ? 4 : Math.max(1, Math.floor(left.length / LEAST))
  const taken = left.filter((_, index) => index % stride === 0)
  left = left.filter((_, index) => index % stride !== 0)
  return taken
}
async function work(): Promise<Step[]> {
  const runs: Step[] = []
  while (left.length > 0) {
    const run = await step('tests', process.execPath, [...flags, ...take()], true)
    // A run that found no test proves nothing.
    runs.push({ ...run, ok: run.ok && countIn(run) > 0 })
  }
  return runs
}
const countIn = ({ output }: Step): number => Number(/^# tests (\d+)$/m.exec(output)?.[1] ?? 0)
const started = performance.now()
const runs = (await Promise.all([work(), work()])).flat()
const tests: Step = {
  name: 'tests',
  ok: runs.length > 0 && runs.every(({ ok }) => ok),
  seconds: (performance.now() - started) / 1000,
  output: '',
}
const count = runs.reduce((sum, run) => sum + countIn(run), 0)
const steps = [...checks, tests]
process.stdout.write(
  `\n${steps.map((each, index) => line(each, index === checks.length ? `  ${count} tests in ${files.length} files` : '')).join('')}`,
)
process.exitCode = steps.every(each => each.ok) ? 0 : 1

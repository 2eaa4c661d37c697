import { spawn } from 'node:child_process'
import { chmodSync, cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Guard } from './guard.ts'
import { GUARDS } from './guard-list.ts'

/**
 * `npm run test:guards`: takes the guards of guard-list.ts out one by one, each in a copy of the project, and expects
 * red. A guard whose removal leaves the tests green is one that nobody would miss: that fails the run. Words after the
 * command pick guards by what they stop.
 */

const root = join(import.meta.dirname, '..')
const COPIED = [
  'src',
  'sim',
  'compliance',
  'console',
  'conformance',
  'tests',
  'scripts',
  'docs',
  'bin',
  'package.json',
  'tsconfig.json',
]
/** A guard may be what ends a loop: a run that does not end is red. */
const PATIENCE_MILLIS = 120_000

type Verdict = { readonly guard: Guard; readonly verdict: 'missed' | 'NOT MISSED' | 'NOT FOUND' | 'NOT JUDGED' }

function copyOfProject(): string {
  const copy = mkdtempSync(join(tmpdir(), 'voltseal-guards-'))
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

/** A child of a killed run may still write, or have mounted something: what cannot go is no fault of the guard. */
function discard(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  } catch {}
}

/** Whether the tests of a glob pass in a copy. */
function passes(copy: string, glob: string): Promise<boolean> {
  const files = globSync(glob, { cwd: copy }).sort()
  if (files.length === 0) throw new Error(`no test matches ${glob}`)
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  // What a killed run leaves behind goes with it. Some tests run a program as another account, which goes through it.
  const scratch = mkdtempSync(join(tmpdir(), 'voltseal-g-'))
  chmodSync(scratch, 0o711)
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-isolation=none',
    '--test-reporter=dot',
    ...files,
  ]
  return new Promise((resolve, reject) => {
    // SIGKILL: the test runner answers every other signal in the loop that never ends.
    const patience = { timeout: PATIENCE_MILLIS, killSignal: 'SIGKILL' } as const
    const child = spawn(process.execPath, args, {
      cwd: copy,
      stdio: 'ignore',
      env: { ...env, TMPDIR: scratch },
      ...patience,
    })
    child.on('error', reject)
    child.on('close', code => {
      resolve(code === 0)
      discard(scratch)
    })
  })
}

async function judge(copy: string, guard: Guard, red: ReadonlySet<string>): Promise<Verdict> {
  if (red.has(guard.tests)) return { guard, verdict: 'NOT JUDGED' }
  const path = join(copy, guard.file)
  const before = readFileSync(path, 'utf8')
  if (before.split(guard.text).length !== 2) return { guard, verdict: 'NOT FOUND' }
  // A function as the replacement: in a string, `$` would have a meaning.
  writeFileSync(
    path,
    before.replace(guard.text, () => guard.without),
  )
  try {
    return { guard, verdict: (await passes(copy, guard.tests)) ? 'NOT MISSED' : 'missed' }
  } finally {
    writeFileSync(path, before)
  }
}

const words = process.argv.slice(2)
const guards = GUARDS.filter(({ stops }) => words.every(word => stops.includes(word)))
const copies = Array.from({ length: Math.min(availableParallelism(), 8) }, copyOfProject)
try {
  // Red means something only where green was possible.
  const red = new Set<string>()
  for (const glob of new Set(guards.map(({ tests }) => tests))) {
    if (await passes(copies[0] as string, glob)) continue
    red.add(glob)
    process.stdout.write(`${glob} fails with every guard in place: its guards cannot be judged\n`)
  }
  const left = [...guards]
  const verdicts: Verdict[] = []
  const work = async (copy: string): Promise<void> => {
    for (let guard = left.shift(); guard !== undefined; guard = left.shift()) {
      const verdict = await judge(copy, guard, red)
      verdicts.push(verdict)
      process.stdout.write(`${verdict.verdict === 'missed' ? '✔' : '✖'} ${verdict.verdict.padEnd(11)}${guard.stops}\n`)
    }
  }
  await Promise.all(copies.map(work))
  const missed = verdicts.filter(({ verdict }) => verdict === 'missed').length
  process.stdout.write(`# guards ${verdicts.length}\n# missed ${missed}\n`)
  process.exitCode = verdicts.length > 0 && missed === verdicts.length ? 0 : 1
} finally {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true })
}

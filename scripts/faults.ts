import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { Job } from '../tests/faults/enumerate.ts'
import { withoutEffect } from '../tests/faults/expected.ts'
import { everyJob } from '../tests/faults/jobs.ts'
import { table } from '../tests/faults/print.ts'
import { add, emptyTally, type Tally } from '../tests/faults/tally.ts'

/**
 * `npm run test:faults`: every single fault at every operation of every phase of an update on every board, every ordered
 * pair of faults on the small boards, and cases of three. The table goes to stdout, progress to stderr.
 *
 *     npm run test:faults -- [--json] [--draws N] [--every N] [--board NAME] [--phase NAME] [--kind NAME]
 *
 * `--draws`: cases of three faults for each phase and board. `--every` does each N-th job only: the singles of a phase on a
 * board, the pairs behind one operation, or 500 cases of three; the jobs are counted before the others are chosen. With
 * any of these a part is run, of which no million is asked, and not that each mode had an effect in each phase.
 * Ends with 0 when no invariant was hurt and every planned fault struck; of the whole also, when at least a million runs
 * had faults that all did something, and each mode did something in each phase in which it can.
 */
const LEAST = 1_000_000
const DRAWS = 150

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    draws: { type: 'string', default: String(DRAWS) },
    every: { type: 'string', default: '1' },
    board: { type: 'string' },
    phase: { type: 'string' },
    kind: { type: 'string' },
  },
})
const every = Number(values.every)
const started = process.hrtime.bigint()
const seconds = (): number => Number(process.hrtime.bigint() - started) / 1e9

const chosen = (await everyJob(Number(values.draws))).filter(
  (job, index) =>
    index % every === 0 &&
    (values.board === undefined || job.board === values.board) &&
    (values.phase === undefined || job.phase === values.phase) &&
    (values.kind === undefined || job.kind === values.kind),
)
const whole = every === 1 && values.board === undefined && values.phase === undefined && values.kind === undefined
const sum = emptyTally()
const left = [...chosen]

function progress(): void {
  if (!process.stderr.isTTY && (chosen.length - left.length) % 200 !== 0) return
  const done = (chosen.length - left.length) / chosen.length
  const bar = '█'.repeat(Math.round(done * 30)).padEnd(30, '·')
  const text = `${bar} ${sum.runs.toLocaleString('en-US')} runs, ${Object.keys(sum.violations).length} rules hurt, ${seconds().toFixed(0)} s`
  process.stderr.write(process.stderr.isTTY ? `\r${text}` : `${text}\n`)
}

function run(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const job: Job | undefined = left.shift()
      if (job === undefined) resolve()
      else worker.postMessage(job)
    }
    worker.on('error', reject)
    worker.on('message', (tally: Tally) => {
      add(sum, tally)
      progress()
      next()
    })
    next()
  })
}

const file = join(import.meta.dirname, '..', 'tests', 'faults', 'worker.ts')
const workers = Array.from({ length: availableParallelism() }, () => new Worker(file))
try {
  await Promise.all(workers.map(run))
} finally {
  await Promise.all(workers.map(worker => worker.terminate()))
}
if (process.stderr.isTTY) process.stderr.write('\n')
const took = seconds()
const missing = whole ? await withoutEffect(sum) : []
const told = { ...sum, states: sum.states.size, outcomes: sum.outcomes.size, withoutEffect: missing, seconds: took }
process.stdout.write(values.json ? `${JSON.stringify(told, null, 2)}\n` : table(sum, took, missing))
const enough = !whole || (sum.runs >= LEAST && missing.length === 0)
if (whole && sum.runs < LEAST) process.stderr.write(`fewer than ${LEAST.toLocaleString('en-US')} runs\n`)
process.exitCode = enough && sum.missed === 0 && Object.keys(sum.violations).length === 0 && sum.runs > 0 ? 0 : 1

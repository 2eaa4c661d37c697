import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { addTally, ENOUGH, emptyTally, type Finding, type Found, type Tally } from '../tests/fuzz/run.ts'
import { TARGETS, targetNamed } from '../tests/fuzz/targets.ts'
import { replay, table, toldFinding } from '../tests/fuzz/told.ts'
import type { Stretch } from '../tests/fuzz/worker.ts'

/**
 * `npm run fuzz`: feeds every reader with inputs that a seed draws: none may throw, run on, take more work or memory than
 * its bound, or break the law of its format. Findings and the table go to stdout, progress to stderr.
 *
 *     npm run fuzz -- [--count N] [--seed N] [--target NAME]... [--patience SECONDS] [--until-found] [--json]
 *     npm run fuzz -- --replay TARGET:SEED
 *
 * Ends with 0 when nothing was found, 1 when something was, 2 for arguments that make no sense.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', multiple: true, default: [] },
    patience: { type: 'string', default: '30' },
    'until-found': { type: 'boolean', default: false },
    replay: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

/** Inputs that a thread runs before it reports. */
const STRETCH = 5000
/** Memory of a thread: an input is bounded by itself; what is kept from input to input shows here. */
const HEAP_MIB = 192
const enough = values['until-found'] ? 1 : ENOUGH
const names = TARGETS.map(({ name }) => name)

function wrong(text: string): never {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}

if (values.replay !== undefined) {
  const [, name = '', seed = ''] = /^([a-z-]+):(\d{1,10})$/.exec(values.replay) ?? []
  if (!names.includes(name)) wrong(`--replay TARGET:SEED, where TARGET is one of ${names.join(', ')}`)
  const found = replay(targetNamed(name), Number(seed), line => process.stdout.write(`${line}\n`))
  process.exit(found ? 1 : 0)
}

const [count, first, patience] = [values.count, values.seed, values.patience].map(Number) as [number, number, number]
if (!(count > 0 && first >= 0 && patience > 0)) wrong('--count, --seed and --patience are numbers')
const unknown = values.target.find(name => !names.includes(name))
if (unknown !== undefined) wrong(`no target ${unknown}: ${names.join(', ')}`)

const chosen = TARGETS.filter(({ name }) => values.target.length === 0 || values.target.includes(name))
const shares = chosen.reduce((sum, { share }) => sum + share, 0)
const tallies = new Map<string, Tally>(chosen.map(({ name }) => [name, emptyTally()]))
const stretches = plan()
const total = stretches.reduce((sum, stretch) => sum + stretch.count, 0)
const started = performance.now()
const seconds = (): number => (performance.now() - started) / 1000

/** The stretches of all targets, mixed, so that the time that is left can be told. */
function plan(): Stretch[] {
  const all = chosen.flatMap(({ name, share }) => {
    const own = Math.ceil((count * share) / shares)
    return Array.from({ length: Math.ceil(own / STRETCH) }, (_, index) => ({
      at: (index * STRETCH) / own,
      stretch: { target: name, from: first + index * STRETCH, count: Math.min(STRETCH, own - index * STRETCH), enough },
    }))
  })
  return all.sort((a, b) => a.at - b.at).map(({ stretch }) => stretch)
}

const inputs = (): number => [...tallies.values()].reduce((sum, tally) => sum + tally.inputs, 0)

let shownAt = 0
function progress(): void {
  const now = performance.now()
  if (now - shownAt < (process.stderr.isTTY ? 200 : 15_000)) return
  shownAt = now
  const done = inputs() / total
  const bar = '█'.repeat(Math.round(done * 30)).padEnd(30, '·')
  const left = done > 0 ? `${Math.ceil(((1 - done) * seconds()) / done)} s left` : ''
  const found = [...tallies.values()].reduce((sum, tally) => sum + tally.found.length, 0)
  const text = `${bar} ${inputs().toLocaleString('en-US')} inputs, findings: ${found}, ${left}`
  process.stderr.write(process.stderr.isTTY ? `\r${text.padEnd(79)}` : `${text}\n`)
}

function tell(found: Found): void {
  if (process.stderr.isTTY) process.stderr.write('\n')
  if (!values.json) process.stdout.write(`${toldFinding(found)}\n`)
}

/** A target with findings enough is left alone: the rest of the time is better spent elsewhere. */
const isOver = (target: string): boolean => (tallies.get(target)?.found.length ?? 0) >= ENOUGH

function take(name: string, tally: Tally): void {
  addTally(tallies.get(name) as Tally, tally)
  for (const found of tally.found) tell(found)
  if (values['until-found'] && tally.found.length > 0) {
    stretches.length = 0
    for (const stop of stops) stop()
  }
  progress()
}

/** Ends each thread where it stands. */
const stops = new Set<() => void>()

/** Runs stretches in a thread until there are none, or until it hangs or dies: then what it was at is a finding. */
function runThread(): Promise<'done' | 'again'> {
  const place = new SharedArrayBuffer(8)
  const at = new Uint32Array(place)
  const file = join(import.meta.dirname, '..', 'tests', 'fuzz', 'worker.ts')
  const worker = new Worker(file, { workerData: place, resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB } })
  return new Promise((resolve, reject) => {
    let current: Stretch | null = null
    let [seen, since] = [0, performance.now()]
    const end = (how: 'done' | 'again'): void => {
      clearInterval(watch)
      stops.delete(stop)
      worker.terminate().then(() => resolve(how), reject)
    }
    const stop = (): void => end('done')
    stops.add(stop)
    const finding = (kind: Finding['kind'], what: string): void => {
      const { target, from, count } = current as Stretch
      const seed = at[0] as number
      const found = { kind, what, target, seed, smallest: null }
      take(target, { ...emptyTally(), inputs: seed - from + 1, found: [found] })
      // The rest of the stretch is for another thread.
      if (seed + 1 < from + count && !values['until-found'])
        stretches.unshift({ target, from: seed + 1, count: from + count - seed - 1, enough })
      end('again')
    }
    const next = (): void => {
      do current = stretches.shift() ?? null
      while (current !== null && isOver(current.target))
      if (current !== null) {
        worker.postMessage(current)
        return
      }
      end('done')
    }
    const watch = setInterval(() => {
      const now = performance.now()
      if (at[1] !== seen || current === null) [seen, since] = [at[1] as number, now]
      else if (now - since > patience * 1000) finding('hang', `no answer within ${patience} s`)
    }, 250)
    worker.on('message', (message: 'ready' | Tally) => {
      if (message !== 'ready') take((current as Stretch).target, message)
      next()
    })
    worker.on('error', error => {
      const isFull = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
      if (isFull && current !== null) return finding('memory', `the thread’s ${HEAP_MIB} MiB were not enough`)
      clearInterval(watch)
      reject(error)
    })
  })
}

async function keepRunning(): Promise<void> {
  while ((await runThread()) === 'again');
}

const threads = Math.min(availableParallelism(), Math.max(1, Math.ceil(total / STRETCH)))
await Promise.all(Array.from({ length: threads }, keepRunning))
if (process.stderr.isTTY) process.stderr.write('\n')
const took = seconds()
const found = [...tallies.values()].flatMap(tally => tally.found)
if (values.json) {
  const targets = [...tallies].map(([name, tally]) => ({
    name,
    ...tally,
    outcomes: Object.fromEntries(tally.outcomes),
    found: tally.found.map(one => ({ ...one, smallest: one.smallest?.toHex() ?? null })),
  }))
  process.stdout.write(`${JSON.stringify({ inputs: inputs(), seconds: took, threads, targets }, null, 2)}\n`)
} else {
  process.stdout.write(table(tallies, took, threads))
}
process.exitCode = found.length === 0 && inputs() > 0 ? 0 : 1

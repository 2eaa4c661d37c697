import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { systemClock } from '../../adapters/clock-system.ts'
import { isRefusal, sentence } from '../../core/refusal/refusal.ts'
import { registry } from '../../core/refusal/registry.ts'
import { runAgent } from './agent.ts'
import { printing } from './events.ts'
import { type Handover, LIFE, readHandover } from './handover.ts'

/**
 * The program of the second stage: installed with the package as it stands here, or bundled into one file and run out of
 * a slot (`npm run build:agent`). The boot stage alone starts it: see handover.ts for what passes between the two.
 */

/** How often a sign of life is given, in milliseconds: the shortest watchdog waits four times as long. */
const BEAT = 100

const write = (line: string): boolean => process.stdout.write(line)
const note = printing(write, () => systemClock.now())

/** The boot stage is gone, however that came: nobody watches any more, and another one may boot this board. */
function orphaned(): never {
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    // Not the leader of a group: started by hand.
  }
  process.exit(70)
}

async function main(handover: Handover): Promise<number> {
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort())
  const life = new Socket({ fd: LIFE, readable: false, writable: true })
  life.on('error', orphaned)
  const beats = setInterval(() => life.write('.'), BEAT)
  const ended = await runAgent({
    handover,
    clock: systemClock,
    note,
    log: (stream, line) => void process.stderr.write(`${JSON.stringify({ application: stream, line })}\n`),
    stop,
    random: Math.random,
    stage: import.meta.url.endsWith('.mjs') ? 'slot' : 'installed',
  })
  clearInterval(beats)
  if (!isRefusal(ended)) return ended
  process.stderr.write(`Refused: ${sentence(ended)}\n`)
  return registry[ended.code].exit
}

// Who read the events has gone; the events are no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const lines = createInterface({ input: process.stdin })
lines.once('line', line => {
  const handover = readHandover(line)
  if (handover === null) {
    process.stderr.write('Started by a boot stage of another kind.\n')
    process.exit(78)
  }
  main(handover).then(
    code => process.exit(code),
    error => {
      process.stderr.write(`The second stage failed: ${(error as Error).stack ?? error}\n`)
      process.exit(70)
    },
  )
})
lines.once('close', orphaned)

import { parentPort, workerData } from 'node:worker_threads'
import { runMany } from './run.ts'
import { targetNamed } from './targets.ts'

/** A thread of `npm run fuzz`: runs the stretches of seeds that it is sent, and says in shared memory where it stands. */

export type Stretch = {
  readonly target: string
  readonly from: number
  readonly count: number
  readonly enough: number
}

const port = parentPort
if (port === null) throw new Error('this is a thread of scripts/fuzz.ts')
const place = new Uint32Array(workerData as SharedArrayBuffer)

port.on('message', ({ target: name, from, count, enough }: Stretch) => {
  const target = targetNamed(name)
  const watch = (seed: number): void => {
    place[0] = seed
    Atomics.add(place, 1, 1)
  }
  port.postMessage(runMany(target, from, count, watch, enough))
})
port.postMessage('ready')

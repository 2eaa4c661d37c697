import { parentPort } from 'node:worker_threads'
import type { Job } from './enumerate.ts'
import { work } from './jobs.ts'

/** A thread of `npm run test:faults`: does the jobs that it is sent, one behind the other. */

// A loss of power is an exception here, a million times: where it was thrown is of no use.
Error.stackTraceLimit = 0

const port = parentPort
if (port === null) throw new Error('this is a thread of scripts/faults.ts')
port.on('message', (job: Job) => {
  work(job).then(
    tally => port.postMessage(tally),
    error => {
      throw error
    },
  )
})

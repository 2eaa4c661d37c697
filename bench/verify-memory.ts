import { fork } from 'node:child_process'
import { join } from 'node:path'
import { MAX_METADATA_BYTES, type MetadataType } from '../src/core/trust/metadata.ts'
import { type Figure, plainLine, RUNS } from './figure.ts'

/** What a child is asked to read: a document of this type, as large as its limit lets it be, of this kind. */
export type Asked = { readonly type: MetadataType; readonly kind: string; readonly bytes: number }

const KINDS: readonly (readonly [type: MetadataType, kind: string])[] = [
  ['targets', 'targets'],
  ['targets', 'nested'],
  ['targets', 'numbers'],
  ['targets', 'endless'],
  ['snapshot', 'roles'],
  ['root', 'keys'],
]

/**
 * The most memory that the verification of one metadata file takes, beside the file itself: peak resident set of a process
 * that reads and verifies documents as large as the limit of their role lets them be, less that of the same process before.
 * Honest ones (tens of thousands of targets, of bins, of keys) and hostile ones (levels without end, a list of millions
 * of numbers, a file that is longer than its limit).
 *
 * What bounds it: the limit on the length, before anything is read, and the limits on members and levels while it is.
 */
export const verifyMemory: Figure = {
  name: 'verify-memory',
  title: 'Memory while one metadata file of the greatest length is verified',
  against: 'nothing: it is bounded by the limits of each role',
  async run(run) {
    const lines = []
    for (const [type, kind] of KINDS) {
      const limit = MAX_METADATA_BYTES[type]
      const bytes = run.scale === 'tiny' ? limit / 16 : limit
      run.say(`${type}, ${kind}`)
      const runs: number[] = []
      for (let round = 0; round < RUNS[run.scale]; round += 1)
        runs.push((await peak({ type, kind, bytes })) / (1 << 20))
      lines.push(plainLine(`${type} of ${(bytes / 1024).toFixed(0)} KiB: ${kind}`, 'MiB', runs))
    }
    const most = Math.max(...lines.map(({ measured }) => measured))
    const bounds = [
      `The limits: root ${MAX_METADATA_BYTES.root >> 10} KiB, timestamp ${MAX_METADATA_BYTES.timestamp >> 10} KiB, snapshot ${MAX_METADATA_BYTES.snapshot >> 10} KiB, targets ${MAX_METADATA_BYTES.targets >> 10} KiB. No document within them took more than ${most.toFixed(0)} MiB; a bin of ours is near 15 KiB.`,
    ]
    return { lines, bounds }
  },
}

function peak(asked: Asked): Promise<number> {
  const child = fork(join(import.meta.dirname, 'verify-memory', 'reader.ts'), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  return new Promise((resolve, reject) => {
    child.once('message', grown => resolve(Number(grown)))
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`the reader ended with ${code}`)))
    child.send(asked)
  })
}

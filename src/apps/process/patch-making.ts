import { Worker } from 'node:worker_threads'
import { LARGE_IMAGE } from '../../core/delta/search/alike.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { FromPatchWorker, PatchWork } from './patch-worker.ts'

/** What making a patch may take, who is told how far it is, and who ends it. */
export type Making = {
  /** Milliseconds. Absent: as long as it takes. */
  readonly millis?: number
  /** Bytes of memory beside the two images. */
  readonly memory: number
  /** From 0 to 1, and what it is at. */
  readonly tell?: (share: number, doing: string) => void
  readonly stop?: AbortSignal
}

/**
 * Bytes of memory that making a patch takes beside the images, at least: most of it is the order of all suffixes of a small old one; a large one
 * is sought through by as many pieces as there is memory for. The limits of a thread do not count what lies in buffers, so that this is
 * known, and refused, before anything is begun.
 */
export const memoryToMake = (old: number, now: number): number =>
  OF_MODEL + (old > LARGE_IMAGE ? OF_LARGE_OLD : OF_OLD) * old + OF_NOW * now
const OF_OLD = 20
const OF_LARGE_OLD = 2
const OF_NOW = 2
const OF_MODEL = 16 * 1024 * 1024
/** What covers, blocks and the program itself may take of the heap, in MiB. */
const HEAP = 512

/**
 * Makes a patch in a thread of its own. The images are the thread's from then on: where they have a buffer of their own, it is handed
 * over. Nothing is durable on return. Refuses `patch-too-large` (more memory than there is for it), `patch-too-slow`, `patch-cancelled`,
 * `patch-not-made` (the thread ended, which is a bug or a machine without memory).
 */
export function makePatch(
  work: Omit<PatchWork, 'memory'>,
  making: Making,
  subject = 'the patch',
): Promise<Uint8Array | Refusal> {
  const { millis, memory, tell, stop } = making
  const needed = memoryToMake(work.old.length, work.now.length)
  if (needed > memory) {
    return Promise.resolve(refuse('patch-too-large', subject, `at most ${memory} bytes of memory`, `${needed}`))
  }
  const cancelled = (): Refusal => refuse('patch-cancelled', subject, 'a patch', 'somebody ended it')
  if (stop?.aborted === true) return Promise.resolve(cancelled())
  const notMade = (actual: string): Refusal => refuse('patch-not-made', subject, 'a patch', actual)
  const own = [work.old, work.now].filter(isAlone).map(({ buffer }) => buffer as ArrayBuffer)
  const worker = new Worker(new URL('./patch-worker.ts', import.meta.url), {
    workerData: { ...work, memory: memory - OF_MODEL - OF_NOW * work.now.length },
    transferList: [...new Set(own)],
    resourceLimits: { maxOldGenerationSizeMb: HEAP },
  })
  return new Promise(resolve => {
    let limit: NodeJS.Timeout | undefined
    const ends = (result: Uint8Array | Refusal): void => {
      clearTimeout(limit)
      stop?.removeEventListener('abort', onStop)
      worker.removeAllListeners()
      // Whoever waits may end the process: the thread is gone by then.
      if (isRefusal(result)) void worker.terminate().then(() => resolve(result))
      else resolve(result)
    }
    const onStop = (): void => ends(cancelled())
    stop?.addEventListener('abort', onStop)
    if (millis !== undefined) {
      limit = setTimeout(() => ends(refuse('patch-too-slow', subject, `at most ${millis / 1000} s`, 'longer')), millis)
    }
    worker.on('message', (message: FromPatchWorker) => {
      if (message.is === 'made') ends(message.patch)
      else if (message.is === 'refused') ends({ ...message.refusal, subject })
      else tell?.(message.share, message.doing)
    })
    worker.on('error', (error: Error) =>
      ends(exhausted(error, subject, memory) ?? notMade(error.message.slice(0, 200))),
    )
    worker.on('exit', () => ends(notMade('nothing: its thread ended')))
  })
}

/** Whether an image has a buffer of its own, which can be handed over. Small files share one. */
const isAlone = ({ byteLength, buffer }: Uint8Array): boolean =>
  buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0

function exhausted(error: Error, subject: string, memory: number): Refusal | null {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ERR_WORKER_OUT_OF_MEMORY' && !(error instanceof RangeError)) return null
  return refuse('patch-too-large', subject, `at most ${memory} bytes of memory`, 'more than the machine gives')
}

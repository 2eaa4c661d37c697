import type { Logger } from 'pino'
import { isRefusal, type Refusal, RefusalError } from '../../core/refusal/refusal.ts'

/** Work that is done again and again, one round at a time, until it is stopped. */
export type Loop = { stop(): Promise<void> }

/** What a loop waits for between two rounds. Ends at once when `stop` is aborted, and leaves no timer behind. */
export type Pause = (stop: AbortSignal) => Promise<void>

/** The longest pause between rounds that fail, in milliseconds. */
const MAX_PAUSE = 60_000

/** A pause of so many milliseconds. */
export function every(millis: number): Pause {
  return stop =>
    new Promise(resolve => {
      if (stop.aborted) return resolve()
      const end = (): void => {
        clearTimeout(timer)
        stop.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, millis)
      stop.addEventListener('abort', end)
    })
}

/**
 * Starts a loop. Each round begins when `pause` is over after the one before; a round that is refused is tried again
 * later and later (twice `retryMillis` each time, at most a minute), and its refusal is logged once per code. A round
 * that throws is a fault of the program or of the disk: it is logged and tried again in the same way. Stopping waits
 * for the round that runs, and for nothing else.
 */
export function startLoop(
  name: string,
  pause: Pause,
  retryMillis: number,
  work: () => Promise<null | Refusal>,
  log: Logger,
): Loop {
  const stop = new AbortController()
  const { signal } = stop
  const run = async (): Promise<void> => {
    let failures = 0
    let last: string | null = null
    while (!signal.aborted) {
      const problem = await round(work)
      if (problem === null) {
        if (last !== null) log.info({ loop: name }, 'goes on again')
        failures = 0
        last = null
        await pause(signal)
        continue
      }
      if (problem.code !== last) log.warn({ loop: name, ...problem }, 'cannot go on; tries again')
      last = problem.code
      failures += 1
      await every(Math.min(retryMillis * 2 ** Math.min(failures, 16), MAX_PAUSE))(signal)
    }
  }
  const done = run()
  return {
    stop: () => {
      stop.abort()
      return done
    },
  }
}

async function round(work: () => Promise<null | Refusal>): Promise<{ code: string; [more: string]: unknown } | null> {
  try {
    const result = await work()
    return isRefusal(result) ? result : null
  } catch (error) {
    if (error instanceof RefusalError) return { ...error.refusal }
    return { code: (error as Error).message, err: error }
  }
}

import type { Logger } from 'pino'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'

/** Work that is done again and again, one round at a time, until it is stopped. */
export type Loop = { stop(): Promise<void> }

/** The longest pause between rounds that fail, in milliseconds. */
const MAX_PAUSE = 60_000

/**
 * Starts a loop. Each round begins `pause()` after the one before ended; a round that is refused is tried again later
 * and later (twice the pause each time, at most a minute), and its refusal is logged once per code. A round that throws
 * is a fault of the program or of the disk: it is logged and tried again in the same way.
 */
export function startLoop(
  name: string,
  pause: () => Promise<void>,
  pauseMillis: number,
  work: () => Promise<null | Refusal>,
  log: Logger,
): Loop {
  let stopped = false
  let wake = (): void => undefined
  const sleep = (millis: number): Promise<void> =>
    new Promise(resolve => {
      const timer = setTimeout(resolve, millis)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const run = async (): Promise<void> => {
    let failures = 0
    let last: string | null = null
    while (!stopped) {
      const problem = await round(work)
      if (problem === null) {
        if (last !== null) log.info({ loop: name }, 'goes on again')
        failures = 0
        last = null
        if (!stopped) await Promise.race([pause(), sleep(MAX_PAUSE)])
        // The timer of the pause that lost would hold the process for a minute after its end.
        wake()
        continue
      }
      if (problem.code !== last) log.warn({ loop: name, ...problem }, 'cannot go on; tries again')
      last = problem.code
      failures += 1
      if (!stopped) await sleep(Math.min(pauseMillis * 2 ** Math.min(failures, 16), MAX_PAUSE))
    }
  }
  const done = run()
  return {
    stop: () => {
      stopped = true
      wake()
      return done
    },
  }
}

async function round(work: () => Promise<null | Refusal>): Promise<{ code: string; [more: string]: unknown } | null> {
  try {
    const result = await work()
    return isRefusal(result) ? result : null
  } catch (error) {
    return { code: (error as Error).message, err: error }
  }
}

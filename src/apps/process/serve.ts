import { type Logger, pino } from 'pino'
import { systemClock } from '../../adapters/clock-system.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Clock } from '../../flows/ports.ts'
import { BUILT_AT } from '../../wire/build.ts'
import { nobodyThere, Signers } from './signers.ts'

export type Log = Logger

/** A server that runs: what it says when it is ready, and how it is ended. */
export type Serving = { readonly ready: Readonly<Record<string, unknown>>; close(): Promise<void> }

/**
 * Runs a server until SIGTERM or SIGINT: logs to stderr, writes one JSON line to stdout when it is ready, ends in
 * order. Refuses `clock-before-build` before anything is opened: with such a clock no expiry can be judged.
 */
export async function serveUntilSignal(
  level: string,
  start: (log: Log) => Promise<Serving | Refusal>,
  clock: Clock = systemClock,
): Promise<null | Refusal> {
  const log = pino({ level }, process.stderr)
  const early = checkClock(clock.now())
  if (early !== null) return early
  const serving = await start(log)
  if (isRefusal(serving)) return serving
  process.stdout.write(`${JSON.stringify({ ready: true, ...serving.ready })}\n`)
  const signal = await new Promise<string>(resolve => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name))
  })
  log.info({ signal }, 'ends')
  await serving.close()
  return null
}

/** Starts a server with keys that are open for as long as it runs. */
export async function startWithKeys(
  start: (signers: Signers) => Promise<Serving | Refusal>,
): Promise<Serving | Refusal> {
  const signers = new Signers(nodeCrypto, { askPin: nobodyThere })
  const started = await start(signers)
  if (isRefusal(started)) {
    signers.close()
    return started
  }
  return { ready: started.ready, close: () => started.close().finally(() => signers.close()) }
}

/** A machine without a battery for its clock starts in 1970. Refuses `clock-before-build`. */
export function checkClock(now: number): null | Refusal {
  if (now >= BUILT_AT) return null
  const shown = (millis: number): string => new Date(millis).toISOString()
  return refuse('clock-before-build', 'the clock of this machine', `a time after ${shown(BUILT_AT)}`, shown(now))
}

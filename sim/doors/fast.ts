import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { run } from '../../src/apps/cli/program.ts'
import { isRefusal, sentence } from '../../src/core/refusal/refusal.ts'
import { CLOCK_WARNING, FastClock } from './fast-clock.ts'

/**
 * `voltseal` on a simulated clock: the very programs of production, told another time.
 *
 *     fast.ts CLOCK.json ARGUMENTS-OF-VOLTSEAL ...
 *
 * It is a door of the simulator's own, so that no option and no variable of production can set a clock.
 */
const [path = '', ...argv] = process.argv.slice(2)
const clock = FastClock.open(path)
if (isRefusal(clock)) {
  process.stderr.write(`fast.ts CLOCK.json ARGUMENTS ...: ${sentence(clock)}\n`)
  process.exit(64)
}
process.stderr.write(`${CLOCK_WARNING}\n`)
process.exitCode = await run(argv, {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  crypto: nodeCrypto,
  clock,
  onStop: () => {
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
    return stop.signal
  },
})

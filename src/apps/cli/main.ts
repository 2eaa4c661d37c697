import { systemClock } from '../../adapters/clock-system.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { askAtTerminal } from '../../adapters/terminal.ts'
import { run } from './program.ts'

// A reader that has seen enough (`voltseal explain | head`) closes the pipe: that is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
}

/**
 * The first signal asks a command that serves or watches to end well, the second ends it. Commands that do not ask for
 * this end at once, as any program does: what they had said was durable is.
 */
function onStop(): AbortSignal {
  const stop = new AbortController()
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(128 + number)
      stop.abort()
    })
  }
  return stop.signal
}

const { stdout, stderr, env } = process
process.exitCode = await run(process.argv.slice(2), {
  stdout,
  stderr,
  env,
  crypto: nodeCrypto,
  clock: systemClock,
  onStop,
  askPin: askAtTerminal,
})

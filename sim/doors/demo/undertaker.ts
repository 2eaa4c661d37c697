import { createInterface } from 'node:readline'

/**
 * Ends the demo's children when the demo itself is killed and can no longer do so. It reads `+PID` and `-PID` lines;
 * when the pipe closes, whatever is still listed is killed, by its id. Signals of the terminal are not for it.
 */
const listed = new Set<number>()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

createInterface({ input: process.stdin })
  .on('line', line => {
    const id = Number(line.slice(1))
    if (!Number.isSafeInteger(id) || id <= 1) return
    if (line.startsWith('+')) listed.add(id)
    else listed.delete(id)
  })
  .on('close', () => {
    for (const id of listed) {
      try {
        process.kill(id, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    process.exit(0)
  })

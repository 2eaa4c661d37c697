import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'

const PAIRS = 50

/** The first of two free ports that follow on each other, from `first` on. Refuses `port-in-use`, `port-not-permitted`. */
export async function freePair(host: string, first: number): Promise<number | Refusal> {
  const last = Math.min(first + 2 * PAIRS, 65_534)
  for (let port = first; port <= last; port += 2) {
    const faults = [await tryPort(host, port), await tryPort(host, port + 1)]
    if (faults.every(fault => fault === null)) return port
    const foreign = faults.find(fault => fault !== null && fault !== 'EADDRINUSE')
    if (foreign != null) {
      return refuse('port-not-permitted', `${host}:${port}`, 'an address and a port that this user may open', foreign)
    }
  }
  return refuse('port-in-use', `${host}:${first} to ${last}`, 'two free ports side by side', 'none')
}

/** The first free port from `first` on; null when there is none nearby, or when the address is not this machine's. */
export async function freePort(host: string, first: number): Promise<number | null> {
  for (let port = first; port < Math.min(first + PAIRS, 65_535); port += 1) {
    if ((await tryPort(host, port)) === null) return port
  }
  return null
}

async function tryPort(host: string, port: number): Promise<string | null> {
  const server = createServer()
  try {
    const listening = once(server, 'listening')
    server.listen({ host, port, exclusive: true })
    await listening
    const closed = once(server, 'close')
    server.close()
    await closed
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'failure'
  }
}

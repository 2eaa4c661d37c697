import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { parentPort, workerData } from 'node:worker_threads'

/** What the receiver says when it listens. */
export type Listening = { readonly port: number }

/** A receiver of syslog over TLS that reads, keeps nothing, and closes when it has read to the end (RFC 5425 section 4.4). */
const server = createServer(workerData as { cert: string; key: string }, socket => {
  socket.resume()
  socket.on('end', () => socket.end())
  socket.on('error', () => undefined)
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  parentPort?.postMessage({ port } satisfies Listening)
})

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Bytes between a gateway and its fleet server. `down` is towards the gateway. */
export type Traffic = {
  /** Bodies of payloads, envelopes and plans. */
  readonly blobs: number
  /** Bodies of the repositories' metadata. */
  readonly metadata: number
  /** Bodies that the gateway sends: reports and its own log. */
  readonly upstream: number
  /** Everything on the wire above TCP: TLS records, handshakes, headers, bodies, and every question for news. */
  readonly tlsDown: number
  readonly tlsUp: number
  readonly checkIns: number
}

const NOTHING: Traffic = { blobs: 0, metadata: 0, upstream: 0, tlsDown: 0, tlsUp: 0, checkIns: 0 }
const ANSWERED = 'http.client.response.finish'

/**
 * Stands between a gateway and its fleet server, passes every byte on and counts it. What is inside TLS is counted where
 * this process's clients of the relay get an answer, by the length of its body.
 */
export class CountingRelay {
  #traffic: Traffic = NOTHING
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  readonly #host: string
  readonly #answered = (message: unknown): void => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage }
    if (request.getHeader('host') === this.#host) this.#count(request, response)
  }

  private constructor(server: Server, host: string) {
    this.#server = server
    this.#host = host
    subscribe(ANSWERED, this.#answered)
  }

  static start(host: string, port: number, target: number): Promise<CountingRelay> {
    const server = createServer()
    const relay = new CountingRelay(server, `${host}:${port}`)
    server.on('connection', near => relay.#pass(near, connect({ host, port: target })))
    return new Promise(resolve => server.listen(port, host, () => resolve(relay)))
  }

  /** What has passed since the last time. */
  take(): Traffic {
    const taken = this.#traffic
    this.#traffic = NOTHING
    return taken
  }

  stop(): void {
    unsubscribe(ANSWERED, this.#answered)
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #pass(near: Socket, far: Socket): void {
    for (const [from, to, way] of [
      [near, far, 'tlsUp'],
      [far, near, 'tlsDown'],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('data', part => this.#add(way, part.length))
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  }

  #count(request: ClientRequest, response: IncomingMessage): void {
    const body = Number(response.headers['content-length'] ?? 0)
    if (request.path.startsWith('/v1/blobs/')) this.#add('blobs', body)
    else if (request.path.startsWith('/v1/repos/')) this.#add('metadata', body)
    else if (request.path === '/v1/upstream') this.#add('upstream', Number(request.getHeader('content-length') ?? 0))
    else if (request.path === '/v1/check-in') this.#add('checkIns', 1)
  }

  #add(what: keyof Traffic, bytes: number): void {
    this.#traffic = { ...this.#traffic, [what]: this.#traffic[what] + bytes }
  }
}

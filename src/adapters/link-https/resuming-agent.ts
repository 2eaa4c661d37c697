import { Agent, type AgentOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** Connections in a row that a session may fail to bring an answer, before the next one does without it. */
const FRUITLESS = 8

/**
 * An agent that resumes its TLS session also behind a connection that was reset, which Node's own forgets then: a whole
 * handshake with two certificates is several kilobytes, more than some lines carry before they break. The session is
 * dropped when a peer answers nothing to it several times, or does not accept it.
 */
export class ResumingAgent extends Agent {
  #session: Buffer | null = null
  #fruitless = 0

  constructor(options: AgentOptions) {
    super({ ...options, keepAlive: true, minVersion: 'TLSv1.3', rejectUnauthorized: true })
  }

  /** A connection of this agent brought an answer. */
  answered(): void {
    this.#fruitless = 0
  }

  override createConnection(
    options: Parameters<Agent['createConnection']>[0],
    callback?: Parameters<Agent['createConnection']>[1],
  ): Duplex | null | undefined {
    if (this.#session !== null) this.#fruitless += 1
    if (this.#fruitless > FRUITLESS) this.#forget()
    const session = this.#session === null ? {} : { session: this.#session }
    const socket = super.createConnection({ ...options, ...session }, callback) as TLSSocket
    socket.on('session', fresh => {
      this.#session = fresh
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (/^ERR_(?:TLS|SSL|OSSL)|CERT/.test(error.code ?? '')) this.#forget()
    })
    return socket
  }

  #forget(): void {
    this.#session = null
    this.#fruitless = 0
  }
}

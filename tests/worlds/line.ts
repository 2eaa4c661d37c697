import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** A line to a server that somebody else owns: each says what becomes of the bytes that it carries, and cannot read them. */
export abstract class Line {
  readonly #server: Server

  protected constructor(allowHalfOpen = false) {
    this.#server = createServer({ allowHalfOpen }, caller => this.carry(caller))
  }

  protected abstract carry(caller: Socket): void

  /** A port of its own unless it is given one; of the same address as the server, so that its certificate fits. */
  protected listen(host = '127.0.0.1', port = 0): Promise<this> {
    return new Promise<this>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => resolve(this))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends every connection that is open, so that the next bytes need a new one. */
  abstract cut(): void

  async close(): Promise<void> {
    this.cut()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

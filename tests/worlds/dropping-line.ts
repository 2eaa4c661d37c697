import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** How a connection ends: the peer's end is told (FIN), or it is reset (RST) with what was on its way lost. */
export type Drop = 'fin' | 'rst'

/**
 * A line that ends each connection once the server has said a number of bytes over it, the handshake counted: bytes of
 * TLS, of which a peer sees whole records. It cannot read what it carries.
 */
export class DroppingLine {
  /** Bytes for the next connection; null: as many as it likes. Asked once for each. */
  budget: () => number | null = () => null
  drop: Drop = 'fin'
  /** Connections that were ended by the line. */
  dropped = 0
  readonly #target: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(target: number) {
    this.#target = target
    this.#server = createServer(client => this.#carry(client))
  }

  /** Listens on a port of its own of 127.0.0.1, so that the server's certificate fits. */
  static async to(target: number): Promise<DroppingLine> {
    const line = new DroppingLine(target)
    await new Promise<void>((resolve, reject) => {
      line.#server.once('error', reject)
      line.#server.listen(0, '127.0.0.1', resolve)
    })
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends every connection that is open, so that the next bytes need a new one. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #carry(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1')
    let left = this.budget()
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        server.destroy()
        if (!client.writableEnded) client.destroy()
      })
    }
    client.pipe(server)
    server.on('data', (bytes: Buffer) => {
      if (left === null || bytes.length < left) {
        if (left !== null) left -= bytes.length
        client.write(bytes)
        return
      }
      this.dropped += 1
      server.removeAllListeners('data')
      server.destroy()
      if (this.drop === 'fin') client.end(bytes.subarray(0, left))
      else client.write(bytes.subarray(0, left), () => client.resetAndDestroy())
      left = 0
    })
  }

  async close(): Promise<void> {
    this.cutAll()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

import { connect, type Socket } from 'node:net'
import { Line } from './line.ts'

/** How a connection ends: the peer's end is told (FIN), or it is reset (RST) with what was on its way lost. */
export type Drop = 'fin' | 'rst'

/**
 * A line that ends each connection once the server has said a number of bytes over it, the handshake counted: bytes of
 * TLS, of which a peer sees whole records.
 */
export class DroppingLine extends Line {
  /** Bytes for the next connection; null: as many as it likes. Asked once for each. */
  budget: () => number | null = () => null
  drop: Drop = 'fin'
  /** Connections that were ended by the line. */
  dropped = 0
  readonly #target: number
  readonly #sockets = new Set<Socket>()

  private constructor(target: number) {
    super()
    this.#target = target
  }

  static to(target: number): Promise<DroppingLine> {
    return new DroppingLine(target).listen()
  }

  override cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  protected override carry(client: Socket): void {
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
}

import { connect, type Socket } from 'node:net'
import { Line } from './line.ts'

/** A line that passes bytes on, and breaks when a test says so. */
export class FlakyLine extends Line {
  /** Bytes that the server may still say before the line breaks; null: all of them. */
  #left: number | null = null
  readonly #host: string
  readonly #target: number
  readonly #sockets = new Set<Socket>()

  private constructor(host: string, target: number) {
    super()
    this.#host = host
    this.#target = target
  }

  static to(host: string, target: number, port: number): Promise<FlakyLine> {
    return new FlakyLine(host, target).listen(host, port)
  }

  /** The line breaks when the server has said so many bytes more; bytes of TLS, of which a peer sees whole records. */
  cutAfter(bytes: number): void {
    this.#left = bytes
  }

  heal(): void {
    this.#left = null
  }

  protected override carry(client: Socket): void {
    const server = connect(this.#target, this.#host)
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    client.pipe(server)
    server.on('data', (chunk: Buffer) => {
      if (this.#left === null || chunk.length <= this.#left) {
        if (this.#left !== null) this.#left -= chunk.length
        client.write(chunk)
        return
      }
      client.end(chunk.subarray(0, this.#left), () => server.destroy())
      this.#left = 0
    })
  }

  override cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

import { connect, createServer, type Server, type Socket } from 'node:net'

/** A line to a server that somebody else owns: it passes bytes on, slowly or not at all, and cannot read them. */
export class FlakyLine {
  /** Bytes that the server may still say before the line breaks; null: all of them. */
  #left: number | null = null
  readonly #host: string
  readonly #target: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(host: string, target: number) {
    this.#host = host
    this.#target = target
    this.#server = createServer(client => this.#carry(client))
  }

  /** Listens on a port of the same address as the server, so that its certificate fits. */
  static async to(host: string, target: number, port: number): Promise<FlakyLine> {
    const line = new FlakyLine(host, target)
    await new Promise<void>((resolve, reject) => {
      line.#server.once('error', reject)
      line.#server.listen(port, host, resolve)
    })
    return line
  }

  /** The line breaks when the server has said so many bytes more; bytes of TLS, of which a peer sees whole records. */
  cutAfter(bytes: number): void {
    this.#left = bytes
  }

  heal(): void {
    this.#left = null
  }

  #carry(client: Socket): void {
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

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

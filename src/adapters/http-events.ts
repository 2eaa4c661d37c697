import type { FastifyReply } from 'fastify'

/** An event of a stream. Without data it only moves the reader's position (WHATWG HTML §9.2.6). */
export type StreamEvent = { readonly id?: number; readonly event?: string; readonly data?: unknown }

/**
 * Server-sent events to one reader. There is no queue: who sends waits until the reader has room, so a reader costs one
 * event and the buffers of its connection, however slow it is. One that takes nothing for `patienceMillis` is cut off:
 * it is told so behind what it has not read yet, and has the same time again to read that.
 */
export class EventStream {
  readonly #raw: FastifyReply['raw']
  readonly #patienceMillis: number
  #open: boolean

  constructor(reply: FastifyReply, patienceMillis: number) {
    reply.hijack()
    this.#raw = reply.raw
    this.#patienceMillis = patienceMillis
    // Who hung up before this began says so no more.
    this.#open = !this.#raw.destroyed
    this.#raw.on('close', () => {
      this.#open = false
    })
    // A reader that is gone: the close says so.
    this.#raw.on('error', () => undefined)
    if (!this.#open) return
    this.#raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // A proxy that gathers answers before it passes them on would hold all of it back.
      'x-accel-buffering': 'no',
    })
  }

  get open(): boolean {
    return this.#open
  }

  /** Calls back when the stream is over, whoever ended it. */
  onEnd(done: () => void): void {
    if (this.#raw.destroyed) done()
    else this.#raw.once('close', done)
  }

  /** Sends one event; resolves when there is room for the next. False: the reader is gone, or was cut off. */
  async send(event: StreamEvent): Promise<boolean> {
    if (!this.#open) return false
    if (this.#raw.write(textOf(event))) return true
    if (await this.#room()) return this.#open
    if (this.#open) this.end({ event: 'cut-off', data: { why: 'too slow', patienceMillis: this.#patienceMillis } })
    return false
  }

  /** Ends the stream, with a last event. What the reader does not take in time is dropped. */
  end(last: StreamEvent): void {
    if (!this.#open) return
    this.#open = false
    const late = setTimeout(() => this.#raw.destroy(), this.#patienceMillis)
    this.#raw.once('close', () => clearTimeout(late))
    this.#raw.end(textOf(last))
  }

  #room(): Promise<boolean> {
    return new Promise(resolve => {
      const over = (room: boolean) => (): void => {
        clearTimeout(timer)
        this.#raw.off('drain', drained)
        this.#raw.off('close', closed)
        resolve(room)
      }
      const [drained, closed] = [over(true), over(false)]
      const timer = setTimeout(over(false), this.#patienceMillis)
      this.#raw.once('drain', drained)
      this.#raw.once('close', closed)
    })
  }
}

/** JSON has no line breaks: one line of data is enough. */
function textOf({ id, event, data }: StreamEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(data === undefined ? [] : [`data: ${JSON.stringify(data)}`]),
  ]
  return `${lines.join('\n')}\n\n`
}

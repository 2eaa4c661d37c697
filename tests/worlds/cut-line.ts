import { connect, type Socket } from 'node:net'
import { Line } from './line.ts'

/**
 * A line to a receiver that passes bytes and ends on; a test cuts it, lets what is said on it lie in its buffers, or lets nothing
 * through. What lies in it when it is cut is lost.
 */
export class CutLine extends Line {
  /** The connection that comes next is reset when its caller has said so many bytes; null: never. Asked once for each. */
  budget: () => number | null = () => null
  /** Connections that were made, and that the line reset by itself. */
  made = 0
  cuts = 0
  #target: number
  readonly #pairs = new Set<readonly [caller: Socket, called: Socket]>()
  #held = false

  private constructor(target: number) {
    super(true)
    this.#target = target
  }

  static to(target: number): Promise<CutLine> {
    return new CutLine(target).listen()
  }

  /** New connections lead to another port of the receiver. */
  lead(target: number): void {
    this.#target = target
  }

  /** Resets every connection: what lies in the line is lost, on both sides. */
  override cut(): void {
    for (const [caller, called] of this.#pairs) {
      caller.resetAndDestroy()
      called.resetAndDestroy()
    }
  }

  /** Lets nothing of what callers say through, and reads nothing of it, until it is let go. */
  hold(held: boolean): void {
    this.#held = held
    for (const [caller] of this.#pairs) held ? caller.pause() : caller.resume()
  }

  protected override carry(caller: Socket): void {
    const called = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true })
    const pair = [caller, called] as const
    this.#pairs.add(pair)
    this.made += 1
    let left = this.budget() ?? Number.POSITIVE_INFINITY
    for (const socket of pair) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        // An end has been passed on before; without one the other side is to see that it broke.
        for (const other of pair) if (!other.destroyed && !other.writableEnded) other.resetAndDestroy()
        if (caller.destroyed && called.destroyed) this.#pairs.delete(pair)
      })
    }
    caller.on('data', (bytes: Buffer) => {
      const part = bytes.subarray(0, Math.max(0, left))
      left -= bytes.length
      if (left <= 0) {
        this.cuts += 1
        // What has been passed on arrives; the rest is lost.
        called.write(part, () => called.resetAndDestroy())
        caller.resetAndDestroy()
      } else if (!called.write(part)) {
        caller.pause()
        called.once('drain', () => this.#held || caller.resume())
      }
    })
    caller.on('end', () => called.end())
    called.on('data', bytes => caller.write(bytes))
    called.on('end', () => caller.end())
    if (this.#held) caller.pause()
  }
}

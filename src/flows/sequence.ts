/** Items that are written in one turn at most: who waits for a turn of their own waits no longer for it. */
const MOST = 1000

type Waiting<T> = { readonly item: T; readonly done: () => void; readonly failed: (error: unknown) => void }

/** How a sequencer writes. */
export type Sequence<T> = {
  /** Takes the one turn of the writer; turns are given in the order in which they are asked for. */
  readonly turn: (work: () => Promise<void>) => Promise<void>
  /** Writes items, in order, in one piece. Durable on return; when it throws, nothing of them is there. */
  readonly write: (items: readonly T[]) => Promise<void>
  /** Whether what was thrown is the fault of one item, and was found before anything was written. */
  readonly isOfOne: (error: unknown) => boolean
}

/**
 * Gathers what arrives while the writer is at work, and writes all of it in the next turn: one sealing, one signature, one sync of the
 * disk, however many there are. Each caller is answered after that, and an item that cannot be written fails alone.
 *
 * If power fails before the sync, nothing of the turn is there and nobody was answered; after it, all of it is there.
 */
export class Sequencer<T> {
  readonly #sequence: Sequence<T>
  #waiting: Waiting<T>[] = []

  constructor(sequence: Sequence<T>) {
    this.#sequence = sequence
  }

  /** Durable when the promise resolves. Rejects with what `write` threw. */
  add(item: T): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ item, done, failed })
      // Whoever is the first asks for the turn; who comes until it is given comes along.
      if (this.#waiting.length === 1) this.#ask()
    })
  }

  #ask(): void {
    void this.#sequence.turn(async () => {
      const batch = this.#waiting.splice(0, MOST)
      if (this.#waiting.length > 0) this.#ask()
      await this.#write(batch)
    })
  }

  async #write(batch: readonly Waiting<T>[]): Promise<void> {
    try {
      await this.#sequence.write(batch.map(({ item }) => item))
    } catch (error) {
      if (batch.length > 1 && this.#sequence.isOfOne(error)) {
        for (const one of batch) await this.#write([one])
      } else for (const { failed } of batch) failed(error)
      return
    }
    for (const { done } of batch) done()
  }
}

/** A stretch of entries of the log, both ends included. */
export type Stretch = { readonly from: number; readonly to: number }

/**
 * What is not judged of one sequence (of a gateway's own log, `controller` null, or of a controller's history), because entries were passed over.
 * - `again`: the entry of the log from which on it is judged again; null: nothing of it came behind what was passed over.
 * - `numbers`: its numbers that nobody could judge: how many, the first and the last. Null: it cannot be said which, as the sequence
 *   may have begun anew.
 * - `doubtful`: entries that are at hand, and say something that only an entry which was passed over could bear out: a signature by a key that may
 *   have been registered there, a report that may attest more than was told.
 */
export type Unjudged = {
  readonly site: string
  readonly controller: string | null
  readonly again: number | null
  readonly numbers: { readonly count: number; readonly from: number; readonly to: number } | null
  readonly doubtful: number
}

/** Stretches and sequences that are kept at most; the rest is counted. */
export const MAX_STRETCHES = 100
export const MAX_UNJUDGED = 1000

type Sequence = { readonly site: string; readonly controller: string | null }
type Doubt = Sequence & {
  again: number | null
  numbers: { count: number; from: number; to: number } | null
  doubtful: number
}

/**
 * The entries of a log that were passed over while it was read, and what cannot be judged for it. `count`: how many stretches there were; what was
 * known of a sequence is certain as long as none was added since.
 */
export class PassedOver {
  count = 0
  entries = 0
  readonly stretches: { from: number; to: number }[] = []
  readonly #doubts = new Map<string, Doubt>()
  #last = Number.NaN

  /** Passes over the entry of that index. */
  add(index: number): void {
    this.entries += 1
    const goesOn = index === this.#last + 1
    this.#last = index
    if (!goesOn) {
      this.count += 1
      if (this.count <= MAX_STRETCHES) this.stretches.push({ from: index, to: index })
    } else if (this.count <= MAX_STRETCHES) {
      this.stretches[this.count - 1] = { from: (this.stretches.at(-1) as Stretch).from, to: index }
    }
  }

  /** A sequence is judged again from an entry on; `from` to `to` are the numbers that lie in front of it and were not judged, none when `to` is less. */
  takenUp(who: Sequence, again: number, { from, to }: Stretch): void {
    const doubt = this.#doubtOf(who)
    doubt.again = again
    if (to < from) return
    const before = doubt.numbers ?? { count: 0, from, to }
    doubt.numbers = {
      count: before.count + to - from + 1,
      from: Math.min(before.from, from),
      to: Math.max(before.to, to),
    }
  }

  /** An entry says what only one that was passed over could bear out. */
  doubts(who: Sequence): void {
    this.#doubtOf(who).doubtful += 1
  }

  /**
   * The sequences of which something is not judged, gateways first; `more` of them beyond `MAX_UNJUDGED`. `silent`: those of which nothing came behind
   * what was passed over last.
   */
  unjudged(silent: Iterable<Sequence>): { readonly kept: readonly Unjudged[]; readonly more: number } {
    const all = new Map<string, Unjudged>(this.#doubts)
    for (const who of silent) {
      const known = all.get(nameOf(who)) ?? { ...who, numbers: null, doubtful: 0 }
      all.set(nameOf(who), { ...known, again: null })
    }
    const gateways = [...all.values()].filter(({ controller }) => controller === null)
    const devices = [...all.values()].filter(({ controller }) => controller !== null)
    const kept = [...gateways, ...devices].slice(0, MAX_UNJUDGED)
    return { kept, more: all.size - kept.length }
  }

  #doubtOf(who: Sequence): Doubt {
    const known = this.#doubts.get(nameOf(who)) ?? { ...who, again: null, numbers: null, doubtful: 0 }
    this.#doubts.set(nameOf(who), known)
    return known
  }
}

const nameOf = ({ site, controller }: Sequence): string => `${site}/${controller ?? ''}`

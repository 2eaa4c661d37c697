import type { PathController } from '../../../src/core/campaign/path-cohorts.ts'
import type { SignedRelease } from '../../../src/core/campaign/path-places.ts'
import { keysAfter } from '../../../src/core/slot/key-change.ts'

type At = { readonly number: number; readonly keys: readonly string[] }

/** What may be, judged controller by controller and pair by pair: nothing of the product's search is used here. */
export class Oracle {
  readonly boards: readonly PathController<SignedRelease>[]
  readonly published: readonly SignedRelease[]
  readonly start: readonly At[]

  constructor(boards: readonly PathController<SignedRelease>[], published: readonly SignedRelease[]) {
    this.boards = boards
    this.published = published
    this.start = boards.map(({ of: { attested } }) => {
      return { number: attested?.running.sequence ?? 0, keys: attested?.anchors ?? [] }
    })
  }

  /** Whether two boards that talk accept each other, as they are. */
  pair(state: readonly At[], a: number, b: number): boolean {
    const [one, other] = [this.boards[a]!, this.boards[b]!]
    if (one.circle !== null && other.circle !== null && one.circle !== other.circle) return true
    return this.#accepts(one, state[a]!, other, state[b]!) && this.#accepts(other, state[b]!, one, state[a]!)
  }

  #accepts(one: PathController<SignedRelease>, at: At, other: PathController<SignedRelease>, beside: At): boolean {
    const facts = this.#release(one, at.number)?.facts
    return (facts?.dependencies ?? []).every(({ class: name, min, below }) => {
      if (name !== other.of.class) return true
      if (other.of.attested === null) return false
      const [least, first] = [Number.parseInt(min, 10), below === undefined ? 99 : Number.parseInt(below, 10)]
      return beside.number >= least && beside.number < first
    })
  }

  #release(board: PathController<SignedRelease>, number: number): SignedRelease | undefined {
    return this.published.find(({ facts }) => facts.class === board.of.class && facts.sequence === number)
  }

  /** The state behind a step; null when the board would not take the release. */
  step(state: readonly At[], mover: number, number: number): readonly At[] | null {
    const here = state[mover]!
    const taken = this.#release(this.boards[mover]!, number)
    if (taken === undefined || number <= here.number) return null
    const keys = keysAfter({ transition: taken.facts.transition, signers: taken.signers }, here.keys, {
      counter: taken.facts.counter,
      floor: 1,
    })
    return keys === null ? null : state.with(mover, { number, keys: keys.toSorted() })
  }

  /** Whether every pair of the state is allowed; pairs of `except` count, all others only if they were allowed at first. */
  allowed(state: readonly At[], mover: number): boolean {
    const { start } = this
    return this.boards.every((_, a) =>
      this.boards.every((_, b) => {
        if (a >= b) return true
        if (this.pair(state, a, b)) return true
        // A pair that was wrong from the beginning is borne until one of it moves.
        return a !== mover && b !== mover && state[a] === start[a] && state[b] === start[b]
      }),
    )
  }

  /** The fewest restarts to the goals, by looking at every state that can be reached one board at a time; null: none. */
  fewest(): number | null {
    const name = (state: readonly At[]): string => JSON.stringify(state)
    let edge = [this.start]
    const seen = new Set(edge.map(name))
    const goals = this.boards.map(({ goal }) => goal?.facts.sequence ?? null)
    for (let restarts = 0; edge.length > 0; restarts += 1) {
      const next: (readonly At[])[] = []
      for (const state of edge) {
        if (state.every(({ number }, at) => goals[at] === null || goals[at] === number)) return restarts
        for (const [mover, { of }] of this.boards.entries()) {
          if (goals[mover] === null) continue
          for (const { facts } of this.published) {
            if (facts.class !== of.class || facts.sequence > goals[mover]!) continue
            const behind = this.step(state, mover, facts.sequence)
            if (behind === null || seen.has(name(behind)) || !this.allowed(behind, mover)) continue
            seen.add(name(behind))
            next.push(behind)
          }
        }
      }
      edge = next
    }
    return null
  }
}

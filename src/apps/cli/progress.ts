import type { Output } from './output.ts'

const WIDTH = 24

/**
 * How far long work is, on stderr: a bar with the share and what was done, at most once for each percent, so that a log that
 * keeps it stays short.
 */
export class Progress {
  readonly #output: Output
  readonly #total: number
  #told = -1

  constructor(output: Output, total: number) {
    this.#output = output
    this.#total = Math.max(1, total)
  }

  /** All of it is done, whatever was expected. */
  end(what: string): void {
    this.at(this.#total, what)
  }

  at(done: number, what: string): void {
    const percent = Math.min(100, Math.floor((100 * done) / this.#total))
    if (percent === this.#told) return
    this.#told = percent
    const full = Math.floor((percent * WIDTH) / 100)
    this.#output.bar(
      `[${'█'.repeat(full)}${'·'.repeat(WIDTH - full)}] ${String(percent).padStart(3)} %  ${what}`,
      percent === 100,
    )
  }
}

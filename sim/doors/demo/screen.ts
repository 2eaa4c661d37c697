import { stripVTControlCharacters } from 'node:util'

type Stream = { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number }

const CODES = { dim: '2', bold: '1', good: '32', bad: '31', warn: '33', refused: '35' } as const
export type Ink = keyof typeof CODES

/** The least time between two drawings of the live part, in milliseconds. */
const REDRAW = 80

/** What a person sees of the demo, on stderr: lines that stay, and below them, on a terminal, lines that are redrawn. */
export class Screen {
  readonly live: boolean
  readonly #stream: Stream
  readonly #coloured: boolean
  #drawn = 0
  #last = 0

  constructor(stream: Stream, env: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream
    this.live = stream.isTTY === true && env.TERM !== 'dumb'
    this.#coloured = (env.NO_COLOR ?? '') === '' && (this.live || (env.FORCE_COLOR ?? '0') !== '0')
  }

  ink(ink: Ink, text: string): string {
    return this.#coloured ? `\u001b[${CODES[ink]}m${text}\u001b[0m` : text
  }

  /** A line that stays. */
  say(text = ''): void {
    this.#clear()
    this.#stream.write(`${text}\n`)
  }

  /** A step with the command that does it. */
  step(title: string, command: string): void {
    this.say(`${title.padEnd(30)} ${this.ink('dim', command)}`)
  }

  /** Draws the live part again; nothing where there is no terminal. `now` forces it. */
  draw(lines: () => readonly string[], now = false): void {
    if (!this.live) return
    const time = performance.now()
    if (!now && time - this.#last < REDRAW) return
    this.#last = time
    const width = (this.#stream.columns ?? 80) - 1
    const cut = lines().map(line => (stripVTControlCharacters(line).length > width ? trimmed(line, width) : line))
    this.#clear()
    this.#stream.write(cut.map(line => `${line}\n`).join(''))
    this.#drawn = cut.length
  }

  /** Lets the live part stand as it is. */
  keep(): void {
    this.#drawn = 0
  }

  #clear(): void {
    if (this.#drawn > 0) this.#stream.write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }
}

/** A line that is too long loses its colours with its end. */
const trimmed = (line: string, width: number): string => `${stripVTControlCharacters(line).slice(0, width - 1)}…`

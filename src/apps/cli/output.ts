import { stripVTControlCharacters } from 'node:util'
import { type Refusal, sentence } from '../../core/refusal/refusal.ts'
import { registry } from '../../core/refusal/registry.ts'
import { problemOf } from '../../wire/problem.ts'

/** Where text goes: a terminal, a pipe, or a test's list. */
export type Sink = {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** What a command answers: `json` for programs, `text` for people, and an exit code when it is not 0. */
export type Answer = { readonly json: unknown; readonly text: string; readonly exit?: number }

/** What a colour means here. Never colour alone: the words say the same. */
export type Tone = 'good' | 'warn' | 'bad' | 'refused' | 'faint' | 'strong'

const ANSI: Readonly<Record<Tone, string>> = {
  good: '32',
  warn: '33',
  bad: '31',
  refused: '35',
  faint: '2',
  strong: '1',
}

export type OutputOptions = { readonly json: boolean; readonly quiet: boolean }

/** Why a stream is coloured or not: NO_COLOR (no-color.org) wins, then FORCE_COLOR, then whether it is a terminal. */
export function isColoured(sink: Sink, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return true
  return sink.isTTY === true && env.TERM !== 'dumb'
}

/**
 * The one way out of the command line. stdout carries data and nothing else: with `--json` exactly one JSON document,
 * which is the refusal's problem body when the command is refused. stderr carries progress, warnings and refusals.
 */
export class Output {
  readonly json: boolean
  readonly #quiet: boolean
  readonly #warned = new Set<string>()
  readonly #stdout: Sink
  readonly #stderr: Sink
  readonly #outColoured: boolean
  readonly #errColoured: boolean

  constructor(
    stdout: Sink,
    stderr: Sink,
    env: Readonly<Record<string, string | undefined>>,
    options: OutputOptions = { json: false, quiet: false },
  ) {
    this.json = options.json
    this.#quiet = options.quiet
    this.#stdout = stdout
    this.#stderr = stderr
    this.#outColoured = isColoured(stdout, env)
    this.#errColoured = isColoured(stderr, env)
  }

  /** How wide the terminal is that reads stdout; null for who takes lines as they are. */
  get width(): number | null {
    return this.#stdout.isTTY === true ? (this.#stdout.columns ?? 80) : null
  }

  /** Text for stdout in a colour; plain where colours are not wanted. */
  paint(tone: Tone, text: string): string {
    return paint(this.#outColoured, tone, text)
  }

  /** Data to stdout: the JSON form with `--json`, the text otherwise. */
  answer(answer: Answer): void {
    this.#stdout.write(this.json ? `${JSON.stringify(answer.json)}\n` : withNewline(answer.text))
  }

  /** One line of progress to stderr; `--quiet` leaves it out. */
  progress(text: string): void {
    if (!this.#quiet) this.#stderr.write(withNewline(clean(text)))
  }

  /** A line of progress that takes the place of the one before on a terminal, until the `last` one. */
  bar(text: string, last: boolean): void {
    if (this.#quiet) return
    const terminal = this.#stderr.isTTY === true
    this.#stderr.write(terminal ? `\r\u001b[K${clean(text)}${last ? '\n' : ''}` : withNewline(clean(text)))
  }

  /** Help that nobody asked for by name, to stderr: stdout stays empty. */
  help(text: string): void {
    this.#stderr.write(withNewline(text))
  }

  /** A warning to stderr, with `--quiet` too: it is there because somebody could come to harm. */
  warn(text: string): void {
    this.#stderr.write(withNewline(paint(this.#errColoured, 'warn', clean(text))))
  }

  /** A warning that says the same however often there is reason for it. */
  warnOnce(text: string): void {
    if (this.#warned.has(text)) return
    this.#warned.add(text)
    this.warn(text)
  }

  /** A refusal: the whole sentence and where to read more, to stderr; with `--json` its problem body to stdout too. */
  refusal(refusal: Refusal): void {
    const word = paint(this.#errColoured, 'refused', 'Refused:')
    const more = paint(this.#errColoured, 'faint', `More: voltseal explain ${refusal.code}`)
    this.#stderr.write(`${word} ${clean(sentence(refusal))}\n${more}\n`)
    if (this.json) this.#stdout.write(`${JSON.stringify(problemOf(refusal))}\n`)
  }

  /** A bug of ours: the stack for the report, on stderr. */
  fault(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const word = paint(this.#errColoured, 'bad', 'Voltseal failed:')
    this.#stderr.write(`${word} ${clean(text)}\nThis is a fault of Voltseal. Please report it with the lines above.\n`)
  }
}

/** The exit code of a command that ends with this refusal. */
export const exitOf = (refusal: Refusal): number => registry[refusal.code].exit

/**
 * Text that came from elsewhere, made harmless for a terminal: escape sequences and control characters could move the
 * cursor, recolour a warning or retitle the window. Line breaks stay.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}

const paint = (coloured: boolean, tone: Tone, text: string): string =>
  coloured ? `\u001b[${ANSI[tone]}m${text}\u001b[0m` : text

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`)

import { join, relative } from 'node:path'
import type { Children, Ended } from './children.ts'
import type { Screen } from './screen.ts'

/** A command of the demo was refused, or failed: its exit code, and what it said. */
export class CommandFailed extends Error {
  readonly exit: number

  constructor(command: string, { code, stderr, stdout }: Ended) {
    super(
      `${command}\nended with exit code ${code}:\n${(stderr.trim() || stdout.trim()).split('\n').slice(-20).join('\n')}`,
    )
    this.exit = code
  }
}

const CLI = join('src', 'apps', 'cli', 'main.ts')
const FAST = join('sim', 'doors', 'fast.ts')

/** Where the demo types its commands: `voltseal`, in the demo's folder. */
export class Desk {
  readonly #children: Children
  readonly #screen: Screen
  readonly #clock: string | null

  /** `clock`: the file that all programs of a demo on a simulated clock go by; null: they go by the machine's. */
  constructor(children: Children, screen: Screen, clock: string | null) {
    this.#children = children
    this.#screen = screen
    this.#clock = clock
  }

  /** Runs a command of `voltseal` and shows it; answers what it printed with `--json`. */
  async command(title: string | null, args: readonly string[]): Promise<unknown> {
    return json(await this.text(title, args, true))
  }

  /** As `command`, but answers what a person would have read. */
  async text(title: string | null, args: readonly string[], asJson = false): Promise<string> {
    const shown = `voltseal ${args.map(quoted).join(' ')}`
    if (title !== null) this.#screen.step(title, shown)
    const ended = await this.#children.run(...this.program(asJson ? ['--json', ...args] : args))
    if (ended.code !== 0) throw new CommandFailed(shown, ended)
    return ended.stdout
  }

  /** The program that is `voltseal` here, and its arguments: the real one, or the one on a simulated clock. */
  program(args: readonly string[]): [program: string, args: readonly string[]] {
    return this.#clock === null ? [CLI, args] : [FAST, [this.#clock, ...args]]
  }
}

/** A path as a person would type it: from where they are, unless it is shorter from the root. */
export function shownPath(path: string, from = process.cwd()): string {
  const near = relative(from, path) || '.'
  return near.length < path.length ? near : path
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)

export function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

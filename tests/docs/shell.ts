import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const PATIENCE_MILLIS = 30_000

/** One shell, as a reader has one: what a block exports, where it goes and what it leaves running stays. */
export class Shell {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #answers: AsyncIterator<string>
  #count = 0

  /** `folder` is the reader's home; the shell starts in `start`. */
  constructor(folder: string, start: string, more: Readonly<Record<string, string>> = {}) {
    this.#folder = folder
    const { VOLTSEAL_PROFILE: _, NODE_TEST_CONTEXT: __, ...env } = process.env
    this.#child = spawn('bash', ['--noprofile', '--norc'], {
      cwd: start,
      env: { ...env, HOME: folder, NO_COLOR: '1', ...more },
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    })
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
    this.#type("set -E; trap 'failed=$((failed + 1))' ERR")
  }

  /** Types a block; answers what it printed and how many of its commands failed. */
  async run(commands: string): Promise<{ printed: string[]; failed: number }> {
    this.#count += 1
    const file = join(this.#folder, `block-${this.#count}`)
    writeFileSync(file, `${commands}\n`)
    this.#type(`failed=0; source '${file}' > '${file}.out' 2>&1; echo "$failed"`)
    const value = await inTime(commands, this.#answers.next())
    const printed = readFileSync(`${file}.out`, 'utf8').trimEnd().split('\n')
    return { printed: printed.length === 1 && printed[0] === '' ? [] : printed, failed: Number(value.value) }
  }

  /** Ends the shell and everything that it left running. */
  end(): void {
    try {
      process.kill(-this.#child.pid!, 'SIGKILL')
    } catch {}
  }

  #type(line: string): void {
    this.#child.stdin!.write(`${line}\n`)
  }
}

/** A command that does not come back is a failure, not a wait for ever. */
async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`did not end in ${PATIENCE_MILLIS / 1000} s: ${what}`)),
    PATIENCE_MILLIS,
  )
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

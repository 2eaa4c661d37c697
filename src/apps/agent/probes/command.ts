import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

/** How a command ended: with a code, or not in time, or not started. `output` is the beginning of what it printed. */
export type Ran = { readonly code: number | null; readonly output: string }

/** Characters of its output that are kept. */
const KEPT = 4096

/**
 * Runs a command without a shell, for at most `timeoutMillis`; its group is killed then. It gets nothing on its standard
 * input, and of the agent's environment only where programs are found.
 */
export function runCommand(
  [program = '', ...args]: readonly string[],
  timeoutMillis: number,
  mark: Readonly<Record<string, string>>,
): Promise<Ran> {
  return new Promise(resolve => {
    const { PATH, TZ } = process.env
    let child: ChildProcessByStdio<null, Readable, null>
    try {
      child = spawn(program, args, {
        cwd: '/',
        stdio: ['ignore', 'pipe', 'ignore'],
        // A group of its own: a shell's children end with it.
        detached: true,
        env: { PATH, TZ, ...mark },
      })
    } catch {
      // No room for its arguments, no memory: some errors of the system come as an event, these do not.
      return resolve({ code: null, output: '' })
    }
    let output = ''
    let over = false
    const end = (code: number | null): void => {
      over = true
      clearTimeout(late)
      child.stdout.destroy()
      resolve({ code, output })
    }
    const late = setTimeout(() => {
      if (over) return
      // Not reaped yet, so the number is still its own.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      end(null)
    }, timeoutMillis)
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      if (output.length < KEPT) output = (output + text).slice(0, KEPT)
    })
    child.stdout.on('error', () => {})
    child.once('error', () => end(null))
    // Not `exit`: what it printed last may still be on its way. One whose children keep the pipe ends by the time limit.
    child.once('close', code => end(code))
  })
}

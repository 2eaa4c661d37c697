import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { run } from '../../src/apps/cli/program.ts'
import { instant } from '../../src/core/encoding/units.ts'
import type { Clock } from '../../src/flows/ports.ts'

/** How a command line ended: its exit code, and what it printed on which stream. */
export type Ran = { readonly exit: number; readonly out: string; readonly err: string }

export type Machine = {
  readonly env?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

const EPOCH: Clock = { now: () => instant(0), quality: 'simulated' }

/** Runs a command line in this process, on a machine without environment whose clock stands still. */
export async function commandLine(argv: readonly string[], { env = {}, clock = EPOCH }: Machine = {}): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []]
  const exit = await run(argv, {
    stdout: { write: text => out.push(text) },
    stderr: { write: text => err.push(text) },
    env,
    crypto: nodeCrypto,
    clock,
    onStop: () => new AbortController().signal,
  })
  return { exit, out: out.join(''), err: err.join('') }
}

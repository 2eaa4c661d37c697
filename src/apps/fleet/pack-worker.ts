import { parentPort, workerData } from 'node:worker_threads'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { instant } from '../../core/encoding/units.ts'
import { readPolicy } from '../../core/ledger/log-policy.ts'
import type { Manifest } from '../../core/ledger/pack/manifest.ts'
import type { Query } from '../../core/ledger/pack/query.ts'
import { isRefusal, orThrow, type Refusal, RefusalError } from '../../core/refusal/refusal.ts'
import type { SealPack } from '../../wire/evidence-api.ts'
import { exportPack, PAUSE, type Stage } from '../process/pack-export.ts'
import { VERSION } from '../process/version.ts'

/**
 * Makes one evidence pack, in a thread of its own: reading a million entries, drawing a report and verifying all of it takes seconds in
 * which a server that did it itself would serve nobody. It has no store and no key: it asks the server for the files of the log, and to
 * have the pack sealed.
 */

export type PackWork = {
  readonly query: Query
  /** The keys of the log and its witnesses (C2SP tlog-policy). */
  readonly policy: string
  readonly now: number
  readonly verifier: string
}

/** What the worker says, and what the server answers. */
export type FromWorker =
  | { readonly is: 'file'; readonly ask: number; readonly path: string }
  | { readonly is: 'seal'; readonly ask: number; readonly claim: SealPack; readonly room: number }
  | { readonly is: 'at'; readonly stage: Stage; readonly done: number; readonly of: number }
  | { readonly is: 'warning'; readonly text: string }
  | { readonly is: 'made'; readonly zip: Uint8Array; readonly events: number }
  | { readonly is: 'refused'; readonly refusal: Refusal }
export type ToWorker = { readonly ask: number; readonly answer: unknown }

/** So long the witnesses have for the seal of a pack, in milliseconds: they had signed when it was begun. */
const WAITED = 600_000

const port = parentPort
if (port !== null) await make(workerData as PackWork, message => port.postMessage(message))

async function make({ query, policy, now, verifier }: PackWork, say: (message: FromWorker) => void): Promise<void> {
  const waiting = new Map<number, (answer: unknown) => void>()
  let last = 0
  parentPort?.on('message', ({ ask, answer }: ToWorker) => {
    waiting.get(ask)?.(answer)
    waiting.delete(ask)
  })
  const asking = <T>(message: (ask: number) => FromWorker): Promise<T> => {
    last += 1
    const ask = last
    const answered = new Promise<T>(resolve => waiting.set(ask, answer => resolve(answer as T)))
    say(message(ask))
    return answered
  }
  const files = {
    file: async (path: string) =>
      orThrow(await asking<Uint8Array | null | Refusal>(ask => ({ is: 'file', ask, path }))),
  }
  const seal = (claim: SealPack, room: number) =>
    asking<{ index: number } | Refusal>(ask => ({ is: 'seal', ask, claim, room }))
  const making = {
    crypto: nodeCrypto,
    now: () => instant(now),
    maker: `voltseal ${VERSION}`,
    // Whoever waits sees that it waits for witnesses, and can cancel it.
    patience: WAITED / PAUSE,
    tell: (stage: Stage, done: number, of: number) => say({ is: 'at', stage, done, of }),
    warn: (text: string) => say({ is: 'warning', text }),
  }
  try {
    const source = { files, policy: orThrow(readPolicy(policy, nodeCrypto)), seal }
    const made = await exportPack(making, source, query, verifier)
    if (isRefusal(made)) return say({ is: 'refused', refusal: made })
    say({ is: 'made', zip: made.zip, events: (made.verdict.manifest as Manifest).events.length })
  } catch (error) {
    if (error instanceof RefusalError) return say({ is: 'refused', refusal: error.refusal })
    throw error
  } finally {
    parentPort?.close()
  }
}

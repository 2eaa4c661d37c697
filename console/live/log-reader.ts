import { fromBase64 } from '../../src/core/encoding/bytes.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { parseVerifierKey } from '../../src/core/ledger/signed-note.ts'
import {
  beginVerification,
  endVerification,
  type KnownHead,
  takeEntry,
  type Verification,
} from '../../src/core/ledger/verify.ts'
import { type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import type { AuditPage, CheckpointView } from '../../src/wire/fleet-views.ts'

/** How far the reading of the log has come, and what it found. `root` in hex. */
export type LogStatus =
  | { readonly at: 'unread' }
  | { readonly at: 'reading'; readonly read: number; readonly size: number }
  | { readonly at: 'sound'; readonly size: number; readonly root: string; readonly key: string; readonly known: number }
  | { readonly at: 'unsound'; readonly size: number; readonly findings: readonly Refusal[] }

/** Where a browser remembers the heads that it verified, by the key that signed them. */
export type Memory = {
  recall(key: string): KnownHead | null
  remember(key: string, head: KnownHead): void
}

/** Entries asked for at a time: the most that the server gives. */
const PAGE = 1000

/**
 * Reads a log from its first entry on, page by page, and verifies all of it with the core's own verifier; afterwards it
 * reads what is new, and the log must continue what was read. The key is the one that the server names: what it proves
 * is that this log, under this key, was not changed since it was first read here.
 */
export class LogReader {
  readonly #crypto: Crypto
  readonly #memory: Memory
  #key = ''
  #known: KnownHead | null = null
  #so: Verification

  constructor(crypto: Crypto, memory: Memory) {
    this.#crypto = crypto
    this.#memory = memory
    this.#so = beginVerification(crypto)
  }

  /** Reads up to a checkpoint. `page` fetches entries `from` to `to` (excluded); `onStatus` hears of every page. */
  async read(
    { size, checkpoint, key }: CheckpointView,
    page: (from: number, to: number) => Promise<AuditPage>,
    onStatus: (status: LogStatus) => void,
  ): Promise<void> {
    const logKey = parseVerifierKey(this.#crypto, key)
    if (logKey === null) {
      const fault = refuse('log-signer-unsuitable', 'the key of the log', 'an Ed25519 key', 'one that cannot be read')
      return onStatus({ at: 'unsound', size: 0, findings: [fault] })
    }
    if (key !== this.#key) {
      this.#key = key
      this.#known = this.#memory.recall(key)
      this.#so = beginVerification(this.#crypto, this.#known)
    }
    for (let from = this.#so.tree.size; from < size; from = this.#so.tree.size) {
      if (size - from > PAGE) onStatus({ at: 'reading', read: from, size })
      const { entries } = await page(from, Math.min(from + PAGE, size))
      for (const entry of entries) {
        const bytes = fromBase64(entry.bytes)
        if (bytes === null || entry.index !== this.#so.tree.size) break
        this.#so = takeEntry(this.#crypto, this.#so, { bytes })
      }
      // Nothing came that continues the log: the end says that it is cut short.
      if (this.#so.tree.size === from) break
    }
    onStatus(this.#end(checkpoint, logKey))
  }

  #end(checkpoint: string, logKey: NonNullable<ReturnType<typeof parseVerifierKey>>): LogStatus {
    const {
      sound,
      size,
      root,
      findings,
      checkpoint: head,
    } = endVerification(this.#crypto, this.#so, checkpoint, logKey)
    if (!sound || head === null) return { at: 'unsound', size, findings }
    this.#memory.remember(this.#key, { size, root: head.root })
    return { at: 'sound', size, root, key: this.#key, known: this.#known?.size ?? 0 }
  }
}

import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { openCheckpoint } from '../../src/core/ledger/checkpoint.ts'
import { readLog } from '../../src/core/ledger/read-log.ts'
import { type NoteKey, parseVerifierKey } from '../../src/core/ledger/signed-note.ts'
import { tilePath } from '../../src/core/ledger/tiles.ts'
import { beginVerification, endVerification, type KnownHead, type Verification } from '../../src/core/ledger/verify.ts'
import { isRefusal, type Refusal, refuse } from '../../src/core/refusal/refusal.ts'
import type { CheckpointView } from '../../src/wire/fleet-views.ts'

/** How far the reading of the log has come, and what it found. `root` in hex. */
export type LogStatus =
  | { readonly at: 'unread' }
  | { readonly at: 'reading'; readonly read: number; readonly size: number }
  | { readonly at: 'sound'; readonly size: number; readonly root: string; readonly key: string; readonly known: number }
  | {
      readonly at: 'unsound'
      readonly size: number
      readonly findings: readonly Refusal[]
      /** Entries that could not be read, and sequences of sites of which something is not judged for it. */
      readonly passedOver: number
      readonly unjudged: number
    }

/** Where a browser remembers the heads that it verified, by the key that signed them. */
export type Memory = {
  recall(key: string): KnownHead | null
  remember(key: string, head: KnownHead): void
}

/** Of so few entries nobody waits to hear how far they are. */
const QUICK = 1000

/** Gives a file of the log by its path (C2SP tlog-tiles); null when there is none. */
export type LogFile = (path: string) => Promise<Uint8Array | null>

/**
 * Reads a log from its first entry on, from the files that it is served as, and verifies all of it with the core's own verifier;
 * afterwards it reads what is new, and the log must continue what was read. The key is the one that the server names: what it proves
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
    this.#so = beginVerification(crypto, null, false)
  }

  /** Reads up to a checkpoint; `onStatus` hears of every stretch. Where `file` throws, the next reading goes on from there. */
  async read({ checkpoint, key }: CheckpointView, file: LogFile, onStatus: (status: LogStatus) => void): Promise<void> {
    const logKey = parseVerifierKey(this.#crypto, key)
    if (logKey === null) {
      const fault = refuse('log-signer-unsuitable', 'the key of the log', 'an Ed25519 key', 'one that cannot be read')
      return onStatus(unread(0, fault))
    }
    if (key !== this.#key) {
      this.#key = key
      this.#known = this.#memory.recall(key)
      this.#so = beginVerification(this.#crypto, this.#known, false)
    }
    const head = openCheckpoint(checkpoint, logKey, this.#crypto)
    if (isRefusal(head)) return onStatus(unread(this.#so.tree.size, head))
    const reading = readLog(this.#crypto, head, this.#so)
    let step = reading.next([])
    while (!step.done) {
      this.#so = step.value.so
      const read = this.#so.tree.size
      if (head.size - read > QUICK) onStatus({ at: 'reading', read, size: head.size })
      step = reading.next(await Promise.all(step.value.wanted.map(tile => file(tilePath(tile)))))
    }
    this.#so = step.value
    onStatus(this.#end(checkpoint, logKey))
  }

  #end(checkpoint: string, logKey: NoteKey): LogStatus {
    const {
      sound,
      size,
      root,
      findings,
      checkpoint: head,
      passedOver: { entries: passedOver },
      unjudged,
      moreUnjudged,
    } = endVerification(this.#crypto, this.#so, checkpoint, logKey)
    if (!sound || head === null) {
      return { at: 'unsound', size, findings, passedOver, unjudged: unjudged.length + moreUnjudged }
    }
    this.#memory.remember(this.#key, { size, root: head.root })
    return { at: 'sound', size, root, key: this.#key, known: this.#known?.size ?? 0 }
  }
}

/** Nothing was read for it: of no entry anything is judged that was not before. */
const unread = (size: number, fault: Refusal): LogStatus => ({
  at: 'unsound',
  size,
  findings: [fault],
  passedOver: 0,
  unjudged: 0,
})

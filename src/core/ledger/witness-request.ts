import { fromBase64, toBase64 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { emptyTree, HASH_BYTES, judgeConsistency, rootOf } from './merkle.ts'
import { MAX_NOTE_BYTES, type NoteKey } from './signed-note.ts'

/** What a log asks a witness, and how a witness judges it (C2SP tlog-witness, add-checkpoint). */

/** The witness signed `old` entries last, as the log believes; `proof` says that they are the beginning of the checkpoint's. */
export type AddCheckpoint = { readonly old: number; readonly proof: readonly Uint8Array[]; readonly checkpoint: string }

/** What a witness keeps of a log: the size and root that it signed last. */
export type Signed = { readonly size: number; readonly root: Uint8Array }

const MAX_PROOF = 63
export const MAX_REQUEST_CHARACTERS = MAX_NOTE_BYTES + 4096

export function writeAddCheckpoint({ old, proof, checkpoint }: AddCheckpoint): string {
  return `${[`old ${old}`, ...proof.map(toBase64)].join('\n')}\n\n${checkpoint}`
}

/** Reads a request; nothing of it is verified. Refuses `witness-request-malformed`. */
export function readAddCheckpoint(text: string): AddCheckpoint | Refusal {
  const bad = (expected: string, actual: string): Refusal =>
    refuse('witness-request-malformed', 'the request', expected, actual, 'C2SP tlog-witness, add-checkpoint')
  if (text.length > MAX_REQUEST_CHARACTERS) return bad(`at most ${MAX_REQUEST_CHARACTERS} characters`, `${text.length}`)
  const end = text.indexOf('\n\n')
  if (end < 0) return bad('a proof, an empty line and a checkpoint', 'no empty line')
  const [line = '', ...hashes] = text.slice(0, end).split('\n')
  const old = /^old (0|[1-9][0-9]{0,15})$/.exec(line)?.[1]
  if (old === undefined || !Number.isSafeInteger(Number(old)))
    return bad('an old size', JSON.stringify(line.slice(0, 40)))
  if (hashes.length > MAX_PROOF) return bad(`at most ${MAX_PROOF} hashes`, `${hashes.length}`)
  const proof: Uint8Array[] = []
  for (const hash of hashes) {
    const bytes = fromBase64(hash)
    if (bytes?.length !== HASH_BYTES) return bad('hashes in base64', JSON.stringify(hash.slice(0, 60)))
    proof.push(bytes)
  }
  return { old: Number(old), proof, checkpoint: text.slice(end + 2) }
}

/** The logs that a witness signs for: by origin, the keys of which one must have signed the checkpoint. */
export type KnownLogs = ReadonlyMap<string, readonly NoteKey[]>

/** The log that a request names, which nobody has verified, and its keys. Refuses `witness-log-unknown`. */
export function logOf(
  { checkpoint }: AddCheckpoint,
  logs: KnownLogs,
): { readonly origin: string; readonly keys: readonly NoteKey[] } | Refusal {
  const origin = checkpoint.slice(0, Math.max(0, checkpoint.indexOf('\n')))
  const keys = logs.get(origin)
  if (keys !== undefined) return { origin, keys }
  return refuse('witness-log-unknown', 'the checkpoint', 'a log of this witness', JSON.stringify(origin.slice(0, 80)))
}

/**
 * What a witness may sign: the checkpoint of a request that is signed by the log and continues what was signed last. The caller makes
 * the new size and root durable before it signs, and lets no other request of the log in between.
 *
 * In the order of the specification it refuses: what `openCheckpoint` refuses, when no signature by one of the keys holds;
 * `log-behind-witness` when the log is shorter than what was signed last; `witness-request-malformed` for an old size above the
 * checkpoint's; `witness-size-differs` when the last one (`last`; null: none yet) is of another size; `log-forked` when the log has
 * signed two histories, which is certain; `witness-proof-invalid` when the proof shows nothing.
 */
export function judgeRequest(
  crypto: Crypto,
  { old, proof, checkpoint: note }: AddCheckpoint,
  keys: readonly NoteKey[],
  last: Signed | null,
): Checkpoint | Refusal {
  const checkpoint = openWithAny(crypto, note, keys)
  if (isRefusal(checkpoint)) return checkpoint
  const { origin, size, root } = checkpoint
  const { size: from, root: fromRoot } = last ?? { size: 0, root: rootOf(crypto, emptyTree) }
  if (old > size) {
    return old === from
      ? refuse('log-behind-witness', origin, `at least the ${from} entries that were signed`, `${size} entries`)
      : refuse('witness-request-malformed', origin, `an old size up to ${size}`, `${old}`)
  }
  if (old !== from) return refuse('witness-size-differs', origin, `${from}`, `${old}`)
  const verdict = judgeConsistency(crypto, { from, fromRoot, to: size, toRoot: root }, proof)
  if (verdict === 'continues') return checkpoint
  return verdict === 'forks'
    ? refuse('log-forked', origin, `a log that continues its first ${old} entries`, `${size} entries that do not`)
    : refuse('witness-proof-invalid', origin, `a proof from ${old} to ${size} entries`, 'one that does not lead there')
}

/** The checkpoint, when a signature by one of the log's keys holds. One that holds makes up for others that do not. */
function openWithAny(crypto: Crypto, note: string, keys: readonly NoteKey[]): Checkpoint | Refusal {
  let refused: Refusal | null = null
  for (const key of keys) {
    const opened = openCheckpoint(note, key, crypto)
    if (!isRefusal(opened)) return opened
    // That a signature is wrong says more than that another key has none.
    if (refused === null || refused.code !== 'checkpoint-signature-invalid') refused = opened
  }
  return refused ?? refuse('checkpoint-unsigned', 'the checkpoint', 'a signature of its log', 'a log without a key')
}

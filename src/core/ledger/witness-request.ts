import { fromBase64, toBase64 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { emptyTree, HASH_BYTES, rootOf, verifyConsistency } from './merkle.ts'
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

/**
 * What a witness may sign: the checkpoint of a request that is signed by the log and continues what was signed last. The caller makes
 * the new size and root durable before it signs, and lets no other request of the log in between.
 *
 * Refuses what `openCheckpoint` refuses; `witness-request-malformed` for an old size above the checkpoint's; `witness-size-differs`
 * when the last one (`last`; null: none yet) is of another size; `log-forked` when the tree does not continue it.
 */
export function judgeRequest(
  crypto: Crypto,
  { old, proof, checkpoint: note }: AddCheckpoint,
  log: NoteKey,
  last: Signed | null,
): Checkpoint | Refusal {
  const checkpoint = openCheckpoint(note, log, crypto)
  if (isRefusal(checkpoint)) return checkpoint
  const { size, root } = checkpoint
  if (old > size) return refuse('witness-request-malformed', log.name, `an old size up to ${size}`, `${old}`)
  const { size: from, root: fromRoot } = last ?? { size: 0, root: rootOf(crypto, emptyTree) }
  if (old !== from) return refuse('witness-size-differs', log.name, `${from}`, `${old}`)
  const claim = { from, fromRoot, to: size, toRoot: root }
  if (verifyConsistency(crypto, claim, proof)) return checkpoint
  return refuse(
    'log-forked',
    log.name,
    `a log that continues its first ${old} entries`,
    `one of ${size} entries that does not`,
  )
}

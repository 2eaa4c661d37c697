import type { Crypto } from '../encoding/crypto.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { type AuditEntry, parseEntry } from './entry.ts'
import { type Cosigned, checkQuorum, type LogPolicy } from './log-policy.ts'
import { type Note, type NoteKey, parseNote } from './signed-note.ts'
import { checkProof, readProof } from './tlog-proof.ts'

/** A checkpoint that a log of the policy has signed; which of its keys did, and the note, for who looks at the witnesses. */
export type SignedHead = { readonly checkpoint: Checkpoint; readonly key: NoteKey; readonly note: Note }
/** One that enough witnesses have signed as well. */
export type TrustedHead = SignedHead & { readonly cosigned: Cosigned }

/**
 * Opens the checkpoint of one of the policy's logs. Nobody asks the witnesses yet. Refuses `checkpoint-malformed`,
 * `checkpoint-origin-mismatch` for a log that the policy does not name, and what `openCheckpoint` refuses.
 */
export function openSigned(signed: string, policy: LogPolicy, crypto: Crypto): SignedHead | Refusal {
  const note = parseNote(signed)
  if ('fault' in note) {
    return refuse('checkpoint-malformed', 'the checkpoint', 'a signed note', note.fault, 'C2SP signed-note')
  }
  const [origin = ''] = note.text.split('\n', 1)
  let last: Refusal | null = null
  // A log that was given a new key is there with both of them.
  for (const { key } of policy.logs) {
    if (key.name !== origin) continue
    const checkpoint = openCheckpoint(signed, key, crypto)
    if (!isRefusal(checkpoint)) return { checkpoint, key, note }
    last = checkpoint
    if (last.code === 'checkpoint-signature-invalid') return last
  }
  const logs = policy.logs.map(({ key }) => key.name).join(', ')
  const actual = JSON.stringify(origin.slice(0, 80))
  return last ?? refuse('checkpoint-origin-mismatch', 'the checkpoint', `one of ${logs || 'no log'}`, actual)
}

/** Opens a checkpoint that log and witnesses have signed. Refuses what `openSigned` and `checkQuorum` refuse. */
export function openTrusted(signed: string, policy: LogPolicy, crypto: Crypto): TrustedHead | Refusal {
  const head = openSigned(signed, policy, crypto)
  if (isRefusal(head)) return head
  const cosigned = checkQuorum(crypto, policy, head.note)
  return isRefusal(cosigned) ? cosigned : { ...head, cosigned }
}

/** An entry that a proof has borne out, and the head of the log that it is in. */
export type ProvenEntry = {
  readonly index: number
  readonly bytes: Uint8Array
  readonly entry: AuditEntry
  readonly head: TrustedHead
}

/**
 * Verifies a proof (C2SP tlog-proof) with nothing but a policy: signatures, path, and the entry, which is the proof's own
 * extra data unless another is `given`. Refuses `log-proof-malformed`, `log-proof-invalid`, `log-proof-empty` where there is no entry,
 * and what `openTrusted` and `parseEntry` refuse.
 */
export function openProof(
  text: string,
  policy: LogPolicy,
  crypto: Crypto,
  given: Uint8Array | null = null,
): ProvenEntry | Refusal {
  const proof = readProof(text)
  if (isRefusal(proof)) return proof
  const head = openTrusted(proof.checkpoint, policy, crypto)
  if (isRefusal(head)) return head
  const { index } = proof
  const bytes = given ?? proof.extra
  if (bytes === null) return refuse('log-proof-empty', `entry ${index}`, 'its bytes', 'a proof without them')
  const invalid = checkProof(crypto, proof, bytes, head.checkpoint)
  if (invalid !== null) return invalid
  const entry = parseEntry(bytes, `entry ${index} of ${head.checkpoint.origin}`)
  return isRefusal(entry) ? entry : { index, bytes, entry, head }
}

import { fromBase64, toBase64, toHex } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { HASH_BYTES } from './merkle.ts'
import { isKeyName, type Note, type NoteKey, noteKeyId, parseNote, verifyNote } from './signed-note.ts'

/**
 * The head of a log as it is signed (C2SP tlog-checkpoint v1.0.0): origin, number of entries, root. We write no
 * extension lines; those of others are kept, since the signature covers them.
 */
export type Checkpoint = {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  readonly extensions: readonly string[]
}

/** The text that is signed: origin, size in decimal, root in base64, each on its line. */
export function checkpointText(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions } = checkpoint
  return `${[origin, String(size), toBase64(root), ...extensions].join('\n')}\n`
}

/** The origin of a log must be usable as the name of its key. */
export const isOrigin = isKeyName

const SIZE = /^(?:0|[1-9][0-9]{0,15})$/

/**
 * Reads a checkpoint and verifies the log's signature on it. `logKey.name` is the origin that is expected. Refuses
 * `checkpoint-malformed`, `checkpoint-unsigned`, `checkpoint-key-unknown` for a key of the same name that is not the expected one (a
 * retired one, or a forger's), `checkpoint-signature-invalid`, `checkpoint-origin-mismatch`.
 */
export function openCheckpoint(signed: string, logKey: NoteKey, crypto: Crypto): Checkpoint | Refusal {
  const subject = `checkpoint of ${logKey.name}`
  const note = parseNote(signed)
  if ('fault' in note) return refuse('checkpoint-malformed', subject, 'a signed note', note.fault, 'C2SP signed-note')
  const verdict = verifyNote(crypto, note, logKey)
  if (verdict === 'unknown') return unsigned(note, logKey, subject, crypto)
  if (verdict === 'invalid') {
    return refuse('checkpoint-signature-invalid', subject, 'a signature that verifies', 'one that does not')
  }
  const [origin = '', size = '', encoded = '', ...extensions] = note.text.slice(0, -1).split('\n')
  if (origin !== logKey.name) {
    return refuse('checkpoint-origin-mismatch', subject, logKey.name, JSON.stringify(origin.slice(0, 80)))
  }
  const root = fromBase64(encoded)
  const isWhole = SIZE.test(size) && Number.isSafeInteger(Number(size))
  if (!isWhole || root?.length !== HASH_BYTES || extensions.includes('')) {
    return refuse('checkpoint-malformed', subject, 'origin, size, root', 'other lines', 'C2SP tlog-checkpoint')
  }
  return { origin, size: Number(size), root, extensions }
}

function unsigned(note: Note, logKey: NoteKey, subject: string, crypto: Crypto): Refusal {
  const others = note.signatures.filter(line => line.name === logKey.name)
  if (others.length === 0) {
    const names = note.signatures.map(line => line.name).join(', ')
    return refuse('checkpoint-unsigned', subject, `a signature of ${logKey.name}`, `signatures of ${names}`)
  }
  const id = noteKeyId(crypto, logKey)
  const expected = `a signature of key ${id === null ? 'of another kind' : toHex(id)}`
  return refuse('checkpoint-key-unknown', subject, expected, `key ${others.map(line => toHex(line.id)).join(', ')}`)
}

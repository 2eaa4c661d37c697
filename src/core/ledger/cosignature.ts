import { concat, utf8 } from '../encoding/bytes.ts'
import type { Crypto } from '../encoding/crypto.ts'
import { type Note, type NoteKey, type NoteSignature, noteKeyId, signaturesOf } from './signed-note.ts'

/**
 * Cosignatures (C2SP tlog-cosignature, Ed25519): a witness says that the checkpoint is the largest tree that it has seen of the log,
 * and when, and that the tree continues all that it signed before.
 */

const TIME_BYTES = 8
const SIGNATURE_BYTES = 64

/** The message that a witness signs. `seconds` since 1970; `text` of the checkpoint, without its signatures. */
export function cosignedMessage(seconds: number, text: string): Uint8Array {
  return utf8(`cosignature/v1\ntime ${seconds}\n${text}`)
}

/** The signature line of a cosignature. Null for a key that is not Ed25519. */
export function cosignatureLine(
  crypto: Crypto,
  witness: NoteKey,
  seconds: number,
  signature: Uint8Array,
): NoteSignature | null {
  const id = noteKeyId(crypto, witness, 'cosignature')
  if (id === null) return null
  const time = new Uint8Array(TIME_BYTES)
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds))
  return { name: witness.name, id, signature: concat(time, signature) }
}

/**
 * When a witness signed a checkpoint, in seconds since 1970; the latest, when it did so twice. `unknown`: it has not; `invalid`: a
 * signature that claims to be its own does not hold, for which a reader refuses the whole note.
 */
export function verifyCosignature(crypto: Crypto, note: Note, witness: NoteKey): number | 'invalid' | 'unknown' {
  let latest: number | 'unknown' = 'unknown'
  for (const { signature: bytes } of signaturesOf(crypto, note, witness, 'cosignature')) {
    if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return 'invalid'
    const time = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)
    const seconds = Number(time)
    if (!Number.isSafeInteger(seconds)) return 'invalid'
    const message = cosignedMessage(seconds, note.text)
    if (!crypto.verify(witness.key, message, bytes.subarray(TIME_BYTES), 'der')) return 'invalid'
    if (latest === 'unknown' || seconds > latest) latest = seconds
  }
  return latest
}

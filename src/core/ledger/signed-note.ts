import { concat, fromBase64, fromHex, sameBytes, toBase64, toHex, utf8 } from '../encoding/bytes.ts'
import type { Crypto, PublicKey } from '../encoding/crypto.ts'

/**
 * Signed notes (C2SP signed-note v1.0.0) with Ed25519 keys: a text, an empty line, and a line for each signature. Tools
 * of others read them.
 */

/** What an Ed25519 key signs: notes as they are, or cosignatures (C2SP signed-note, "Signature types"). */
export const NOTE_TYPE = { note: 0x01, cosignature: 0x04 } as const
export type NoteType = keyof typeof NOTE_TYPE

const SPKI_PREFIX = Uint8Array.fromHex('302a300506032b6570032100')
const KEY_BYTES = 32
const ID_BYTES = 4

export const MAX_NOTE_BYTES = 64 * 1024
export const MAX_NOTE_SIGNATURES = 64

/** A key that signs notes: its name, usually the log's origin, and its Ed25519 public key. */
export type NoteKey = { readonly name: string; readonly key: PublicKey }
export type NoteSignature = { readonly name: string; readonly id: Uint8Array; readonly signature: Uint8Array }
/** A note as it was read: nothing of it is verified. The text ends in a newline. */
export type Note = { readonly text: string; readonly signatures: readonly NoteSignature[] }

const KEY_NAME = /^[^\s+\p{Cc}\p{Z}]+$/u

/** True for a name that a note key may have: no spaces, no plus. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && KEY_NAME.test(name)
}

/** The 32 bytes of an Ed25519 key (RFC 8032), or null for a key of another kind. */
export function rawEd25519(key: PublicKey): Uint8Array | null {
  const isEd25519 = key.alg === 'ed25519' && key.spki.length === SPKI_PREFIX.length + KEY_BYTES
  if (!isEd25519 || !sameBytes(key.spki.subarray(0, SPKI_PREFIX.length), SPKI_PREFIX)) return null
  return key.spki.slice(SPKI_PREFIX.length)
}

/** The key id: the first four bytes of SHA-256(name, newline, type, key). Null for a key that is not Ed25519. */
export function noteKeyId(crypto: Crypto, { name, key }: NoteKey, type: NoteType = 'note'): Uint8Array | null {
  const raw = rawEd25519(key)
  if (raw === null) return null
  return crypto.sha256(concat(utf8(`${name}\n`), Uint8Array.of(NOTE_TYPE[type]), raw)).slice(0, ID_BYTES)
}

/** The key as one word that other tools take: `NAME+IDHEX+BASE64`. Null for a key that is not Ed25519. */
export function verifierKey(crypto: Crypto, noteKey: NoteKey, type: NoteType = 'note'): string | null {
  const id = noteKeyId(crypto, noteKey, type)
  const raw = rawEd25519(noteKey.key)
  if (id === null || raw === null) return null
  return `${noteKey.name}+${toHex(id)}+${toBase64(concat(Uint8Array.of(NOTE_TYPE[type]), raw))}`
}

/** Reads what `verifierKey` wrote; null when the word is not one, or its id is not that of its key. */
export function parseVerifierKey(crypto: Crypto, word: string, type: NoteType = 'note'): NoteKey | null {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(word)
  const [name = '', idHex = '', encoded = ''] = match?.slice(1) ?? []
  const bytes = fromBase64(encoded)
  if (!isKeyName(name) || bytes === null || bytes.length !== KEY_BYTES + 1 || bytes[0] !== NOTE_TYPE[type]) return null
  const noteKey: NoteKey = { name, key: { alg: 'ed25519', spki: concat(SPKI_PREFIX, bytes.subarray(1)) } }
  const id = noteKeyId(crypto, noteKey, type)
  const claimed = fromHex(idHex)
  return id !== null && claimed !== null && sameBytes(id, claimed) ? noteKey : null
}

/** The note of a text and its signatures. */
export function writeNote({ text, signatures }: Note): string {
  return `${text}\n${writeSignatures(signatures)}`
}

/** Signature lines, as a note has them, or as a witness answers them. */
export function writeSignatures(signatures: readonly NoteSignature[]): string {
  return signatures.map(({ name, id, signature }) => `— ${name} ${toBase64(concat(id, signature))}\n`).join('')
}

/** Reads a note without verifying it; what is wrong with it, as a phrase, when it is not one. */
export function parseNote(note: string): Note | { readonly fault: string } {
  if (note.length > MAX_NOTE_BYTES) return { fault: `${note.length} characters` }
  if (!note.isWellFormed()) return { fault: 'text that is not well-formed' }
  if (hasControlCharacter(note)) return { fault: 'a control character' }
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || !note.endsWith('\n')) return { fault: 'no signature block' }
  const signatures = parseSignatures(note.slice(end + 2))
  return 'fault' in signatures ? signatures : { text: note.slice(0, end + 1), signatures }
}

/** Reads signature lines, at least one, each with its newline. */
export function parseSignatures(block: string): readonly NoteSignature[] | { readonly fault: string } {
  if (!block.endsWith('\n')) return { fault: 'no newline at the end' }
  const lines = block.slice(0, -1).split('\n')
  if (lines.length > MAX_NOTE_SIGNATURES) return { fault: `${lines.length} signatures` }
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const match = /^— (\S+) (\S+)$/u.exec(line)
    const [name = '', encoded = ''] = match?.slice(1) ?? []
    const bytes = fromBase64(encoded)
    if (!isKeyName(name) || bytes === null || bytes.length <= ID_BYTES) return { fault: 'a malformed signature line' }
    signatures.push({ name, id: bytes.slice(0, ID_BYTES), signature: bytes.slice(ID_BYTES) })
  }
  return signatures
}

function hasControlCharacter(note: string): boolean {
  for (let index = 0; index < note.length; index += 1) {
    const code = note.charCodeAt(index)
    if (code < 0x20 && code !== 0x0a) return true
  }
  return false
}

/**
 * Whether the note carries a signature of the key: `unknown` when it carries none by that name and id, which a reader
 * ignores, and `invalid` when one that claims to be does not verify, for which a reader refuses the whole note.
 */
export function verifyNote(crypto: Crypto, note: Note, noteKey: NoteKey): 'valid' | 'invalid' | 'unknown' {
  const claimed = signaturesOf(crypto, note, noteKey)
  if (claimed.length === 0) return 'unknown'
  const message = utf8(note.text)
  const holds = claimed.every(line => crypto.verify(noteKey.key, message, line.signature, 'der'))
  return holds ? 'valid' : 'invalid'
}

/** The signatures of a note that claim to be of a key. */
export function signaturesOf(crypto: Crypto, note: Note, noteKey: NoteKey, type: NoteType = 'note'): NoteSignature[] {
  const id = noteKeyId(crypto, noteKey, type)
  return id === null ? [] : note.signatures.filter(line => line.name === noteKey.name && sameBytes(line.id, id))
}

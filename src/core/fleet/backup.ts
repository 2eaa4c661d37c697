import { toHex } from '../encoding/bytes.ts'
import { canonicalJson, type JsonObject } from '../encoding/canonical-json.ts'
import type { Crypto, PublicKey } from '../encoding/crypto.ts'
import { exactly, line, list, Misfit, object, type ShapeOf, text, then, whole, word } from '../encoding/shape.ts'
import { type Instant, instant } from '../encoding/units.ts'
import { type Refusal, refuse } from '../refusal/refusal.ts'
import { openSigned, signedFile } from '../trust/report.ts'
import { NAME } from './identity.ts'

/**
 * What a backup says of itself, signed by the key that its server signs with anyway: the audit key of a fleet, the manifest key
 * of a gateway. No private key is a part of a backup.
 */

/** A file of a backup: its path below the backup's folder, and below that of the server; bytes; SHA-256 in hex. */
export type BackupFile = { readonly path: string; readonly length: number; readonly sha256: string }

/**
 * - `name`: the fleet's, or the site's. `at`: when the copy of the store was whole.
 * - `data`: the version of the store's tables. `program`: the Voltseal that made it.
 * - `given`: how far the store had come: entries of the log; of a gateway, the number that its outbox gave last.
 * - `checkpoint`: the signed head of a fleet's log, line by line; none for a gateway.
 * - `absent`: private files that are not in it, and that a restored server needs besides.
 */
export type Backup = {
  readonly kind: 'voltseal-backup'
  readonly v: 1
  readonly of: 'fleet' | 'gateway'
  readonly name: string
  readonly at: Instant
  readonly program: string
  readonly data: number
  readonly given: number
  readonly checkpoint: readonly string[]
  readonly files: readonly BackupFile[]
  readonly absent: readonly string[]
}

export const BACKUP_FILE = 'backup.json'
/** A backup of a hundred thousand blobs has a manifest of some 15 MB. */
export const MAX_BACKUP_BYTES = 256 << 20
const MAX_FILES = 1_000_000

/** Segments without control characters, none of which is empty, `.` or `..`: a restore never leaves its folder. */
const path = text('a path below the folder', /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[^/\\\p{Cc}]+(?:\/[^/\\\p{Cc}]+){0,15}$/u)
const amount = whole(0, Number.MAX_SAFE_INTEGER)

const backupShape = object({
  kind: word('voltseal-backup'),
  v: exactly(1),
  of: word('fleet', 'gateway'),
  name: text('a name', NAME),
  at: then(whole(0, 8_640_000_000_000_000), value => instant(value)),
  program: line(64),
  data: whole(1, 1_000_000),
  given: amount,
  checkpoint: list(line(8192, 0), 0, 200),
  files: list(object({ path, length: amount, sha256: text('a SHA-256 in hex', /^[0-9a-f]{64}$/) }), 1, MAX_FILES),
  absent: list(path, 0, 100_000),
})
type Read = ShapeOf<typeof backupShape>
const backupFile = signedFile<Read>(backupShape)

/** What is signed. Throws for what `openBackup` would not read: a program that made it has a fault. */
export function backupBytes(backup: Backup): Uint8Array {
  const read = backupShape(backup, '')
  if (read instanceof Misfit) throw new Error(`a backup with ${read.actual} at ${read.at}`)
  return canonicalJson(backup as unknown as JsonObject)
}

/** The manifest as it is stored, `backup.json`: canonical JSON of what was signed and the signature (DER for ECDSA). */
export const sealBackup = (backup: Backup, signature: Uint8Array): Uint8Array =>
  canonicalJson({ sig: toHex(signature), signed: backup as unknown as JsonObject })

/**
 * Opens a manifest: its form, its one spelling, its signature by the key that a person names, what it is a backup of, no file
 * twice. Whether the files are there is for who has them. Refuses `backup-malformed`, `backup-signature-invalid`,
 * `backup-of-another`.
 */
export function openBackup(
  bytes: Uint8Array,
  { of, key }: { readonly of: Backup['of']; readonly key: PublicKey },
  crypto: Crypto,
): Backup | Refusal {
  const file = openSigned(bytes, MAX_BACKUP_BYTES, backupFile)
  if (file instanceof Misfit) return malformed(`${file.actual} at ${file.at || 'the top'}`, file.expected)
  if (!crypto.verify(key, file.message, file.signature, 'der')) {
    return refuse('backup-signature-invalid', BACKUP_FILE, 'a signature by the key that was named', 'none that holds')
  }
  const backup = file.signed as Backup
  if (backup.of !== of) return refuse('backup-of-another', BACKUP_FILE, `a backup of a ${of}`, `one of a ${backup.of}`)
  const paths = new Set(backup.files.map(one => one.path))
  if (paths.size < backup.files.length || paths.has(BACKUP_FILE)) return malformed('a file twice', 'each file once')
  return backup
}

const malformed = (actual: string, expected: string): Refusal =>
  refuse('backup-malformed', BACKUP_FILE, expected, actual)

/**
 * What a copied store knows of itself: when it was copied, and how far the store had come by then. It stands in the copy alone,
 * so that no program goes on from it as if it were the store.
 */
export type CopyMark = { readonly made: Instant; readonly given: number }

const markShape = object({
  v: exactly(1),
  made: then(whole(0, 8_640_000_000_000_000), value => instant(value)),
  given: amount,
})

export const writeMark = ({ made, given }: CopyMark): string => JSON.stringify({ v: 1, made, given })

/** Reads a stored mark. One that cannot be read marks all the same: its store is no store to go on from. */
export function readMark(stored: string): CopyMark {
  let value: unknown = null
  try {
    value = JSON.parse(stored)
  } catch {
    // It is judged like any other that is malformed.
  }
  const read = markShape(value, '')
  return read instanceof Misfit ? { made: instant(0), given: 0 } : { made: read.made, given: read.given }
}

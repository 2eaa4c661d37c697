import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { notRead } from '../../core/refusal/not-read.ts'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'

/** Asks a person who sits there for a PIN, without showing it. Null when nobody is there, or gives none. */
export type AskPin = (prompt: string) => Promise<string | null>

const MAX_PIN_FILE = 1024

/**
 * Reads a PIN from a file that only its owner may read: one line. Refuses `file-missing`, `file-unreadable`,
 * `file-not-permitted`, `pin-file-permissions` and `pin-file-malformed`. No refusal shows a part of what is in the file.
 */
export function readPinFile(path: string): string | Refusal {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'failure'
    if (code === 'ENOENT' || code === 'ENOTDIR') return refuse('file-missing', path, 'a file', 'none of that name')
    return notRead(path, code)
  }
  try {
    // The open file is judged, not the name: the name may mean another file a moment later.
    const status = fstatSync(file)
    if (!status.isFile()) return refuse('file-unreadable', path, 'a regular file', 'something else')
    const mode = status.mode & 0o777
    if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
      return refuse('pin-file-permissions', path, 'mode 600', `mode ${mode.toString(8)}`)
    }
    const malformed = (actual: string): Refusal =>
      refuse('pin-file-malformed', path, 'one line with the PIN and nothing else', actual)
    if (status.size > MAX_PIN_FILE) return malformed(`${status.size} bytes`)
    const pin = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    if (pin === '') return malformed('nothing')
    return /\p{Cc}/u.test(pin) ? malformed('several lines, or a control character') : pin
  } finally {
    closeSync(file)
  }
}

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { notRead } from '../core/refusal/not-read.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'

const MAX_CONFIG = 1 << 20

/**
 * Reads a YAML or JSON file of at most 1 MiB: YAML 1.2 core schema, no aliases, no duplicate keys. The caller parses the
 * value into a type of its own. Refuses what `readBytes` refuses, and `config-malformed`.
 */
export function readConfig(path: string): unknown | Refusal {
  const text = readText(path, MAX_CONFIG)
  if (typeof text !== 'string') return text
  try {
    return parse(text, { maxAliasCount: 0, uniqueKeys: true, strict: true, prettyErrors: true }) as unknown
  } catch (error) {
    return refuse('config-malformed', path, 'well-formed YAML', (error as Error).message.split('\n')[0] ?? 'not YAML')
  }
}

/** Reads a text file of at most `maxBytes`. Refuses as `readBytes`. */
export function readText(path: string, maxBytes: number): string | Refusal {
  const bytes = readBytes(path, maxBytes)
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('utf8') : bytes
}

/**
 * Reads a file of at most `maxBytes`. Refuses: `file-missing`, `file-unreadable`, `file-not-permitted`, `file-too-large`.
 */
export function readBytes(path: string, maxBytes: number): Uint8Array | Refusal {
  try {
    const status = statSync(path)
    // A folder, a device or a pipe has no size that says how much there is to read.
    if (!status.isFile()) return refuse('file-unreadable', path, 'a regular file', 'something else')
    const { size } = status
    if (size > maxBytes) return refuse('file-too-large', path, `at most ${maxBytes} bytes`, `${size} bytes`)
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return refuse('file-missing', path, 'a file', 'none of that name')
    return notRead(path, code ?? (error as Error).message)
  }
}

/**
 * Writes a file whole: a temporary one beside it, synced, then renamed. If power fails before the rename, the old file
 * is there; after it, the new one; never a part. `mode` is set before the first byte.
 */
export function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): void {
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true, mode: mode & 0o077 ? 0o755 : 0o700 })
  const temporary = join(folder, `.${process.pid}.${path.slice(folder.length + 1)}.tmp`)
  const file = openSync(temporary, 'w', mode)
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } catch (error) {
    // On a full disk what is left of it would only make that worse.
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../../src/adapters/config-file.ts'
import type { Crypto } from '../../src/core/encoding/crypto.ts'
import { hasDigests } from '../../src/core/trust/digests.ts'
import { quoted, type Target } from '../../src/core/trust/metadata.ts'

/** The folders of the TUF client: trusted metadata without versions in the names, and downloaded targets. */

export function readFolder(folder: string): Map<string, Uint8Array> {
  if (!existsSync(folder)) return new Map()
  const names = readdirSync(folder).filter(name => name.endsWith('.json'))
  return new Map(names.map(name => [name, new Uint8Array(readFileSync(join(folder, name)))]))
}

/**
 * Writes what is trusted; files of before that are not go. If power fails in between, the next start reads some newer and
 * some older files, verifies each again, and fetches what does not fit together.
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of files) writeWhole(join(folder, name), Buffer.from(bytes))
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.json') && !files.has(name)) rmSync(join(folder, name))
  }
}

const fileOf = (folder: string, { path }: Target): string => join(folder, quoted(path))

/** Whether a target lies there already as it should be. */
export function storedTarget(folder: string, target: Target, crypto: Crypto): boolean {
  const file = fileOf(folder, target)
  if (!existsSync(file)) return false
  const bytes = new Uint8Array(readFileSync(file))
  return bytes.length === target.length && hasDigests(target, bytes, crypto)
}

export function keepTarget(folder: string, target: Target, bytes: Uint8Array): void {
  mkdirSync(folder, { recursive: true })
  writeWhole(fileOf(folder, target), Buffer.from(bytes))
}

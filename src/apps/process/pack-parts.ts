import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../adapters/config-file.ts'
import { Misfit } from '../../core/encoding/shape.ts'
import { type Standard, standardShape } from '../../core/ledger/pack/clauses.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'

/** What is put into an evidence pack beside the events: standards, and the offline verifier. */

const ROOT = join(import.meta.dirname, '../../..')

/** Where the standards lie. */
export const STANDARDS = join(ROOT, 'compliance')
/** Where `npm run build:verifier` writes the verifier. */
export const VERIFIER = join(ROOT, 'dist', 'verifier')

/** The standards of a folder, by the names of their files. Refuses `config-malformed`, and what `readConfig` refuses. */
export function readStandards(folder: string): Standard[] | Refusal {
  const standards: Standard[] = []
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.yaml')) continue
    const path = join(folder, name)
    const written = readConfig(path)
    if (isRefusal(written)) return written
    const read = standardShape(written, '')
    if (read instanceof Misfit) return refuse('config-malformed', path, read.expected, `${read.actual} at ${read.at}`)
    standards.push(read)
  }
  return standards
}

/**
 * The page and the script that verify a pack offline. Refuses `pack-verifier-missing`, also for one that was built of other sources than
 * those that make the pack: it might not know what it is to verify.
 */
export function readVerifier(folder: string): { page: Uint8Array; script: Uint8Array } | Refusal {
  const missing = (expected: string, actual: string): Refusal =>
    refuse('pack-verifier-missing', folder, expected, actual)
  try {
    const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)))
    const made = { page: read('verify.html'), script: read('verify.mjs') }
    const sources = JSON.parse(readFileSync(join(folder, 'sources.json'), 'utf8')) as Record<string, string>
    const changed = Object.entries(sources).find(([path, digest]) => digestOf(join(ROOT, path)) !== digest)
    return changed === undefined ? made : missing('one of this Voltseal', `one from before ${changed[0]} changed`)
  } catch (error) {
    const { code = 'none' } = error as NodeJS.ErrnoException
    return missing('verify.html, verify.mjs and sources.json', code)
  }
}

/** The digest of a file; null: it is gone. */
const digestOf = (path: string): string | null =>
  existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : null

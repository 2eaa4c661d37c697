import { readdirSync, readFileSync } from 'node:fs'
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

/** The page and the script that verify a pack offline. Refuses `pack-verifier-missing`. */
export function readVerifier(folder: string): { page: Uint8Array; script: Uint8Array } | Refusal {
  try {
    const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)))
    return { page: read('verify.html'), script: read('verify.mjs') }
  } catch (error) {
    return refuse(
      'pack-verifier-missing',
      folder,
      'verify.html and verify.mjs',
      (error as NodeJS.ErrnoException).code ?? 'none',
    )
  }
}

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type EntryKind, entryKinds } from '../src/core/ledger/entry-kinds.ts'
import { numberOf, SEVERITIES, SEVERITY_OF_KIND } from '../src/core/ledger/severity.ts'

/** The table of severities in docs/siem.md, written from the table that messages go by: `node scripts/siem-docs.ts`. */

export const SIEM_PAGE = join(import.meta.dirname, '../docs/siem.md')
const TABLE = /(<!-- severities: [^\n]*-->\n)[\s\S]*(<!-- \/severities -->)/

/** The page with its table as it should be. */
export function siemDocs(page: string): string {
  const kinds = Object.keys(entryKinds) as EntryKind[]
  const rows = SEVERITIES.map(severity => {
    const found = kinds.filter(kind => SEVERITY_OF_KIND[kind] === severity)
    const words = found.length === 0 ? '–' : found.map(kind => `\`${kind}\``).join(', ')
    return `| ${numberOf(severity)} | ${severity} | ${words} |\n`
  })
  return page.replace(TABLE, `$1| number | severity | kinds |\n|--:|---|---|\n${rows.join('')}$2`)
}

if (import.meta.main) writeFileSync(SIEM_PAGE, siemDocs(readFileSync(SIEM_PAGE, 'utf8')))

import { type BreakOf, breakRefusal } from '../../core/ledger/break-words.ts'
import { sentence } from '../../core/refusal/sentence.ts'
import type { Cli } from './cli.ts'
import { table } from './table.ts'

/** Breaks that are shown one by one; `--json` has all of them. */
const SHOWN = 40

/** Where what sites tell does not go on, from-to; below it what each code means. `entry`: of the log, which says so. */
export function breakTable(cli: Cli, breaks: readonly (BreakOf & { readonly entry?: number })[], more: number): string {
  for (const one of new Map(breaks.map(of => [of.code, of])).values()) cli.output.warn(sentence(breakRefusal(one)))
  const rows = breaks.slice(0, SHOWN).map(({ site, controller, code, from, to, entry }) => {
    return [site, controller ?? 'its gateway', code, from, to, entry ?? null] as const
  })
  const rest = breaks.length - rows.length + more
  const drawn = table(cli.output, ['site', 'whose', 'what', '>from', '>to', '>entry'], rows)
  return rest === 0 ? drawn : `${drawn}\nand ${rest} more`
}

import type { Stretch, Unjudged } from '../../core/ledger/passed-over.ts'
import type { LogVerdict } from '../../core/ledger/verify.ts'
import type { Cli } from './cli.ts'
import { table } from './table.ts'

/** Stretches and sequences that are shown one by one; `--json` has more. */
const STRETCHES = 5
const SHOWN = 40

const rangeText = ({ from, to }: Stretch): string => (from === to ? `${from}` : `${from} to ${to}`)

/** How many entries were not at hand, and where they stand. */
export function passedText({ passedOver: { entries, stretches, more } }: Pick<LogVerdict, 'passedOver'>): string {
  const shown = stretches.slice(0, STRETCHES).map(rangeText)
  const rest = stretches.length - shown.length + more
  return `${entries} entries, by their hashes: ${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} stretches more`}`
}

/** What is judged of what sites told when entries were not at hand. */
export function judgedText({ unjudged, moreUnjudged }: Pick<LogVerdict, 'unjudged' | 'moreUnjudged'>): string {
  const count = unjudged.length + moreUnjudged
  return count === 0 ? 'judged whole' : `judged, but for ${count} ${count === 1 ? 'sequence' : 'sequences'} (below)`
}

/** The sequences of sites of which something is not judged: from which entry on they are, and what lies in front of that. */
export function unjudgedTable(cli: Cli, unjudged: readonly Unjudged[], more: number): string {
  const rows = unjudged.slice(0, SHOWN).map(({ site, controller, again, numbers, doubtful }) => {
    const between = again === null ? 'all behind it' : 'it may have begun anew'
    return [
      site,
      controller ?? 'its gateway',
      again ?? 'nowhere',
      numbers === null ? between : `${numbers.count} of ${rangeText(numbers)}`,
      doubtful,
    ] as const
  })
  const rest = unjudged.length - rows.length + more
  const drawn = table(cli.output, ['site', 'whose', '>again from entry', 'numbers not judged', '>in doubt'], rows)
  return rest === 0 ? drawn : `${drawn}\nand ${rest} more`
}

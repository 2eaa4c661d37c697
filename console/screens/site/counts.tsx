import { Mark, type MarkKind } from '../../parts/mark.tsx'
import type { CardGroup } from '../../picture/site-cards.ts'

const WORDS: Readonly<Record<MarkKind, string>> = {
  trust: 'trust refused',
  failed: 'failed',
  attention: 'attention',
  unknown: 'unknown',
  busy: 'under way',
  waiting: 'waiting',
  good: 'stable',
}

/** How many of each standing, the worst first. */
export function Counts({ counts, total }: { counts: CardGroup['counts']; total: number }) {
  return (
    <span class="counts">
      {counts.map(({ kind, count }) => (
        <span key={kind}>
          <Mark kind={kind} /> {count === total && total > 1 ? `all ${count}` : count} {WORDS[kind]}
        </span>
      ))}
    </span>
  )
}

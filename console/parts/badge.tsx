import type { Freshness } from '../picture/age.ts'
import { Mark, type MarkKind } from './mark.tsx'

const MARKS: Readonly<Record<Freshness['at'], MarkKind>> = {
  waiting: 'waiting',
  live: 'good',
  behind: 'busy',
  stale: 'attention',
}

/** How old is what the page shows. */
export function Badge({ freshness: { at, text } }: { freshness: Freshness }) {
  return (
    <span class={`badge badge-${at}`}>
      <Mark kind={MARKS[at]} />
      {text}
    </span>
  )
}

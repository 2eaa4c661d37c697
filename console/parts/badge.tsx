import { freshness } from '../picture/age.ts'
import { Mark, type MarkKind } from './mark.tsx'

const MARKS: Readonly<Record<ReturnType<typeof freshness>['at'], MarkKind>> = {
  waiting: 'waiting',
  live: 'good',
  behind: 'busy',
  stale: 'attention',
}

/** How old is what the page shows. `behind` in milliseconds. */
export function Badge({ behind }: { behind: number | null }) {
  const { at, text } = freshness(behind)
  return (
    <span class={`badge badge-${at}`}>
      <Mark kind={MARKS[at]} />
      {text}
    </span>
  )
}

import type { JSX } from 'preact'
import type { MarkKind } from '../picture/mark-kind.ts'

/** Every state has a shape of its own: colour only repeats what the shape says. */
export type { MarkKind }

const SHAPES: Readonly<Record<MarkKind, JSX.Element>> = {
  good: <circle cx="8" cy="8" r="5" class="mark-grey" />,
  busy: (
    <>
      <circle cx="8" cy="8" r="5" class="mark-line" />
      <path d="M8 3a5 5 0 0 0 0 10z" class="mark-grey" />
    </>
  ),
  waiting: <circle cx="8" cy="8" r="5" class="mark-line" />,
  unknown: <rect x="3" y="3" width="10" height="10" class="mark-hatch" />,
  attention: (
    <>
      <path d="M8 1.500 15 14H1z" class="mark-amber" />
      <path d="M8 6v4M8 11.200v1.600" class="mark-cut" />
    </>
  ),
  failed: (
    <>
      <rect x="2" y="2" width="12" height="12" rx="1.500" class="mark-red" />
      <path d="m5 5 6 6m0-6-6 6" class="mark-cut" />
    </>
  ),
  trust: (
    <>
      <path d="M8 1 14 3.500V8c0 3.500-2.500 5.500-6 7-3.500-1.500-6-3.500-6-7V3.500z" class="mark-magenta" />
      <path d="M4.500 8h7" class="mark-cut" />
    </>
  ),
}

/** A shape beside a word that says the same: it is not read out. */
export function Mark({ kind }: { kind: MarkKind }) {
  return (
    <svg class="mark" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {SHAPES[kind]}
    </svg>
  )
}

import './progress.css'

type Props = { readonly confirmed: number; readonly failed?: number; readonly total: number; readonly full?: boolean }

/** How far something came: filled what is there, red what failed. The words beside it say the same. `full`: nothing more fits. */
export function Progress({ confirmed, failed = 0, total, full = false }: Props) {
  const share = (count: number): string => `${total === 0 ? 0 : Math.min(100, (100 * count) / total)}%`
  return (
    <svg class="progress" width="100%" height="8" aria-hidden="true">
      <rect width="100%" height="8" class="progress-all" />
      <rect width={share(confirmed)} height="8" class={full ? 'budget-full' : 'progress-confirmed'} />
      <rect x={share(confirmed)} width={share(failed)} height="8" class="progress-failed" />
    </svg>
  )
}

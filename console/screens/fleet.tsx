import { useMemo } from 'preact/hooks'
import type { AttentionSummary } from '../../src/wire/attention-views.ts'
import type { ReleaseView } from '../../src/wire/fleet-views.ts'
import type { VersionsView } from '../../src/wire/inventory-views.ts'
import { useView } from '../live/views.ts'
import { Heatmap } from '../parts/heatmap.tsx'
import { counted } from '../picture/counted.ts'
import { versionGrid } from '../picture/version-grid.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { useSession } from '../shell/session.tsx'
import { Attention } from './fleet/attention.tsx'
import { Deadlines } from './fleet/deadlines.tsx'
import { Regions } from './fleet/regions.tsx'
import { Sites } from './fleet/sites.tsx'
import './fleet.css'

const DAY = 86_400_000

/** The whole fleet, or one region of it: what needs somebody, what runs where, and what is due. */
export default function Fleet({ query, setQuery }: ScreenProps) {
  const { may } = useSession()
  const summary = useView<AttentionSummary>('/v1/attention/summary')
  const region = query.get('region')
  // The address of a view is the same for a day: what is asked once is shared.
  const day = useMemo(() => Math.ceil(Date.now() / DAY) * DAY, [])
  return (
    <div class="fleet">
      <div class="screen-head">
        <h1>Fleet</h1>
        {region !== null && (
          <p>
            Region <strong>{region}</strong>{' '}
            <button type="button" onClick={() => setQuery({ region: null })}>
              All regions
            </button>
          </p>
        )}
        {summary.value !== null && (
          <p class="quiet">
            {counted(summary.value.controllers)} controllers, {counted(summary.value.sites)}{' '}
            {summary.value.sites === 1 ? 'site' : 'sites'}
          </p>
        )}
      </div>
      <Attention summary={summary} region={region} />
      <div class="fleet-wide">
        <Versions region={region} />
        <Sites query={query} setQuery={setQuery} />
      </div>
      <div class="fleet-narrow">
        <section class="panel" aria-labelledby="regions-title">
          <h2 id="regions-title">Regions</h2>
          {summary.fault !== null && <p role="alert">{summary.fault.detail}</p>}
          {summary.value !== null && (
            <Regions summary={summary.value} region={region} onRegion={name => setQuery({ region: name })} />
          )}
        </section>
        {may('read-campaigns') && (
          <section class="panel" aria-labelledby="deadlines-title">
            <h2 id="deadlines-title">Deadlines</h2>
            <Deadlines day={day} />
          </section>
        )}
      </div>
    </div>
  )
}

function Versions({ region }: { region: string | null }) {
  const narrowed = region === null ? '' : `?region=${encodeURIComponent(region)}`
  const counts = useView<VersionsView[]>(`/v1/inventory/versions${narrowed}`)
  const releases = useView<ReleaseView[]>('/v1/releases?limit=1000')
  const grid = useMemo(
    () => versionGrid(counts.value?.flatMap(({ versions }) => versions) ?? [], releases.value ?? []),
    [counts.value, releases.value],
  )
  return (
    <section class="panel" aria-labelledby="versions-title">
      <h2 id="versions-title">Versions</h2>
      {counts.fault !== null && <p role="alert">{counts.fault.detail}</p>}
      {counts.value !== null && grid.rows.length === 0 && <p class="empty">Nothing to show yet.</p>}
      {grid.rows.length > 0 && <Heatmap grid={grid} />}
    </section>
  )
}

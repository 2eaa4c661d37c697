import { useMemo } from 'preact/hooks'
import type { ReleaseView } from '../../src/wire/fleet-views.ts'
import type { VersionsView } from '../../src/wire/inventory-views.ts'
import { useView } from '../live/views.ts'
import { Heatmap } from '../parts/heatmap.tsx'
import { versionGrid } from '../picture/version-grid.ts'
import type { ScreenProps } from '../shell/screen.ts'
import './fleet.css'

/** The whole fleet: what needs somebody, what runs where, and what is due. */
export default function Fleet(_: ScreenProps) {
  return (
    <div class="fleet">
      <h1>Fleet</h1>
      <Versions />
    </div>
  )
}

function Versions() {
  const counts = useView<VersionsView[]>('/v1/inventory/versions')
  const releases = useView<ReleaseView[]>('/v1/releases?limit=1000')
  const grid = useMemo(
    () => versionGrid(counts.value?.flatMap(({ versions }) => versions) ?? [], releases.value ?? []),
    [counts.value, releases.value],
  )
  return (
    <section class="panel" aria-labelledby="versions-title">
      <h2 id="versions-title">Versions</h2>
      {grid.rows.length === 0 ? <p class="empty">Nothing to show yet.</p> : <Heatmap grid={grid} />}
    </section>
  )
}

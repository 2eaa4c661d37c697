import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { ControllerView } from '../../src/wire/fleet-views.ts'
import type { Snapshot } from '../live/feed.ts'
import { AttentionList } from '../parts/attention-list.tsx'
import { CampaignCard } from '../parts/campaign-card.tsx'
import { ControllerTable } from '../parts/controller-table.tsx'
import { Heatmap } from '../parts/heatmap.tsx'
import { LogProof } from '../parts/log-proof.tsx'
import { ageText, freshness } from '../picture/age.ts'
import { attentionOf } from '../picture/attention.ts'
import { versionGrid } from '../picture/version-grid.ts'

/** Rows and cards at once: a page of more would be slow, and nobody reads it. */
const ROWS = 200
const CARDS = 6

/** The whole fleet: what needs somebody, what runs where, what is under way, and whether the record of it holds. */
export function Fleet({ data, behind }: { data: Snapshot; behind: number }) {
  const { controllers, campaigns, releases, plans, log, checkpoint, codes } = data
  const [filter, setFilter] = useFilter()
  const alarms = checkpoint?.alarms
  const attention = useMemo(
    () => attentionOf(controllers, campaigns, log, codes, alarms),
    [controllers, campaigns, log, codes, alarms],
  )
  const grid = useMemo(() => versionGrid(controllers, releases), [controllers, releases])
  const shown = useMemo(() => controllers.filter(one => matches(one, filter)), [controllers, filter])
  const sites = new Set(controllers.map(({ site }) => site)).size
  const now = data.serverNow + behind
  const known = freshness(behind).at !== 'stale'
  const scope = `${controllers.length} controllers at ${sites} ${sites === 1 ? 'site' : 'sites'}`
  // Old data does not say that all is well.
  const calm = known
    ? `Nothing needs attention: ${scope}`
    : `Not known: nothing needed attention ${ageText(behind)} ago`
  return (
    <>
      <AttentionList items={attention} calm={calm} known={known} />
      <div class="column">
        <section class="panel" aria-labelledby="controllers-title">
          <header>
            <h2 id="controllers-title">Controllers</h2>
            <Filter value={filter} onValue={setFilter} shown={shown.length} of={controllers.length} />
          </header>
          <ControllerTable controllers={shown.slice(0, ROWS)} campaigns={campaigns} now={now} />
          {shown.length > ROWS && (
            <p class="empty">
              The first {ROWS} of {shown.length}: use the filter to see others.
            </p>
          )}
          {shown.length === 0 && (
            <p class="empty">{controllers.length === 0 ? 'No site is enrolled yet.' : 'None fits.'}</p>
          )}
        </section>
        <section class="panel area-campaigns" aria-labelledby="campaigns-title">
          <h2 id="campaigns-title">Campaigns</h2>
          {campaigns.length === 0 && <p class="empty">No campaign yet.</p>}
          {campaigns
            .slice(-CARDS)
            .toReversed()
            .map(one => (
              <CampaignCard key={one.id} campaign={one} plan={plans.get(one.id) ?? null} />
            ))}
          {campaigns.length > CARDS && (
            <p class="empty">{campaigns.length - CARDS} older ones: voltseal campaign list</p>
          )}
        </section>
      </div>
      <div class="column">
        <section class="panel" aria-labelledby="versions-title">
          <h2 id="versions-title">Versions</h2>
          {grid.rows.length === 0 ? <p class="empty">Nothing to show yet.</p> : <Heatmap grid={grid} />}
        </section>
        <section class="panel" aria-labelledby="log-title">
          <h2 id="log-title">Audit log</h2>
          <LogProof log={log} checkpoint={checkpoint} codes={codes} />
        </section>
      </div>
    </>
  )
}

type FilterProps = { value: string; onValue: (value: string) => void; shown: number; of: number }

function Filter({ value, onValue, shown, of }: FilterProps) {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLInputElement
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      field.current?.focus()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  return (
    <label class="filter">
      <span>
        Filter <kbd>/</kbd>
      </span>
      <input
        ref={field}
        type="search"
        value={value}
        placeholder="bms 7.28"
        autocomplete="off"
        spellcheck={false}
        onInput={event => onValue(event.currentTarget.value)}
      />
      <output>{value === '' ? '' : `${shown} of ${of}`}</output>
    </label>
  )
}

/** The filter lives in the address, so that a link shows what its sender saw. */
function useFilter(): [string, (value: string) => void] {
  const [value, setValue] = useState(() => new URLSearchParams(location.search).get('q') ?? '')
  const change = (next: string): void => {
    setValue(next)
    history.replaceState(null, '', next === '' ? location.pathname : `?${new URLSearchParams({ q: next })}`)
  }
  return [value, change]
}

/** Every word of the filter must be somewhere in the row. */
function matches(one: ControllerView, filter: string): boolean {
  const text =
    `${one.site}/${one.id} ${one.class} ${one.hardware} ${one.version ?? 'unknown'} ${one.state ?? ''}`.toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

import { useMemo } from 'preact/hooks'
import type { CampaignSummary } from '../../src/wire/fleet-views.ts'
import { usePages } from '../live/pages.ts'
import { ExplainedButton } from '../parts/explained.tsx'
import { Mark } from '../parts/mark.tsx'
import { More } from '../parts/more.tsx'
import { Progress } from '../parts/progress.tsx'
import { isOver, stateMark, stateWord } from '../picture/standing.ts'
import { go } from '../shell/router.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { useSession } from '../shell/session.tsx'
import './campaigns.css'

const FILTERS = [
  { value: '', word: 'all' },
  { value: 'open', word: 'under way' },
  { value: 'over', word: 'over' },
] as const

/** Every campaign: those under way first, and the newest before the older ones. */
export default function Campaigns({ query, setQuery }: ScreenProps) {
  const { may } = useSession()
  const list = usePages<CampaignSummary>('/v1/campaigns?limit=200')
  const which = query.get('show') ?? ''
  const shown = useMemo(() => {
    const fitting = list.items.filter(one => which === '' || isOver(one.state) === (which === 'over'))
    return fitting.toReversed().sort((a, b) => Number(isOver(a.state)) - Number(isOver(b.state)))
  }, [list.items, which])
  return (
    <div class="campaigns">
      <header class="screen-head">
        <h1>Campaigns</h1>
        <ExplainedButton
          id="new-why"
          tone="primary"
          why={may('plan') ? null : 'Only planners draw up campaigns.'}
          onPress={() => go('/campaigns/new')}
        >
          New campaign
        </ExplainedButton>
      </header>
      <fieldset class="choices">
        <legend class="unseen">Which ones</legend>
        {FILTERS.map(({ value, word }) => (
          <label key={value}>
            <input
              type="radio"
              name="show"
              checked={which === value}
              onChange={() => setQuery({ show: value === '' ? null : value })}
            />
            {word}
          </label>
        ))}
      </fieldset>
      <section class="panel" aria-label="Campaigns">
        {shown.length === 0 ? (
          <p class="empty">{list.heard ? 'No campaign here.' : (list.fault?.detail ?? 'Asking the server …')}</p>
        ) : (
          <ul class="campaign-list">
            {shown.map(one => (
              <Row key={one.id} campaign={one} />
            ))}
          </ul>
        )}
        <More more={list.more} />
      </section>
    </div>
  )
}

function Row({ campaign }: { campaign: CampaignSummary }) {
  const { id, title, state, wave, waves, counts, approvals, waits, reason } = campaign
  const { confirmed = 0, failed = 0, total = 0 } = counts
  const waiting = state === 'created'
  return (
    <li data-row="">
      <a class="campaign-name" href={waiting ? `/approvals?plan=${id}` : `/campaigns/${id}`}>
        {title}
      </a>
      <span class="campaign-state">
        <Mark kind={stateMark(state)} /> {stateWord(state)}
      </span>
      <span class="campaign-facts">
        <span class="mono">{id}</span>
        {waiting ? (
          <span>
            {approvals.have} of {approvals.need} signed, {total} controllers
          </span>
        ) : (
          <span>
            wave {wave} of {waves}, {confirmed} of {total} confirmed{failed > 0 && `, ${failed} failed`}
          </span>
        )}
      </span>
      <Progress confirmed={confirmed} failed={failed} total={total} />
      <span class="campaign-why">{reason ?? waits[0] ?? ''}</span>
    </li>
  )
}

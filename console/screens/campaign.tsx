import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { PlanBody } from '../../src/core/campaign/plan.ts'
import { showPower } from '../../src/core/encoding/quantity.ts'
import type { CampaignDetail } from '../../src/wire/plan-views.ts'
import { useView, type View } from '../live/views.ts'
import { Mark } from '../parts/mark.tsx'
import { Patches } from '../parts/patches.tsx'
import { ageText } from '../picture/age.ts'
import { courseOf, fromNow, utcText } from '../picture/course.ts'
import { stateMark, stateWord } from '../picture/standing.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { Budgets } from './campaign/budgets.tsx'
import { CourseChart } from './campaign/course-chart.tsx'
import { Gates } from './campaign/gates.tsx'
import { Orders } from './campaign/orders.tsx'
import { Turns } from './campaign/turns.tsx'
import './campaign.css'

/** One campaign: its waves against their plan, its gates, what it takes from the plant, who failed, and how it is stopped. */
export default function Campaign({ params, query, setQuery }: ScreenProps) {
  const id = params.id ?? ''
  const at = `/v1/campaigns/${encodeURIComponent(id)}`
  const view = useView<CampaignDetail>(at)
  const plan = useView<PlanBody>(`${at}/plan`)
  if (view.value === null) {
    return (
      <section class="panel">
        <h1>Campaign {id}</h1>
        <p class="empty">{view.fault?.detail ?? 'Asking the server …'}</p>
      </section>
    )
  }
  return (
    <div class="campaign-screen">
      <Head campaign={view.value} now={view.now} />
      <Orders campaign={view.value} />
      <Course view={view} campaign={view.value} plan={plan.value} />
      <div class="campaign-columns">
        <Gates campaign={view.value} />
        <Budgets campaign={view.value} />
      </div>
      <Turns campaign={view.value} state={query.get('state')} onState={state => setQuery({ state })} />
      {plan.value !== null && (
        <section class="panel" aria-labelledby="patches-title">
          <h2 id="patches-title">Patches</h2>
          <Patches releases={plan.value.releases.map(({ path }) => path)} />
        </section>
      )}
    </div>
  )
}

function Head({ campaign, now }: { campaign: CampaignDetail; now: number }) {
  const { id, title, state, since, wave, waves, counts, reason, waits, changeRequest, createdBy, notAfter } = campaign
  const { confirmed = 0, failed = 0, total = 0 } = counts
  const heading = useRef<HTMLHeadingElement>(null)
  // The heading of before the first answer had the focus, and is gone.
  useLayoutEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true })
  }, [])
  return (
    <header class="campaign-head">
      <div class="screen-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <span class="campaign-now">
          <Mark kind={stateMark(state)} /> {stateWord(state)}
          {since !== null && <span class="quiet"> {fromNow(since, now, ageText)}</span>}
        </span>
      </div>
      <p class="campaign-line">
        <span class="mono">{id}</span>
        <span>
          wave {wave} of {waves}
        </span>
        <span>
          {confirmed} of {total} confirmed{failed > 0 && `, ${failed} failed`}
        </span>
        <span>priority {campaign.priority}</span>
        {changeRequest !== null && <span>change request {changeRequest}</span>}
        <span>drawn up by {createdBy}</span>
        <span title={utcText(notAfter)}>time of the plan ends {fromNow(notAfter, now, ageText)}</span>
        {campaign.deadline !== null && (
          <span title={utcText(campaign.deadline)}>deadline {fromNow(campaign.deadline, now, ageText)}</span>
        )}
        {campaign.out.controllers > 0 && (
          <span>
            {campaign.out.controllers} ordered now, {showPower(campaign.out.watts)} at risk
          </span>
        )}
      </p>
      {reason !== null && (
        <p class={`campaign-reason ${state === 'halted' ? 'is-red' : 'is-amber'}`}>
          <strong>{stateWord(state)}:</strong> {reason}
        </p>
      )}
      {state !== 'paused' && waits.map(wait => <p key={wait}>{wait}</p>)}
      {state === 'created' && (
        <p>
          <a href={`/approvals?plan=${id}`}>Read and approve the plan</a>
        </p>
      )}
    </header>
  )
}

type CourseProps = { view: View<CampaignDetail>; campaign: CampaignDetail; plan: PlanBody | null }

function Course({ view, campaign, plan }: CourseProps) {
  const picture = useMemo(() => courseOf(campaign, plan, view.now), [campaign, plan, view.now])
  return (
    <section class="panel" aria-labelledby="course-title">
      <h2 id="course-title">Waves: planned and as they were</h2>
      <CourseChart picture={picture} />
      {campaign.planned === null && (
        <p class="quiet">When its waves were to be is not known: an older server planned it.</p>
      )}
      {campaign.planned !== null && campaign.planned.length < campaign.waves && (
        <p class="quiet">
          By its rules wave {campaign.planned.length + 1} would not be through in the time of the plan: nothing is
          outlined from there on.
        </p>
      )}
    </section>
  )
}

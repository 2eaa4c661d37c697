import type { CampaignView } from '../../src/wire/fleet-views.ts'
import { type PlanGates, type WavePicture, wavesOf } from '../picture/waves.ts'
import { Mark, type MarkKind } from './mark.tsx'
import { Gate, Wave } from './wave-strip.tsx'

const MARKS: Readonly<Record<string, MarkKind>> = {
  created: 'attention',
  approved: 'attention',
  running: 'busy',
  soaking: 'busy',
  paused: 'attention',
  halted: 'failed',
  'rolling-back': 'attention',
  done: 'good',
}
const TURN_MARKS: Readonly<Record<string, MarkKind>> = {
  assigned: 'busy',
  returning: 'busy',
  'backing-off': 'attention',
  confirmed: 'good',
  returned: 'good',
  failed: 'failed',
  kept: 'failed',
}

/** A campaign: where it stands, its waves and gates as a strip, and every controller's turn. */
export function CampaignCard({ campaign, plan }: { campaign: CampaignView; plan: PlanGates | null }) {
  const { id, title, state, wave, waves, approvals, reason } = campaign
  const pictures = wavesOf(campaign, plan)
  const { confirmed = 0, total = 0 } = campaign.counts
  return (
    <article class="campaign" aria-labelledby={`campaign-${id}`}>
      <header>
        <h3 id={`campaign-${id}`}>{title}</h3>
        <span class="state">
          <Mark kind={MARKS[state] ?? 'unknown'} /> {state}
        </span>
      </header>
      <p class="facts">
        <span class="mono">{id}</span>
        <span>
          wave {wave} of {waves}
        </span>
        <span>
          {confirmed} of {total} confirmed
        </span>
        <span>
          approved by {approvals.have} of {approvals.need}
        </span>
      </p>
      {reason !== null && <p class="reason">{reason}</p>}
      {state !== 'paused' && campaign.waits.map(wait => <p key={wait}>{wait}</p>)}
      <div class="strip">
        {pictures.map(one => (
          <Step key={one.number} wave={one} />
        ))}
      </div>
      <details>
        <summary>Every turn and gate</summary>
        <Turns campaign={campaign} />
        <ul class="gates">
          {pictures.map(({ number, name, gate, measured }) => (
            <li key={number}>
              Gate of wave {number} ({name}): {gate}
              {measured === null ? '' : `, ${measured.confirmed} confirmed, ${measured.failed} failed`}
            </li>
          ))}
        </ul>
      </details>
    </article>
  )
}

function Step({ wave }: { wave: WavePicture }) {
  return (
    <>
      <Wave wave={wave} />
      <Gate wave={wave} />
    </>
  )
}

function Turns({ campaign: { controllers } }: { campaign: CampaignView }) {
  return (
    <table class="turns">
      <thead>
        <tr>
          <th scope="col">Controller</th>
          <th scope="col">Outcome</th>
          <th scope="col">Wave</th>
          <th scope="col">From</th>
          <th scope="col">To</th>
          <th scope="col" class="number">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {controllers.map(one => (
          <tr key={`${one.site}/${one.controller}`}>
            <th scope="row">
              <span class="site">{one.site}/</span>
              {one.controller}
            </th>
            <td data-head="Outcome">
              <Mark kind={TURN_MARKS[one.state] ?? 'waiting'} /> {one.state}
              {one.detail === null ? '' : `, ${one.detail}`}
            </td>
            <td data-head="Wave">{one.wave}</td>
            <td data-head="From" class="mono">
              {one.from ?? '–'}
            </td>
            <td data-head="To" class="mono">
              {one.to}
            </td>
            <td data-head="Took" class="number">
              {one.tookMillis === null ? '–' : `${(one.tookMillis / 1000).toFixed(1)} s`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

import { useState } from 'preact/hooks'
import { showPower } from '../../../src/core/encoding/quantity.ts'
import type { WaitingPlan } from '../../../src/wire/plan-views.ts'
import { Patches } from '../../parts/patches.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { ageText } from '../../picture/age.ts'
import { atRisk, signedText, wayBackOf } from '../../picture/approving.ts'
import { fromNow, utcText } from '../../picture/course.ts'
import { Changes } from './changes.tsx'
import { Decide } from './decide.tsx'

type Props = { readonly plan: WaitingPlan; readonly now: number; readonly onDone: (said: string) => void }

const BACK = {
  all: 'Every release of the plan has one that undoes it: the campaign can be rolled back.',
  some: 'Some of its releases have no way back: a roll-back leaves their controllers as they are.',
  none: 'The plan names no way back: what is confirmed cannot be rolled back.',
} as const

/** A plan that waits, as somebody reads it who is to sign it. */
export function Plan({ plan, now, onDone }: Props) {
  const { id, title, changeRequest, createdBy, createdAt, notBefore, notAfter, controllers, sites, digest, outline } =
    plan
  const [comment, setComment] = useState('')
  const risk = atRisk(plan)
  const back = wayBackOf(plan)
  return (
    <article class="panel approval" aria-labelledby="approval-title">
      <h2 id="approval-title">{title}</h2>
      <dl>
        <dt>Plan</dt>
        <dd class="mono">{id}</dd>
        <dt>Change request</dt>
        <dd>{changeRequest ?? 'none'}</dd>
        <dt>Criticality</dt>
        <dd>{plan.criticality}</dd>
        <dt>Drawn up</dt>
        <dd>
          by {createdBy}, {fromNow(createdAt, now, ageText)} ({utcText(createdAt)})
        </dd>
        <dt>Time of the plan</dt>
        <dd>
          {notBefore === null ? 'from its approval' : `from ${utcText(notBefore)}`} to {utcText(notAfter)}
        </dd>
        <dt>Who</dt>
        <dd>
          {controllers} controllers at {sites} {sites === 1 ? 'site' : 'sites'}
        </dd>
        <dt>Power at risk</dt>
        <dd>
          {risk === null
            ? 'not known: an older server planned it'
            : `${showPower(risk.atOnce)} at once at most, ${showPower(risk.inAll)} in all, one wave after the other`}
        </dd>
        <dt>Way back</dt>
        <dd class={back === 'all' ? '' : 'approval-warned'}>{BACK[back]}</dd>
        <dt>The plan itself</dt>
        <dd>
          <a href={`/v1/campaigns/${id}/plan`} download={`${id}.plan.json`}>
            every rule of it
          </a>
          , SHA-256 <span class="mono">{digest}</span>
        </dd>
      </dl>
      <Changes plan={plan} />
      <h3>Patches</h3>
      <Patches releases={plan.releases.map(({ path }) => path)} />
      {outline !== null && <Waves waves={outline.waves} />}
      {outline !== null && outline.refused.length > 0 && (
        <>
          <h3>Passed over</h3>
          <ul>
            {outline.refused.map(({ code, controllers, why }) => (
              <li key={code}>
                {controllers} by <span class="mono">{code}</span>, the first: {why}
              </li>
            ))}
          </ul>
        </>
      )}
      <Signers plan={plan} now={now} />
      <Decide plan={plan} comment={comment} onComment={setComment} onDone={onDone} />
    </article>
  )
}

type Wave = NonNullable<WaitingPlan['outline']>['waves'][number]

const WAVE_COLUMNS: readonly Column<Wave>[] = [
  { head: 'Wave', cell: ({ name }, index) => `${index + 1} ${name}` },
  { head: 'Controllers', number: true, cell: ({ controllers }) => controllers },
  { head: 'Sites', number: true, cell: ({ sites }) => sites },
  { head: 'At risk, all', number: true, cell: ({ watts }) => showPower(watts) },
  { head: 'At once', number: true, cell: ({ wattsAtOnce }) => showPower(wattsAtOnce) },
]

function Waves({ waves }: { waves: readonly Wave[] }) {
  return (
    <>
      <h3>Waves</h3>
      <Table label="Waves" columns={WAVE_COLUMNS} rows={waves} keyOf={({ name }) => name} />
    </>
  )
}

function Signers({ plan, now }: { plan: WaitingPlan; now: number }) {
  const { signers } = plan
  return (
    <>
      <h3>{signedText(plan)}</h3>
      {signers.length > 0 && (
        <ul class="approval-signers">
          {signers.map(({ account, keyid, at, reason }) => (
            <li key={keyid}>
              <strong>{account ?? 'a key of nobody'}</strong>
              {at !== null && <span title={utcText(at)}> {fromNow(at, now, ageText)}</span>}
              {reason !== null && <q>{reason}</q>}
              <span class="mono quiet"> key {keyid.slice(0, 16)}</span>
            </li>
          ))}
        </ul>
      )}
      {plan.void.map(({ subject, actual }) => (
        <p key={subject} class="approval-warned">
          {subject} counts no more: {actual}
        </p>
      ))}
    </>
  )
}

import type { CampaignControllerView, CampaignView, ControllerView } from '../../src/wire/fleet-views.ts'
import { ageText } from '../picture/age.ts'
import { Mark, type MarkKind } from './mark.tsx'

type Said = { readonly kind: MarkKind; readonly word: string }

/** What a controller is at, in a word, from what it said last and from its turn in the newest campaign. */
function stateOf({ state, version }: ControllerView, turn: CampaignControllerView | undefined): Said {
  if (version === null) return { kind: 'unknown', word: 'never reported' }
  if (state === 'golden') return { kind: 'failed', word: 'recovery image' }
  if (state === 'trial') return { kind: 'busy', word: 'on trial' }
  if (turn?.state === 'assigned') return { kind: 'busy', word: 'updating' }
  if (turn?.state === 'returning') return { kind: 'busy', word: 'going back' }
  if (turn?.state === 'failed') return { kind: 'failed', word: `${state}, update failed` }
  return { kind: 'good', word: state ?? 'unknown' }
}

export type ControllerTableProps = {
  readonly controllers: readonly ControllerView[]
  readonly campaigns: readonly CampaignView[]
  readonly now: number
}

/** Every controller with what it last attested. */
export function ControllerTable({ controllers, campaigns, now }: ControllerTableProps) {
  // Campaigns come in the order of their making: the last one that speaks of a controller stays.
  const turns = new Map(
    campaigns.flatMap(campaign => campaign.controllers).map(turn => [`${turn.site}/${turn.controller}`, turn]),
  )
  return (
    <table class="controllers">
      <thead>
        <tr>
          <th scope="col">Controller</th>
          <th scope="col">State</th>
          <th scope="col">Version</th>
          <th scope="col">Class</th>
          <th scope="col">Hardware</th>
          <th scope="col">Slot</th>
          <th scope="col" class="number">
            Counter
          </th>
          <th scope="col" class="number">
            Last report
          </th>
        </tr>
      </thead>
      <tbody>
        {controllers.map(one => {
          const key = `${one.site}/${one.id}`
          const turn = turns.get(key)
          const { kind, word } = stateOf(one, turn)
          const to = turn?.state === 'assigned' && turn.to !== one.version ? turn.to : null
          return (
            <tr key={key}>
              <th scope="row">
                <span class="site">{one.site}/</span>
                {one.id}
              </th>
              <td data-head="State">
                <Mark kind={kind} /> {word}
              </td>
              <td data-head="Version" class="mono">
                {one.version ?? '–'}
                {to !== null && <span class="to"> → {to}</span>}
              </td>
              <td data-head="Class">{one.class}</td>
              <td data-head="Hardware">{one.hardware}</td>
              <td data-head="Slot">{one.slot ?? '–'}</td>
              <td data-head="Counter" class="number">
                {one.counter ?? '–'}
              </td>
              <td data-head="Last report" class="number">
                {one.reportedAt === null ? (
                  '–'
                ) : (
                  <time dateTime={new Date(one.reportedAt).toISOString()} title={new Date(one.reportedAt).toString()}>
                    {ageText(now - one.reportedAt)}
                  </time>
                )}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

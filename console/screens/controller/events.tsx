import { Mark } from '../../parts/mark.tsx'
import { usePlaces } from '../../parts/places.ts'
import type { Occurrence } from '../../picture/timeline.ts'
import { whenText } from '../../picture/when.ts'

type Props = {
  readonly occurrences: readonly Occurrence[]
  readonly chosen: string | null
  readonly choose: (key: string) => void
  readonly zone: string
}

/** The same as a list, the newest first: each row opens what the log says of it. */
export function Events({ occurrences, chosen, choose, zone }: Props) {
  const places = usePlaces()
  if (occurrences.length === 0) return <p class="empty">Nothing happened to it yet.</p>
  return (
    <table class="events">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col">Details</th>
          <th scope="col" class="number">
            Entry
          </th>
        </tr>
      </thead>
      <tbody>
        {occurrences.toReversed().map(one => (
          <tr key={one.key} data-row class={one.key === chosen ? 'is-chosen' : ''}>
            <td class="wrap" data-head="When">
              <time dateTime={new Date(one.at).toISOString()}>{whenText(one.at, zone)}</time>
            </td>
            <th scope="row" data-head="What">
              <button type="button" class="plain" aria-pressed={one.key === chosen} onClick={() => choose(one.key)}>
                <Mark kind={one.kind} /> {one.title}
              </button>
            </th>
            <td class="wrap" data-head="Details">
              {one.detail}
              {one.code !== null && <span class="mono"> {one.code}</span>}
            </td>
            <td class="number" data-head="Entry">
              <a href={places.entry(one.entry).href}>{one.entry}</a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

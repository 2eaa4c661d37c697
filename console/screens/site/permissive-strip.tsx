import { Mark } from '../../parts/mark.tsx'
import { usePlaces } from '../../parts/places.ts'
import { agoText } from '../../picture/age.ts'
import type { PermissiveRow } from '../../picture/permissives.ts'

type Props = {
  readonly rows: readonly PermissiveRow[]
  readonly heardAt: number | null
  readonly fault: string | null
  readonly now: number
}

/** What must be true of the plant before anybody restarts: each with its value, threshold and age. */
export function PermissiveStrip({ rows, heardAt, fault, now }: Props) {
  const here = usePlaces().of === 'gateway'
  const asked = here ? 'The plant is read.' : 'Its gateway is asked, and shows them with its next call.'
  const shown = here ? 'Read' : 'As its gateway showed them'
  if (rows.length === 0) return null
  const said = heardAt === null ? asked : `${shown} ${agoText(Math.max(0, now - heardAt))}.`
  return (
    <section class="panel" aria-labelledby="permissives-title">
      <h2 id="permissives-title">Permissives</h2>
      <p class="said">
        {said}
        {fault !== null && ' It could not read the plant.'}
      </p>
      <ul class="permissives">
        {rows.map(row => (
          <li key={row.key} class={`permissive permissive-${row.kind}`}>
            <p class="permissive-name">
              <Mark kind={row.kind} /> {row.name}
              {row.of !== null && <span class="quiet"> of {row.of}</span>}
            </p>
            <p class="permissive-value">{row.value ?? 'unknown'}</p>
            <p class="quiet">needed: {row.threshold}</p>
            <p class="quiet">
              {row.word}
              {row.age !== null && `, measured ${agoText(row.age)}`}
              {row.places !== null && `; ${row.places}`}
            </p>
            {row.kind === 'unknown' && row.because !== null && <p class="quiet">{row.because}</p>}
            {row.classes !== null && <p class="quiet">for {row.classes.join(', ')}</p>}
            {row.by !== 'limits of the site' && <p class="quiet">by {row.by}</p>}
          </li>
        ))}
      </ul>
    </section>
  )
}

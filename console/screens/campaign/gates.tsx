import type { CampaignDetail } from '../../../src/wire/plan-views.ts'
import { Mark } from '../../parts/mark.tsx'
import { countsOf, turnWord } from '../../picture/standing.ts'

/** Of each wave: where its controllers stand, and every rule of its gate as it stands now. */
export function Gates({ campaign: { tallies, gates, wave } }: { campaign: CampaignDetail }) {
  return (
    <section class="panel" aria-labelledby="gates-title">
      <h2 id="gates-title">Waves and gates</h2>
      <ol class="gates">
        {tallies.map(({ name, counts }, index) => (
          <li key={name} class={index + 1 === wave ? 'gates-now' : ''}>
            <h3>
              {index + 1} {name}
            </h3>
            <p class="quiet">
              {countsOf(counts)
                .map(([state, count]) => `${count} ${turnWord(state)}`)
                .join(', ')}
            </p>
            {index < wave && (
              <ul>
                {(gates[index] ?? []).map(({ rule, passes, compared, sentence }) => (
                  <li key={rule}>
                    <Mark kind={passes ? (compared ? 'good' : 'unknown') : 'waiting'} />
                    <span>
                      <strong>{rule}</strong> {passes ? 'passes' : 'does not pass yet'}: {sentence}.
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}

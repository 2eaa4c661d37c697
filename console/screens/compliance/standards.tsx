import type { ComponentChildren } from 'preact'
import type { ClauseView, StandardsView, StandardView } from '../../../src/wire/audit-views.ts'
import { useView } from '../../live/views.ts'
import { Mark, type MarkKind } from '../../parts/mark.tsx'
import { recordHref, STANDING_WORDS, tally } from '../../picture/compliance.ts'
import { dayOf } from '../../picture/entry-pages.ts'
import type { ScreenProps } from '../../shell/screen.ts'

const MARKS: Readonly<Record<ClauseView['standing'], MarkKind>> = {
  shown: 'good',
  partly: 'busy',
  missing: 'attention',
  unrecorded: 'unknown',
}

/** Clause by clause what is enforced, what is recorded, and whether the log has it; of all of it, or of a period. */
export function Standards({ query, setQuery }: Pick<ScreenProps, 'query' | 'setQuery'>) {
  const asked = new URLSearchParams()
  for (const name of ['since', 'until'] as const) {
    const at = dayOf(query.get(name) ?? '', name === 'until')
    if (at !== null) asked.set(name, String(at))
  }
  const { value, fault } = useView<StandardsView>(`/v1/audit/standards${asked.size === 0 ? '' : `?${asked}`}`)
  const day = (name: 'since' | 'until', word: string) => (
    <label>
      <span class="compliance-label">{word}</span>
      <input
        type="date"
        value={query.get(name) ?? ''}
        onChange={event => setQuery({ [name]: event.currentTarget.value || null })}
      />
    </label>
  )
  return (
    <section class="panel" aria-labelledby="standards-title">
      <h2 id="standards-title">By standard</h2>
      <p class="compliance-note">
        No clause is called met. What stands here is whether the log{value !== null && ` of ${value.size} entries`} has
        events that bear on it; whether they are enough is for an auditor. An asterisk marks a clause whose number was
        not held against a public text of the standard.
      </p>
      <div class="compliance-period">
        {day('since', 'From (UTC)')}
        {day('until', 'Up to (UTC)')}
      </div>
      {value === null && <p class="empty">{fault?.detail ?? 'Counting …'}</p>}
      {value?.standards.map(one => (
        <Standard key={one.standard} standard={one} query={query} />
      ))}
    </section>
  )
}

function Standard({ standard, query }: { standard: StandardView; query: URLSearchParams }) {
  const { title, edition, reading, source, clauses } = standard
  return (
    <details class="standard">
      <summary>
        <strong>{standard.standard}</strong> {title}, <span class="note">{tally(standard)}</span>
      </summary>
      <p class="note">
        {edition}. {reading === 'analogue' && 'Written for another field; read here by analogy. '}
        {source === '' ? 'Nothing of it is public.' : `Read: ${source}`}
      </p>
      {clauses.map((one, at) => (
        // A standard may have several clauses of one number.
        <Clause key={at} clause={one} query={query} />
      ))}
    </details>
  )
}

function Clause({ clause: one, query }: { clause: ClauseView; query: URLSearchParams }) {
  const { clause, about, checked, enforced, recorded, left, standing } = one
  return (
    <div class="clause">
      <h3>
        <Mark kind={MARKS[standing]} /> {clause}
        {checked ? '' : ' *'} <span class="clause-standing">{STANDING_WORDS[standing]}</span>
      </h3>
      <p>{about}</p>
      <dl>
        {enforced.map(({ rule, proof }) => (
          <Pair key={rule} name="Enforced">
            {rule} <span class="mono note">{proof}</span>
          </Pair>
        ))}
        {recorded.map(({ what, kinds, events }) => (
          <Pair key={what} name="Recorded">
            {what}: {events === 0 ? <strong>no event</strong> : `${events} ${events === 1 ? 'event' : 'events'}`} (
            {kinds.map((kind, at) => (
              <span key={kind}>
                {at > 0 && ', '}
                <a href={recordHref(kind, query)}>{kind}</a>
              </span>
            ))}
            )
          </Pair>
        ))}
        {left !== '' && <Pair name="Left to people">{left}</Pair>}
      </dl>
    </div>
  )
}

function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

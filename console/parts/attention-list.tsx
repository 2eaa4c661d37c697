import { type Attention, attentionWords } from '../picture/attention.ts'
import { Mark } from './mark.tsx'

/** So many are seen at once, and so many at most: what is worst stands first. */
const SHOWN = 8
const MOST = 200

/** What needs somebody, the worst first; one quiet line when nothing does. `known`: the data is not old. */
export function AttentionList({ items, calm, known }: { items: readonly Attention[]; calm: string; known: boolean }) {
  return (
    <section class="attention" aria-labelledby="attention-title">
      <h2 id="attention-title">Attention</h2>
      <p class="unseen" role="status">
        {known ? attentionWords(items) : 'What is shown is old'}
      </p>
      {items.length === 0 ? (
        <p class="calm">
          <Mark kind={known ? 'good' : 'unknown'} />
          <span>{calm}</span>
        </p>
      ) : (
        <>
          <List items={items.slice(0, SHOWN)} />
          {items.length > SHOWN && (
            <details>
              <summary>{items.length - SHOWN} more</summary>
              <List items={items.slice(SHOWN, MOST)} />
            </details>
          )}
        </>
      )}
    </section>
  )
}

function List({ items }: { items: readonly Attention[] }) {
  return (
    <ul>
      {items.map(({ level, subject, text, advice }) => (
        <li key={`${subject} ${text}`} class={`level-${level}`}>
          <Mark kind={level} />
          <div>
            <strong>{subject}</strong> {text}
            {advice !== null && <span class="advice">{advice}</span>}
          </div>
        </li>
      ))}
    </ul>
  )
}

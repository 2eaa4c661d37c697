import { useEffect, useRef, useState } from 'preact/hooks'
import type { WaitingPlan } from '../../src/wire/plan-views.ts'
import { usePages } from '../live/pages.ts'
import { Mark } from '../parts/mark.tsx'
import { More } from '../parts/more.tsx'
import { signedText } from '../picture/approving.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { Plan } from './approvals/plan.tsx'
import './approvals.css'

/** The plans that wait: what each changes, who signed it, what is at risk, and how it is undone. */
export default function Approvals({ query, setQuery }: ScreenProps) {
  const list = usePages<WaitingPlan>('/v1/approvals')
  const [done, setDone] = useState<string | null>(null)
  const told = useRef<HTMLParagraphElement>(null)
  // What was pressed goes away with the decision: who works by keys or listens goes on from what came of it.
  useEffect(() => told.current?.focus(), [done])
  const asked = query.get('plan')
  const chosen = list.items.find(({ id }) => id === asked) ?? list.items[0] ?? null
  return (
    <div class="approvals">
      <header class="screen-head">
        <h1>Approvals</h1>
      </header>
      {done !== null && (
        <p ref={told} tabIndex={-1}>
          {done}
        </p>
      )}
      {asked !== null && list.heard && chosen?.id !== asked && (
        <p>
          The plan <span class="mono">{asked}</span> does not wait any more:{' '}
          <a href={`/campaigns/${asked}`}>its campaign</a>
        </p>
      )}
      {chosen === null ? (
        <section class="panel">
          <p class="empty">
            {list.heard ? 'No plan waits for approval.' : (list.fault?.detail ?? 'Asking the server …')}
          </p>
        </section>
      ) : (
        <div class="approvals-columns">
          <nav class="panel approvals-list" aria-label="Plans that wait">
            <ul>
              {list.items.map(one => (
                <li key={one.id} data-row="">
                  <a
                    href={`/approvals?plan=${one.id}`}
                    aria-current={one.id === chosen.id ? 'true' : undefined}
                    onClick={event => {
                      event.preventDefault()
                      setQuery({ plan: one.id })
                    }}
                  >
                    {one.title}
                  </a>
                  <span class="approvals-facts">
                    <Mark kind={one.mine.approve.possible ? 'attention' : 'waiting'} /> {signedText(one)}
                    {one.mine.approve.possible && ', waits for you'}
                  </span>
                </li>
              ))}
            </ul>
            <More more={list.more} />
          </nav>
          <Plan key={chosen.id} plan={chosen} now={list.now} onDone={setDone} />
        </div>
      )}
    </div>
  )
}

import type { SiteItemView } from '../../src/wire/site-page-api.ts'
import { useView } from '../live/views.ts'
import { Mark } from '../parts/mark.tsx'
import type { ScreenProps } from '../shell/screen.ts'
import './item.css'

const KINDS: Readonly<Record<string, string>> = {
  entry: 'an entry of the gateway’s own',
  report: 'a report that a controller signed',
  history: 'a stretch of a controller’s own history, signed by it',
}

/** One item of the gateway's own log: its words, its place in the chain, and whether the fleet has it. */
export default function Item({ params }: ScreenProps) {
  const { number = '' } = params
  const { value, fault } = useView<SiteItemView>(`/v1/items/${encodeURIComponent(number)}`)
  return (
    <div class="item-screen">
      <header>
        <p class="crumb">
          <a href="/">The site</a>
        </p>
        <h1>Item {number} of this gateway’s own log</h1>
      </header>
      {value === null && fault !== null && (
        <p class="panel" role="alert">
          {fault.detail}
        </p>
      )}
      {value === null && fault === null && <p class="empty">Asking the gateway …</p>}
      {value !== null && <Shown item={value} />}
    </div>
  )
}

function Shown({ item }: { item: SiteItemView }) {
  const { kind, text, digest, before, head, atFleet, signed } = item
  return (
    <>
      <section class="panel" aria-labelledby="item-title">
        <h2 id="item-title">What it is</h2>
        <dl>
          <dt>Kind</dt>
          <dd>{KINDS[kind] ?? kind}</dd>
          {signed !== null && (
            <>
              <dt>Signature</dt>
              <dd>
                <Mark kind={signed ? 'good' : 'trust'} />{' '}
                {signed
                  ? 'holds under the key that the controller is enrolled with'
                  : 'does not hold under the key that the controller is enrolled with now'}
              </dd>
            </>
          )}
          <dt>At the fleet</dt>
          <dd>{atFleet ? 'acknowledged' : 'not yet: it waits here to be handed over'}</dd>
          <dt>SHA-256 of the item</dt>
          <dd class="mono">{digest}</dd>
          <dt>Head of the log before it</dt>
          <dd class="mono">{before}</dd>
          <dt>Head of the log behind it</dt>
          <dd class="mono">{head}</dd>
        </dl>
      </section>
      <section class="panel" aria-labelledby="words-title">
        <h2 id="words-title">Its words</h2>
        <pre class="item-words">{pretty(text)}</pre>
      </section>
    </>
  )
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

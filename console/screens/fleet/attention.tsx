import { useEffect, useState } from 'preact/hooks'
import type { AttentionSummary, AttentionView } from '../../../src/wire/attention-views.ts'
import { type Codes, loadCodes } from '../../live/codes.ts'
import { usePages } from '../../live/pages.ts'
import type { View } from '../../live/views.ts'
import { Mark } from '../../parts/mark.tsx'
import { ageText } from '../../picture/age.ts'
import { attentionWords, lineOf } from '../../picture/attention-words.ts'
import { counted } from '../../picture/counted.ts'
import { announce } from '../../shell/announce.ts'
import { useFreshness } from '../../shell/stale.tsx'

/** So many stand there at once: what is worst comes first. */
const SHOWN = 8

/** What needs somebody, the worst first; one quiet line when nothing does. `region`: of that one alone. */
export function Attention({ summary, region }: { summary: View<AttentionSummary>; region: string | null }) {
  const query = new URLSearchParams(region === null ? {} : { region })
  query.set('limit', '50')
  const { items, heard, now, fault, more } = usePages<AttentionView>(`/v1/attention?${query}`)
  const [all, setAll] = useState(false)
  const codes = useCodes()
  const stale = useFreshness().at === 'stale'
  const words = summary.value === null ? null : attentionWords(summary.value)
  // Not what stands there when one comes: what it becomes.
  const [before, setBefore] = useState<string | null>(null)
  useEffect(() => {
    if (words === null) return
    if (before !== null && before !== words) announce(words)
    setBefore(words)
  }, [words, before])
  const shown = all ? items : items.slice(0, SHOWN)
  return (
    <section class="panel attention" aria-labelledby="attention-title">
      <header>
        <h2 id="attention-title">Attention{region === null ? '' : ` in ${region}`}</h2>
        {items.length > 0 && region === null && <p class="quiet">{words}</p>}
      </header>
      {fault !== null && <p role="alert">{fault.detail}</p>}
      {heard && items.length === 0 && (
        <p class="calm">
          <Mark kind={stale ? 'unknown' : 'good'} />
          <span>
            {stale ? 'Not known: nothing needed attention when the server was last heard' : calm(summary.value)}
          </span>
        </p>
      )}
      <ul>
        {shown.map(item => (
          <Item key={lineOf(item).key} item={item} codes={codes} now={now} />
        ))}
      </ul>
      {!all && items.length > SHOWN && (
        <button type="button" onClick={() => setAll(true)}>
          {items.length - SHOWN}
          {more === null ? '' : ' and'} more
        </button>
      )}
      {all && more !== null && (
        <button type="button" onClick={more}>
          The next ones
        </button>
      )}
    </section>
  )
}

function Item({ item, codes, now }: { item: AttentionView; codes: Codes | null; now: number }) {
  const { name, href, text } = lineOf(item)
  const { code, since, level } = item
  const explained = code !== null && codes?.isRefusalCode(code) === true ? codes.registry[code] : null
  return (
    <li class={`level-${level}`}>
      <Mark kind={level} />
      <div>
        {href === null ? (
          <strong>{name}</strong>
        ) : (
          <a href={href} data-row>
            {name}
          </a>
        )}{' '}
        {text}
        {explained !== null && `: ${explained.title}`}
        {code !== null && explained === null && ` (${code})`}
        {explained !== null && <span class="advice">{explained.fix}</span>}
      </div>
      {since !== null && (
        <time class="quiet since" dateTime={new Date(since).toISOString()} title={new Date(since).toString()}>
          {ageText(now - since)}
        </time>
      )}
    </li>
  )
}

const calm = (summary: AttentionSummary | null): string =>
  summary === null
    ? 'Nothing needs attention'
    : `Nothing needs attention: ${counted(summary.controllers)} controllers at ${counted(summary.sites)} ${summary.sites === 1 ? 'site' : 'sites'}`

/** What codes mean, fetched behind the first picture. */
function useCodes(): Codes | null {
  const [codes, setCodes] = useState<Codes | null>(null)
  useEffect(() => {
    let left = false
    loadCodes().then(
      some => left || setCodes(() => some),
      // The codes stand for themselves.
      () => undefined,
    )
    return () => {
      left = true
    }
  }, [])
  return codes
}

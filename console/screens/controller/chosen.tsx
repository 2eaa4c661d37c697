import { useEffect, useRef } from 'preact/hooks'
import type { Codes } from '../../live/codes.ts'
import { CampaignLink } from '../../parts/campaign-link.tsx'
import { Mark } from '../../parts/mark.tsx'
import { usePlaces } from '../../parts/places.ts'
import { agoText } from '../../picture/age.ts'
import type { Occurrence } from '../../picture/timeline.ts'
import { whenText } from '../../picture/when.ts'

type Props = {
  readonly one: Occurrence
  readonly codes: Codes | null
  readonly zone: string
  readonly now: number
  readonly onClose: () => void
}

/** One event: what was said of it, where that stands in the log, and what its code means. */
export function Chosen({ one, codes, zone, now, onClose }: Props) {
  const { title, detail, kind, at, version, entry, also, code, campaign } = one
  const places = usePlaces()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [one.key])
  const meaning = code !== null && codes?.isRefusalCode(code) ? codes.registry[code] : null
  return (
    <section class="panel chosen-event" aria-labelledby="chosen-title">
      <header>
        <h2 id="chosen-title" ref={heading} tabIndex={-1}>
          <Mark kind={kind} /> {title}
        </h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </header>
      <dl>
        <dt>When</dt>
        <dd>
          {whenText(at, zone)}, {agoText(Math.max(0, now - at))}
        </dd>
        {detail !== '' && (
          <>
            <dt>Said</dt>
            <dd>{detail}</dd>
          </>
        )}
        {version !== null && (
          <>
            <dt>Version</dt>
            <dd class="mono">{version}</dd>
          </>
        )}
        {campaign !== null && (
          <>
            <dt>Campaign</dt>
            <dd>
              <CampaignLink id={campaign}>{campaign}</CampaignLink>
            </dd>
          </>
        )}
        <dt>Evidence</dt>
        <dd>
          {[entry, ...also].map((index, place) => (
            <span key={index}>
              {place > 0 && ', '}
              <a href={places.entry(index).href}>{places.entry(index).words}</a>
            </span>
          ))}
        </dd>
        {code !== null && (
          <>
            <dt>Code</dt>
            <dd>
              <span class="mono">{code}</span>
              {meaning !== null && (
                <>
                  <p>{meaning.title}</p>
                  <p>What to do: {meaning.fix}</p>
                </>
              )}
            </dd>
          </>
        )}
      </dl>
    </section>
  )
}

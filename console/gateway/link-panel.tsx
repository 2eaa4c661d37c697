import { useState } from 'preact/hooks'
import type { SiteLinkView } from '../../src/wire/site-page-api.ts'
import { isFault } from '../live/ask.ts'
import { change } from '../live/change.ts'
import { Mark } from '../parts/mark.tsx'
import { ageText } from '../picture/age.ts'
import { clockLine, downloadLine, linkLines, ordersLine, ownLogLine } from '../picture/link-words.ts'
import './link-panel.css'

type Props = { readonly link: SiteLinkView; readonly now: number }

type DownloadProps = { readonly one: SiteLinkView['downloads'][number] }

/** What comes over the link; with a way to say yes to what waits for one. */
function Download({ one }: DownloadProps) {
  const [fault, setFault] = useState<string | null>(null)
  const [said, setSaid] = useState(false)
  const allow = async (): Promise<void> => {
    const sent = await change<null>('/v1/full-images', { controller: one.controllers[0] })
    setFault(isFault(sent) ? sent.fault.detail : null)
    setSaid(!isFault(sent))
  }
  return (
    <dd>
      {downloadLine(one)}
      {one.asks && !said && (
        <button type="button" onClick={() => void allow()}>
          Let it come
        </button>
      )}
      {fault !== null && <p class="form-fault">{fault}</p>}
    </dd>
  )
}

/** How the link to the fleet stands, and what the site has to go on with while it is down. */
export function LinkPanel({ link, now }: Props) {
  const { kind, said, since } = linkLines(link, now, ageText)
  return (
    <section class="panel link-panel" aria-labelledby="link-title">
      <h2 id="link-title">Link to the fleet</h2>
      <p class="link-state">
        <Mark kind={kind} /> {said}
      </p>
      <dl class="site-facts">
        <div>
          <dt>Fleet server</dt>
          <dd class="mono">{link.fleet}</dd>
        </div>
        {since !== null && (
          <div>
            <dt>Logged as lost</dt>
            <dd>{since}</dd>
          </div>
        )}
        <div>
          <dt>Orders held here</dt>
          <dd>{ordersLine(link.orders, now, ageText)}</dd>
        </div>
        {link.downloads.length > 0 && (
          <div class="link-downloads">
            <dt>Over the link</dt>
            {link.downloads.map(one => (
              <Download key={`${one.what} ${one.controllers.join()}`} one={one} />
            ))}
          </div>
        )}
        <div>
          <dt>This gateway’s own log</dt>
          <dd>{ownLogLine(link.own)}</dd>
        </div>
        <div>
          <dt>Clock</dt>
          <dd>{clockLine(link.doubts)}</dd>
        </div>
        <div>
          <dt>Gateway</dt>
          <dd>
            version {link.version}, runs for {ageText(Math.max(1000, now - link.startedAt))}
          </dd>
        </div>
      </dl>
      {link.restored && (
        <p class="form-fault">
          This gateway was restored from a backup: nobody gets a turn before it has heard the fleet and every
          controller, or somebody runs “voltseal gateway confirm-restore”.
        </p>
      )}
      <p class="quiet">
        Works offline: this page and all that it shows come from this gateway, and nothing from anywhere else. With the
        link down the site goes on by the orders that it holds, under its own rules, and keeps what it has to tell.
      </p>
    </section>
  )
}

import { useEffect, useMemo, useState } from 'preact/hooks'
import type { HistoryView } from '../../src/wire/fleet-views.ts'
import type { VersionSaidView } from '../../src/wire/inventory-views.ts'
import type { SiteControllerView, SiteView } from '../../src/wire/site-views.ts'
import { type Codes, loadCodes } from '../live/codes.ts'
import { useView } from '../live/views.ts'
import { CampaignLink } from '../parts/campaign-link.tsx'
import { Mark } from '../parts/mark.tsx'
import { usePlaces } from '../parts/places.ts'
import { SlotStrip } from '../parts/slot-strip.tsx'
import { useNow } from '../parts/use-now.ts'
import { ageText, agoText } from '../picture/age.ts'
import { standingOf } from '../picture/site-cards.ts'
import { slotsOf } from '../picture/slots.ts'
import { stateWord } from '../picture/standing.ts'
import { occurrencesOf } from '../picture/timeline.ts'
import { untilText, whenText } from '../picture/when.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { Chosen } from './controller/chosen.tsx'
import { Events } from './controller/events.tsx'
import { TimelineFigure } from './controller/timeline-figure.tsx'
import './controller.css'

/** Entries that are asked for: the newest. */
const NEWEST = 300

/** One controller: what it is now, and everything that happened to it, each with the entry that says so. */
export default function Controller({ params, query, setQuery }: ScreenProps) {
  const { site = '', id = '' } = params
  const [here, there] = [encodeURIComponent(site), encodeURIComponent(id)]
  const controller = useView<SiteControllerView>(`/v1/sites/${here}/controllers/${there}`)
  const described = useView<SiteView>(`/v1/sites/${here}`)
  const history = useView<HistoryView[]>(`/v1/controllers/${here}/${there}/history?newest=${NEWEST}`)
  const versions = useView<VersionSaidView[]>(`/v1/controllers/${here}/${there}/versions`)
  const now = useNow(controller)
  const places = usePlaces()
  const all = places.entries(site, id)
  const codes = useCodes()
  const zone = described.value?.zone ?? 'UTC'
  const occurrences = useMemo(() => occurrencesOf(history.value ?? []), [history.value])
  const chosen = occurrences.find(({ key }) => key === query.get('event')) ?? null
  const choose = (key: string | null): void => setQuery({ event: key })
  const view = controller.value
  const fault = controller.fault ?? history.fault
  const placed = described.value?.controllers.find(one => one.id === id)
  return (
    <div class="controller-screen">
      <header>
        <p class="crumb">
          {places.of === 'fleet' ? (
            <>
              <a href="/">Fleet</a> · <a href={`/sites/${here}`}>{described.value?.name ?? site}</a>
            </>
          ) : (
            <a href="/">{described.value?.name ?? site}</a>
          )}
        </p>
        <h1>{id}</h1>
        {placed !== undefined && (
          <p class="quiet">
            {[placed.class, `hardware ${placed.hardware}`, placed.rack && `rack ${placed.rack}`, placed.cabinet]
              .filter(Boolean)
              .join(' · ')}
          </p>
        )}
      </header>
      {fault !== null && view === null && (
        <p class="panel" role="alert">
          {fault.detail}
        </p>
      )}
      {view !== null && <State view={view} zone={zone} now={now} />}
      {history.value !== null && (
        <>
          <section class="panel" aria-labelledby="timeline-title">
            <h2 id="timeline-title">State timeline</h2>
            <TimelineFigure
              occurrences={occurrences}
              versions={versions.value ?? []}
              chosen={chosen?.key ?? null}
              zone={zone}
              name={id}
            />
          </section>
          {chosen !== null && <Chosen one={chosen} codes={codes} zone={zone} now={now} onClose={() => choose(null)} />}
          <section class="panel" aria-labelledby="events-title">
            <h2 id="events-title">Events</h2>
            <Events occurrences={occurrences} chosen={chosen?.key ?? null} choose={choose} zone={zone} />
            {history.value.length === NEWEST && (
              <p class="empty">
                The newest {NEWEST} entries of the log
                {all !== null && (
                  <>
                    ; all of them: <a href={all}>in the audit log</a>
                  </>
                )}
                .
              </p>
            )}
          </section>
          <Versions said={versions.value ?? []} zone={zone} />
        </>
      )}
      {view === null && fault === null && <p class="empty">Asking the server …</p>}
    </div>
  )
}

/** What refusal codes mean; null while it is on its way. */
function useCodes(): Codes | null {
  const [codes, setCodes] = useState<Codes | null>(null)
  useEffect(() => {
    // Without it the codes stand for themselves.
    loadCodes().then(setCodes, () => undefined)
  }, [])
  return codes
}

function State({ view, zone, now }: { view: SiteControllerView; zone: string; now: number }) {
  const { kind, word } = standingOf(view)
  const { attested, fault, turns, waits } = view
  return (
    <section class="panel" aria-labelledby="state-title">
      <h2 id="state-title">As it last attested</h2>
      <p class="controller-state">
        <Mark kind={kind} /> {word}
        {fault !== null && ` (${fault})`}
        {attested !== null && (
          <span class="quiet">
            {attested.seenAt === null ? '' : ` heard ${agoText(now - attested.seenAt)}`}, report {attested.sequence} of{' '}
            {whenText(attested.at, zone)} by its own clock
          </span>
        )}
      </p>
      <SlotStrip slots={slotsOf(attested)} />
      {attested !== null && (
        <dl>
          <dt>Security counter</dt>
          <dd>{attested.counter}</dd>
          <dt>Keys it accepts</dt>
          <dd class="mono">{attested.anchors.map(kid => kid.slice(0, 16)).join(', ') || 'none'}</dd>
          {Object.keys(attested.figures).length > 0 && (
            <>
              <dt>Health figures</dt>
              <dd>
                {Object.entries(attested.figures)
                  .map(([name, count]) => `${name} ${count}`)
                  .join(', ')}
              </dd>
            </>
          )}
          {attested.attempts.length > 0 && (
            <>
              <dt>Did not hold</dt>
              <dd>
                {attested.attempts
                  .map(one => `${one.version} (${one.phase}${one.cause === '' ? '' : `: ${one.cause}`})`)
                  .join(', ')}
              </dd>
            </>
          )}
        </dl>
      )}
      {turns.map(({ campaign, title, campaignState, version, state, stage, wave, detail }) => (
        <p key={campaign}>
          <CampaignLink id={campaign}>{title}</CampaignLink> ({stateWord(campaignState)}): {version} in wave {wave},{' '}
          {stage ?? state}
          {detail !== null && detail !== stage && ` (${detail})`}
        </p>
      ))}
      {waits !== null && (
        <p class="card-wait">
          {waits.sentence} <span class="quiet">Said {agoText(Math.max(0, now - waits.at))}.</span>
          {waits.nextPossible !== null &&
            ` Next possible ${whenText(waits.nextPossible, zone)}, ${untilText(waits.nextPossible, now, ageText)}.`}
        </p>
      )}
    </section>
  )
}

function Versions({ said, zone }: { said: readonly VersionSaidView[]; zone: string }) {
  if (said.length === 0) return null
  return (
    <section class="panel" aria-labelledby="versions-title">
      <h2 id="versions-title">Versions</h2>
      <table class="events">
        <thead>
          <tr>
            <th scope="col">Since</th>
            <th scope="col">Version</th>
            <th scope="col">By</th>
            <th scope="col">Image</th>
          </tr>
        </thead>
        <tbody>
          {said.toReversed().map(({ at, version, said: by, digest }) => (
            <tr key={`${at} ${by}`}>
              <td class="wrap">{whenText(at, zone)}</td>
              <td class="mono">{version}</td>
              <td>{by === 'attested' ? 'attested by itself' : 'claimed by records'}</td>
              <td class="mono">{digest === null ? '–' : digest.slice(0, 16)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

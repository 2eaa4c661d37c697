import { useState } from 'preact/hooks'
import type { PlanBody } from '../../../src/core/campaign/plan.ts'
import { showPower } from '../../../src/core/encoding/quantity.ts'
import type { CampaignDraft } from '../../../src/wire/plan-views.ts'
import { isFault } from '../../live/ask.ts'
import { tryOut } from '../../live/try-out.ts'
import { Patches } from '../../parts/patches.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { utcText } from '../../picture/course.ts'
import { laterOf, NOTHING_LATER } from '../../picture/dry-run.ts'

type Site = CampaignDraft['preview']['sites'][number]

/** Sites that are shown one by one before somebody asks for more. */
const SHOWN = 20

/** What a plan would do, as its dry run says. `text`: the plan that it is of. `stale`: the plan has changed since. */
export function Preview({ draft, text, stale }: { draft: CampaignDraft; text: string; stale: boolean }) {
  const { preview, dryRun } = draft
  return (
    <section class="panel dry-run" aria-labelledby="dry-run-title">
      <h2 id="dry-run-title">Dry run: nothing is kept</h2>
      {dryRun !== null && <p class="quiet">Worked out at {utcText(dryRun.at)}, as the fleet was then.</p>}
      {stale && <p class="dry-run-stale">This is of the plan as it was before you changed it.</p>}
      <Waves preview={preview} />
      <h3>What changes</h3>
      <ul>
        {preview.changes.map(({ class: of, from, to, via, controllers }) => (
          <li key={[of, from, ...via, to].join(' ')}>
            {controllers} {of}: <span class="mono">{from === '' ? 'not known' : from}</span> to{' '}
            {via.length > 0 && <span class="mono">{via.join(', ')}, then </span>}
            <span class="mono">{to}</span>
          </li>
        ))}
        {preview.otherChanges > 0 && <li>{preview.otherChanges} further ones, of fewer controllers each</li>}
      </ul>
      <h3>Patches</h3>
      <Patches releases={releasesOf(draft)} />
      <h3>Passed over</h3>
      {preview.refused.length === 0 ? (
        <p class="quiet">Nobody who was selected.</p>
      ) : (
        <ul>
          {preview.refused.map(({ code, controllers, why }) => (
            <li key={code}>
              {controllers} by the rule <span class="mono">{code}</span>. The first: {why}
            </li>
          ))}
        </ul>
      )}
      <Sites key={draft.plan} draft={draft} text={text} />
    </section>
  )
}

const releasesOf = ({ plan }: CampaignDraft): readonly string[] =>
  (JSON.parse(plan) as PlanBody).releases.map(({ path }) => path)

type Wave = CampaignDraft['preview']['waves'][number]

function Waves({ preview: { waves, planned } }: Pick<CampaignDraft, 'preview'>) {
  const columns: readonly Column<Wave>[] = [
    { head: 'Wave', cell: ({ name }, index) => `${index + 1} ${name}` },
    { head: 'Controllers', number: true, cell: ({ controllers }) => controllers },
    { head: 'Sites', number: true, cell: ({ sites }) => sites },
    { head: 'Brought along', number: true, cell: ({ brought }) => brought },
    { head: 'At risk, all', number: true, cell: ({ watts }) => showPower(watts) },
    { head: 'At once at most', number: true, cell: ({ wattsAtOnce }) => showPower(wattsAtOnce) },
    {
      head: 'Opens at the earliest',
      cell: (_, index) =>
        planned[index] === undefined ? 'not in the time of the plan' : utcText(planned[index].opens),
    },
    {
      head: 'Gate at the earliest',
      cell: (_, index) => (planned[index] === undefined ? '–' : utcText(planned[index].judged)),
    },
  ]
  return <Table label="Waves" columns={columns} rows={waves} keyOf={({ name }) => name} />
}

/** Site by site, as many as were asked for: the next ones are of the very same dry run, or it is said that they are not. */
function Sites({ draft, text }: { draft: CampaignDraft; text: string }) {
  const [sites, setSites] = useState<readonly Site[]>(draft.preview.sites)
  const [more, setMore] = useState(draft.preview.more)
  const [shown, setShown] = useState(SHOWN)
  const [said, setSaid] = useState<string | null>(null)
  const [run, setRun] = useState(draft.dryRun)
  const [later, setLater] = useState(NOTHING_LATER)
  const next = async (): Promise<void> => {
    if (shown < sites.length) return setShown(shown + SHOWN)
    const behind = sites.at(-1)?.site
    const asked = await tryOut<CampaignDraft>('/v1/campaigns', { text, dryRun: true, behind, of: run?.of })
    if (isFault(asked)) return setSaid(asked.fault.detail)
    setSaid(null)
    setLater(laterOf(run, asked.value.dryRun, behind ?? '', later))
    setRun(asked.value.dryRun)
    setSites([...sites, ...asked.value.preview.sites])
    setMore(asked.value.preview.more)
    setShown(shown + SHOWN)
  }
  return (
    <>
      <h3>Site by site</h3>
      {sites.slice(0, shown).map(one => (
        <SiteSteps key={one.site} site={one} waves={draft.preview.waves.map(({ name }) => name)} />
      ))}
      {said !== null && <p class="form-fault">{said}</p>}
      <div role="status">
        {later.anew !== null && <p class="dry-run-stale">{later.anew}</p>}
        {later.since !== null && <p class="quiet">{later.since}</p>}
      </div>
      {(more || shown < sites.length) && (
        <button type="button" onClick={() => void next()}>
          More sites
        </button>
      )}
    </>
  )
}

/** Controllers that one line names. */
const NAMED = 6

function SiteSteps({
  site: { site, zone, controllers, restarts, leastRestarts, windows, steps },
  waves,
}: SiteStepsProps) {
  return (
    <details>
      <summary>
        {site}: {controllers} {controllers === 1 ? 'controller' : 'controllers'}, {restarts}{' '}
        {restarts === 1 ? 'restart' : 'restarts'}
        {restarts > leastRestarts && ` (an order of ${leastRestarts} may exist)`}
      </summary>
      <p>
        {windows === null
          ? 'May restart at any time.'
          : `May restart, by the clock of ${zone}: ${windows.map(one => `${one.localFrom} to ${one.localTo} (${utcText(one.from)} to ${utcText(one.to)})`).join('; ')}`}
      </p>
      <ol>
        {steps.map(({ order, wave, class: of, from, to, controllers: names }) => (
          <li key={[order, wave, of, from, to].join(' ')}>
            order {order + 1}, wave {waves[wave]}: {of} <span class="mono">{from}</span> to{' '}
            <span class="mono">{to}</span>: {names.slice(0, NAMED).join(', ')}
            {names.length > NAMED && ` and ${names.length - NAMED} more`}
          </li>
        ))}
      </ol>
    </details>
  )
}

type SiteStepsProps = { readonly site: Site; readonly waves: readonly string[] }

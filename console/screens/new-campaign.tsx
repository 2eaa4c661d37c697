import { useRef, useState } from 'preact/hooks'
import type { CampaignDraft } from '../../src/wire/plan-views.ts'
import { isFault } from '../live/ask.ts'
import { change } from '../live/change.ts'
import type { Fault } from '../live/fault.ts'
import { tryOut } from '../live/try-out.ts'
import { Copyable } from '../parts/copyable.tsx'
import { ExplainedButton } from '../parts/explained.tsx'
import { emptyForm, faultText, fileOf, lineRange, type PlanForm, placeOf } from '../picture/plan-form.ts'
import { announce } from '../shell/announce.ts'
import { go } from '../shell/router.ts'
import type { ScreenProps } from '../shell/screen.ts'
import { useSession } from '../shell/session.tsx'
import { File } from './new-campaign/file.tsx'
import { Form } from './new-campaign/form.tsx'
import { Preview } from './new-campaign/preview.tsx'
import './new-campaign.css'

/** What was tried: the text, and what the server made of it. */
type Tried = { readonly text: string; readonly draft: CampaignDraft }

/** A new campaign: a plan file that was written, or a form that writes one; what it would do; and then a draft for approval. */
export default function CampaignNew({ query, setQuery }: ScreenProps) {
  const { may } = useSession()
  const [form, setForm] = useState<PlanForm>(emptyForm)
  const [written, setWritten] = useState('')
  const [tried, setTried] = useState<Tried | null>(null)
  const [refused, setRefused] = useState<{ readonly text: string; readonly fault: Fault } | null>(null)
  const [busy, setBusy] = useState(false)
  const field = useRef<HTMLTextAreaElement>(null)
  const isFile = query.get('from') === 'file'
  const text = isFile ? written : fileOf(form)
  const planner = may('plan') ? null : 'Only planners draw up campaigns.'

  const preview = async (): Promise<void> => {
    if (busy) return
    setBusy(true)
    const asked = await tryOut<CampaignDraft>('/v1/campaigns', { text, dryRun: true })
    setBusy(false)
    setTried(isFault(asked) ? null : { text, draft: asked.value })
    setRefused(isFault(asked) ? { text, fault: asked.fault } : null)
    if (!isFault(asked)) announce('The dry run is below.')
    const place = isFault(asked) ? placeOf(asked.fault.detail) : null
    if (isFile && place !== null) field.current?.setSelectionRange(...lineRange(text, place.line))
    if (isFile && place !== null) field.current?.focus()
  }
  const create = async (): Promise<void> => {
    if (busy || tried === null) return
    setBusy(true)
    const made = await change<CampaignDraft>('/v1/campaigns', { text, dryRun: false })
    setBusy(false)
    if ('fault' in made) setRefused({ text, fault: made.fault })
    else go(`/approvals?plan=${made.done.id}`)
  }
  const stale = tried !== null && tried.text !== text
  return (
    <div class="campaign-new">
      <h1>New campaign</h1>
      <fieldset class="choices">
        <legend class="unseen">Written as</legend>
        <label>
          <input type="radio" name="from" checked={!isFile} onChange={() => setQuery({ from: null })} />a form
        </label>
        <label>
          <input type="radio" name="from" checked={isFile} onChange={() => setQuery({ from: 'file' })} />a plan file
        </label>
      </fieldset>
      <div class="campaign-new-columns">
        {isFile ? <File text={written} field={field} onText={setWritten} /> : <Form form={form} onForm={setForm} />}
        {!isFile && (
          <section class="panel" aria-labelledby="written-title">
            <h2 id="written-title">The plan file that it writes</h2>
            <p class="quiet">
              The same as <span class="mono">voltseal campaign plan FILE</span> takes.
            </p>
            <Copyable what="the plan file" text={text} />
          </section>
        )}
      </div>
      <section class="panel campaign-new-next" aria-label="What next">
        <ExplainedButton id="preview-why" why={planner} tone="primary" onPress={() => void preview()}>
          {busy ? 'Working it out …' : 'Dry run'}
        </ExplainedButton>
        <ExplainedButton
          id="create-why"
          why={
            planner ??
            (tried === null ? 'Make a dry run first.' : stale ? 'The plan has changed: make another dry run.' : null)
          }
          onPress={() => void create()}
        >
          Keep it, for approval
        </ExplainedButton>
        {refused !== null && <Refused {...refused} />}
      </section>
      {tried !== null && <Preview draft={tried.draft} text={tried.text} stale={stale} />}
    </div>
  )
}

/** What is wrong with the plan, and where: the line itself stands beside it. */
function Refused({ text, fault }: { text: string; fault: Fault }) {
  const place = placeOf(fault.detail)
  const line = place === null ? null : text.slice(...lineRange(text, place.line))
  return (
    <div class="form-fault" role="alert">
      {place !== null && (
        <p>
          <strong>
            Line {place.line}, column {place.column}
          </strong>
        </p>
      )}
      {line !== null && <pre class="mono">{line}</pre>}
      <p>{faultText(fault.detail)}</p>
      <p class="mono quiet">{fault.code}</p>
    </div>
  )
}

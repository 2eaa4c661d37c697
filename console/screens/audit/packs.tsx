import { useEffect, useRef, useState } from 'preact/hooks'
import { instant } from '../../../src/core/encoding/units.ts'
import { formatUtc } from '../../../src/core/encoding/utc-time.ts'
import type { Refusal } from '../../../src/core/refusal/refusal.ts'
import type { PackView } from '../../../src/wire/audit-views.ts'
import type { ReleaseView } from '../../../src/wire/fleet-views.ts'
import { change } from '../../live/change.ts'
import { type Codes, loadCodes, told } from '../../live/codes.ts'
import { askAgain, useView } from '../../live/views.ts'
import { Mark, type MarkKind } from '../../parts/mark.tsx'
import { isUnderWay, packQuery, packWords } from '../../picture/packs.ts'
import { announce } from '../../shell/announce.ts'

const PATH = '/v1/audit/packs'
const renew = (): void => askAgain(path => path === PATH)

/** Evidence packs: asked for here, made by the server, and fetched. */
export function Packs() {
  const packs = useView<PackView[]>(PATH).value ?? []
  const releases = useView<ReleaseView[]>('/v1/releases?limit=1000').value ?? []
  const [fault, setFault] = useState<string | null>(null)
  const [codes, setCodes] = useState<Codes | null>(null)
  const running = packs.find(isUnderWay)
  useEffect(() => void loadCodes().then(setCodes, () => {}), [])
  // Reading and proving are no events: as long as one is made it is looked at each second.
  useEffect(() => {
    if (running === undefined) return
    const timer = setInterval(renew, 1000)
    return () => clearInterval(timer)
  }, [running === undefined])
  const was = useRef<string | null>(null)
  useEffect(() => {
    const ended = packs.find(({ id }) => id === was.current)
    if (ended !== undefined && !isUnderWay(ended)) announce(`Evidence pack: ${packWords(ended)}`)
    was.current = running?.id ?? null
  }, [packs, running])

  const begin = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const query = packQuery(new FormData(event.currentTarget as HTMLFormElement))
    if (typeof query === 'string') return setFault(query)
    const begun = await change<PackView>(PATH, { query })
    setFault('fault' in begun ? begun.fault.detail : null)
    renew()
  }
  const cancel = async (id: string): Promise<void> => {
    const stopped = await change<PackView>(`${PATH}/${id}/cancel`, {})
    setFault('fault' in stopped ? stopped.fault.detail : null)
    renew()
  }
  const busy = running !== undefined
  return (
    <section class="panel audit-packs" aria-labelledby="packs-title">
      <h2 id="packs-title">Evidence packs</h2>
      <p>
        A ZIP file for somebody who has no access here: the events that were asked for, a proof of each, a report, and a
        verifier.
      </p>
      <form class="audit-form" onSubmit={event => void begin(event)}>
        <label>
          <span class="audit-label">Sites, with commas</span>
          <input name="sites" placeholder="all" maxLength={2000} autocomplete="off" spellcheck={false} />
        </label>
        <label>
          <span class="audit-label">From (UTC)</span>
          <input name="from" type="date" />
        </label>
        <label>
          <span class="audit-label">Up to (UTC)</span>
          <input name="to" type="date" />
        </label>
        <label>
          <span class="audit-label">Change request</span>
          <input name="changeRequest" placeholder="any" maxLength={120} autocomplete="off" spellcheck={false} />
        </label>
        <label>
          <span class="audit-label">Release</span>
          <select name="release">
            <option value="">any</option>
            {releases.map(one => (
              <option key={one.sha256} value={one.sha256}>
                {one.class} {one.version}
              </option>
            ))}
          </select>
        </label>
        <div class="audit-buttons">
          <button type="submit" class="primary" aria-disabled={busy} onClick={event => busy && event.preventDefault()}>
            Make a pack
          </button>
          {busy && <span class="note">One is being made: one at a time.</span>}
        </div>
      </form>
      {fault !== null && (
        <p class="form-fault" role="alert">
          {fault}
        </p>
      )}
      {packs.length > 0 && (
        <ul class="pack-list">
          {packs.map(pack => (
            <Pack key={pack.id} pack={pack} codes={codes} onCancel={() => void cancel(pack.id)} />
          ))}
        </ul>
      )}
      <details>
        <summary>How its reader verifies it, without this server</summary>
        <p>
          Open <code>verify.html</code> out of the ZIP file in a browser, or run{' '}
          <code>node verify.mjs FILE.zip --key KEY</code>; on a machine with Voltseal,{' '}
          <code>voltseal evidence verify FILE.zip --key KEY</code>. None of them needs a network.
        </p>
        <p>
          The key of the log must come from elsewhere: anybody can make a pack with a key of their own. Give it to your
          reader by another way than the pack. It is the one under “What was verified, and with which key” above, and{' '}
          <code>auditKey</code> in every profile.
        </p>
        <p>
          A proof shows that an event is in the log, not that nothing else is. Whoever can read the log repeats the
          search: <code>voltseal evidence verify FILE.zip --fleet</code>.
        </p>
      </details>
    </section>
  )
}

const MARKS: Readonly<Record<PackView['state'], MarkKind>> = {
  reading: 'busy',
  sealing: 'busy',
  waiting: 'busy',
  proving: 'busy',
  verifying: 'busy',
  made: 'good',
  failed: 'failed',
  cancelled: 'waiting',
}

function Pack({ pack, codes, onCancel }: { pack: PackView; codes: Codes | null; onCancel: () => void }) {
  const { id, begun, state, done, of, query, sealed, fault, warnings } = pack
  const asked = Object.entries(query)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') : value}`)
    .join(', ')
  return (
    <li class="pack">
      <p class="verdict">
        <Mark kind={MARKS[state]} />
        <span>
          <strong>{packWords(pack)}</strong>
          <span class="advice">
            {asked === '' ? 'everything' : asked}; begun {formatUtc(instant(begun))}
          </span>
        </span>
      </p>
      {isUnderWay(pack) && <progress value={done} max={Math.max(1, of)} aria-label={packWords(pack)} />}
      {fault !== null && <p class="form-fault">{told({ ...fault, refused: true } as Refusal, codes)}</p>}
      {warnings.map(text => (
        <p key={text} class="pack-warning">
          <Mark kind="attention" /> {text}
        </p>
      ))}
      <p class="audit-buttons">
        {isUnderWay(pack) && (
          <button type="button" onClick={onCancel}>
            Cancel
          </button>
        )}
        {state === 'made' && (
          <a class="button" href={`${PATH}/${id}/file`} download={`evidence-${id.slice(0, 8)}.zip`}>
            Download
          </a>
        )}
        {sealed !== null && (
          <a href={`/audit?entry=${sealed}`}>
            {state === 'cancelled' ? 'The log had sealed it already: entry' : 'Entry'} {sealed} seals it
          </a>
        )}
      </p>
    </li>
  )
}

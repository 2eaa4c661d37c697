import { useEffect, useState } from 'preact/hooks'
import { fromUtf8 } from '../../../src/core/encoding/bytes.ts'
import { formatUtc } from '../../../src/core/encoding/utc-time.ts'
import { type AuditEntry, parseEntry } from '../../../src/core/ledger/entry.ts'
import { entryKinds } from '../../../src/core/ledger/entry-kinds.ts'
import { named, pseudonymsOf } from '../../../src/core/ledger/pseudonym.ts'
import { isRefusal, type Refusal } from '../../../src/core/refusal/refusal.ts'
import { type Codes, loadCodes, told } from '../../live/codes.ts'
import { readProof } from '../../live/proof-reader.ts'
import { useView } from '../../live/views.ts'
import { Mark } from '../../parts/mark.tsx'
import { changedQuery } from '../../picture/address.ts'
import { outcomeOf, type Proof } from '../../picture/proof.ts'
import { announce } from '../../shell/announce.ts'
import { useSession } from '../../shell/session.tsx'
import { ProofDrawing } from './proof-drawing.tsx'

type Reading =
  | { readonly at: 'reading' }
  | { readonly at: 'failed'; readonly why: string }
  | { readonly at: 'read'; readonly proof: Proof }

/** An entry with what it says and what bears it out: read from the files of the log, and judged here. */
export function Opened({ index, query }: { index: number; query: URLSearchParams }) {
  const [reading, setReading] = useState<Reading>({ at: 'reading' })
  const [codes, setCodes] = useState<Codes | null>(null)
  const [round, setRound] = useState(0)
  useEffect(() => {
    let gone = false
    setReading({ at: 'reading' })
    void loadCodes().then(
      found => !gone && setCodes(found),
      () => {},
    )
    readProof(index).then(
      proof => {
        if (gone) return
        if (isRefusal(proof))
          return setReading({ at: 'failed', why: `${proof.subject}: expected ${proof.expected}; got ${proof.actual}.` })
        setReading({ at: 'read', proof })
        announce(`Entry ${index}: ${WORDS[outcomeOf(proof)]}`)
      },
      (error: Error) => !gone && setReading({ at: 'failed', why: error.message }),
    )
    return () => {
      gone = true
    }
  }, [index, round])
  const bytes = reading.at === 'read' ? (reading.proof.walk?.bytes ?? null) : null
  const entry = bytes === null ? null : parseEntry(bytes, `entry ${index}`)
  return (
    <section class="panel audit-entry" aria-labelledby="entry-title">
      <header>
        <h2 id="entry-title">Entry {index}</h2>
        <nav class="audit-step" aria-label="Entries beside this one">
          {index > 0 && <a href={`/audit?${changedQuery(query, { entry: String(index - 1) })}`}>Entry {index - 1}</a>}
          <a href={`/audit?${changedQuery(query, { entry: String(index + 1) })}`}>Entry {index + 1}</a>
          <a href={`/audit?${changedQuery(query, { entry: null })}`}>Close</a>
        </nav>
      </header>
      {reading.at === 'reading' && <p class="empty">Fetching its proof …</p>}
      {reading.at === 'failed' && (
        <p class="form-fault" role="alert">
          {reading.why}{' '}
          <button type="button" onClick={() => setRound(round + 1)}>
            Try again
          </button>
        </p>
      )}
      {reading.at === 'read' && (
        <>
          <Verdict proof={reading.proof} codes={codes} />
          {bytes !== null && <Said bytes={bytes} entry={entry} codes={codes} proven={reading.proof} />}
          <ProofDrawing proof={reading.proof} codes={codes} />
        </>
      )}
    </section>
  )
}

const WORDS = {
  proven: 'proven in your browser',
  waits: 'proven under the key of the log; its witnesses have not all signed yet',
  broken: 'not proven',
} as const

function Verdict({ proof, codes }: { proof: Proof; codes: Codes | null }) {
  const outcome = outcomeOf(proof)
  const size = proof.head?.checkpoint.size
  const why = isRefusal(proof.verdict) ? told(proof.verdict, codes) : null
  if (outcome === 'proven') {
    return (
      <p class="verdict">
        <Mark kind="good" />
        <span>
          <strong>Proven in your browser.</strong> This entry stands in the log of {size} entries, at this place, as it
          is.
        </span>
      </p>
    )
  }
  if (outcome === 'waits') {
    return (
      <p class="verdict">
        <Mark kind="attention" />
        <span>
          <strong>Proven under the key of the log; its witnesses are too few yet.</strong> {why}
        </span>
      </p>
    )
  }
  return (
    <div class="verdict level-trust" role="alert">
      <Mark kind="trust" />
      <div>
        <strong>Not proven. Do not rely on what this entry says.</strong>
        <p>{why}</p>
      </div>
    </div>
  )
}

type SaidProps = { bytes: Uint8Array; entry: AuditEntry | Refusal | null; codes: Codes | null; proven: Proof }

/** What the entry says, who said it and from where, and the very bytes. */
function Said({ bytes, entry, codes, proven }: SaidProps) {
  const { may } = useSession()
  const known = entry === null || isRefusal(entry) ? null : entry
  const who = known === null ? [] : [...pseudonymsOf(known)]
  const path = who.length > 0 && may('read-accounts') ? `/v1/audit/people?of=${who.slice(0, 50).join(',')}` : null
  const people = useView<Record<string, string>>(path).value ?? {}
  const names = new Map(Object.entries(people))
  const code = known?.code
  return (
    <div class="audit-said">
      {known === null ? (
        <p>{entry === null ? '' : told(entry as Refusal, codes)}</p>
      ) : (
        <>
          <p class="audit-what">{entryKinds[known.kind]}</p>
          <dl>
            <dt>Kind</dt>
            <dd class="mono">{known.kind}</dd>
            <dt>When</dt>
            <dd>
              {formatUtc(known.at)}, by a clock that was {known.clock}
            </dd>
            <dt>Who</dt>
            <dd>
              {known.actor.kind} {named(known.actor.id, names)}
              {known.actor.roles !== undefined && `, as ${known.actor.roles.join(', ')}`}
              {known.actor.key !== undefined && <span class="mono"> key {known.actor.key.slice(0, 16)}…</span>}
            </dd>
            <dt>Written by</dt>
            <dd>
              {known.origin === undefined
                ? 'the fleet server'
                : `the gateway ${known.origin.gateway}, as number ${known.origin.sequence} of its own log (${known.origin.kind})`}
            </dd>
            <Places entry={known} />
            {Object.entries(known.detail).map(([name, value]) => (
              <Detail
                key={name}
                name={name}
                text={named(typeof value === 'string' ? value : JSON.stringify(value), names)}
              />
            ))}
          </dl>
          {code !== undefined && (
            <div class="audit-code">
              <h3 class="mono">{code}</h3>
              <CodeWords code={code} codes={codes} />
            </div>
          )}
        </>
      )}
      <details>
        <summary>The bytes, as they are hashed ({bytes.length})</summary>
        <pre class="mono">{fromUtf8(bytes) ?? 'no text'}</pre>
        <dl>
          <dt>Hash</dt>
          <dd class="mono">{proven.walk?.steps[0]?.hash?.toHex() ?? '–'}</dd>
        </dl>
      </details>
    </div>
  )
}

function Places({ entry }: { entry: AuditEntry }) {
  const { site, controller, campaign, changeRequest, release } = entry
  return (
    <>
      {site !== undefined && (
        <>
          <dt>Where</dt>
          <dd>
            <a href={`/sites/${encodeURIComponent(site)}`}>{site}</a>
            {controller !== undefined && (
              <>
                {' / '}
                <a href={`/controllers/${encodeURIComponent(site)}/${encodeURIComponent(controller)}`}>{controller}</a>
              </>
            )}
          </dd>
        </>
      )}
      {campaign !== undefined && (
        <>
          <dt>Campaign</dt>
          <dd>
            <a href={`/campaigns/${encodeURIComponent(campaign)}`}>{campaign}</a>
            {changeRequest !== undefined && `, change request ${changeRequest}`}
          </dd>
        </>
      )}
      {release !== undefined && <Detail name="release" text={release} />}
    </>
  )
}

function Detail({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd class={/^[0-9a-f]{32,}$/.test(text) ? 'mono' : ''}>{text}</dd>
    </>
  )
}

function CodeWords({ code, codes }: { code: string; codes: Codes | null }) {
  if (codes === null) return <p class="empty">…</p>
  if (!codes.isRefusalCode(code)) return <p>This console does not know the code: it is of a newer Voltseal.</p>
  const { title, fix } = codes.registry[code]
  return (
    <p>
      {title}. {fix}
    </p>
  )
}

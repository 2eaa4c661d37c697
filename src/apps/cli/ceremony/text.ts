import type { Crypto } from '../../../core/encoding/crypto.ts'
import type { Instant } from '../../../core/encoding/units.ts'
import { formatUtc } from '../../../core/encoding/utc-time.ts'
import { type Ceremony, type Pending, pendingOf, quorums } from '../../../core/trust/ceremony.ts'
import type { Quorum } from '../../../core/trust/quorum.ts'
import type { Output } from '../output.ts'
import { type Cell, listing, table } from '../table.ts'

/** Where a ceremony stands: what programs are told of it. */
export type CeremonyView = {
  readonly ceremony: string
  readonly repository: string
  readonly rehearsal: boolean
  readonly deadline: string
  /** Milliseconds that are left; 0 when none are. */
  readonly leftMillis: number
  readonly state: 'open' | 'complete' | 'over' | 'closed'
  readonly documents: readonly DocumentView[]
}

export type DocumentView = {
  readonly document: string
  readonly version: number
  readonly expires: string
  /** SHA-256 of what is signed, in hex. */
  readonly digest: string
  readonly changes: Pending['differences']
  readonly signatures: readonly Quorum[]
}

/** The view of a ceremony at an instant. */
export function viewOf(ceremony: Ceremony, closed: boolean, now: Instant, crypto: Crypto): CeremonyView {
  const { name, repository, rehearsal, deadline } = ceremony.note
  const documents = pendingOf(ceremony).map(pending => documentView(pending, crypto))
  const complete = documents.every(({ signatures }) => signatures.every(({ enough }) => enough))
  const over = now >= deadline
  const state = closed ? 'closed' : over ? 'over' : complete ? 'complete' : 'open'
  const leftMillis = Math.max(0, deadline - now)
  return { ceremony: name, repository, rehearsal, deadline: formatUtc(deadline), leftMillis, state, documents }
}

function documentView(pending: Pending, crypto: Crypto): DocumentView {
  const { version, expires } = pending.document.signed
  const { type: document, digest, differences: changes } = pending
  return { document, version, expires: formatUtc(expires), digest, changes, signatures: quorums(pending, crypto) }
}

const STATES: Readonly<Record<CeremonyView['state'], string>> = {
  open: 'open: signatures are missing',
  complete: 'complete: it can be closed',
  over: 'over: the deadline has passed',
  closed: 'closed: it is in force',
}

/** The whole ceremony for a signer: what changes, who has signed, who is missing, how long there is. */
export function ceremonyText(output: Output, view: CeremonyView): string {
  return [statusText(output, view), ...view.documents.map(document => changesText(output, document))].join('\n\n')
}

/** Who has signed and who has not, and how long there is. */
export function statusText(output: Output, view: CeremonyView): string {
  const head = listing(output, [
    ['ceremony', view.rehearsal ? `${view.ceremony}, a REHEARSAL: nothing of it counts` : view.ceremony],
    ['repository', view.repository],
    ['state', view.state === 'closed' && view.rehearsal ? 'closed: nothing is in force' : STATES[view.state]],
    ['deadline', `${view.deadline}, ${view.state === 'closed' ? 'not needed any more' : leftText(view.leftMillis)}`],
  ])
  const rows = view.documents.flatMap(({ signatures }) =>
    signatures.map((quorum): Cell[] => [
      quorum.by,
      { text: `${quorum.have} of ${quorum.threshold}`, tone: quorum.enough ? 'good' : 'warn' },
      quorum.signed.map(holderText).join(', ') || null,
      quorum.missing.map(holderText).join(', ') || null,
    ]),
  )
  return `${head}\n\n${table(output, ['who is needed', 'signed', 'have signed', 'have not'], rows)}`
}

function changesText(output: Output, { document, version, expires, digest, changes }: DocumentView): string {
  const head = listing(output, [
    ['document', `${document} ${version}`],
    ['valid until', expires],
    ['digest', digest],
  ])
  const rows = changes.map(({ what, before, after, known }): Cell[] => [
    known ? what : { text: `NOT KNOWN TO THIS PROGRAM: ${what}`, tone: 'bad' },
    before,
    after,
  ])
  return `${head}\n\n${table(output, ['what changes', 'before', 'after'], rows)}`
}

const holderText = ({ keyid, owner }: Quorum['signed'][number]): string =>
  owner === null ? `key ${keyid.slice(0, 16)}` : owner

/** A span as people count down: days and hours, hours and minutes, or seconds. */
function leftText(millis: number): string {
  const minutes = Math.floor(millis / 60_000)
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24]
  if (millis === 0) return 'no time left'
  if (days > 0) return `${days} d ${hours} h left`
  return minutes > 0 ? `${hours} h ${minutes % 60} min left` : `${Math.ceil(millis / 1000)} s left`
}

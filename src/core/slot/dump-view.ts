import type { Crypto } from '../encoding/crypto.ts'
import type { ReleaseFacts } from '../firmware/release-facts.ts'
import { type Anchor, inspectEnvelope, openEnvelope } from '../firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../refusal/refusal.ts'
import type { DumpFinds, Find, SlotHead } from './dump.ts'
import type { DumpImage } from './dump-image.ts'
import type { HistoryEntry, HistoryEvent } from './history.ts'
import type { SlotHeader } from './layout.ts'
import type { Memory } from './memory.ts'
import type { BootRecord } from './record.ts'
import { type Bootable, digestPrefix, type Slot } from './slot.ts'

/** What one file of a dump holds; `images` by the offset of their slot, for those that were looked for. */
export type DumpPart = {
  readonly file: string
  readonly finds: DumpFinds
  readonly images?: ReadonlyMap<number, DumpImage | null>
}

/** Where something lies. */
export type Located = { readonly file: string; readonly offset: number }

/** A line of the history; `from` says whether the ring holds it, or only the boot record that was written for it. */
export type DumpLine = HistoryEntry & { readonly from: 'history' | 'record'; readonly authentic: boolean | null }

/**
 * A slot's head. `noted`: the slots whose note in the record names this image; none for golden and for a download that
 * never became a candidate. `signed`: what came of verifying the envelope, null when no anchor was given.
 */
export type DumpSlot = Located & {
  readonly header: SlotHeader
  readonly facts: ReleaseFacts | Refusal
  readonly noted: readonly Slot[]
  readonly signed: readonly string[] | Refusal | null
  /** The image behind the envelope; null when none of it is there, or nobody looked. */
  readonly image: DumpImage | null
}

/**
 * A place that does not count: `torn` is neither whole nor erased; `another-mac` is whole, and its MAC is not the
 * device's: damaged, or forged.
 */
export type DumpFault = Located & {
  readonly kind: 'record' | 'cell'
  readonly fault: 'torn' | 'another-mac'
  readonly claims: string
}

/** What the last start that was written down ran: a slot, nothing, or (null) nobody knows. */
export type DumpRunning = { readonly slot: Bootable | 'none'; readonly version: string; readonly trial: boolean }

/** A dump as a technician reads it. */
export type DumpView = {
  /** A record key was given, and what is shown is under it. */
  readonly authenticated: boolean
  readonly bytes: number
  readonly newest: (Located & { readonly record: BootRecord }) | null
  readonly running: DumpRunning | null
  readonly records: number
  readonly spoilt: number
  readonly slots: readonly DumpSlot[]
  /** Oldest first. */
  readonly history: readonly DumpLine[]
  readonly torn: number
  /** Decisions that nothing tells of any more, between the oldest and the newest that something does; ends included. */
  readonly missing: readonly { readonly from: number; readonly to: number }[]
  /** The first of the places that do not count. */
  readonly faults: readonly DumpFault[]
  readonly cutOff: boolean
  readonly unlisted: number
}

/**
 * Reads what the scan found the way the device would: the newest record is the one with the highest sequence, the history
 * is in the order of its decisions. With a record key (`authenticated`) only what carries the device's MAC counts;
 * without one everything does, and nothing of it is proven.
 *
 * Refuses `dump-holds-nothing` (no record, cell or slot), `dump-not-authenticated` (records or cells, and not one of them
 * under this key).
 */
export function viewDump(
  parts: readonly DumpPart[],
  authenticated: boolean,
  anchors: readonly Anchor[],
  crypto: Crypto,
): DumpView | Refusal {
  const records = located(parts, finds => finds.records)
  const cells = located(parts, finds => finds.cells)
  const heads = located(parts, finds => finds.slots)
  const bytes = total(parts, finds => finds.bytes)
  const subject = parts.map(part => part.file).join(', ')
  const torn = total(parts, finds => finds.tornCells.count)
  const spoilt = total(parts, finds => finds.spoiltRecords.count)
  const cutOff = parts.some(({ finds }) => finds.cutOff)
  if (records.length + cells.length + heads.length === 0) {
    const found = torn + spoilt === 0 ? `${bytes} bytes without one` : `${torn + spoilt} damaged ones`
    return refuse('dump-holds-nothing', subject, 'a boot record, a history or a slot', cutOff ? 'a part of one' : found)
  }
  const holds = (find: { readonly authentic: boolean | null }): boolean => find.authentic !== false
  const [good, told] = [records.filter(holds), cells.filter(holds)]
  const claimed = records.length + cells.length
  if (authenticated && claimed > 0 && good.length + told.length === 0) {
    return refuse('dump-not-authenticated', subject, 'a MAC of this device', `${claimed} finds with another MAC`)
  }
  const newest = good.reduce<LocatedFind<BootRecord> | null>(
    (best, find) => (best !== null && best.value.sequence >= find.value.sequence ? best : find),
    null,
  )
  const { lines, repeated } = tell(told, good)
  const memory = newest?.value.memory ?? null
  return {
    authenticated,
    bytes,
    newest: newest === null ? null : { file: newest.file, offset: newest.offset, record: newest.value },
    running: memory === null ? null : runningOf(memory, lines),
    records: good.length,
    spoilt,
    slots: heads.map(find => {
      const image = parts.find(({ file }) => file === find.file)?.images?.get(find.offset) ?? null
      return { ...slotOf(find, memory, anchors, crypto), image }
    }),
    history: lines,
    torn: torn + repeated,
    missing: gaps(lines),
    faults: [
      ...parts.flatMap(({ file, finds }) => [
        ...finds.spoiltRecords.at.map(offset => faultAt('record', { file, offset })),
        ...finds.tornCells.at.map(offset => faultAt('cell', { file, offset })),
      ]),
      ...records.filter(find => !holds(find)).map(find => faultAt('record', find, `record ${find.value.sequence}`)),
      ...cells.filter(find => !holds(find)).map(find => faultAt('cell', find, claimOf(find.value))),
    ],
    cutOff,
    unlisted: total(parts, finds => finds.unlisted),
  }
}

type LocatedFind<T> = Find<T> & { readonly file: string }

const located = <T>(parts: readonly DumpPart[], of: (finds: DumpFinds) => readonly Find<T>[]): LocatedFind<T>[] =>
  parts.flatMap(({ file, finds }) => of(finds).map(find => ({ ...find, file })))

const total = (parts: readonly DumpPart[], of: (finds: DumpFinds) => number): number =>
  parts.reduce((sum, { finds }) => sum + of(finds), 0)

const claimOf = ({ decision, event, slot, version }: HistoryEntry): string =>
  `decision ${decision}: ${event} ${slot} ${version}`.trimEnd()

const faultAt = (kind: DumpFault['kind'], { file, offset }: Located, claims = ''): DumpFault => ({
  file,
  offset,
  kind,
  fault: claims === '' ? 'torn' : 'another-mac',
  claims,
})

/** The history of the ring, and what only records tell. A decision that the ring holds twice was torn the first time. */
function tell(
  cells: readonly LocatedFind<HistoryEntry>[],
  records: readonly LocatedFind<BootRecord>[],
): { readonly lines: readonly DumpLine[]; readonly repeated: number } {
  const lines = new Map<number, DumpLine>()
  let repeated = 0
  for (const { value, authentic } of cells) {
    if (lines.has(value.decision)) repeated += 1
    else lines.set(value.decision, { ...value, from: 'history', authentic })
  }
  for (const { value, authentic } of records) {
    const { entry } = value
    if (!lines.has(entry.decision)) lines.set(entry.decision, { ...entry, from: 'record', authentic })
  }
  return { lines: [...lines.values()].sort((a, b) => a.decision - b.decision), repeated }
}

function gaps(lines: readonly DumpLine[]): DumpView['missing'] {
  const out: { from: number; to: number }[] = []
  for (const [index, { decision }] of lines.entries()) {
    const before = lines[index - 1]
    if (before !== undefined && decision > before.decision + 1)
      out.push({ from: before.decision + 1, to: decision - 1 })
  }
  return out
}

/** Decisions that say what a start ran. */
const STARTS: readonly HistoryEvent[] = [
  'manufactured',
  'boot',
  'trial',
  'fallback',
  'golden',
  'halt',
  'reverted',
  'dropped',
]

/** The record names the slot that is meant to run; the last start says whether it came to that. */
function runningOf({ state, slots }: Memory, lines: readonly DumpLine[]): DumpRunning | null {
  if (state.at === 'blank') return null
  const start = lines.findLast(line => STARTS.includes(line.event))
  // A start that ended a trial is told as the failure; what ran instead stands at the end of its cause.
  const ran =
    start?.event === 'golden' || start?.event === 'halt'
      ? start.event
      : /; (golden|halt) /.exec(start?.cause ?? '')?.[1]
  if (ran === 'halt') return { slot: 'none', version: '', trial: false }
  if (ran === 'golden') return { slot: 'golden', version: start?.event === 'golden' ? start.version : '', trial: false }
  const slot = state.at === 'trial' ? state.slot : state.active
  return { slot, version: slots[slot].version, trial: state.at === 'trial' }
}

function slotOf(
  { file, offset, value }: LocatedFind<SlotHead>,
  memory: Memory | null,
  anchors: readonly Anchor[],
  crypto: Crypto,
): Omit<DumpSlot, 'image'> {
  const { header, envelope } = value
  const place = { file, offset, header }
  if (envelope === null) {
    const cut = refuse('dump-holds-nothing', `slot at ${offset}`, `${header.envelopeBytes} bytes of envelope`, 'fewer')
    return { ...place, facts: cut, noted: [], signed: null }
  }
  const seen = inspectEnvelope(envelope, crypto)
  if (isRefusal(seen)) return { ...place, facts: seen, noted: [], signed: null }
  const digest = digestPrefix(seen.facts.imageDigest)
  const noted = (['a', 'b'] as const).filter(slot => memory?.slots[slot].digest === digest)
  const opened = anchors.length === 0 ? null : openEnvelope(envelope, anchors, crypto)
  const signed = opened === null || isRefusal(opened) ? opened : opened.signers
  return { ...place, facts: seen.facts, noted, signed }
}

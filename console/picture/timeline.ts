import type { HistoryView, StepView } from '../../src/wire/fleet-views.ts'
import type { VersionSaidView as Said } from '../../src/wire/inventory-views.ts'
import type { MarkKind } from './mark-kind.ts'

/** The rows of the picture, from the order to its end. */
export const LANES = ['order', 'install', 'boot', 'health', 'confirm', 'revert', 'refusal', 'other'] as const
export type Lane = (typeof LANES)[number]

/** Something that happened to a controller, and the entries of the log that say so. */
export type Occurrence = {
  readonly key: string
  /** By the controller's clock; where it knew no time, or one that was not yet, when the fleet entered it. */
  readonly at: number
  readonly lane: Lane
  readonly kind: MarkKind
  readonly title: string
  readonly detail: string
  readonly version: string | null
  /** The entry that says it, and others that say the same. */
  readonly entry: number
  readonly also: readonly number[]
  readonly code: string | null
  readonly campaign: string | null
}

type Sort = { readonly lane: Lane; readonly kind: MarkKind; readonly title: string }

/** What the device says of itself (core/slot/history.ts, core/trust/report.ts). */
const STEPS: Readonly<Record<string, Sort>> = {
  manufactured: { lane: 'install', kind: 'good', title: 'factory image installed' },
  staged: { lane: 'install', kind: 'busy', title: 'staged and verified' },
  withdrawn: { lane: 'install', kind: 'waiting', title: 'given up before it was tried' },
  armed: { lane: 'install', kind: 'busy', title: 'armed: the next reset tries it' },
  boot: { lane: 'boot', kind: 'good', title: 'booted' },
  trial: { lane: 'health', kind: 'busy', title: 'booted on trial' },
  fallback: { lane: 'boot', kind: 'attention', title: 'fell back to the other slot' },
  golden: { lane: 'boot', kind: 'failed', title: 'booted the rescue image' },
  halt: { lane: 'boot', kind: 'failed', title: 'nothing verified: it stands still' },
  confirmed: { lane: 'confirm', kind: 'good', title: 'confirmed after its health window' },
  reverted: { lane: 'revert', kind: 'failed', title: 'reverted' },
  dropped: { lane: 'revert', kind: 'attention', title: 'dropped: the image had rotted in flash' },
  refused: { lane: 'refusal', kind: 'trust', title: 'refused its order' },
}

/** What the fleet and the gateway say of it. */
const KINDS: Readonly<Record<string, Sort>> = {
  'controller-registered': { lane: 'other', kind: 'good', title: 'registered' },
  'controller-assigned': { lane: 'order', kind: 'busy', title: 'ordered' },
  'assignment-verified': { lane: 'order', kind: 'busy', title: 'order verified by the gateway' },
  'activation-granted': { lane: 'order', kind: 'busy', title: 'given its turn to restart' },
  'activation-withheld': { lane: 'order', kind: 'waiting', title: 'waits for its turn' },
  'stage-begun': { lane: 'install', kind: 'busy', title: 'begins to fetch' },
  'patch-refused': { lane: 'install', kind: 'attention', title: 'patch refused' },
  'controller-confirmed': { lane: 'confirm', kind: 'good', title: 'counted as confirmed' },
  'controller-returned': { lane: 'confirm', kind: 'good', title: 'counted as taken back' },
  'controller-recovered': { lane: 'confirm', kind: 'good', title: 'confirmed after all' },
  'controller-failed': { lane: 'revert', kind: 'failed', title: 'counted as failed' },
  'controller-regressed': { lane: 'revert', kind: 'failed', title: 'no longer runs what it confirmed' },
  'controller-retried': { lane: 'order', kind: 'busy', title: 'gets another try' },
  'controller-again': { lane: 'order', kind: 'busy', title: 'given another row of tries' },
  'controller-left': { lane: 'order', kind: 'attention', title: 'left the campaign' },
  'controller-kept': { lane: 'order', kind: 'attention', title: 'kept on what it runs' },
  'controller-overtaken': { lane: 'order', kind: 'waiting', title: 'overtaken by something newer' },
  'assignment-refused': { lane: 'refusal', kind: 'trust', title: 'order refused' },
  'report-refused': { lane: 'refusal', kind: 'trust', title: 'report refused' },
  'access-refused': { lane: 'refusal', kind: 'trust', title: 'request refused' },
  'intrusion-signal': { lane: 'refusal', kind: 'trust', title: 'only an attack or a serious fault explains this' },
  'maintenance-seen': { lane: 'other', kind: 'attention', title: 'worked on at the site' },
}

/** Between what a history says and what a report says of the same event, at most, in milliseconds. */
const SAME = 600_000

/** What happened to a controller, oldest first: each thing once, with every entry that says it. */
export function occurrencesOf(entries: readonly HistoryView[]): readonly Occurrence[] {
  const out: Occurrence[] = []
  for (const entry of entries) {
    if (entry.steps.length === 0) out.push(ofEntry(entry))
    for (const [index, step] of inTheirOrder(entry).entries()) {
      const made = ofStep(entry, step, index)
      if (made === null) continue
      const same = out.findIndex(one => isSame(one, made))
      if (same < 0) out.push(made)
      else out[same] = { ...out[same]!, also: [...out[same]!.also, made.entry], code: out[same]!.code ?? made.code }
    }
  }
  return out.toSorted((a, b) => a.at - b.at || a.entry - b.entry)
}

/** The steps of an entry, none of them later than one that it decided afterwards: its numbers are surer than its clock. */
function inTheirOrder({ steps, at }: HistoryView): readonly StepView[] {
  let latest = at
  return steps
    .toReversed()
    .map(step => {
      if (step.at > 0) latest = Math.min(latest, step.at)
      return { ...step, at: latest }
    })
    .toReversed()
}

/** A history tells an event that a report has told already, or the other way round. */
const isSame = (one: Occurrence, other: Occurrence): boolean =>
  one.entry !== other.entry &&
  one.title === other.title &&
  one.version === other.version &&
  !one.also.includes(other.entry) &&
  one.key.startsWith('d') !== other.key.startsWith('d') &&
  Math.abs(one.at - other.at) <= SAME

function ofStep(entry: HistoryView, step: StepView, index: number): Occurrence | null {
  const sort = STEPS[step.event]
  // A regular report, or an answer to somebody who asked, is no event of the device.
  if (sort === undefined) return null
  const { version, slot, cause, decision } = step
  const words = [
    ...(version === null ? [] : [version]),
    ...(slot === null || slot === 'none' ? [] : [`slot ${slot === 'golden' ? slot : slot.toUpperCase()}`]),
    ...(cause === null ? [] : [cause]),
  ]
  return {
    ...sort,
    key: decision === null ? `r${entry.index}.${index}` : `d${entry.index}.${decision}`,
    at: step.at,
    detail: words.join(', '),
    version,
    entry: entry.index,
    also: [],
    code: entry.code,
    campaign: entry.campaign,
  }
}

function ofEntry({ index, at, kind, code, summary, campaign }: HistoryView): Occurrence {
  const sort = KINDS[kind] ?? {
    lane: 'other' as const,
    kind: code === null ? ('good' as const) : ('attention' as const),
    title: kind.replaceAll('-', ' '),
  }
  return { ...sort, key: `e${index}`, at, detail: summary, version: null, entry: index, also: [], code, campaign }
}

/** Occurrences that follow each other within an hour: an update, a visit, a bad night. `to`: behind the last. */
export type Episode = { readonly from: number; readonly to: number; readonly at: number }
const APART = 3_600_000

export function episodesOf(occurrences: readonly Occurrence[]): readonly Episode[] {
  const episodes: Episode[] = []
  for (const [index, { at }] of occurrences.entries()) {
    const last = episodes.at(-1)
    const before = occurrences[index - 1]
    if (last === undefined || before === undefined || at - before.at > APART)
      episodes.push({ from: index, to: index + 1, at })
    else episodes[episodes.length - 1] = { ...last, to: index + 1 }
  }
  return episodes
}

/** What ran while an occurrence happened, as columns of the picture: from the first to behind the last. Null: nobody knows. */
export type VersionSpan = { readonly version: string | null; readonly from: number; readonly to: number }

/** The version line under the occurrences, by what the controller attested itself. */
export function versionSpans(occurrences: readonly Occurrence[], said: readonly Said[]): readonly VersionSpan[] {
  const attested = said.filter(one => one.said === 'attested').toSorted((a, b) => a.at - b.at)
  const spans: VersionSpan[] = []
  for (const [index, { at }] of occurrences.entries()) {
    const version = attested.findLast(one => one.at <= at + GRACE)?.version ?? null
    const last = spans.at(-1)
    if (last !== undefined && last.version === version) spans[spans.length - 1] = { ...last, to: index + 1 }
    else spans.push({ version, from: index, to: index + 1 })
  }
  return spans
}

/** The device's clock and the fleet's differ a little. */
const GRACE = 2000

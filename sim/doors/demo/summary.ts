import type { CampaignControllerView, CampaignView } from '../../../src/wire/fleet-views.ts'
import type { StampedEvent } from '../site/events.ts'
import type { PlantBill } from './surroundings.ts'

/** One line of the table that the demo ends with. */
export type Row = {
  readonly controller: string
  readonly from: string
  readonly to: string
  readonly slot: string
  readonly counter: number | null
  readonly seconds: number | null
  readonly outcome: string
}

/** What became of every controller of the campaign. `before`: the version that each ran then, by its id. */
export function rowsOf(view: CampaignView, before: ReadonlyMap<string, string>): Row[] {
  return view.controllers.map(one => ({
    controller: `${one.site}/${one.controller}`,
    from: before.get(one.controller) ?? '–',
    to: one.to,
    slot: one.slot ?? '–',
    counter: one.counter,
    seconds: one.tookMillis === null ? null : Math.round(one.tookMillis / 100) / 10,
    outcome: outcomeOf(one),
  }))
}

const outcomeOf = ({ state, detail }: CampaignControllerView): string =>
  detail === null ? state : `${state}: ${detail}`

/** The table as people read it. */
export function table(rows: readonly Row[]): string {
  const heads = ['controller', 'from', 'to', 'slot', 'counter', 'seconds', 'outcome']
  const cells = rows.map(row => [
    row.controller,
    row.from,
    row.to,
    row.slot,
    row.counter === null ? '–' : String(row.counter),
    row.seconds === null ? '–' : row.seconds.toFixed(1),
    row.outcome,
  ])
  return columns([heads, ...cells], new Set([4, 5])).join('\n')
}

/** Rows as lines with their columns aligned; those of `right` to the right. */
function columns(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)))
  const place = (cell: string, at: number): string =>
    right.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)
  return rows.map(row => row.map(place).join('  ').trimEnd())
}

/** What the plant paid, beside what it would have paid for a restart of everything at once. */
export function billText({ update, naive, early }: PlantBill): string {
  const lines = [
    ['these updates', update],
    ['everything at once, at the first turn', naive],
    ['everything at once, at the beginning', early],
  ] as const
  const heads = ['', 'not delivered', 'penalty', 'unprotected', 'dark', 'not redundant']
  const cells = lines.map(([name, one]) => [
    name,
    `${one.megawattHoursNotDelivered.toFixed(2)} MWh`,
    String(Math.round(one.penalty)),
    `${Math.round(one.secondsUnprotected)} s`,
    `${Math.round(one.secondsDark)} s`,
    `${Math.round(one.secondsWithoutRedundancy)} s`,
  ])
  const texts = columns([heads, ...cells], new Set([1, 2, 3, 4, 5])).map(line => `  ${line}`)
  return ['What the plant paid', ...texts].join('\n')
}

/** Why controllers waited, as their site told the log: each reason once, with who it held back and when first. */
export function waitsText(entries: string): string[] {
  const reasons = new Map<string, { at: number; because: string; who: Set<string> }>()
  for (const line of entries.split('\n')) {
    const { kind, at, detail } = JSON.parse(line) as { kind: string; at: number; detail: Record<string, unknown> }
    if (kind !== 'activation-withheld') continue
    const name = `${detail.rule}/${detail.about}`
    const known = reasons.get(name) ?? { at, because: String(detail.because), who: new Set<string>() }
    for (const id of detail.controllers as readonly string[]) known.who.add(id)
    reasons.set(name, known)
  }
  return [...reasons.values()].map(({ at, because, who }) => {
    return `  ${new Date(at).toISOString().slice(0, 19)}Z  ${[...who].sort().join(', ')}: ${because}`
  })
}

/** What happened to the controllers, without the many lines of the downloads. */
export function notable(events: readonly StampedEvent[]): StampedEvent[] {
  const dull = new Set(['download', 'reported', 'waiting', 'not-reported'])
  return events.filter(event => !dull.has(event.event))
}

import { instant, type Millis, millis } from '../../core/encoding/units.ts'
import type { NumberedBreak } from '../../core/fleet/rows.ts'
import { breakOf, breakRefusal } from '../../core/ledger/break-words.ts'
import type { Refusal } from '../../core/refusal/refusal.ts'
import type { FleetWorld } from '../../flows/ports.ts'
import type { BreakView } from '../../wire/fleet-views.ts'
import { type Page, pageOf, seenOnly, shown, type Wanted } from './api/page.ts'
import { EVERYWHERE, type Seen } from './places.ts'

/** What the fleet server shows of where sites' logs and histories do not go on. */

/** For so long somebody is told of a break that nothing mends; one that can be mended is told of until it is. */
export const BREAKS_TOLD: Millis = millis(30 * 86_400_000)
/** Of so many at most. The list has all. */
export const PRESSING = 200

/** What somebody has to see to, the newest first. */
export async function breakAlarms({ store, clock }: FleetWorld, seen: Seen = EVERYWHERE): Promise<Refusal[]> {
  const alarms: Refusal[] = []
  for (const row of await store.histories.pressing(instant(clock.now() - BREAKS_TOLD), PRESSING)) {
    const one = breakOf(row)
    if (one !== null && (await seen.at(row.site))) alarms.push(breakRefusal(one))
  }
  return alarms
}

/** All of them, in the order in which they were found. */
export async function breaks(
  { store }: FleetWorld,
  { site, ...wanted }: Wanted & { readonly site?: string },
  seen: Seen = EVERYWHERE,
): Promise<Page<BreakView> | Refusal> {
  const keyOf = ({ number }: NumberedBreak): readonly [number] => [number]
  const behind = (after: readonly [number] | null, count: number) =>
    store.histories.breaks(after === null ? 0 : after[0], count, site)
  const page = await pageOf(wanted, {
    name: `breaks ${site ?? ''}`,
    sorts: ['number'],
    keyOf,
    behind: seen.all ? behind : seenOnly(behind, keyOf, row => seen.at(row.site)),
  })
  return shown(page, row => ({ ...row, controller: row.controller === '' ? null : row.controller }))
}

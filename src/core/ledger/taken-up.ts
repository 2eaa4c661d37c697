import type { Json } from '../encoding/canonical-json.ts'
import type { DeviceHistory } from '../trust/device-history.ts'
import { type DevicePlace, type HistoryBreak, NOTHING_TOLD } from './device-place.ts'

/**
 * Behind entries that were passed over it is not known how far a device's history was told. These are the places in front of an entry that make what
 * it says of breaks true, where there is one; the same judgement as ever then finds what no place makes true. What they say of numbers in
 * front of the entry is the entry's own word, and not judged.
 */

/** What an entry says breaks with it, as far as it is in the form of a list of breaks. */
export function saidBreaks(detail: Json | undefined): readonly HistoryBreak[] {
  if (!Array.isArray(detail)) return []
  return detail.filter((one): one is HistoryBreak => {
    const { code, from, to } = Object(one) as Record<string, unknown>
    return typeof code === 'string' && isNumber(from) && isNumber(to)
  })
}

const isNumber = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1

/** A digest that no decision has: what was told before reads otherwise. */
const ANOTHER = 'another'

/** The place in front of a stretch of history. `sequence`: that of the last statement that is known by the same key. */
export function placeInFront(told: DeviceHistory, said: readonly HistoryBreak[], sequence: number): DevicePlace {
  const [order] = said
  const at = { ...NOTHING_TOLD, sequence }
  if (order?.code === 'history-gap') return { ...at, told: order.from - 1 }
  if (order?.code === 'history-repeated' || order?.code === 'history-restarted') return { ...at, told: order.to }
  if (order?.code === 'history-rewritten') return { ...at, told: order.to, digest: ANOTHER }
  return { ...at, told: told.from - 1 }
}

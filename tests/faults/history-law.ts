import type { Judged, Look } from './invariants.ts'
import { isLost, LOOKS, rotOf } from './lost.ts'
import type { Operation } from './mode.ts'
import { type PlainCell, type PlainEntry, plainHistory } from './plain-reader.ts'

/**
 * The laws of the history. What was decided is known from the records, as each of them was durable; the history must tell
 * the last of it, as much as its ring can hold. Rot of the history itself waives that, and leaves two things: no word in
 * it is wrong, and the last decision is there.
 */

type Told = Extract<PlainCell, { is: 'whole' | 'doubtful' }>
const isTold = (cell: PlainCell): cell is Told => cell.is === 'whole' || cell.is === 'doubtful'

/** "Each boot decision is in the history exactly once, or is detectably torn." */
export function historyIsWhole({ device, witness }: Look): Judged {
  const { struck } = device.gate
  const cells = plainHistory(device.flash, device.element)
  const told = cells.filter(isTold)
  const decided = new Map(witness.decisions.map(entry => [entry.number, entry]))
  const rotten = rotOf(struck, 'history').length > 0
  const forgotten = witness.blank || isLost(struck, 'records')
  // With neither record nor history to know the last number, numbers are given anew.
  if (rotten && forgotten) return null
  const wrong = told
    .filter(({ is, entry }) => (is === 'whole' || !forgotten) && !witness.unsure.includes(entry.number))
    .map(({ entry }) => wrongWords(entry, decided.get(entry.number)))
    .find(word => word !== null)
  if (wrong !== undefined) return wrong
  const numbers = new Set(told.map(({ entry }) => entry.number))
  const last = witness.decisions.at(-1)?.number ?? 0
  const lowest = rotten ? last : Math.min(last, ...numbers)
  // A cell that tore pays for the decision that was being written, and that it may read as.
  const claimed = cells.map(cell => (cell.is === 'torn' ? cell.claims : null))
  const missing: number[] = []
  for (let number = lowest; number <= last; number += 1) {
    if (!numbers.has(number) && !claimed.includes(number) && !witness.unsure.includes(number)) missing.push(number)
  }
  // A record that was lost may have been the only one to know of its decision.
  const unknown = isLost(struck, 'records') ? rotOf(struck, 'records').length : 0
  if (missing.length > unknown) return `decision ${missing.join(' and ')} of ${last} is missing`
  if (rotten) return null
  const twice = told.find(
    ({ is, entry, at }) =>
      is === 'whole' && told.some(each => each.is === 'whole' && each.entry.number === entry.number && each.at !== at),
  )
  if (twice !== undefined) return `decision ${twice.entry.number} is there twice`
  return holdsWhatItCan(cells, numbers, isLost(struck, 'records'))
}

function wrongWords(entry: PlainEntry, decided: PlainEntry | undefined): Judged {
  if (decided?.words === entry.words) return null
  const text = ({ event, slot, version, cause }: PlainEntry): string => `${event} ${slot} ${version} ${cause}`.trim()
  const was = decided === undefined ? 'nobody decided it' : `it was: ${text(decided)}`
  return `decision ${entry.number} reads: ${text(entry)}; ${was}`
}

/**
 * Every sector but the one that is being filled is full. What was skipped in one lies before a torn cell of it. `stopped`:
 * where no record can be written any more nothing is decided, and the sector that was erased for the next may stay empty.
 */
function holdsWhatItCan(cells: readonly PlainCell[], numbers: ReadonlySet<number>, stopped: boolean): Judged {
  // On its first way round the ring holds everything.
  if (numbers.has(1)) return null
  const newest = cells.filter(isTold).reduce((one, two) => (two.entry.number > one.entry.number ? two : one))
  const sectors = (cells.at(-1)?.sector ?? 0) + 1
  const empty = cells.find(
    ({ is, sector, at }) =>
      is === 'erased' &&
      sector !== newest.sector &&
      !(stopped && sector === (newest.sector + 1) % sectors) &&
      !cells.some(each => each.is === 'torn' && each.sector === sector && each.at > at),
  )
  return empty === undefined ? null : `a cell of sector ${empty.sector} is empty, and decisions of before are gone`
}

/** "A ring": what is erased of the history is the sector with its oldest decisions, and no other. */
export function erasesTheOldest({ area, kind, offset, length }: Operation, { device }: Look): Judged {
  if (area !== 'history' || kind !== 'erase') return null
  const sector = device.flash.sector('history')
  if (length !== sector) return `${length} bytes of the history are erased; a sector has ${sector}`
  // Where one was read wrong, the ring may take another sector for the oldest.
  const { struck } = device.gate
  if (rotOf(struck, 'history').length > 0) return null
  const told = plainHistory(device.flash, device.element)
    .filter(isTold)
    .filter(({ is }) => is === 'whole')
  const [here, elsewhere] = [true, false].map(inside =>
    told.filter(cell => (cell.sector === offset / sector) === inside).map(({ entry }) => entry.number),
  ) as [number[], number[]]
  const younger = here.find(number => elsewhere.some(other => other < number))
  return younger === undefined ? null : `decision ${younger} is erased, and older ones stand`
}

/** Whether what was decided can be learned from the records: none of them was lost since. */
export const recordsTell = ({ device, recent }: Look): boolean =>
  !isLost(device.gate.struck, 'records') && rotOf(recent, 'records').length < LOOKS

/** Whether the device can know the number of its last decision: from a record, or else from the history. */
export const knowsItsNumber = (look: Look): boolean =>
  recordsTell(look) && !(look.witness.blank && rotOf(look.device.gate.struck, 'history').length > 0)

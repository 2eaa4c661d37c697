import type { Judged, Look } from './invariants.ts'
import { isLost, rotOf } from './lost.ts'
import { newestRecord, plainHistory } from './plain-reader.ts'

/** "Each boot decision is in the history exactly once, or is detectably torn." */
export function historyIsWhole({ device }: Look): Judged {
  const strict = rotOf(device.gate.struck, 'history').length === 0
  const { whole, doubtful, torn } = plainHistory(device.flash, device.element)
  const sure = new Set(whole)
  const known = new Set([...whole, ...doubtful])
  if (known.size === 0) return torn > 0 && !strict ? null : 'the history is empty'
  const numbers = [...known].sort((one, two) => one - two)
  const first = numbers[0] as number
  const last = numbers.at(-1) as number
  const missing = last - first + 1 - numbers.length
  if (missing > torn && strict && !isLost(device.gate.struck, 'records'))
    return `${missing} decisions are missing, and ${torn} cells are torn`
  if (!strict) return null
  if (sure.size !== whole.length) return `a decision is there twice: ${whole.join(' ')}`
  const record = newestRecord(device.flash, device.element)
  return record === null || record.decision === last || torn > 0 || isLost(device.gate.struck, 'records')
    ? null
    : `decision ${record.decision} is the record's, ${last} the last of the history`
}

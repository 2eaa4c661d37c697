import { type Refusal, refuse } from '../refusal/refusal.ts'
import type { SequenceBreak } from './origins.ts'

/** What became of the numbers of a break, by its code. */
const WORDS: Readonly<Record<BreakOf['code'], string>> = {
  'history-gap': 'never told',
  'history-lost': 'lost by its ring',
  'history-repeated': 'told a second time',
  'history-rewritten': 'told otherwise than before',
  'history-restarted': 'numbered anew',
  'history-withheld': 'not told',
  'upstream-lost': 'dropped by the gateway',
  'upstream-forgotten': 'lost by the fleet',
  'upstream-forked': 'something else now',
}

/** A break as people are told of it: what breaks, from-to, and what to do. */
export type BreakOf = Omit<SequenceBreak, 'code' | 'entry'> & {
  readonly code: SequenceBreak['code'] | 'upstream-forked'
}

/** The break as a refusal: its code says what it means, its subject whose sequence it is, and the rest from-to. */
export function breakRefusal({ site, controller, code, from, to }: BreakOf): Refusal {
  const [subject, what] =
    controller === null ? [`log of the gateway of ${site}`, 'item'] : [`history of ${site}/${controller}`, 'decision']
  const numbers = from === to ? `${what} ${from}` : `${what}s ${from} to ${to}`
  return refuse(code, subject, 'each number, told once', `${numbers}: ${WORDS[code]}`)
}

/** A break as a row of a store has it. Null: a code that is none. */
export function breakOf(row: {
  site: string
  controller: string
  code: string
  from: number
  to: number
}): BreakOf | null {
  const { code, controller } = row
  if (!Object.hasOwn(WORDS, code)) return null
  return { ...row, code: code as BreakOf['code'], controller: controller === '' ? null : controller }
}

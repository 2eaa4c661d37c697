import { type Fault, faultText } from './gate.ts'

/**
 * The name of a run, and all that it takes to repeat it bit by bit: `board/phase/fault+fault/until`. A fault is the
 * operation that it strikes, its mode and its variant: `12.cut-after.0`; or a number that draws the mode: `12.~4711`.
 */
export type Seed = {
  readonly board: string
  readonly phase: string
  readonly faults: readonly Fault[]
  readonly until: 'done' | 'settled'
}

export const seedText = ({ board, phase, faults, until }: Seed): string =>
  `${board}/${phase}/${faults.map(faultText).join('+')}/${until}`

const FAULT = /^(\d{1,6})\.(?:~(\d{1,10})|([a-z0-9-]+)\.(\d{1,4}))$/

/** Reads a seed, or answers null for text that is none. */
export function parseSeed(text: string): Seed | null {
  const [board, phase, list, until, ...rest] = text.split('/')
  if (board === undefined || phase === undefined || list === undefined || rest.length > 0) return null
  if (until !== 'done' && until !== 'settled') return null
  const faults: Fault[] = []
  for (const part of list === '' ? [] : list.split('+')) {
    const [, at, draw, mode, variant] = FAULT.exec(part) ?? []
    if (at === undefined) return null
    if (draw !== undefined) faults.push({ at: Number(at), draw: Number(draw) })
    else faults.push({ at: Number(at), mode: mode as string, variant: Number(variant) })
  }
  return { board, phase, faults, until }
}

import { type Fault, mix } from './gate.ts'
import type { Board } from './geometries.ts'
import type { Mode, Operation } from './mode.ts'
import { modeNamed, modesOn } from './modes.ts'
import type { Ended, Stand } from './run.ts'
import type { Seed } from './seed.ts'

/** How a case came to be: every single fault, every ordered pair, or drawn by a seed. */
export const KINDS = ['single', 'pair', 'drawn'] as const
export type Kind = (typeof KINDS)[number]

/**
 * A part of the work that one worker does. `single`: every fault of a phase. `pair`: every second fault behind those
 * first faults that strike operation `at`. `drawn`: `count` cases of three faults, numbered from `at`.
 */
export type Job = {
  readonly kind: Kind
  readonly board: string
  readonly phase: string
  readonly at: number
  readonly count: number
}

/** One run that is over. */
export type Done = { readonly seed: Seed; readonly kind: Kind; readonly ended: Ended }
type Take = (done: Done) => void

/** The operations that a phase does when nothing goes wrong. Throws when it does not come to its end even so. */
export function operationsOf(stand: Stand, phase: string): readonly Operation[] {
  const clean = stand.run(phase, [], { until: 'done', record: true })
  if (clean.violation !== null)
    throw new Error(`${stand.board.name}/${phase} without a fault: ${clean.violation.message}`)
  return clean.operations
}

/** Every fault that one operation can meet. */
function faultsAt(operation: Operation, at: number, wanted: (mode: Mode) => boolean): Fault[] {
  return modesOn(operation.kind)
    .filter(wanted)
    .flatMap(mode =>
      Array.from({ length: mode.variants(operation) }, (_, variant) => ({ at, mode: mode.name, variant })),
    )
}

/** Every single fault, at every operation of a phase, or at each `every`-th, up to the end of the whole update. */
export function singles(stand: Stand, phase: string, take: Take, every = 1): void {
  for (const [at, operation] of operationsOf(stand, phase).entries()) {
    if (at % every !== 0) continue
    for (const fault of faultsAt(operation, at, () => true)) {
      const ended = stand.run(phase, [fault], { until: 'settled' })
      take({ kind: 'single', seed: { board: stand.board.name, phase, faults: [fault], until: 'settled' }, ended })
    }
  }
}

/**
 * The faults that pairs are made of. A cut leaves what is in flash and in the element, and nothing else: one at a read, or
 * before a write, leaves what the write before left, and stands for the same pair as the cut behind that write. Only the
 * one before the first operation has none before it.
 */
function pairFaults(operation: Operation, at: number, { pairs: wanted }: Board): Fault[] {
  const isPaired = ({ pairs: paired, name }: Mode): boolean =>
    (paired === true || (paired === 'smallest' && wanted === 'all')) && (at === 0 || !BEFORE.has(name))
  return faultsAt(operation, at, isPaired).filter(fault => {
    const { mode, variant } = fault as Extract<Fault, { mode: string }>
    const places = modeNamed(mode).variants(operation)
    // Of the places that a bit may rot in, one; of the sectors of an erase, each.
    return operation.kind !== 'read' || variant === Math.floor(places / 2)
  })
}

const BEFORE: ReadonlySet<string> = new Set(['cut-before', 'element-cut-before', 'tick-cut'])

/** Every ordered pair of faults whose first one strikes operation `at` of the phase. */
export function pairs(stand: Stand, phase: string, at: number, take: Take): void {
  const operation = operationsOf(stand, phase)[at]
  if (operation === undefined) return
  for (const first of pairFaults(operation, at, stand.board)) {
    // A cut empties the memory: what follows it is run from there. Another fault leaves the device running.
    const halted = stand.run(phase, [first], { until: 'done', stop: true })
    if (halted.violation !== null) continue
    const from = halted.position
    const recovery = stand.run(phase, from === null ? [first] : [], {
      until: 'done',
      record: true,
      ...(from === null ? {} : { from }),
    })
    if (recovery.violation !== null) continue
    for (const [next, behind] of recovery.operations.entries()) {
      for (const second of pairFaults(behind, next, stand.board)) {
        const ended =
          from === null
            ? stand.run(phase, [first, second], { until: 'done' })
            : stand.run(phase, [second], { until: 'done', from })
        take({ kind: 'pair', seed: { board: stand.board.name, phase, faults: [first, second], until: 'done' }, ended })
      }
    }
  }
}

/** Operations behind the one before that a drawn fault may be away: about as long as a recovery. */
const FAR = 48
const DRAWS = 1_000_000
/** Coprime to every number of places: it visits each of them once, in no order. */
const STRIDE = 7_368_787

/** How many cases of three faults there are to draw of a phase, so that no two strike at the same three places. */
export const placesOf = (operations: number): number => operations * FAR * FAR

/**
 * Cases of three faults: where they strike is counted through without a repetition, what they do is drawn. A fault that
 * lies behind the end strikes in the restarts that follow.
 */
export function drawn(stand: Stand, phase: string, from: number, count: number, take: Take): void {
  const { length } = operationsOf(stand, phase)
  const places = placesOf(length)
  for (let number = from; number < Math.min(from + count, places); number += 1) {
    const place = (number * STRIDE) % places
    const draw = (turn: number): number => mix(mix(place, stand.board.name), `${phase} ${turn}`) % DRAWS
    const faults: Fault[] = [
      { at: place % length, draw: draw(0) },
      { at: Math.floor(place / length) % FAR, draw: draw(1) },
      { at: Math.floor(place / length / FAR), draw: draw(2) },
    ]
    const ended = stand.run(phase, faults, { until: 'done' })
    take({ kind: 'drawn', seed: { board: stand.board.name, phase, faults, until: 'done' }, ended })
  }
}

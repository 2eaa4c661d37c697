import type { Mode, OperationKind } from './mode.ts'
import { MODES_OF_ELEMENT } from './modes-of-element.ts'
import { MODES_OF_ROT, MODES_OF_WEAR } from './modes-of-flash.ts'
import { MODES_OF_POWER } from './modes-of-power.ts'
import { MODES_OF_TIME } from './modes-of-time.ts'

/** Every way in which an operation fails, in the order of the tables. */
export const MODES: readonly Mode[] = [
  ...MODES_OF_POWER,
  ...MODES_OF_TIME,
  ...MODES_OF_ELEMENT,
  ...MODES_OF_WEAR,
  ...MODES_OF_ROT,
]

const byName = new Map(MODES.map(mode => [mode.name, mode]))

export function modeNamed(name: string): Mode {
  const mode = byName.get(name)
  if (mode === undefined) throw new Error(`no fault mode is called ${name}`)
  return mode
}

const byKind = new Map<OperationKind, readonly Mode[]>()

/** The modes that can strike an operation. */
export function modesOn(kind: OperationKind): readonly Mode[] {
  const known = byKind.get(kind) ?? MODES.filter(mode => mode.on.includes(kind))
  byKind.set(kind, known)
  return known
}

import type { Board } from './geometries.ts'
import type { Phase } from './phase.ts'
import { PHASES_OF_HARM } from './phases-of-harm.ts'
import { PHASES_OF_KEYS } from './phases-of-keys.ts'
import { PHASES_OF_TRIAL } from './phases-of-trial.ts'
import { PHASES_OF_UPDATE } from './phases-of-update.ts'

/** Every part of an update in which faults strike, in the order of the tables. */
export const PHASES: readonly Phase[] = [...PHASES_OF_UPDATE, ...PHASES_OF_TRIAL, ...PHASES_OF_KEYS, ...PHASES_OF_HARM]

/** The phases that a board goes through: those of a group only where there is one. */
export const phasesOf = (board: Board): readonly Phase[] =>
  PHASES.filter(({ groups }) => groups !== true || board.images.length > 1)

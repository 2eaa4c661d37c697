import type { FlashFault, ReadFault, SilentFault } from '../../sim/flash/faults.ts'
import type { ElementCommand, ElementFault } from '../../sim/secure-element/sim-element.ts'
import type { FlashArea } from '../../src/core/slot/layout.ts'
import type { ResetCause } from '../../src/core/slot/slot.ts'
import type { Asked } from './asked.ts'

/**
 * What a controller does that a fault can strike: flash, the secure element's commands and its counter that is read, and
 * one round of its application.
 */
export type OperationKind = 'read' | 'program' | 'erase' | ElementCommand | 'counter' | 'tick'

/** One of them. `area` null: not flash. `sectors`: how many an erase covers, else 1. */
export type Operation = {
  readonly kind: OperationKind
  readonly area: FlashArea | null
  readonly offset: number
  readonly length: number
  readonly sectors: number
}

/**
 * What a fault takes away. `cut`: power, a reset, time; what was written before it stands. `wear`: a write that says
 * nothing of having failed. `rot`: bits that were right, for ever or for one read. `element`: an answer of the secure
 * element. `dead`: a whole area of flash.
 */
export type FaultClass = 'cut' | 'wear' | 'rot' | 'element' | 'dead'

/** Areas of flash around an operation: its own slot with all of its areas, or its own area; or both record blocks. */
export type Around = 'own' | 'records'

/** What a fault does. */
export type Effect = {
  /** To a program or an erase, and to a read. */
  readonly flash?: FlashFault | SilentFault
  readonly read?: ReadFault
  readonly element?: ElementFault
  readonly power?: 'off'
  /** How the reset that follows is told. */
  readonly reset?: ResetCause
  readonly hang?: true
  /** The clock moves by so many milliseconds, or shows so many. */
  readonly jump?: number
  readonly clock?: number
  /** Areas answer no read and take no write, from here on; or take none of the next `writes`. */
  readonly dies?: Around
  readonly wears?: { readonly what: Around; readonly writes: number }
  /** The element does not give its counter: to this question, in this boot, or ever again; or takes no command ever again. */
  readonly silent?: 'once' | 'boot' | 'ever'
  readonly refuses?: true
  /** What stands beside the operation in its block is lost. Set by the board. */
  readonly spoils?: true
}

/** One way in which an operation fails. */
export type Mode = {
  readonly name: string
  readonly on: readonly OperationKind[]
  readonly class: FaultClass
  /** How many different faults of this mode an operation can meet: places in it, sectors of it. */
  readonly variants: (operation: Operation) => number
  /** Whether pairs of faults are made of it too (its variant 0, or the middle one of several sectors); or on one board only. */
  readonly pairs: boolean | 'smallest'
  /** What is asked of the device behind it. */
  readonly asks: (operation: Operation, variant: number) => Asked
  /** Whether what it strikes may be lost for good: history that it struck is then not counted. */
  readonly loses?: true
  /** Whether its reset is told as the image's own: it burns a try; or it leaves no place for a record, and the site restarts. */
  readonly blames?: true
  /** The fault's effect. `chance` in [0, 1) picks a place within the variant's part of the operation. */
  readonly effect: (operation: Operation, variant: number, chance: number) => Effect
}

export const FLASH = ['read', 'program', 'erase'] as const
export const ELEMENT = ['raise', 'add-anchor', 'revoke-anchor'] as const
export const once = (): number => 1

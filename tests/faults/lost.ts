import type { FlashArea } from '../../src/core/slot/layout.ts'
import type { Struck } from './gate.ts'
import type { ObservedFlash } from './observed-flash.ts'

/**
 * What rotted, by where it did: a law is waived for what was struck, and for nothing else. What a fault of another class
 * leaves waives nothing.
 */

/** The parts of a flash that laws are about. A slot is all of its areas. */
export type Part = 'history' | 'records' | 'a' | 'b' | 'golden'

const RECORDS = ['record0', 'record1'] as const

/** How often a slot is looked at before it is given up, and a record before an older one is taken for it. */
export const LOOKS = 2

export function partOf(area: FlashArea): Part {
  if (area === 'history' || area === 'golden') return area
  if (area === 'record0' || area === 'record1') return 'records'
  return area.charAt(0) === 'a' ? 'a' : 'b'
}

/** The parts that a fault took bits from: of one that rots, of areas that died, or of a block that was being rewritten. */
function partsOf({ mode, effect, operation: { area } }: Struck): readonly Part[] {
  if (effect.dies === 'records') return ['records']
  const takes = mode.class === 'rot' || effect.dies !== undefined || effect.spoils === true
  return area !== null && takes ? [partOf(area)] : []
}

/** The faults that took bits from a part. */
export const rotOf = (struck: readonly Struck[], part: Part): readonly Struck[] =>
  struck.filter(fault => partsOf(fault).includes(part))

/** Whether a fault is over with the read that it struck. */
export const passes = ({ effect }: Struck): boolean =>
  effect.read?.read === 'flipped' || effect.read?.read === 'ecc-once'

/**
 * Whether bits of a part may be gone: one fault that lasts, or as many reads that went wrong as the device looks. One read
 * that goes wrong costs nothing.
 */
export function isLost(struck: readonly Struck[], part: Part): boolean {
  const rot = rotOf(struck, part)
  return rot.length >= LOOKS || rot.some(fault => !passes(fault))
}

/** Whether the security counter was not given, to a question of this power-up: nothing can be held against the floor then. */
export const floorUnknown = (struck: readonly Struck[], recent: readonly Struck[]): boolean =>
  recent.some(({ effect }) => effect.silent !== undefined) || struck.some(({ effect }) => effect.silent === 'ever')

/** Whether an area of records died or wore out by a fault: it may be that no record can be written any more. */
export const recordsGone = (struck: readonly Struck[]): boolean =>
  struck.some(({ effect, operation: { area } }) => {
    const around = effect.dies ?? effect.wears?.what
    return around === 'records' || (around === 'own' && area !== null && partOf(area) === 'records')
  })

/** Whether an area of records is dead or worn now, by a fault or as the phase began. */
export const recordsAreWorn = ({ flash }: { readonly flash: ObservedFlash }): boolean =>
  RECORDS.some(area => flash.hurt.wear.dead.includes(area) || (flash.hurt.wear.worn[area] ?? 0) > 0)

/** Whether a write of the records was lost. */
export const recordWriteLost = (struck: readonly Struck[]): boolean =>
  struck.some(({ mode, operation: { area } }) => mode.class === 'wear' && area !== null && partOf(area) === 'records')

/** Whether a write of a part was cut inside, with weak bits: what it wrote may read as whole for a while. */
export const isTorn = (struck: readonly Struck[], part: Part): boolean =>
  struck.some(({ effect: { flash }, operation: { area, kind } }) => {
    const weak = kind === 'program' && flash !== undefined && 'cut' in flash && flash.cut === 'inside' && flash.weak
    return weak === true && area !== null && partOf(area) === part
  })

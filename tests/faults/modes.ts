import type { FlashFault, ReadFault, SilentFault } from '../../sim/flash/faults.ts'
import type { ElementCommand } from '../../sim/secure-element/sim-element.ts'
import type { ResetCause } from '../../src/core/slot/slot.ts'
import type { FlashArea } from '../../src/flows/ports.ts'

/** What a controller does that a fault can strike: flash, the secure element, and one round of its application. */
export type OperationKind = 'read' | 'program' | 'erase' | ElementCommand | 'tick'

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
 * nothing of having failed. `rot`: bits that were right, for ever or for one read.
 */
export type FaultClass = 'cut' | 'wear' | 'rot'

/** What a fault does. `reset`: how the reset that follows is told. `jump`: the clock moves by so many milliseconds. */
export type Effect = {
  /** To a program or an erase, and to a read. */
  readonly flash?: FlashFault | SilentFault
  readonly read?: ReadFault
  readonly element?: 'before' | 'after'
  readonly power?: 'off'
  readonly reset?: ResetCause
  readonly hang?: true
  readonly jump?: number
}

/** One way in which an operation fails. */
export type Mode = {
  readonly name: string
  readonly on: readonly OperationKind[]
  readonly class: FaultClass
  /** How many different faults of this mode an operation can meet: places in it, sectors of it. */
  readonly variants: (operation: Operation) => number
  /** Whether pairs of faults are made of it too (its variant 0, or the middle one of several sectors). */
  readonly pairs: boolean
  /** Whether what it strikes may be lost for good: history that it struck is then not counted. */
  readonly loses?: true
  /** Whether its reset is told as the image's own: it burns a try; or it leaves no place for a record, and the site restarts. */
  readonly blames?: true
  /** The fault's effect. `chance` in [0, 1) picks a place within the variant's part of the operation. */
  readonly effect: (operation: Operation, variant: number, chance: number) => Effect
}

const once = (): number => 1
const YEAR = 365 * 86_400_000
const FLASH = ['read', 'program', 'erase'] as const
const ELEMENT = ['raise', 'add-anchor', 'revoke-anchor'] as const
const ALL = [...FLASH, ...ELEMENT, 'tick'] as const

/** A byte of the operation in the variant's share of it. */
const place =
  (variants: number) =>
  ({ length }: Operation, variant: number, chance: number): number =>
    Math.min(length - 1, Math.floor(((variant + chance) * length) / variants))

const mask = (chance: number): number => 1 << (Math.floor(chance * 8_191) % 8)

const PLACES = 4
const placed = ({ length }: Operation): number => Math.min(PLACES, length)
const at = (operation: Operation, variant: number, chance: number): number =>
  place(placed(operation))(operation, variant, chance)

/** The power goes inside a program when this share of it is done. */
const programShares: readonly [name: string, share: number, pairs: boolean][] = [
  ['at its first bit', 0, false],
  ['at 1 %', 0.01, false],
  ['at 25 %', 0.25, false],
  ['half-way', 0.5, true],
  ['at 75 %', 0.75, false],
  ['at 95 %', 0.95, false],
  ['at its last bit', 0.999, true],
]

/** And inside an erase, in each of its sectors. */
const eraseShares: readonly [name: string, share: number][] = [
  ['early', 0.1],
  ['half-way', 0.5],
  ['late', 0.95],
]

const slug = (text: string): string => text.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/-$/g, '')

const programCuts: readonly Mode[] = programShares.flatMap(([name, share, pairs]) =>
  [false, true].map(
    (weak): Mode => ({
      name: `program-cut-${slug(name)}${weak ? '-weak' : ''}`,
      on: ['program'],
      class: 'cut',
      variants: once,
      pairs: pairs && weak,
      effect: () => ({ flash: { cut: 'inside', share, weak }, reset: 'power-loss' }),
    }),
  ),
)

const eraseCuts: readonly Mode[] = eraseShares.flatMap(([name, share]) =>
  [false, true].map(
    (weak): Mode => ({
      name: `erase-torn-${slug(name)}${weak ? '-weak' : ''}`,
      on: ['erase'],
      class: 'cut',
      variants: ({ sectors }) => sectors,
      pairs: weak,
      effect: ({ sectors }, variant) => ({
        flash: { cut: 'inside', share: (variant + share) / sectors, weak },
        reset: 'power-loss',
      }),
    }),
  ),
)

/** Every way in which an operation fails, in the order of the tables. */
export const MODES: readonly Mode[] = [
  {
    name: 'cut-before',
    on: FLASH,
    class: 'cut',
    variants: once,
    pairs: true,
    effect: () => ({ flash: { cut: 'before' }, read: { read: 'power' }, reset: 'power-loss' }),
  },
  {
    name: 'cut-after',
    on: ['program', 'erase'],
    class: 'cut',
    variants: once,
    pairs: true,
    effect: () => ({ flash: { cut: 'after' }, reset: 'power-loss' }),
  },
  ...programCuts,
  ...eraseCuts,
  {
    name: 'element-cut-before',
    on: ELEMENT,
    class: 'cut',
    variants: once,
    pairs: true,
    effect: () => ({ element: 'before', reset: 'power-loss' }),
  },
  {
    name: 'element-answer-lost',
    on: ELEMENT,
    class: 'cut',
    variants: once,
    pairs: true,
    effect: () => ({ element: 'after', reset: 'power-loss' }),
  },
  {
    name: 'tick-cut',
    on: ['tick'],
    class: 'cut',
    variants: once,
    pairs: true,
    effect: () => ({ power: 'off', reset: 'power-loss' }),
  },
  {
    name: 'hang',
    blames: true,
    on: FLASH,
    class: 'cut',
    variants: once,
    pairs: false,
    effect: () => ({ flash: { cut: 'before' }, read: { read: 'power' }, reset: 'watchdog' }),
  },
  {
    name: 'hang-inside',
    blames: true,
    on: ['program', 'erase'],
    class: 'cut',
    variants: once,
    pairs: false,
    effect: () => ({ flash: { cut: 'inside', share: 0.5, weak: true }, reset: 'watchdog' }),
  },
  {
    name: 'hang-of-the-application',
    blames: true,
    on: ['tick'],
    class: 'cut',
    variants: once,
    pairs: true,
    effect: () => ({ hang: true }),
  },
  {
    name: 'crash',
    blames: true,
    on: FLASH,
    class: 'cut',
    variants: once,
    pairs: false,
    effect: () => ({ flash: { cut: 'before' }, read: { read: 'power' }, reset: 'software' }),
  },
  {
    name: 'clock-ahead',
    on: ALL,
    class: 'cut',
    variants: once,
    pairs: false,
    effect: () => ({ jump: YEAR }),
  },
  {
    name: 'clock-back',
    on: ALL,
    class: 'cut',
    variants: once,
    pairs: false,
    effect: () => ({ jump: -YEAR }),
  },
  {
    name: 'write-lost',
    blames: true,
    on: ['program', 'erase'],
    class: 'wear',
    variants: once,
    pairs: false,
    effect: () => ({ flash: { silent: 'nothing' } }),
  },
  {
    name: 'write-wrong-in-a-bit',
    blames: true,
    on: ['program', 'erase'],
    class: 'wear',
    variants: placed,
    pairs: false,
    effect: (operation, variant, chance) => ({ flash: { silent: 'bit', at: at(operation, variant, chance) } }),
  },
  {
    name: 'read-flipped-once',
    loses: true,
    on: ['read'],
    class: 'rot',
    variants: placed,
    pairs: false,
    effect: (operation, variant, chance) => ({
      read: { read: 'flipped', at: at(operation, variant, chance), mask: mask(chance) },
    }),
  },
  {
    name: 'bit-rot',
    loses: true,
    on: ['read'],
    class: 'rot',
    variants: placed,
    pairs: true,
    effect: (operation, variant, chance) => ({
      read: { read: 'rotten', at: at(operation, variant, chance), mask: mask(chance) },
    }),
  },
  {
    name: 'weak-bits',
    loses: true,
    on: ['read'],
    class: 'rot',
    variants: placed,
    pairs: false,
    effect: (operation, variant, chance) => ({ read: { read: 'weakened', at: at(operation, variant, chance) } }),
  },
  {
    name: 'ecc-once',
    on: ['read'],
    class: 'rot',
    variants: once,
    pairs: true,
    effect: () => ({ read: { read: 'ecc-once' } }),
  },
  {
    name: 'ecc-lasting',
    loses: true,
    on: ['read'],
    class: 'rot',
    variants: placed,
    pairs: false,
    effect: (operation, variant, chance) => ({
      read: { read: 'ecc-lasting', at: at(operation, variant, chance) },
    }),
  },
]

const byName = new Map(MODES.map(mode => [mode.name, mode]))

export function modeNamed(name: string): Mode {
  const mode = byName.get(name)
  if (mode === undefined) throw new Error(`no fault mode is called ${name}`)
  return mode
}

/** The modes that can strike an operation. */
export const modesOn = (kind: OperationKind): readonly Mode[] => MODES.filter(mode => mode.on.includes(kind))

import { type Asked, EVERYTHING, WHAT_WAS_CONFIRMED } from './asked.ts'
import { type Around, FLASH, type Mode, type Operation, once } from './mode.ts'

/** Flash that wears out, rots, or dies. */

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

const everything = () => EVERYTHING
/** Of a history that cannot be written nothing is asked, and everything of the rest. */
const NO_HISTORY: Asked = { ...EVERYTHING, history: false }

const isRecord = ({ area }: Operation): boolean => area === 'record0' || area === 'record1'
/** The operation's own area; of a record block also both of them. */
const reaches = (operation: Operation): number => (isRecord(operation) ? 2 : 1)
const around = (variant: number): Around => (variant === 0 ? 'own' : 'records')

/** How many writes of an area are lost before it takes them again. */
const SPELLS = [2, 5, 12] as const

export const MODES_OF_WEAR: readonly Mode[] = [
  {
    name: 'write-lost',
    blames: true,
    on: ['program', 'erase'],
    class: 'wear',
    variants: once,
    pairs: 'smallest',
    asks: everything,
    effect: () => ({ flash: { silent: 'nothing' } }),
  },
  {
    name: 'write-wrong-in-a-bit',
    blames: true,
    on: ['program', 'erase'],
    class: 'wear',
    variants: placed,
    pairs: 'smallest',
    asks: everything,
    effect: (operation, variant, chance) => ({ flash: { silent: 'bit', at: at(operation, variant, chance) } }),
  },
  {
    name: 'worn-for-a-while',
    blames: true,
    on: ['program', 'erase'],
    class: 'wear',
    variants: operation => SPELLS.length * reaches(operation),
    pairs: false,
    asks: ({ area }) => (area === 'history' ? NO_HISTORY : EVERYTHING),
    effect: (_, variant) => ({
      wears: { what: around(Math.floor(variant / SPELLS.length)), writes: SPELLS[variant % SPELLS.length] as number },
    }),
  },
  {
    name: 'worn-for-ever',
    blames: true,
    on: ['program', 'erase'],
    class: 'wear',
    variants: reaches,
    pairs: false,
    asks: ({ area }) => (area === 'history' ? NO_HISTORY : WHAT_WAS_CONFIRMED),
    effect: (_, variant) => ({ wears: { what: around(variant), writes: Number.POSITIVE_INFINITY } }),
  },
]

export const MODES_OF_ROT: readonly Mode[] = [
  {
    name: 'read-flipped-once',
    loses: true,
    on: ['read'],
    class: 'rot',
    variants: placed,
    pairs: false,
    asks: everything,
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
    asks: everything,
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
    pairs: 'smallest',
    asks: everything,
    effect: (operation, variant, chance) => ({ read: { read: 'weakened', at: at(operation, variant, chance) } }),
  },
  {
    name: 'ecc-once',
    on: ['read'],
    class: 'rot',
    variants: once,
    pairs: true,
    asks: everything,
    effect: () => ({ read: { read: 'ecc-once' } }),
  },
  {
    name: 'ecc-lasting',
    loses: true,
    on: ['read'],
    class: 'rot',
    variants: placed,
    pairs: false,
    asks: everything,
    effect: (operation, variant, chance) => ({
      read: { read: 'ecc-lasting', at: at(operation, variant, chance) },
    }),
  },
  {
    name: 'dead-area',
    loses: true,
    on: FLASH,
    class: 'dead',
    variants: reaches,
    pairs: false,
    asks: ({ area }) => (area === 'history' ? NO_HISTORY : WHAT_WAS_CONFIRMED),
    effect: (_, variant) => ({ dies: around(variant) }),
  },
]

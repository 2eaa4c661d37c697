import { EVERYTHING } from './asked.ts'
import { ELEMENT, FLASH, type Mode, once } from './mode.ts'

/** Cuts of power, resets, and a clock that is wrong: what was written before them stands, and everything is asked. */

const everything = () => EVERYTHING

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
      asks: everything,
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
      asks: everything,
      effect: ({ sectors }, variant) => ({
        flash: { cut: 'inside', share: (variant + share) / sectors, weak },
        reset: 'power-loss',
      }),
    }),
  ),
)

export const MODES_OF_POWER: readonly Mode[] = [
  {
    name: 'cut-before',
    on: FLASH,
    class: 'cut',
    variants: once,
    pairs: true,
    asks: everything,
    effect: () => ({ flash: { cut: 'before' }, read: { read: 'power' }, reset: 'power-loss' }),
  },
  {
    name: 'cut-after',
    on: ['program', 'erase'],
    class: 'cut',
    variants: once,
    pairs: true,
    asks: everything,
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
    asks: everything,
    effect: () => ({ element: 'before', reset: 'power-loss' }),
  },
  {
    name: 'element-answer-lost',
    on: ELEMENT,
    class: 'cut',
    variants: once,
    pairs: true,
    asks: everything,
    effect: () => ({ element: 'after', reset: 'power-loss' }),
  },
  {
    name: 'tick-cut',
    on: ['tick'],
    class: 'cut',
    variants: once,
    pairs: true,
    asks: everything,
    effect: () => ({ power: 'off', reset: 'power-loss' }),
  },
  {
    name: 'hang',
    blames: true,
    on: FLASH,
    class: 'cut',
    variants: once,
    pairs: false,
    asks: everything,
    effect: () => ({ flash: { cut: 'before' }, read: { read: 'power' }, reset: 'watchdog' }),
  },
  {
    name: 'hang-inside',
    blames: true,
    on: ['program', 'erase'],
    class: 'cut',
    variants: once,
    pairs: false,
    asks: everything,
    effect: () => ({ flash: { cut: 'inside', share: 0.5, weak: true }, reset: 'watchdog' }),
  },
  {
    name: 'hang-before-a-command',
    blames: true,
    on: ELEMENT,
    class: 'cut',
    variants: once,
    pairs: false,
    asks: everything,
    effect: () => ({ element: 'before', reset: 'watchdog' }),
  },
  {
    name: 'hang-behind-a-command',
    blames: true,
    on: ELEMENT,
    class: 'cut',
    variants: once,
    pairs: false,
    asks: everything,
    effect: () => ({ element: 'after', reset: 'watchdog' }),
  },
  {
    name: 'hang-of-the-application',
    blames: true,
    on: ['tick'],
    class: 'cut',
    variants: once,
    pairs: true,
    asks: everything,
    effect: () => ({ hang: true }),
  },
  {
    name: 'crash',
    blames: true,
    on: [...FLASH, ...ELEMENT, 'tick'],
    class: 'cut',
    variants: once,
    pairs: false,
    asks: everything,
    effect: () => ({
      flash: { cut: 'before' },
      read: { read: 'power' },
      element: 'before',
      power: 'off',
      reset: 'software',
    }),
  },
]

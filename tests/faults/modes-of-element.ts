import { EVERYTHING, WHAT_WAS_CONFIRMED } from './asked.ts'
import { ELEMENT, type Mode, once } from './mode.ts'

/** A secure element that does not do what it is told, or does not answer. The power stays. */
export const MODES_OF_ELEMENT: readonly Mode[] = [
  {
    name: 'element-refuses',
    on: ELEMENT,
    class: 'element',
    variants: once,
    pairs: true,
    asks: () => EVERYTHING,
    effect: () => ({ element: 'refused' }),
  },
  {
    name: 'element-unanswered',
    on: ELEMENT,
    class: 'element',
    variants: once,
    pairs: true,
    asks: () => EVERYTHING,
    effect: () => ({ element: 'lost' }),
  },
  {
    name: 'element-refuses-for-ever',
    on: ELEMENT,
    class: 'element',
    variants: once,
    pairs: false,
    asks: () => WHAT_WAS_CONFIRMED,
    effect: () => ({ element: 'refused', refuses: true }),
  },
  {
    name: 'counter-unread-once',
    on: ['counter'],
    class: 'element',
    variants: once,
    pairs: 'smallest',
    asks: () => EVERYTHING,
    effect: () => ({ silent: 'once' }),
  },
  {
    name: 'counter-unread-in-this-boot',
    on: ['counter'],
    class: 'element',
    variants: once,
    pairs: 'smallest',
    asks: () => EVERYTHING,
    effect: () => ({ silent: 'boot' }),
  },
  {
    name: 'counter-unread-for-ever',
    on: ['counter'],
    class: 'element',
    variants: once,
    pairs: false,
    asks: () => WHAT_WAS_CONFIRMED,
    effect: () => ({ silent: 'ever' }),
  },
]

import type { CampaignDetail } from '../../src/wire/plan-views.ts'
import { shortly } from './shortly.ts'

/** What a person may tell a campaign, as buttons. Which are there and which are possible, the server says: it has the machine's table. */

export type OrderButton = {
  readonly command: string
  readonly label: string
  /** What it does, before it is done. */
  readonly effect: string
  readonly tone: 'plain' | 'primary' | 'danger'
  /** Typed before it is sent; null: nothing. */
  readonly typed: string | null
  readonly reason: boolean
  readonly partly: boolean
  /** Null: it can be pressed. */
  readonly why: string | null
}

type Words = Pick<OrderButton, 'label' | 'effect' | 'tone'> & { readonly types?: true }

const WORDS: Readonly<Record<string, Words>> = {
  start: { label: 'Start', effect: 'The first wave opens, and its controllers are ordered.', tone: 'primary' },
  pause: {
    label: 'Pause',
    effect: 'Orders are taken back. What a controller has begun it finishes. It can be resumed.',
    tone: 'plain',
  },
  resume: { label: 'Resume', effect: 'The campaign goes on where it was.', tone: 'primary' },
  retry: {
    label: 'Retry',
    effect: 'The failed controllers of this wave get another row of tries, and the wave goes on.',
    tone: 'plain',
  },
  'roll-back': {
    label: 'Roll back',
    effect: 'What it installed is undone, the last first, with the releases that the plan names for that.',
    tone: 'danger',
  },
  halt: {
    label: 'Halt',
    effect: 'It ends for good: orders are taken back, and nothing more is ordered. It cannot be resumed.',
    tone: 'danger',
    types: true,
  },
}

/** The buttons of a campaign. A command that this page has no words for yet stands there by its name. */
export function ordersOf({ id, commands }: Pick<CampaignDetail, 'id' | 'commands'>): readonly OrderButton[] {
  return commands.map(({ command, possible, reason, partly, code, why }) => {
    const known = Object.hasOwn(WORDS, command) ? WORDS[command] : undefined
    const { label, effect, tone, types } = known ?? {
      label: command,
      effect: '',
      tone: 'plain' as const,
      types: undefined,
    }
    return {
      command,
      label,
      effect,
      tone,
      typed: types === true ? id : null,
      reason,
      partly,
      why: possible ? null : shortly(code, why ?? 'Not now.'),
    }
  })
}

/** What stands in the way of sending an order; null: nothing. */
export function unfit(
  order: Pick<OrderButton, 'typed' | 'reason'>,
  given: { readonly typed: string; readonly reason: string },
): string | null {
  if (order.typed !== null && given.typed.trim() !== order.typed) return `Type the campaign’s name: ${order.typed}`
  // Who stops something in a hurry is not kept from it by a question: the name is enough, and the log says that no reason was given.
  if (order.typed === null && order.reason && given.reason.trim() === '') return 'Say why: the log keeps it.'
  return null
}

const UNSAID = 'stopped in the console, without a reason given'

/** The body of the request. */
export const bodyOf = (order: OrderButton, reason: string): object => ({
  command: order.command,
  ...(order.reason ? { reason: reason.trim() === '' ? UNSAID : reason.trim() } : {}),
  ...(order.partly ? { partly: true } : {}),
})

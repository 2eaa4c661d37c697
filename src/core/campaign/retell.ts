import type { JsonObject } from '../encoding/canonical-json.ts'
import type { EntryKind } from '../ledger/entry-kinds.ts'
import type { RolloutState } from './rollout-state.ts'
import type { Turn } from './turn.ts'

/** As much of an audit entry of a campaign as tells of its rollout. */
export type Told = {
  readonly kind: EntryKind
  readonly site?: string
  readonly controller?: string
  readonly detail: JsonObject
}

/**
 * How a turn stands as far as the log tells it. `open`: it has not ended, or was taken back; `updated`: it confirmed, whether
 * it is being taken back or not.
 */
export type ToldTurn = 'open' | 'updated' | 'failed' | 'overtaken' | 'returned' | 'kept'

/** Where a campaign stands by its log: its state, the wave, and the turns that were spoken of, by `SITE/CONTROLLER`. */
export type Retold = {
  readonly at: RolloutState['at']
  readonly wave: number | null
  readonly turns: ReadonlyMap<string, ToldTurn>
}

/**
 * Tells a campaign again from its entries in the audit log, in their order and all of them: what the machine decided can so be
 * checked by whoever holds the log, without the server's store. A test holds it against the machine.
 */
export function retell(entries: Iterable<Told>): Retold {
  let at: RolloutState['at'] = 'created'
  let before: RolloutState['at'] = 'created'
  let wave: number | null = null
  const turns = new Map<string, ToldTurn>()
  for (const { kind, site, controller, detail } of entries) {
    const becomes = turnBy(kind, detail)
    if (becomes !== null && site !== undefined && controller !== undefined) turns.set(`${site}/${controller}`, becomes)
    const next = stateBy(kind, detail.to === 'running' ? 'running' : before)
    if (next === null) continue
    if (next === 'paused') before = at
    if (next === 'running' && typeof detail.wave === 'number') wave = detail.wave
    at = next
  }
  return { at, wave, turns }
}

function stateBy(kind: EntryKind, paused: RolloutState['at']): RolloutState['at'] | null {
  switch (kind) {
    case 'campaign-approved':
      return 'approved'
    case 'wave-opened':
    case 'campaign-retried':
      return 'running'
    case 'wave-soaking':
      return 'soaking'
    case 'campaign-paused':
      return 'paused'
    case 'campaign-resumed':
      return paused
    case 'campaign-halted':
      return 'halted'
    case 'campaign-rolling-back':
      return 'rolling-back'
    case 'campaign-done':
    case 'campaign-rolled-back':
      return 'done'
    default:
      return null
  }
}

function turnBy(kind: EntryKind, { step, of }: JsonObject): ToldTurn | null {
  switch (kind) {
    case 'controller-confirmed':
    case 'controller-recovered':
      return step === of ? 'updated' : 'open'
    case 'controller-failed':
    case 'controller-regressed':
      return 'failed'
    case 'controller-overtaken':
      return 'overtaken'
    case 'controller-returned':
      return 'returned'
    case 'controller-kept':
      return 'kept'
    case 'controller-again':
      return 'open'
    default:
      return null
  }
}

/** What the log is to tell of a turn. */
export function toldOf(turn: Turn): ToldTurn {
  if (turn.at === 'failed' || turn.at === 'overtaken' || turn.at === 'returned' || turn.at === 'kept') return turn.at
  const whole = turn.step === turn.steps.length - 1
  const back = turn.at === 'returning' || (turn.at === 'backing-off' && turn.back)
  return turn.at === 'confirmed' || (back && whole) ? 'updated' : 'open'
}

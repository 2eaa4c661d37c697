import type { AttestedState } from '../../src/wire/site-views.ts'

/**
 * What a slot is, as far as the controller's signed report says so. `unknown`: the report does not speak of it, and nobody
 * guesses.
 */
export type SlotRole = 'running' | 'trial' | 'rescue' | 'previous' | 'staged' | 'armed' | 'ready' | 'unknown'

export type SlotPicture = {
  readonly slot: 'a' | 'b' | 'golden'
  readonly name: string
  readonly role: SlotRole
  /** Its role in a word or two. */
  readonly word: string
  readonly version: string | null
}

const WORDS: Readonly<Record<SlotRole, string>> = {
  running: 'runs',
  trial: 'runs, on trial',
  rescue: 'runs, rescue image',
  previous: 'to go back to',
  staged: 'staged, verified',
  armed: 'tried at the next reset',
  ready: 'rescue image',
  unknown: 'not said',
}

const picture = (slot: SlotPicture['slot'], role: SlotRole, version: string | null): SlotPicture => {
  const name = slot === 'golden' ? 'Golden' : slot.toUpperCase()
  return { slot, name, role, word: WORDS[role], version }
}

/**
 * Slots A and B and the golden image. A report names the slot that runs; what it could go back to and what is staged stand in the
 * other one. While the rescue image runs, it does not say which slot is which.
 */
export function slotsOf(attested: AttestedState | null): readonly SlotPicture[] {
  if (attested === null)
    return [picture('a', 'unknown', null), picture('b', 'unknown', null), picture('golden', 'unknown', null)]
  const { slot, state, running, golden } = attested
  const bootable = (name: 'a' | 'b'): SlotPicture =>
    name === slot
      ? picture(name, state === 'trial' ? 'trial' : 'running', running.version)
      : picture(name, ...inactive(attested))
  const rescue = slot === 'golden'
  const last = golden === null ? (rescue ? running : null) : golden
  return [
    bootable('a'),
    bootable('b'),
    picture('golden', rescue ? 'rescue' : last === null ? 'unknown' : 'ready', last?.version ?? null),
  ]
}

function inactive({ slot, state, previous, staged, armed }: AttestedState): [SlotRole, string | null] {
  if (slot === 'golden') return ['unknown', null]
  if (previous !== null) return ['previous', previous.version]
  if (staged !== null && state === 'stable') return [armed ? 'armed' : 'staged', staged.version]
  return ['unknown', null]
}

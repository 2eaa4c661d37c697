import type { BootEffect, BootEvent, Note } from '../../src/core/slot/boot-decision.ts'
import type { Memory } from '../../src/core/slot/memory.ts'
import { bit, bitOf, type Device, numberOf, type Seen, slotThatCould } from './device.ts'

/** What becomes of a device: small steps of which the flows are made. */

export const off = (device: Device): Device => ({ ...device, power: { at: 'off' }, installing: 0 })
export const looking = (device: Device, seen: Partial<Seen>): Device => ({
  ...device,
  seen: { ...device.seen, ...seen },
})

/**
 * Golden runs, or nothing, and the next restart will find a slot that runs: the counter could not be read before. In every
 * future without further faults somebody restarts such a device one day.
 */
export const couldRun = (device: Device): boolean => !device.worn && slotThatCould(device) !== null

/** What the secure element is told. */
export const ELEMENT: ReadonlySet<BootEffect['kind']> = new Set(['raise', 'add-anchor', 'revoke-anchor'])

/** What the laws remember of a decision whose record is written. */
export function noted(seen: Seen, kind: BootEvent['kind'], note: Note | null, after: Memory): Seen {
  const { state } = after
  const given = note?.event === 'reverted' ? bit(numberOf(note.image.digest)) : 0
  const confirmed = kind === 'confirm' && state.at === 'stable' ? bit(numberOf(after.slots[state.active].digest)) : 0
  return { ...seen, failed: seen.failed | given, confirmed: seen.confirmed | confirmed }
}

/** A command of the secure element: whole, or not at all. */
export function command(device: Device, effect: BootEffect): Device {
  if (effect.kind === 'raise') return { ...device, counter: Math.max(device.counter, effect.counter) }
  if (effect.kind === 'add-anchor') return { ...device, anchors: device.anchors | bitOf(effect.anchor.kid) }
  if (effect.kind === 'revoke-anchor') return { ...device, anchors: device.anchors & ~bitOf(effect.kid) }
  return device
}

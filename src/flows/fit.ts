import { acceptFor, fitsRooms } from '../core/firmware/acceptance.ts'
import type { ReleaseFacts } from '../core/firmware/release-facts.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import { areaOf, SLOT_HEADER_BYTES } from '../core/slot/layout.ts'
import { hasFailed, type Memory } from '../core/slot/memory.ts'
import type { Slot } from '../core/slot/slot.ts'
import { roomsOf } from '../core/slot/verify-slot.ts'
import type { Board, Running } from './boot.ts'

/**
 * Why a signed release is not for this board, as far as the board itself can tell: null, it is. Refuses the codes of `acceptFor` and
 * `fitsRooms`, `counter-unreadable`, `release-not-encrypted`, `version-failed-before`, `counter-headroom-spent`,
 * `envelope-larger-than-slot`.
 */
export function unfitFor(
  board: Board,
  running: Running,
  memory: Memory,
  facts: ReleaseFacts,
  envelopeBytes: number,
  slot: Slot,
): Refusal | null {
  const { device, element, flash } = board
  const room = device.imageOffset - SLOT_HEADER_BYTES
  const rooms = roomsOf(
    device,
    device.components.map((_, index) => ({ bytes: flash.size(areaOf(slot, index)) })),
  )
  const subject = `release ${facts.class} ${facts.version}`
  const counter = element.counter()
  if (counter === null) return refuse('counter-unreadable', subject, 'the security counter', 'no answer')
  const installed = running.slot === 'golden' ? {} : { installed: running.facts }
  const unsuited = fitsRooms(rooms, facts)
  const accepted = acceptFor(
    {
      ...(device.vendor === undefined ? {} : { vendor: device.vendor }),
      class: device.class,
      hardware: device.hardware,
      slotBytes: rooms.reduce((sum, { bytes }) => sum + bytes, 0),
      bootloader: device.bootloader,
      counter,
      ...installed,
    },
    facts,
  )
  if (accepted !== null || unsuited !== null) return accepted ?? unsuited
  if (device.requireEncryption === true && facts.encryption === null) {
    return refuse('release-not-encrypted', subject, 'an encrypted release', 'one that travels in the clear')
  }
  if (hasFailed(memory, { digest: facts.imageDigest, sequence: facts.sequence })) {
    // By its bytes or by its sequence number: an image that failed is not tried again under another version.
    const which = memory.failed.some(({ sequence }) => sequence === facts.sequence) ? 'sequence number' : 'image'
    return refuse('version-failed-before', subject, `an image that has not failed here`, `the ${which} of one that has`)
  }
  if (facts.counter > element.counterLimit) {
    return refuse('counter-headroom-spent', subject, `at most ${element.counterLimit}`, String(facts.counter))
  }
  if (envelopeBytes > room) {
    return refuse('envelope-larger-than-slot', subject, `at most ${room} bytes`, `${envelopeBytes} bytes`)
  }
  return null
}

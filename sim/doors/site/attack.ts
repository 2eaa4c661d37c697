import { concat, toHex, utf8 } from '../../../src/core/encoding/bytes.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { other, type Slot } from '../../../src/core/slot/slot.ts'
import { act, type BootOutcome } from '../../../src/flows/boot.ts'
import { arm } from '../../../src/flows/install.ts'
import type { Clock } from '../../../src/flows/ports.ts'
import type { SimController } from '../../controller/sim-controller.ts'

/** How an attack on a controller ended. `boot` is the restart that it caused; null: it could not be tried. */
export type AttackResult = {
  readonly outcome: 'refused' | 'ran' | 'not-done'
  readonly detail: string
  readonly boot: BootOutcome | null
}

/**
 * Somebody with a debug probe, and with everything that the application may do, goes around the gateway: puts a copy of
 * the running release into the inactive slot, its envelope untouched and one byte of its image flipped, writes the
 * boot records of a verified and armed candidate (the device's own MAC is on them), and resets. What must stop it is
 * the boot chain, which believes no record and hashes what it is about to run.
 */
export function attackWithTamperedSlot(controller: SimController, clock: Clock): AttackResult {
  const running = controller.running()
  if (running === null || running.trial || running.slot === 'golden') {
    return { outcome: 'not-done', detail: 'the controller runs no confirmed image', boot: null }
  }
  const { board } = controller
  const to = other(running.slot)
  const image = tamperedCopy(controller, running.slot, running.facts.imageSize)
  board.flash.erase(to, 0, board.flash.size(to))
  board.flash.program(to, 0, image.head)
  board.flash.program(to, board.device.imageOffset, image.bytes)
  const { sequence, version, counter } = running.facts
  const digest = toHex(board.crypto.sha256(image.bytes))
  const update = toHex(board.crypto.sha256(utf8('debug probe')).subarray(0, 16))
  const forged = act(
    board,
    { kind: 'staged', slot: to, image: { digest, sequence, version, counter }, update },
    clock.now(),
  )
  if (isRefusal(forged)) return { outcome: 'not-done', detail: forged.code, boot: null }
  const armed = arm(board, clock.now())
  if (isRefusal(armed)) return { outcome: 'not-done', detail: armed.code, boot: null }
  const boot = controller.powerUp('software')
  const last = controller.history().at(-1)
  if (boot.at === 'running' && boot.running.slot === to) return { outcome: 'ran', detail: `slot ${to}`, boot }
  return { outcome: 'refused', detail: last?.cause ?? '', boot }
}

function tamperedCopy(
  { board }: SimController,
  from: Slot,
  imageBytes: number,
): { readonly head: Uint8Array; readonly bytes: Uint8Array } {
  const { imageOffset } = board.device
  const head = board.flash.read(from, 0, imageOffset)
  const image = board.flash.read(from, imageOffset, imageBytes)
  if (head === null || image === null) throw new Error('the running slot was readable at boot')
  const bytes = concat(image)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] as number) ^ 0x01
  return { head: concat(head), bytes }
}

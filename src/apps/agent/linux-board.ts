import { nodeCipher } from '../../adapters/cipher-node.ts'
import { nodeCrypto } from '../../adapters/crypto-node.ts'
import { FileElement } from '../../adapters/element-file.ts'
import { takeLock } from '../../adapters/file-lock.ts'
import { type AreaTrouble, FlashFiles } from '../../adapters/flash-files/flash-files.ts'
import { openEnvelope } from '../../core/firmware/suit-open.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { DEFAULT_BUDGET } from '../../core/slot/boot-decision.ts'
import type { Watchdog } from '../../core/slot/hardware.ts'
import type { Board } from '../../flows/boot.ts'
import { anchorsOf, type BoardFile } from './board-file.ts'
import { agentFiles, areaPaths } from './files.ts'

/** A board that this process owns until it closes it. */
export type LinuxBoard = { readonly board: Board; readonly element: FileElement; close(): void }

/** The boot stage watches every second stage, trial or not, so there is nothing to start and nothing to stop. */
const ALWAYS_WATCHED: Watchdog = { start: () => {}, kick: () => {}, stop: () => {} }

/**
 * Takes the board for this process alone and puts it together as it was made. `hear` is told which areas of flash fail;
 * a board goes on with what is left of it. Refuses `board-in-use` (another process owns it), `board-area-missing` and
 * `board-area-short` (of all that could be booted from), `element-unreadable`.
 */
export function openBoard(
  folder: string,
  made: BoardFile,
  hear: (trouble: AreaTrouble) => void = () => {},
): LinuxBoard | Refusal {
  const files = agentFiles(folder)
  const lock = takeLock(files.boardLock)
  if (isRefusal(lock)) return lock
  if (lock === null) return refuse('board-in-use', folder, 'a board that no other process owns', 'a lock on it')
  const flash = FlashFiles.open(made.geometry, areaPaths(folder, made.devices), hear)
  if (isRefusal(flash)) {
    lock.release()
    return flash
  }
  const element = FileElement.open(files.element)
  if (isRefusal(element)) {
    flash.close()
    lock.release()
    return element
  }
  return {
    board: boardOf(made, flash, element),
    element,
    close: () => {
      flash.close()
      // The lock last: whoever takes it finds nothing half done.
      lock.release()
    },
  }
}

export function boardOf(made: BoardFile, flash: FlashFiles, element: FileElement): Board {
  const { vendor, class: className, hardware, bootloader, components, requireEncryption = false } = made.device
  return {
    flash,
    element,
    watchdog: ALWAYS_WATCHED,
    crypto: nodeCrypto,
    cipher: nodeCipher,
    open: openEnvelope,
    device: {
      vendor,
      class: className,
      hardware,
      bootloader,
      components,
      anchors: anchorsOf(made),
      imageOffset: made.geometry.imageOffset,
      requireEncryption,
    },
    hasJournal: made.geometry.journal !== undefined,
    budget: DEFAULT_BUDGET,
    watchdogMillis: 0,
  }
}

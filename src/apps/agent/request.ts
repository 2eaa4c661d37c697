import { certificateRequest } from '../../adapters/certificates.ts'
import { writeWhole } from '../../adapters/config-file.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { type DeviceRequest, deviceRequest } from '../../wire/fleet-api.ts'
import { unlessNotWritten } from '../process/disk.ts'
import { readBoardFile } from './board-file.ts'
import { agentFiles } from './files.ts'
import { openBoard } from './linux-board.ts'

/**
 * Writes the board's request to be enrolled anew (`enrolment.json`), by the keys that it has; an element that was made
 * before payloads were encrypted is given its decryption key first. The agent must not run: it has the element in hand.
 * Durable on return; doing it twice asks for the same keys. Refuses `board-missing`, what `openBoard` refuses,
 * `element-unreadable` (its file takes no write), `no-space` and `file-not-permitted`.
 */
export async function requestAnew(folder: string): Promise<DeviceRequest | Refusal> {
  const made = readBoardFile(folder)
  if (isRefusal(made)) return made
  const owned = openBoard(folder, made)
  if (isRefusal(owned)) return owned
  try {
    const { element } = owned
    const files = agentFiles(folder)
    if (!element.addDecryptionKey()) {
      return refuse('element-unreadable', files.element, 'a file that takes a new key', 'one that takes no write')
    }
    const request = deviceRequest(made.id, await certificateRequest(element.identityKeyPem), element)
    const text = `${JSON.stringify({ controllers: [request] }, null, 2)}\n`
    // If power fails here, the request of before is there, and the key is in the element: the next try asks with it.
    return unlessNotWritten(files.enrolment, () => writeWhole(files.enrolment, text)) ?? request
  } finally {
    owned.close()
  }
}

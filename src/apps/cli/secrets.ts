import { writeWhole } from '../../adapters/config-file.ts'
import { readPinFile } from '../../adapters/signer-pkcs11/pin.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Cli } from './cli.ts'

/** Secrets come from a file or from the keyboard, and never from the command line: others on the machine could read it. */

/**
 * Reads a secret from a file that only its owner may read: one line. Refuses as `readPinFile`, with `secret-file-permissions`
 * and `secret-file-malformed`. No refusal shows a part of what is in the file.
 */
export function readSecretFile(path: string): string | Refusal {
  const read = readPinFile(path)
  if (!isRefusal(read)) return read
  const { expected, actual } = read
  if (read.code === 'pin-file-permissions') return refuse('secret-file-permissions', path, expected, actual)
  return read.code === 'pin-file-malformed'
    ? refuse('secret-file-malformed', path, 'one line with the secret', actual)
    : read
}

/** Writes a secret for its owner alone. If power fails before the rename, the one of before is there. */
export const writeSecretFile = (path: string, secret: string): void => writeWhole(path, `${secret}\n`, 0o600)

/** A secret from a file, or else typed unseen. Refuses as `readSecretFile`, and `usage-error` where nobody sits there. */
export async function askSecret(cli: Cli, prompt: string, file: string | undefined): Promise<string | Refusal> {
  if (file !== undefined) return readSecretFile(file)
  const typed = (await cli.world.askPin?.(`${prompt}: `)) ?? null
  if (typed !== null && typed !== '') return typed
  return refuse('usage-error', prompt, 'somebody at a terminal who types it, or a file with it', 'neither')
}

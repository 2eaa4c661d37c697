import { readText, writeWhole } from '../../adapters/config-file.ts'
import type { ResetCause } from '../../core/slot/slot.ts'
import { removeFile } from './files.ts'

/** How a boot stage ended. */
export type Session = { readonly ended: boolean }

/**
 * Why a boot stage starts, from what the one before left (null: nothing can be read). Stopped in order and started again
 * is a power cycle, also within one life of the machine: it is nobody's verdict on what is on trial. What did not end in
 * order may have been cut in the middle of a write.
 */
export function causeOf(before: Session | null): ResetCause {
  return before?.ended === true ? 'power-on' : 'power-loss'
}

export function readSession(path: string): Session | null {
  const text = readText(path, 4096)
  if (typeof text !== 'string') return null
  try {
    const { ended } = Object(JSON.parse(text)) as Partial<Session>
    return typeof ended === 'boolean' ? { ended } : null
  } catch {
    return null
  }
}

/**
 * Durable on return. If power fails before, the next start sees the session before: one that was not ended. A disk that
 * takes no write stops nothing: the session before is then forgotten, and the next start counts as a loss of power.
 * Answers the code of the error, or null.
 */
export function writeSession(path: string, session: Session): string | null {
  try {
    writeWhole(path, `${JSON.stringify(session)}\n`, 0o600)
    return null
  } catch (error) {
    try {
      removeFile(path)
    } catch {
      // It can be read for ever, and says how a boot stage ended that could still write.
    }
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message
  }
}

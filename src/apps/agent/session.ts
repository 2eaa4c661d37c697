import { rmSync } from 'node:fs'
import { readText, writeWhole } from '../../adapters/config-file.ts'
import type { ResetCause } from '../../core/slot/slot.ts'
import { refusalOf } from '../process/disk.ts'

/** How a boot stage ended, in which of the machine's lives. */
export type Session = { readonly boot: string; readonly ended: boolean }

/**
 * Why a boot stage starts, from what the one before left (null: nothing can be read). Within one life of the machine an
 * orderly end is a restart; anything that did not end in order may have been cut in the middle of a write.
 */
export function causeOf(before: Session | null, boot: string): ResetCause {
  if (before === null || !before.ended) return 'power-loss'
  return before.boot === boot ? 'software' : 'power-on'
}

export function readSession(path: string): Session | null {
  const text = readText(path, 4096)
  if (typeof text !== 'string') return null
  try {
    const { boot, ended } = Object(JSON.parse(text)) as Partial<Session>
    return typeof boot === 'string' && typeof ended === 'boolean' ? { boot, ended } : null
  } catch {
    return null
  }
}

/**
 * Durable on return. If power fails before, the next start sees the session before: one that was not ended. A full disk
 * is no reason not to boot: the file is removed instead, and the next start takes it for a loss of power, which is never
 * wrong.
 */
export function writeSession(path: string, session: Session): void {
  try {
    writeWhole(path, `${JSON.stringify(session)}\n`, 0o600)
  } catch (error) {
    if (refusalOf(error)?.code !== 'no-space') throw error
    rmSync(path, { force: true })
  }
}

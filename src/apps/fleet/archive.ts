import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolders } from '../../adapters/config-file.ts'
import { type FileLock, takeLock } from '../../adapters/file-lock.ts'
import { folderLog } from '../../adapters/log-folder.ts'
import { PlainFiles } from '../../adapters/repository-folder.ts'
import type { PublicKey } from '../../core/encoding/crypto.ts'
import { atHand } from '../../core/ledger/retention.ts'
import { CHECKPOINT_PATH } from '../../core/ledger/tiles.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import { type ArchivedNow, archiveLog, NEWEST_KEPT, type Retention } from '../../flows/archive.ts'
import type { FleetWorld, LogFiles } from '../../flows/ports.ts'
import type { ArchiveConfig, FleetConfig } from '../../wire/config.ts'

/** Held while somebody writes to the folder; the same as that of `audit export`. */
const LOCK = '.lock'

const archiveConfig = ({ archive }: FleetConfig): ArchiveConfig | undefined => archive as ArchiveConfig | undefined

/** Where a fleet's archive is; null: it has none. */
export function archiveFolder(folder: string, config: FleetConfig): string | null {
  const archive = archiveConfig(config)
  return archive === undefined ? null : resolve(folder, archive.folder)
}

/** The archive to read old entries from; null: there is none. One that is not mounted is there, and has no files. */
export function archiveOf(folder: string, config: FleetConfig): LogFiles | null {
  const where = archiveFolder(folder, config)
  return where === null ? null : folderLog(where)
}

/** What a config keeps at hand, and for how long. */
export function retentionOf(config: FleetConfig): Retention {
  const { days, otherwise } = archiveConfig(config) ?? {}
  const kept = {
    ...(otherwise === undefined ? {} : { default: otherwise }),
    ...(days === undefined ? {} : { kinds: days }),
  }
  return {
    days: atHand(kept),
    newest: NEWEST_KEPT,
    name: JSON.stringify([1, otherwise ?? null, Object.entries(days ?? {}).sort()]),
  }
}

/**
 * The archive of a fleet, what stays at hand, and the keys that signed the log before: the archive goes on when one is replaced.
 * `source`: the log with its witnesses' signatures.
 */
export type Archiving = {
  readonly where: string
  readonly retention: Retention
  readonly former: readonly PublicKey[]
  readonly source?: LogFiles
}

/**
 * Brings the archive of a fleet up to date, and lets leave what is due (flows/archive.ts). One at a time. Refuses `data-folder-in-use`
 * (somebody else writes to the folder), `file-exists` (it holds something else), `file-not-permitted`, `no-space` as thrown by the disk, and what `archiveLog` refuses.
 */
export async function archiveNow(
  world: FleetWorld,
  { where, retention, former, source }: Archiving,
  say: (done: number, all: number) => void = () => {},
): Promise<ArchivedNow | Refusal> {
  const names = existsSync(where) ? readdirSync(where) : []
  const isOurs = names.every(name => name === LOCK) || names.some(name => name === CHECKPOINT_PATH || name === 'tile')
  if (!isOurs) return refuse('file-exists', where, 'an empty folder, or the archive of this log', `${names[0]} in it`)
  makeFolders(where, 0o700)
  const lock: FileLock | null | Refusal = takeLock(join(where, LOCK))
  if (isRefusal(lock)) return lock
  if (lock === null) {
    return refuse('data-folder-in-use', where, 'a folder that nobody else writes to', 'another writer')
  }
  try {
    const keys = former.map(key => ({ name: world.name, key }))
    const folder = { files: folderLog(where), folder: new PlainFiles(where), former: keys }
    return await archiveLog(world, folder, retention, say, source)
  } finally {
    lock.release()
  }
}

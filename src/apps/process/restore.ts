import { join } from 'node:path'
import { copyVerified, FolderInTheMaking } from '../../adapters/backup-folder.ts'
import { readBytes } from '../../adapters/config-file.ts'
import { loadPublicKey } from '../../adapters/signer-file.ts'
import type { Crypto } from '../../core/encoding/crypto.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { BACKUP_FILE, MAX_BACKUP_BYTES, openBackup } from '../../core/fleet/backup.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { OnProgress } from './back-up.ts'
import { type CopiedStore, type StoreFile, sealCopy } from './store-file.ts'

export type Restored = {
  readonly folder: string
  readonly name: string
  readonly at: Instant
  readonly given: number
  readonly absent: readonly string[]
}

/**
 * Restores a backup into a new or empty folder. Everything is verified first: the manifest by the key that a person names (the
 * public one, kept apart from the backup), each file by its digest, the store by itself. The folder has its name when all of it is
 * on the disk. What was restored is marked as a copy of an earlier time, and stays marked until it is known how it goes on.
 *
 * Refuses `folder-not-empty`, what `loadPublicKey` and `openBackup` refuse, `backup-newer`, `backup-incomplete`, `backup-altered`,
 * what `sealCopy` refuses, `no-space`.
 */
export async function restore<S extends CopiedStore>(
  from: string,
  to: { readonly folder: string; readonly store: StoreFile<S>; readonly keyFile: string; readonly crypto: Crypto },
  onProgress: OnProgress,
): Promise<Restored | Refusal> {
  const { of, database, data } = to.store
  const key = loadPublicKey(to.keyFile)
  if (isRefusal(key)) return key
  const bytes = readBytes(join(from, BACKUP_FILE), MAX_BACKUP_BYTES)
  if (isRefusal(bytes)) return bytes
  const backup = openBackup(bytes, { of, key }, to.crypto)
  if (isRefusal(backup)) return backup
  if (backup.data > data) {
    return refuse('backup-newer', BACKUP_FILE, `data of version ${data}`, `${backup.data}, of ${backup.program}`)
  }
  if (!backup.files.some(({ path }) => path === database)) {
    return refuse('backup-incomplete', BACKUP_FILE, database, 'none in its list')
  }
  return FolderInTheMaking.make<Restored>(to.folder, async making => {
    const total = backup.files.reduce((sum, { length }) => sum + length, 0)
    let done = 0
    const copied = await copyVerified(from, backup.files, making, count => {
      done += count
      onProgress(done, total, 'files')
    })
    if (copied !== null) return copied
    const { name, at, given, absent } = backup
    const reached = await sealCopy(to.store, making.at(database), { made: at, name, key })
    if (isRefusal(reached)) return reached
    if (reached.given !== given || reached.checkpoint.join('\n') !== backup.checkpoint.join('\n')) {
      return refuse('backup-altered', database, 'a store that has come as far as backup.json says', 'another one')
    }
    await making.take(database)
    return { folder: making.path, name, at, given, absent }
  })
}

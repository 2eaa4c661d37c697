import { readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { FolderInTheMaking } from '../../adapters/backup-folder.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { BACKUP_FILE, type Backup, type BackupFile, backupBytes, sealBackup } from '../../core/fleet/backup.ts'
import { isRefusal, type Refusal } from '../../core/refusal/refusal.ts'
import type { Clock, Signer } from '../../flows/ports.ts'
import { askForCopy } from './copy-door.ts'
import { type CopiedStore, type StoreFile, sealCopy, withStore } from './store-file.ts'

/** Told how far long work is: bytes, of how many, and of what. */
export type OnProgress = (done: number, total: number, what: string) => void

/** What a server's folder is backed up from. Paths are below the folder, and the same in the backup. */
export type Source<S extends CopiedStore> = {
  readonly store: StoreFile<S>
  readonly name: string
  readonly folder: string
  readonly program: string
  /** Where the server that runs from the folder gives copies of its store. */
  readonly door: string
  readonly files: readonly string[]
  /** The folder of blobs; null: none are backed up. */
  readonly blobs: string | null
  readonly absent: readonly string[]
  readonly signer: Signer
  readonly clock: Clock
}

export type BackedUp = {
  readonly backup: string
  readonly name: string
  readonly at: Instant
  readonly given: number
  readonly bytes: number
  readonly blobs: number
  /** Blobs whose bytes are not what their names say: they are not in the backup. */
  readonly damaged: readonly string[]
  /** Private files that are not in it: a restored server needs them besides. */
  readonly absent: readonly string[]
}

/**
 * Makes a backup of a server, whether it runs or not: a copy of its store as it is, verified and marked; its configuration; its
 * blobs, each verified; and what is in it, signed. No private key is in it. It has its name when all of it is on the disk: if
 * power fails before, there is an unfinished folder beside it, which the next backup clears away.
 *
 * Refuses `folder-not-empty`, `no-space`, what `askForCopy` and `sealCopy` refuse, and what the signer refuses.
 */
export function backUp<S extends CopiedStore>(
  source: Source<S>,
  to: string,
  onProgress: OnProgress,
): Promise<BackedUp | Refusal> {
  return FolderInTheMaking.make(to, making => fill(source, making, onProgress))
}

async function fill<S extends CopiedStore>(
  source: Source<S>,
  making: FolderInTheMaking,
  onProgress: OnProgress,
): Promise<BackedUp | Refusal> {
  const { store, name, folder, program, signer, clock, absent } = source
  const { of, database, data } = store
  const blobs = source.blobs === null ? [] : blobsIn(join(folder, source.blobs))
  const held = statSync(join(folder, database)).size
  const total = blobs.reduce((sum, { length }) => sum + length, held)
  const copy = making.at(database)
  const copying = (done: number, pages: number): boolean => {
    onProgress((held * done) / Math.max(1, pages), total, 'the store')
    return true
  }
  const asked = await askForCopy(source.door, copy, copying)
  const copied =
    asked === 'not-running'
      ? await withStore(store.open(join(folder, database)), stopped => stopped.copyTo(copy, copying))
      : asked
  if (copied !== null) return copied
  copying(1, 1)
  const at = clock.now()
  const sealed = await sealCopy(store, copy, { made: at, name, key: signer.key })
  if (isRefusal(sealed)) return sealed
  const files: BackupFile[] = [await making.take(database)]
  for (const path of source.files) files.push(await making.copy(path, join(folder, path)))
  let bytes = held
  const damaged: string[] = []
  for (const blob of blobs) {
    const path = `${source.blobs}/${blob.path}`
    const file = await making.copy(path, join(folder, path), count => {
      bytes += count
      onProgress(bytes, total, 'blobs')
    })
    if (file.sha256 === basename(blob.path)) files.push(file)
    else {
      damaged.push(basename(blob.path))
      rmSync(making.at(path))
    }
  }
  const backup: Backup = { kind: 'voltseal-backup', v: 1, of, name, at, program, data, ...sealed, files, absent }
  const signature = await signer.sign(backupBytes(backup), 'der')
  if (isRefusal(signature)) return signature
  // Last: an unfinished folder has no manifest, whatever else is in it.
  await making.write(BACKUP_FILE, sealBackup(backup, signature))
  onProgress(total, total, 'all of it')
  const size = files.reduce((sum, { length }) => sum + length, 0)
  const shown = { backup: making.path, name, at, given: sealed.given, bytes: size }
  return { ...shown, blobs: blobs.length - damaged.length, damaged, absent }
}

/** Complete blobs: `ab/abcd…`. What is unfinished or was quarantined is nobody's. */
function blobsIn(folder: string): { path: string; length: number }[] {
  const found: { path: string; length: number }[] = []
  for (const two of names(folder).filter(name => /^[0-9a-f]{2}$/.test(name))) {
    for (const name of names(join(folder, two)).filter(one => /^[0-9a-f]{64}$/.test(one))) {
      found.push({ path: `${two}/${name}`, length: statSync(join(folder, two, name)).size })
    }
  }
  return found
}

/** What is in a folder, in order; nothing when there is none. */
export function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Of the paths that a config names, those below its folder, as they are below it. What lies elsewhere is not the server's own. */
export function ownPaths(folder: string, paths: readonly (string | undefined)[]): string[] {
  const below = paths.filter(path => path !== undefined).map(path => relative(folder, resolve(folder, path)))
  return [...new Set(below)].filter(path => path !== '' && path !== '..' && !path.startsWith('../'))
}

import { readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { copyVerified, FolderInTheMaking, fullDisk } from '../../adapters/backup-folder.ts'
import { readBytes } from '../../adapters/config-file.ts'
import { loadPublicKey } from '../../adapters/signer-file.ts'
import type { Crypto, PublicKey } from '../../core/encoding/crypto.ts'
import type { Instant } from '../../core/encoding/units.ts'
import {
  BACKUP_FILE,
  type Backup,
  type BackupFile,
  backupBytes,
  MAX_BACKUP_BYTES,
  openBackup,
  sealBackup,
} from '../../core/fleet/backup.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { Clock, Signer } from '../../flows/ports.ts'
import { askForCopy, type CopyStore } from './copy-door.ts'

/** Told how far long work is: bytes, of how many, and of what. */
export type OnProgress = (done: number, total: number, what: string) => void

/** What a server's folder is backed up from. Paths are below the folder, and the same in the backup. */
export type Source = {
  readonly of: Backup['of']
  readonly name: string
  readonly folder: string
  readonly program: string
  readonly database: string
  /** The version of the store's tables. */
  readonly data: number
  /** Where the server that runs from the folder gives copies of its store. */
  readonly door: string
  /** Copies the store of a server that does not run. */
  readonly copyStopped: CopyStore
  /** Verifies a copy, marks it as one, and says how far it has come. */
  readonly seal: (copy: string, at: Instant) => Promise<Pick<Backup, 'given' | 'checkpoint'> | Refusal>
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
 * Refuses `folder-not-empty`, `no-space`, `backup-damaged` (the copy does not hold), and what the copy is refused for.
 */
export async function backUp(source: Source, to: string, onProgress: OnProgress): Promise<BackedUp | Refusal> {
  const making = FolderInTheMaking.begin(to)
  if (isRefusal(making)) return making
  try {
    const made = await fill(source, making, onProgress)
    if (isRefusal(made)) return made
    return (await making.finish()) ?? made
  } catch (error) {
    const refusal = fullDisk(error, making.path)
    if (refusal === null) throw error
    return refusal
  } finally {
    making.drop()
  }
}

async function fill(source: Source, making: FolderInTheMaking, onProgress: OnProgress): Promise<BackedUp | Refusal> {
  const { of, name, folder, program, database, data, signer, clock, absent } = source
  const blobs = source.blobs === null ? [] : blobsIn(join(folder, source.blobs))
  const sizes = [statSync(join(folder, database)).size, ...blobs.map(({ length }) => length)]
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const copy = making.at(database)
  const copying = (done: number, pages: number): void => {
    onProgress((sizes[0]! * done) / Math.max(1, pages), total, 'the store')
  }
  const asked = await askForCopy(source.door, copy, copying)
  const told = (done: number, pages: number): boolean => {
    copying(done, pages)
    return true
  }
  const copied = asked === 'not-running' ? await source.copyStopped(copy, told) : asked
  if (copied !== null) return copied
  copying(1, 1)
  const at = clock.now()
  const sealed = await source.seal(copy, at)
  if (isRefusal(sealed)) return sealed
  let bytes = sizes[0]!
  const passed = (what: string) => (count: number) => {
    bytes += count
    onProgress(bytes, total, what)
  }
  const files: BackupFile[] = [await making.take(database, () => undefined)]
  for (const path of source.files) files.push(await making.copy(path, join(folder, path), () => undefined))
  const damaged: string[] = []
  for (const blob of blobs) {
    const path = `${source.blobs}/${blob.path}`
    const file = await making.copy(path, join(folder, path), passed('blobs'))
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

/** How a backup is restored. */
export type Target = {
  readonly of: Backup['of']
  readonly folder: string
  readonly database: string
  /** The newest version of the tables that this program knows. */
  readonly data: number
  readonly crypto: Crypto
  /** Verifies the store that was copied out of the backup, and leaves it marked. */
  readonly check: (copy: string, backup: Backup, key: PublicKey) => Promise<null | Refusal>
}

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
 * `backup-damaged`, `no-space`.
 */
export async function restore(
  from: string,
  keyFile: string,
  target: Target,
  onProgress: OnProgress,
): Promise<Restored | Refusal> {
  const key = loadPublicKey(keyFile)
  if (isRefusal(key)) return key
  const bytes = readBytes(join(from, BACKUP_FILE), MAX_BACKUP_BYTES)
  if (isRefusal(bytes)) return bytes
  const backup = openBackup(bytes, { of: target.of, key }, target.crypto)
  if (isRefusal(backup)) return backup
  if (backup.data > target.data) {
    return refuse('backup-newer', BACKUP_FILE, `data of version ${target.data}`, `${backup.data}, of ${backup.program}`)
  }
  if (!backup.files.some(({ path }) => path === target.database)) {
    return refuse('backup-incomplete', BACKUP_FILE, target.database, 'none in its list')
  }
  const making = FolderInTheMaking.begin(target.folder)
  if (isRefusal(making)) return making
  try {
    const total = backup.files.reduce((sum, { length }) => sum + length, 0)
    let done = 0
    const copied = await copyVerified(from, backup.files, making, count => {
      done += count
      onProgress(done, total, 'files')
    })
    if (copied !== null) return copied
    const unfit = await target.check(making.at(target.database), backup, key)
    if (unfit !== null) return unfit
    await making.take(target.database, () => undefined)
    const { name, at, given, absent } = backup
    return (await making.finish()) ?? { folder: making.path, name, at, given, absent }
  } catch (error) {
    const refusal = fullDisk(error, making.path)
    if (refusal === null) throw error
    return refusal
  } finally {
    making.drop()
  }
}

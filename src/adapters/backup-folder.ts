import { createHash } from 'node:crypto'
import { chmodSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { BackupFile } from '../core/fleet/backup.ts'
import { isRefusal, type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'

const CHUNK = 1 << 20

/** Told of bytes as they pass. Throws to end the work. */
export type OnBytes = (bytes: number) => void

/**
 * A folder that gets its name when all of it is on the disk: a backup, or a server's folder that is restored. Until then it is
 * `.NAME.PID-1.partial` beside it. Folders are 0700, files 0600: a backup holds what passwords are checked with.
 */
export class FolderInTheMaking {
  readonly path: string
  readonly #partial: string
  readonly #folders = new Set<string>()

  private constructor(path: string, partial: string) {
    this.path = path
    this.#partial = partial
  }

  /**
   * Makes one: `work` fills it, and it gets its name when nothing was refused; otherwise nothing of it is left. What a killed process
   * left beside it is cleared away; what a living one makes is its own. Refuses `folder-not-empty`, `no-space`, and what the work refuses.
   */
  static async make<T>(named: string, work: (making: FolderInTheMaking) => Promise<T | Refusal>): Promise<T | Refusal> {
    const making = FolderInTheMaking.#begin(named)
    if (isRefusal(making)) return making
    try {
      const made = await work(making)
      return isRefusal(made) ? made : ((await making.#finish()) ?? made)
    } catch (error) {
      const refusal = fullDisk(error, making.path)
      if (refusal === null) throw error
      return refusal
    } finally {
      rmSync(making.#partial, { recursive: true, force: true })
    }
  }

  static #begin(named: string): FolderInTheMaking | Refusal {
    const path = resolve(named)
    const taken = refuseFilled(path)
    if (taken !== null) return taken
    const [above, name] = [dirname(path), basename(path)]
    mkdirSync(above, { recursive: true, mode: 0o700 })
    for (const other of readdirSync(above)) {
      const id = leftBy(name, other)
      if (id !== null && !isAlive(id)) rmSync(join(above, other), { recursive: true, force: true })
    }
    for (let number = 1; ; number += 1) {
      const partial = join(above, `.${name}.${process.pid}-${number}.partial`)
      if (existsSync(partial)) continue
      mkdirSync(partial, { mode: 0o700 })
      return new FolderInTheMaking(path, partial)
    }
  }

  /** Where a file of it lies until it is whole. The folders above the file are made. */
  at(path: string): string {
    const folder = dirname(path)
    if (folder !== '.') mkdirSync(join(this.#partial, folder), { recursive: true, mode: 0o700 })
    for (let at = folder; at !== '.'; at = dirname(at)) this.#folders.add(at)
    return join(this.#partial, path)
  }

  /** Writes a file. Durable, but for the names of the folders above it: they are synced at the end. */
  async write(path: string, bytes: Uint8Array): Promise<BackupFile> {
    const file = await open(this.at(path), 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    return { path, length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  }

  /** Copies a file, and says what was copied. A symbolic link is not followed. */
  async copy(path: string, from: string, onBytes: OnBytes = () => {}): Promise<BackupFile> {
    const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const file = await open(this.at(path), 'wx', 0o600)
      try {
        const hash = createHash('sha256')
        let length = 0
        for await (const chunk of chunks(source)) {
          hash.update(chunk)
          await writeAll(file, chunk, length)
          length += chunk.length
          onBytes(chunk.length)
        }
        await file.sync()
        return { path, length, sha256: hash.digest('hex') }
      } finally {
        await file.close()
      }
    } finally {
      await source.close()
    }
  }

  /** A file that somebody else has written here: private from now on, durable, and measured from the disk. */
  async take(path: string): Promise<BackupFile> {
    const at = this.at(path)
    chmodSync(at, 0o600)
    const file = await open(at, 'r+')
    try {
      await file.sync()
      const hash = createHash('sha256')
      let length = 0
      for await (const chunk of chunks(file)) {
        hash.update(chunk)
        length += chunk.length
      }
      return { path, length, sha256: hash.digest('hex') }
    } finally {
      await file.close()
    }
  }

  /**
   * Gives the folder its name. Refuses `folder-not-empty`: somebody else was faster. If power fails before the rename, there is an
   * unfinished folder beside it that the next one clears away; after it, all of it.
   */
  async #finish(): Promise<null | Refusal> {
    for (const folder of this.#folders) await syncFolder(join(this.#partial, folder))
    await syncFolder(this.#partial)
    try {
      renameSync(this.#partial, this.path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR')
        return refuseFilled(this.path) ?? taken(this.path)
      throw error
    }
    await syncFolder(dirname(this.path))
    return null
  }
}

/**
 * Reads the files of a backup into a folder in the making, each verified as it is copied. Refuses `backup-incomplete`,
 * `backup-altered`.
 */
export async function copyVerified(
  backup: string,
  files: readonly BackupFile[],
  into: FolderInTheMaking,
  onBytes: OnBytes,
): Promise<null | Refusal> {
  for (const file of files) {
    const copied = await copyOrNull(into, file.path, join(backup, file.path), onBytes)
    const expected = `${file.length} bytes`
    if (copied === null) return refuse('backup-incomplete', file.path, expected, 'none')
    if (copied.length !== file.length) {
      const code = copied.length < file.length ? 'backup-incomplete' : 'backup-altered'
      return refuse(code, file.path, expected, `${copied.length} bytes`)
    }
    if (copied.sha256 !== file.sha256) {
      return refuse('backup-altered', file.path, `SHA-256 ${file.sha256}`, copied.sha256)
    }
  }
  return null
}

async function copyOrNull(
  into: FolderInTheMaking,
  path: string,
  from: string,
  onBytes: OnBytes,
): Promise<BackupFile | null> {
  try {
    return await into.copy(path, from, onBytes)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A link leads out of the backup: what it leads to was never backed up.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'EISDIR') return null
    throw error
  }
}

/** A disk without room, as a refusal; null for every other error. */
function fullDisk(error: unknown, path: string): Refusal | null {
  if (error instanceof RefusalError) return error.refusal
  const { code } = Object(error) as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT' ? refuse('no-space', path, 'room for all of it', code) : null
}

function refuseFilled(path: string): Refusal | null {
  if (!existsSync(path)) return null
  try {
    return readdirSync(path).length === 0 ? null : taken(path)
  } catch {
    return taken(path)
  }
}

const taken = (path: string): Refusal =>
  refuse('folder-not-empty', path, 'a new or empty folder', 'one that holds files')

/** The process that left an unfinished folder of this name; null: it is none. */
function leftBy(name: string, file: string): number | null {
  if (!file.startsWith(`.${name}.`) || !file.endsWith('.partial')) return null
  const [, id] = /^([1-9][0-9]{0,9})-[1-9][0-9]{0,3}$/.exec(file.slice(name.length + 2, -'.partial'.length)) ?? []
  return id === undefined ? null : Number(id)
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function* chunks(file: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(CHUNK)
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

/** A disk that is nearly full takes the part of a write that fits, and says so: only the next write is an error. */
async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, at + written)).bytesWritten
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { sameBytes } from '../core/encoding/bytes.ts'
import { type Refusal, refuse } from '../core/refusal/refusal.ts'
import type { RepositoryFolder } from '../flows/folder-ports.ts'
import type { BlobId } from '../flows/ports.ts'

/** What was done to the file system, as it was done: a test replays it up to any step, as a cut of power leaves it. */
export type DiskStep =
  | { readonly did: 'write' | 'sync' | 'remove'; readonly path: string }
  | { readonly did: 'rename'; readonly from: string; readonly path: string }
  | { readonly did: 'sync-folder'; readonly path: string }

/**
 * A repository as plain files below a folder (flows/export.ts). A file is written under a name that nobody reads, synced,
 * and renamed: whatever moment power fails at, a name holds whole bytes, and at worst a hidden file is left over. Names
 * come from verified metadata, whose paths cannot lead out of the folder.
 */
export class PlainFiles implements RepositoryFolder {
  readonly #folder: string
  readonly #step: (step: DiskStep) => void
  /** Folders with names in them that are not durable yet. */
  readonly #unsynced = new Set<string>()

  constructor(folder: string, step: (step: DiskStep) => void = () => {}) {
    this.#folder = resolve(folder)
    this.#step = step
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array | null> {
    const at = join(this.#folder, path)
    const size = await sizeOf(at)
    return size === null || size > maxBytes ? null : new Uint8Array(await readFile(at))
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    const there = await this.read(path, bytes.length)
    if (there === null || !sameBytes(there, bytes)) await this.replace(path, bytes)
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    await this.#whole(path, async file => {
      await file.writeFile(bytes)
      return null
    })
  }

  async sync(): Promise<void> {
    for (const folder of this.#unsynced) {
      await syncFolder(folder)
      this.#step({ did: 'sync-folder', path: folder })
    }
    this.#unsynced.clear()
  }

  async remove(path: string): Promise<void> {
    const at = join(this.#folder, path)
    await rm(at, { recursive: true, force: true })
    this.#step({ did: 'remove', path: at })
  }

  async hasTarget(path: string, { sha256, length }: BlobId): Promise<boolean> {
    const at = join(this.#folder, path)
    if ((await sizeOf(at)) !== length) return false
    const hash = createHash('sha256')
    for await (const part of createReadStream(at, { highWaterMark: 1 << 20 })) hash.update(part)
    return hash.digest('hex') === sha256
  }

  putTarget(path: string, id: BlobId, body: AsyncIterable<Uint8Array>): Promise<null | Refusal> {
    return this.#whole(path, file => receive(file, path, id, body))
  }

  /** Gives a file its name once all of it is on the disk; what is refused or fails leaves nothing. */
  async #whole(path: string, fill: (file: FileHandle) => Promise<null | Refusal>): Promise<null | Refusal> {
    const target = join(this.#folder, path)
    const temporary = await this.#hidden(target)
    try {
      const file = await open(temporary, 'wx')
      try {
        const refused = await fill(file)
        if (refused !== null) return refused
        this.#step({ did: 'write', path: temporary })
        await file.sync()
        this.#step({ did: 'sync', path: temporary })
      } finally {
        await file.close()
      }
      await this.#name(temporary, target)
      return null
    } finally {
      // Gone already when it has got its name.
      await rm(temporary, { force: true })
    }
  }

  /** If power fails before the rename, a hidden file is left over and nobody reads it; after it, the file is whole. */
  async #name(temporary: string, target: string): Promise<void> {
    await rename(temporary, target)
    this.#unsynced.add(dirname(target))
    this.#step({ did: 'rename', from: temporary, path: target })
  }

  async #hidden(target: string): Promise<string> {
    const folder = dirname(target)
    const made = await mkdir(folder, { recursive: true })
    // A new folder is a name in the one above it.
    if (made !== undefined) for (const at of foldersToSync(made, folder)) this.#unsynced.add(at)
    return join(folder, `.${basename(target)}.${randomUUID()}.tmp`)
  }
}

/**
 * The folders that have new names in them or are new themselves, after `made` and all that was missing below it as far as
 * `folder` has been made: from the one that `made` stands in, down to `folder`. Relative paths are below where we run.
 */
export function foldersToSync(made: string, folder: string): readonly string[] {
  const above = dirname(resolve(made))
  const steps = relative(above, resolve(folder)).split(sep)
  return [above, ...steps.map((_, at) => join(above, ...steps.slice(0, at + 1)))]
}

async function receive(
  file: FileHandle,
  path: string,
  { sha256, length }: BlobId,
  body: AsyncIterable<Uint8Array>,
): Promise<null | Refusal> {
  const hash = createHash('sha256')
  let got = 0
  for await (const part of body) {
    got += part.length
    if (got > length) return refuse('download-too-long', path, `${length} bytes`, 'more')
    hash.update(part)
    await file.write(part)
  }
  if (got < length) return refuse('download-truncated', path, `${length} bytes`, `${got}`)
  const found = hash.digest('hex')
  return found === sha256 ? null : refuse('blob-digest-mismatch', path, `SHA-256 ${sha256}`, found)
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    const status = await stat(path)
    return status.isFile() ? status.size : null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

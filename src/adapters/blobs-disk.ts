import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Refusal, RefusalError, refuse } from '../core/refusal/refusal.ts'
import type { BlobId, Blobs } from '../flows/ports.ts'

/** Large reads: 1 MiB is 1.7 times as fast as Node's 64 KiB for file downloads over TLS. */
const CHUNK = 1 << 20
const NAME = /^[0-9a-f]{64}$/

/**
 * Blobs as files: `FOLDER/ab/abcd…` for complete ones, `FOLDER/part/abcd…` for unfinished ones, `FOLDER/quarantine/`
 * for those that failed a verification. A name is given by rename, after the digest was found right and the bytes
 * were synced: whatever moment power fails at, a complete name holds complete bytes.
 */
export class DiskBlobs implements Blobs {
  readonly #folder: string
  /** The transfer under way of each blob: two of one blob would write into one file. */
  readonly #transfers = new Map<string, Promise<unknown>>()

  /** The verification under way of each blob: who asks meanwhile is answered with it. */
  readonly #verifying = new Map<string, Promise<null | Refusal>>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async has(id: BlobId): Promise<boolean> {
    return (await size(this.#path(id))) === id.length
  }

  async size(sha256: string): Promise<number | null> {
    return NAME.test(sha256) ? size(join(this.#folder, sha256.slice(0, 2), sha256)) : null
  }

  async partial(id: BlobId): Promise<number> {
    return (await size(this.#part(id))) ?? 0
  }

  unfinished(id: BlobId, start: number, end: number): AsyncIterable<Uint8Array> {
    return start < end ? createReadStream(this.#part(id), { start, end: end - 1, highWaterMark: CHUNK }) : nothing()
  }

  /** Deletes what is unfinished: for a store whose transfers never go on from where they stopped. */
  async dropUnfinished(): Promise<void> {
    await rm(join(this.#folder, 'part'), { recursive: true, force: true })
  }

  async append(id: BlobId, from: number, body: AsyncIterable<Uint8Array>): Promise<null | Refusal> {
    const before = this.#transfers.get(id.sha256) ?? Promise.resolve()
    const transfer = before.then(() => this.#append(id, from, body))
    const settled = transfer.catch(() => undefined)
    this.#transfers.set(id.sha256, settled)
    try {
      return await transfer
    } finally {
      if (this.#transfers.get(id.sha256) === settled) this.#transfers.delete(id.sha256)
    }
  }

  async #append(id: BlobId, from: number, body: AsyncIterable<Uint8Array>): Promise<null | Refusal> {
    const part = this.#part(id)
    try {
      await mkdir(join(this.#folder, 'part'), { recursive: true })
      const refusal = await this.#receive(part, id, from, body)
      // More bytes than there can be: none of them is worth going on from.
      if (refusal?.code === 'download-too-long') await rm(part, { force: true })
      if (refusal !== null) return refusal
      const found = await digest(part)
      if (found !== id.sha256) {
        await rm(part, { force: true })
        return refuse('blob-digest-mismatch', `blob ${id.sha256}`, `SHA-256 ${id.sha256}`, found)
      }
      const folder = join(this.#folder, id.sha256.slice(0, 2))
      if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.#folder)
      // If power fails before the rename, the next start sees a whole part and verifies it again; after it, the blob.
      await rename(part, this.#path(id))
      await syncFolder(folder)
      return null
    } catch (error) {
      return diskRefusal(error, part)
    }
  }

  verify(id: BlobId): Promise<null | Refusal> {
    const name = `${id.sha256} ${id.length}`
    const running = this.#verifying.get(name)
    if (running !== undefined) return running
    const verification = this.#verify(id).finally(() => this.#verifying.delete(name))
    this.#verifying.set(name, verification)
    return verification
  }

  async #verify(id: BlobId): Promise<null | Refusal> {
    const path = this.#path(id)
    const length = await size(path)
    return length === null ? missing(id) : judge(id, await digest(path), length)
  }

  async quarantine(id: BlobId): Promise<boolean> {
    await mkdir(join(this.#folder, 'quarantine'), { recursive: true })
    try {
      await rename(this.#path(id), join(this.#folder, 'quarantine', id.sha256))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  async read(id: BlobId): Promise<Uint8Array | Refusal> {
    const path = this.#path(id)
    if ((await size(path)) === null) return missing(id)
    const bytes = await readFile(path)
    const found = createHash('sha256').update(bytes).digest('hex')
    return judge(id, found, bytes.length) ?? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  stream(id: BlobId, start: number, end: number): AsyncIterable<Uint8Array> {
    return createReadStream(this.#path(id), { start, end: end - 1, highWaterMark: CHUNK })
  }

  async #receive(part: string, id: BlobId, from: number, body: AsyncIterable<Uint8Array>): Promise<null | Refusal> {
    const file: FileHandle = await open(part, from === 0 ? 'w' : 'r+')
    let at = from
    try {
      // If power fails behind this, less is there than was, and the next try asks for it.
      if (from > 0) await file.truncate(from)
      for await (const chunk of body) {
        if (at + chunk.length > id.length) {
          return refuse('download-too-long', `blob ${id.sha256}`, `${id.length} bytes`, 'more')
        }
        await writeAll(file, chunk, at)
        at += chunk.length
      }
      await file.sync()
    } catch (error) {
      // What came is worth keeping, whatever ended the transfer: the next try goes on from it, and verifies all of it.
      await file.sync().catch(() => undefined)
      throw error
    } finally {
      await file.close()
    }
    if (at === id.length) return null
    return refuse('download-truncated', `blob ${id.sha256}`, `${id.length} bytes`, `${at} bytes`)
  }

  #path(id: BlobId): string {
    if (!NAME.test(id.sha256)) throw new Error(`not a SHA-256 name: ${id.sha256}`)
    return join(this.#folder, id.sha256.slice(0, 2), id.sha256)
  }

  #part(id: BlobId): string {
    if (!NAME.test(id.sha256)) throw new Error(`not a SHA-256 name: ${id.sha256}`)
    return join(this.#folder, 'part', id.sha256)
  }
}

const missing = (id: BlobId): Refusal =>
  refuse('blob-missing', `blob ${id.sha256}`, `a file of ${id.length} bytes`, 'none')

/** The right bytes under a wrong length are not what was signed for either: nobody could ever download them. */
function judge({ sha256, length }: BlobId, found: string, size: number): null | Refusal {
  if (found !== sha256) return refuse('blob-digest-mismatch', `blob ${sha256}`, `SHA-256 ${sha256}`, found)
  if (size === length) return null
  return refuse('blob-digest-mismatch', `blob ${sha256}`, `${length} bytes`, `${size} bytes`)
}

async function size(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A disk that is nearly full takes the part of a write that fits, and says so: only the next write is an error. */
async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, at + written)).bytesWritten
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) hash.update(chunk)
  return hash.digest('hex')
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

/** A full disk is an answer; every other failure of the disk is not ours to explain away. */
function diskRefusal(error: unknown, path: string): Refusal {
  if (error instanceof RefusalError) return error.refusal
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') return refuse('no-space', path, 'room for the file', `${code}`)
  throw error
}

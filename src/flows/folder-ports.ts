import type { Refusal } from '../core/refusal/refusal.ts'
import type { BlobId } from './ports.ts'

/** A repository as plain files, in a folder that others serve. */
export interface RepositoryFolder {
  /** A metadata file; null when there is none, or one that is longer than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array | null>
  /** Writes a file under a name that never changes its content. It has the name when all of it is on the disk. */
  put(path: string, bytes: Uint8Array): Promise<void>
  /** Gives a name to other bytes, by one rename: a reader sees the old ones or the new ones. */
  replace(path: string, bytes: Uint8Array): Promise<void>
  /** Makes every name that was given so far durable. */
  sync(): Promise<void>
  /** Takes a file away, or a folder with all that is in it, when it is there. */
  remove(path: string): Promise<void>
  /** True when the target's file is there and has the digest. Reads all of it. */
  hasTarget(path: string, id: BlobId): Promise<boolean>
  /** Writes a target as `put` does. Refuses `download-truncated`, `download-too-long`, `blob-digest-mismatch`: nothing is there then. */
  putTarget(path: string, id: BlobId, body: AsyncIterable<Uint8Array>): Promise<null | Refusal>
}

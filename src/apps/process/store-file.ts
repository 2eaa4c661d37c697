import type { PublicKey } from '../../core/encoding/crypto.ts'
import type { Instant } from '../../core/encoding/units.ts'
import type { Backup, CopyMark } from '../../core/fleet/backup.ts'
import { isRefusal, type Refusal, refuse } from '../../core/refusal/refusal.ts'
import type { CopyStore } from './copy-door.ts'

/** The store of a server, as far as a backup deals with it. */
export type CopiedStore = {
  readonly copyTo: CopyStore
  /** What is wrong with its file; null: nothing. */
  fault(): string | null
  copied(): Promise<CopyMark | null>
  commit(change: { readonly copied: CopyMark }): Promise<void>
  close(): void
}

/** How far a store has come: a part of what a backup says of itself. */
export type Reached = Pick<Backup, 'given' | 'checkpoint'>

/** The file that a server's store is in. */
export type StoreFile<S extends CopiedStore> = {
  readonly of: Backup['of']
  /** Its name in the server's folder. */
  readonly database: string
  /** The newest version of its tables that this program knows. */
  readonly data: number
  readonly open: (path: string) => S | Refusal
  /** How far a copy has come, when what it holds is sound. `key`: the one that backups of `name` are signed with. */
  readonly reached: (store: S, name: string, key: PublicKey) => Promise<Reached | Refusal>
}

/** Does something with a store that was opened for it, and closes it. */
export async function withStore<S extends { close(): void }, T>(
  store: S | Refusal,
  work: (store: S) => Promise<T>,
): Promise<T | Refusal> {
  if (isRefusal(store)) return store
  try {
    return await work(store)
  } finally {
    store.close()
  }
}

/**
 * Verifies a copy of a store, its file and what it holds, and marks it as a copy that was made then. Durable on return. Refuses what
 * `open` and `reached` refuse, and `backup-damaged`.
 */
export function sealCopy<S extends CopiedStore>(
  { database, open, reached }: StoreFile<S>,
  path: string,
  { made, name, key }: { readonly made: Instant; readonly name: string; readonly key: PublicKey },
): Promise<Reached | Refusal> {
  return withStore(open(path), async store => {
    const fault = store.fault()
    if (fault !== null) return refuse('backup-damaged', database, 'a database that holds', fault)
    const so = await reached(store, name, key)
    if (isRefusal(so)) return so
    // One that was restored, and of which it is not known yet how it goes on, stays what it is: an older copy.
    if ((await store.copied()) === null) await store.commit({ copied: { made, given: so.given } })
    return so
  })
}

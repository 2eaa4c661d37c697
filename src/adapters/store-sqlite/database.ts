import { DatabaseSync } from 'node:sqlite'
import { type Refusal, RefusalError, refuse } from '../../core/refusal/refusal.ts'

/** Hears how far long work at the start is, in steps. */
export type Told = (done: number, of: number) => void

export type Migration = string | ((database: DatabaseSync, told: Told) => void)

/** What a process must be able to say of its database before it opens it. */
export type Schema = {
  /** Rises with every change of the tables; written to the file as its user_version. */
  readonly version: number
  /** `migrations[n]` brings a file of version n to version n + 1: statements, or what statements cannot do alone. */
  readonly migrations: readonly Migration[]
}

/**
 * Opens a database for one process alone: write-ahead log, synced on every commit (`synchronous = FULL`), locked
 * against a second process until this one ends, however it ends. Migrates an older file in one transaction; `told` hears how far it is.
 *
 * Refuses: `data-folder-newer` (written by a later Voltseal; nothing is touched), `data-folder-in-use`, `no-space` (for the migration; the
 * file is as it was), `data-folder-damaged` (not a database, or not readable).
 */
export function openDatabase(path: string, schema: Schema, told: Told = () => {}): DatabaseSync | Refusal {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE')
    const found = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
    if (found > schema.version) {
      database.close()
      return refuse('data-folder-newer', path, `a data version of at most ${schema.version}`, `version ${found}`)
    }
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    // What is deleted is overwritten where that costs no write of its own.
    database.exec('PRAGMA secure_delete = FAST')
    // 16 MiB of pages: what is written again and again, as indexes are, goes from the log into the file once for all of it.
    database.exec('PRAGMA wal_autocheckpoint = 4000')
    // 32 MiB of pages: the upper levels of all trees of a million controllers, which each commit walks through.
    database.exec('PRAGMA cache_size = -32768')
    // If power fails inside this transaction, the next start sees the old version and migrates again.
    database.exec('BEGIN EXCLUSIVE')
    for (let version = found; version < schema.version; version += 1) {
      const migration = schema.migrations[version]!
      if (typeof migration === 'string') database.exec(migration)
      else migration(database, told)
    }
    database.exec(`PRAGMA user_version = ${schema.version}`)
    database.exec('COMMIT')
    return database
  } catch (error) {
    try {
      database?.close()
    } catch {
      // It was never open: the refusal below says why.
    }
    const message = (error as Error).message
    if (/disk is full/i.test(message))
      return refuse('no-space', path, 'room to bring the data to this version', message)
    return /locked|busy/i.test(message)
      ? refuse('data-folder-in-use', path, 'a data folder that no other process serves', 'a lock held by another one')
      : refuse('data-folder-damaged', path, 'a readable Voltseal database', message)
  }
}

/** SQLITE_FULL: the disk has no room for the change. The transaction is undone; the same change fits later. */
const isFull = (error: unknown): boolean => (error as { errcode?: number }).errcode === 13

const full = (database: DatabaseSync): Refusal =>
  refuse('no-space', database.location() ?? 'the database', 'room for the change', 'a full disk')

type Waiting = { readonly write: () => void; readonly done: () => void; readonly failed: (error: unknown) => void }

/**
 * The one writer of a database. Writes that are asked for in the same turn of the event loop share one transaction,
 * and so one sync of the disk; each caller is answered after that sync.
 */
export class Writer {
  readonly #database: DatabaseSync
  #waiting: Waiting[] = []
  #last: Promise<unknown> = Promise.resolve()
  /** Told of each transaction how long it took, in milliseconds, with its sync. */
  onCommit: (millis: number) => void = () => undefined
  /** Told of each transaction that was undone: what was remembered of its rows is not there. */
  onUndone: () => void = () => undefined

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Durable when the promise resolves. Rejects when the transaction failed: then nothing of it is there. */
  write(write: () => void): Promise<void> {
    return new Promise<void>((done, failed) => {
      this.#waiting.push({ write, done, failed })
      if (this.#waiting.length === 1) setImmediate(() => this.#flush())
    })
  }

  /** Runs pieces of work one after the other, in the order in which they were asked for. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  #flush(): void {
    const batch = this.#waiting
    this.#waiting = []
    const begun = performance.now()
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      for (const item of batch) item.write()
      // If power fails before this line, the next start sees none of the batch, and nobody was answered.
      // If it fails after it, the next start sees all of it, and those who were not answered ask again.
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      this.onUndone()
      for (const item of batch) item.failed(isFull(error) ? new RefusalError(full(this.#database)) : error)
      return
    }
    this.onCommit(performance.now() - begun)
    for (const item of batch) item.done()
  }
}

import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { backup, type DatabaseSync } from 'node:sqlite'
import { type CopyMark, readMark, writeMark } from '../../core/fleet/backup.ts'
import { type Refusal, refuse } from '../../core/refusal/refusal.ts'

/** One row, in a copy alone: a store that goes on from itself has none. */
export const COPY_TABLE = 'CREATE TABLE copy (one INTEGER PRIMARY KEY CHECK (one = 1), mark TEXT NOT NULL) STRICT;'

/** Pages that are copied at once: for so long the server waits, well below a millisecond. */
const PAGES = 100

/** Told how far a copy is, in pages; answers whether it is to go on. */
export type OnPages = (done: number, total: number) => boolean

/** The part of a store that copies it, and that knows whether it is a copy itself. */
export class Copies {
  readonly #database: DatabaseSync
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#sql = {
      mark: database.prepare('SELECT mark FROM copy'),
      put: database.prepare('INSERT INTO copy VALUES (1, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark'),
      drop: database.prepare('DELETE FROM copy'),
    }
  }

  /** What a copied store knows of itself; null: it is none. */
  get mark(): CopyMark | null {
    const row = this.#sql.mark.get() as { mark: string } | undefined
    return row === undefined ? null : readMark(row.mark)
  }

  /** In the transaction of the decision. Null: somebody has said how it goes on. */
  apply(mark: CopyMark | null | undefined): void {
    if (mark === null) this.#sql.drop.run()
    else if (mark !== undefined) this.#sql.put.run(writeMark(mark))
  }

  /**
   * Copies the database into a new file while it is in use, by SQLite's online backup (sqlite.org/backup.html): pages that
   * change meanwhile are copied again, so the copy is the store as it is when this ends. Durable on return; whoever makes a
   * backup of it marks it. Refuses `file-exists`, `no-space`, `backup-interrupted` (somebody said no more). Then nothing of
   * it is left.
   */
  async to(path: string, onPages: OnPages): Promise<null | Refusal> {
    // Made here: the copy is private from its first byte, and no link of somebody else's is followed.
    try {
      closeSync(openSync(path, 'wx', 0o600))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EEXIST') return refuse('file-exists', path, 'no file of that name', 'one')
      throw error
    }
    let goesOn = true
    try {
      await backup(this.#database, path, {
        rate: PAGES,
        progress: ({ totalPages, remainingPages }) => {
          goesOn = onPages(totalPages - remainingPages, totalPages)
          if (!goesOn) throw new Error('ended')
        },
      })
      const file = openSync(path, 'r+')
      fsyncSync(file)
      closeSync(file)
      return null
    } catch (error) {
      for (const file of [path, `${path}-journal`, `${path}-wal`]) rmSync(file, { force: true })
      if (!goesOn) return refuse('backup-interrupted', path, 'a copy of the whole store', 'one that was ended')
      const { errcode, code, message } = error as NodeJS.ErrnoException & { errcode?: number }
      // SQLITE_FULL; and SQLITE_IOERR, which a file system of a quota answers with.
      const isFull = errcode === 13 || /full/i.test(message) || code === 'ENOSPC'
      if (isFull) return refuse('no-space', path, 'room for a copy of the store', 'a full disk')
      throw error
    }
  }

  /** What SQLite finds wrong with the file; null: nothing. Reads all of it. */
  fault(): string | null {
    const rows = this.#database.prepare('PRAGMA integrity_check(1)').all() as { integrity_check: string }[]
    const first = rows[0]?.integrity_check ?? 'no answer'
    if (first !== 'ok') return first
    const [broken] = this.#database.prepare('PRAGMA foreign_key_check').all() as { table: string }[]
    return broken === undefined ? null : `a row of ${broken.table} without what it refers to`
  }
}

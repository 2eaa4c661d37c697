import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, type Schema } from '../../../src/adapters/store-sqlite/database.ts'
import { isRefusal, type Refusal } from '../../../src/core/refusal/refusal.ts'

const SCHEMA: Schema = {
  version: 1,
  migrations: ['CREATE TABLE cut (name TEXT PRIMARY KEY) STRICT'],
}

/**
 * What a site's process writes down beside its controllers: which injected losses of power have happened. Its lock keeps
 * a second process out. Everything is durable on return.
 */
export class SiteNotes {
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Refuses `data-folder-in-use`, `data-folder-newer`, `data-folder-damaged`. */
  static open(path: string): SiteNotes | Refusal {
    const database = openDatabase(path, SCHEMA)
    return isRefusal(database) ? database : new SiteNotes(database)
  }

  hasCut(name: string): boolean {
    return this.#database.prepare('SELECT 1 FROM cut WHERE name = ?').get(name) !== undefined
  }

  addCut(name: string): void {
    this.#database.prepare('INSERT OR IGNORE INTO cut VALUES (?)').run(name)
  }

  close(): void {
    this.#database.close()
  }
}

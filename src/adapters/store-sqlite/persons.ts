import type { DatabaseSync } from 'node:sqlite'
import type { Instant } from '../../core/encoding/units.ts'
import type { PersonChange, PersonRow } from '../../core/ledger/person-rows.ts'
import type { PersonStore } from '../../flows/people-ports.ts'
import type { FleetChange } from '../../flows/ports.ts'
import { ontoFreshPages } from './fresh-pages.ts'

/** The tables of who the log's pseudonyms are, as a migration. Nothing else refers to them: what is deleted here is gone. */
export const PERSON_TABLES = `CREATE TABLE person (name TEXT PRIMARY KEY, salt BLOB NOT NULL, stranger INTEGER NOT NULL,
     since INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX person_stranger ON person (since) WHERE stranger = 1;
   CREATE TABLE pseudonym (pseudonym TEXT PRIMARY KEY, name TEXT NOT NULL REFERENCES person (name), text TEXT NOT NULL)
     STRICT, WITHOUT ROWID;
   CREATE INDEX pseudonym_name ON pseudonym (name);`

/** The parts of a change that forget somebody, and those that touch a table with names of people. */
const OF_FORGOTTEN = ['forgottenPersons', 'forgottenAccounts'] as const
const OF_PEOPLE = [
  'persons',
  'pseudonyms',
  'accounts',
  'passwords',
  'credentials',
  'forgotten',
  'passkeys',
  'droppedPasskeys',
  'answers',
] as const

/** The tables in which names of people stand; those that others refer to stand before them. */
const OF_PERSONS = ['person', 'pseudonym']
const OF_ACCOUNTS = ['account', 'password', 'credential', 'passkey', 'answer', 'webhook', 'letter', 'import']

type StoredPerson = {
  readonly name: string
  readonly salt: Uint8Array
  readonly stranger: number
  readonly since: number
}

/** The part of the fleet's store that knows whom the log speaks of. It writes inside the store's own transaction. */
export class Persons implements PersonStore {
  readonly #database: DatabaseSync
  readonly #sql
  #overwrites = false

  constructor(database: DatabaseSync) {
    this.#database = database
    // What a power failure left of a wiping (see below) is over before anything else is done.
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    this.#sql = {
      person: database.prepare('SELECT name, salt, stranger, since FROM person WHERE name = ?'),
      text: database.prepare('SELECT text FROM pseudonym WHERE pseudonym = ?'),
      strangers: database.prepare(
        `SELECT name FROM person WHERE stranger = 1 AND since < ? AND name NOT IN (SELECT id FROM account)
         ORDER BY since`,
      ),
      put: database.prepare(
        'INSERT INTO person VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET stranger = excluded.stranger',
      ),
      putPseudonym: database.prepare('INSERT INTO pseudonym VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
      dropPseudonyms: database.prepare('DELETE FROM pseudonym WHERE name = ?'),
      drop: database.prepare('DELETE FROM person WHERE name = ?'),
      dropPassword: database.prepare('DELETE FROM password WHERE account = ?'),
      dropCredentials: database.prepare('DELETE FROM credential WHERE account = ?'),
      dropPasskeys: database.prepare('DELETE FROM passkey WHERE account = ?'),
      dropAnswers: database.prepare('DELETE FROM answer WHERE person = ?'),
      dropAccount: database.prepare('DELETE FROM account WHERE id = ?'),
      dropMaker: database.prepare("UPDATE webhook SET by = '' WHERE by = ?"),
      dropImporter: database.prepare("UPDATE import SET person = '' WHERE person = ?"),
    }
  }

  async person(name: string): Promise<PersonRow | null> {
    const row = this.#sql.person.get(name) as StoredPerson | undefined
    return row === undefined ? null : ({ ...row, stranger: row.stranger === 1 } as unknown as PersonRow)
  }

  async named(pseudonyms: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (const one of pseudonyms) {
      const row = this.#sql.text.get(one) as { text: string } | undefined
      if (row !== undefined) found.set(one, row.text)
    }
    return found
  }

  async strangersBefore(before: Instant): Promise<string[]> {
    return (this.#sql.strangers.all(before) as { name: string }[]).map(({ name }) => name)
  }

  /** Writes a change; one that forgets somebody is wiped from the write-ahead log as well. */
  async wiping(change: FleetChange, write: () => Promise<void>): Promise<void> {
    await write()
    if (!OF_FORGOTTEN.some(part => change[part]?.length)) return
    // If power fails before this, the write-ahead log still has the old pages: the next start empties it.
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /**
   * To be called first of all in the transaction of a change. One that touches names of people overwrites what it deletes and the
   * pages that it gives up: nobody finds them later. Others may share its transaction.
   */
  overwriting(change: FleetChange): void {
    const overwrites = [...OF_FORGOTTEN, ...OF_PEOPLE].some(part => change[part]?.length)
    if (overwrites === this.#overwrites) return
    this.#database.exec(`PRAGMA secure_delete = ${overwrites ? 'ON' : 'FAST'}`)
    this.#overwrites = overwrites
  }

  apply(change: PersonChange): void {
    for (const { name, salt, stranger, since } of change.persons ?? []) {
      this.#sql.put.run(name, salt, stranger ? 1 : 0, since)
    }
    for (const { pseudonym, name, text } of change.pseudonyms ?? []) this.#sql.putPseudonym.run(pseudonym, name, text)
    for (const name of change.forgottenPersons ?? []) {
      this.#sql.dropPseudonyms.run(name)
      this.#sql.drop.run(name)
    }
    for (const name of change.forgottenAccounts ?? []) {
      for (const drop of ['dropPassword', 'dropCredentials', 'dropPasskeys', 'dropAnswers', 'dropAccount'] as const) {
        this.#sql[drop].run(name)
      }
      this.#sql.dropMaker.run(name)
      this.#sql.dropImporter.run(name)
    }
    if (change.forgottenAccounts?.length) ontoFreshPages(this.#database, [...OF_ACCOUNTS, ...OF_PERSONS])
    else if (change.forgottenPersons?.length) ontoFreshPages(this.#database, OF_PERSONS)
  }
}

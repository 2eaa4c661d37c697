import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { instant } from '../../core/encoding/units.ts'
import type { EntryRow } from '../../core/ledger/log-rows.ts'
import type { SoughtFilter, SoughtRow, Stretch } from '../../core/ledger/sought-rows.ts'
import type { EntryFilter, EntrySearch } from '../../flows/ports.ts'
import type { Archived, StoredEntry } from './archived.ts'

/**
 * What entries are looked for by: a row of small numbers for each, beside the table of their bytes. A word that many entries share
 * (a kind, a site, a person's pseudonym) stands once, in `word`; the name of a controller, of which there can be a million, in each of
 * its rows. Entries of one controller and of one campaign are found by an index. There is none for the rest: a search reads a stretch of
 * these rows, 65,536 of them in a few milliseconds, whatever is asked for together.
 */
export const SOUGHT_TABLE = `CREATE TABLE sought (ix INTEGER PRIMARY KEY, at INTEGER, kind INTEGER NOT NULL, actor INTEGER, code INTEGER,
  site INTEGER, controller TEXT, campaign INTEGER) STRICT;`
export const SOUGHT_INDEXES = `CREATE INDEX sought_controller ON sought (site, controller) WHERE controller IS NOT NULL;
  CREATE INDEX sought_campaign ON sought (campaign) WHERE campaign IS NOT NULL;`

/** The columns that hold the number of a word. */
const WORDS = ['kind', 'actor', 'code', 'site', 'campaign'] as const
type Column = (typeof WORDS)[number]
/** Those that are asked for by one word. */
const NAMED = ['kind', 'code', 'site', 'campaign'] as const

/** Words that are remembered. */
const REMEMBERED = 50_000

type Stored = {
  readonly index: number
  readonly at: number | null
  readonly controller: string | null
} & Readonly<Record<Column, number | null>>

type Where = { readonly text: string; readonly values: readonly (number | string)[] }

/** The part of the fleet's store that finds entries. It writes inside the store's own transaction. */
export class SqliteSought implements EntrySearch {
  readonly #database: DatabaseSync
  readonly #archived: Archived
  readonly #rows: SoughtRows
  readonly #searches = new Map<string, StatementSync>()
  readonly #bytes

  constructor(database: DatabaseSync, archived: Archived) {
    this.#database = database
    this.#archived = archived
    this.#rows = new SoughtRows(database)
    this.#bytes = database.prepare("SELECT ix AS 'index', bytes FROM entry WHERE ix = ?")
  }

  find(filter: SoughtFilter, { from, to }: Stretch, first: 'newest' | 'oldest', limit: number): SoughtRow[] {
    const where = this.#where(filter)
    if (where === null) return []
    const order = first === 'newest' ? 'DESC' : 'ASC'
    const search = this.#prepared(
      `SELECT ix AS "index", at, controller, ${WORDS.join(', ')} FROM sought WHERE ix >= ? AND ix < ?${where.text} ORDER BY ix ${order} LIMIT ?`,
    )
    const found = search.all(from, to, ...where.values, limit) as unknown as Stored[]
    return found.map(row => {
      const words = Object.fromEntries(
        WORDS.map(name => [name, row[name] === null ? null : this.#rows.word(row[name])]),
      )
      const { index, at, controller } = row
      return { index, at: at === null ? null : instant(at), controller, ...words } as SoughtRow
    })
  }

  /** Entries of a controller or a campaign from an index on, oldest first: of more than the limit the first, or the last. */
  entriesOf(filter: EntryFilter, from: number, which: 'first' | 'last', limit: number): StoredEntry[] {
    const where = this.#where(filter)
    if (where === null) return []
    const search = this.#prepared(
      `SELECT ix AS "index", bytes FROM entry WHERE ix IN (SELECT ix FROM sought WHERE ix >= ?${where.text}
       ORDER BY ix ${which === 'last' ? 'DESC' : 'ASC'} LIMIT ?) ORDER BY ix`,
    )
    return search.all(from, ...where.values, limit) as StoredEntry[]
  }

  kinds(filter: SoughtFilter, { from, to }: Stretch): ReadonlyMap<string, number> {
    const where = this.#where(filter)
    if (where === null) return new Map()
    const search = this.#prepared(
      `SELECT kind, count(*) AS count FROM sought WHERE ix >= ? AND ix < ?${where.text} GROUP BY kind`,
    )
    const found = search.all(from, to, ...where.values) as { kind: number; count: number }[]
    return new Map(found.map(({ kind, count }) => [this.#rows.word(kind), count]))
  }

  async bytesOf(indices: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const rows = indices.flatMap(index => (this.#bytes.get(index) as StoredEntry | undefined) ?? [])
    return new Map((await this.#archived.there(rows)).map(({ index, bytes }) => [index, bytes]))
  }

  /** In the transaction of the entries. */
  add(index: number, row: EntryRow): void {
    this.#rows.add(index, row)
  }

  /** A transaction was undone: words that it brought are not there. */
  forget(): void {
    this.#rows.forget()
  }

  /** A condition for what is asked; null: it names a word that no entry has, and nothing fits. */
  #where({ since, until, actors, controller, ...rest }: SoughtFilter): Where | null {
    let text = ''
    const values: (number | string)[] = []
    if (controller !== undefined) {
      text += ' AND controller = ?'
      values.push(controller)
    }
    for (const name of NAMED) {
      const word = rest[name]
      if (word === undefined) continue
      const id = this.#rows.idOf(word)
      if (id === null) return null
      text += ` AND ${name} = ?`
      values.push(id)
    }
    if (actors !== undefined) {
      const ids = actors.flatMap(one => this.#rows.idOf(one) ?? [])
      if (ids.length === 0) return null
      text += ` AND actor IN (${ids.map(() => '?').join(', ')})`
      values.push(...ids)
    }
    if (since !== undefined) {
      text += ' AND at >= ?'
      values.push(since)
    }
    if (until !== undefined) {
      text += ' AND at < ?'
      values.push(until)
    }
    return { text, values }
  }

  #prepared(sql: string): StatementSync {
    const known = this.#searches.get(sql) ?? this.#database.prepare(sql)
    this.#searches.set(sql, known)
    return known
  }
}

/** What an entry is looked for by. `at` and `actor` are null of one that was archived before there was a search. */
export type Said = Pick<EntryRow, 'kind'> & {
  readonly [name in 'at' | 'controller' | Column]?: EntryRow[name] | null
}

/** The rows and their words. */
export class SoughtRows {
  readonly #sql
  readonly #ids = new Map<string, number>()
  readonly #words = new Map<number, string>()

  constructor(database: DatabaseSync) {
    this.#sql = {
      id: database.prepare('SELECT id FROM word WHERE word = ?'),
      word: database.prepare('SELECT word FROM word WHERE id = ?'),
      addWord: database.prepare('INSERT INTO word (word) VALUES (?)'),
      add: database.prepare('INSERT INTO sought VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    }
  }

  add(index: number, { at, kind, actor, code, site, controller, campaign }: Said): void {
    const words = [this.#give(kind), this.#give(actor), this.#give(code), this.#give(site)] as const
    this.#sql.add.run(index, at ?? null, ...words, controller ?? null, this.#give(campaign))
  }

  /** The number of a word; null: no entry has it. */
  idOf(word: string): number | null {
    const known = this.#ids.get(word)
    if (known !== undefined) return known
    const found = this.#sql.id.get(word) as { id: number } | undefined
    if (found === undefined) return null
    this.#remember(found.id, word)
    return found.id
  }

  word(id: number): string {
    const known = this.#words.get(id)
    if (known !== undefined) return known
    const { word } = this.#sql.word.get(id) as { word: string }
    this.#remember(id, word)
    return word
  }

  forget(): void {
    this.#ids.clear()
    this.#words.clear()
  }

  #give(word: string | null | undefined): number | null {
    if (word === undefined || word === null) return null
    const known = this.idOf(word)
    if (known !== null) return known
    const id = Number(this.#sql.addWord.run(word).lastInsertRowid)
    this.#remember(id, word)
    return id
  }

  #remember(id: number, word: string): void {
    if (this.#ids.size >= REMEMBERED) this.forget()
    this.#ids.set(word, id)
    this.#words.set(id, word)
  }
}

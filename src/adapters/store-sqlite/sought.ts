import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { instant } from '../../core/encoding/units.ts'
import type { EntryRow } from '../../core/ledger/log-rows.ts'
import type { SoughtFilter, SoughtRow, Stretch } from '../../core/ledger/sought-rows.ts'
import type { EntrySearch } from '../../flows/ports.ts'
import type { Archived, StoredEntry } from './archived.ts'

/**
 * What entries are looked for by: a row of small numbers for each, beside the table of their bytes. A word that many entries share
 * (a kind, a site, a person's pseudonym) stands once. There is no index but the entry's own: a search reads a stretch of these
 * rows, 65,536 of them in a few milliseconds, whatever is asked for together; and an entry is written with one row more, at the end of a tree.
 */
export const SOUGHT_TABLES = `CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE sought (ix INTEGER PRIMARY KEY, at INTEGER, kind INTEGER NOT NULL, actor INTEGER, code INTEGER,
    site INTEGER, controller INTEGER, campaign INTEGER) STRICT;`

/** The columns that hold a word. */
const WORDS = ['kind', 'actor', 'code', 'site', 'controller', 'campaign'] as const
type Column = (typeof WORDS)[number]
/** Those that are asked for by one word. */
const NAMED = ['kind', 'code', 'site', 'controller', 'campaign'] as const

/** Words that are remembered: of names of controllers there can be a million. */
const REMEMBERED = 50_000

type Stored = { readonly index: number; readonly at: number | null } & Readonly<Record<Column, number | null>>

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
      `SELECT ix AS "index", at, ${WORDS.join(', ')} FROM sought WHERE ix >= ? AND ix < ?${where.text} ORDER BY ix ${order} LIMIT ?`,
    )
    const found = search.all(from, to, ...where.values, limit) as unknown as Stored[]
    return found.map(row => {
      const words = Object.fromEntries(
        WORDS.map(name => [name, row[name] === null ? null : this.#rows.word(row[name])]),
      )
      return { index: row.index, at: row.at === null ? null : instant(row.at), ...words } as SoughtRow
    })
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
  #where({ since, until, actors, ...rest }: SoughtFilter): { text: string; values: number[] } | null {
    let text = ''
    const values: number[] = []
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

/** The rows and their words. */
class SoughtRows {
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

  add(index: number, row: Pick<EntryRow, 'kind'> & { readonly [name in 'at' | Column]?: EntryRow[name] | null }): void {
    const ids = WORDS.map(name => this.#give(row[name] ?? null))
    this.#sql.add.run(index, row.at ?? null, ...ids)
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

  #give(word: string | null): number | null {
    if (word === null) return null
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

/** What of an entry's bytes is looked for. A migration runs over a store as it is: an entry that reads as none is found by its place. */
function saidIn(bytes: Uint8Array): { at?: EntryRow['at']; actor?: string; code?: string } {
  try {
    const { at, actor, code } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    const id = (actor as { id?: unknown } | undefined)?.id
    return {
      ...(Number.isSafeInteger(at) ? { at: instant(at as number) } : {}),
      ...(typeof id === 'string' ? { actor: id } : {}),
      ...(typeof code === 'string' ? { code } : {}),
    }
  } catch {
    return {}
  }
}

/** Makes the rows of a log that was begun without them, from its entries. Those in the archive alone are found by kind, place and campaign. */
export function fillSought(database: DatabaseSync): void {
  const rows = new SoughtRows(database)
  const entries = database.prepare('SELECT ix, bytes, kind, site, controller, campaign FROM entry ORDER BY ix')
  for (const { ix, bytes, ...columns } of entries.iterate()) {
    const { kind, site, controller, campaign } = columns as Record<'kind' | 'site' | 'controller' | 'campaign', string>
    rows.add(ix as number, { kind, site, controller, campaign, ...saidIn(bytes as Uint8Array) })
  }
}

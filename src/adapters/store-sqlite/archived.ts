import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { sameBytes } from '../../core/encoding/bytes.ts'
import { Misfit } from '../../core/encoding/shape.ts'
import type { Instant } from '../../core/encoding/units.ts'
import { readBundle } from '../../core/ledger/bundle.ts'
import { leafHash } from '../../core/ledger/merkle.ts'
import { TILE_WIDTH, tilePath } from '../../core/ledger/tiles.ts'
import { type Refusal, RefusalError, refuse } from '../../core/refusal/refusal.ts'
import type { ArchiveChange, ArchivedCount, ArchiveStore } from '../../flows/archive-ports.ts'
import type { LogFiles } from '../../flows/ports.ts'

/** When a full bundle of entries is looked at next; null: nothing of it ever leaves. One that was never looked at has no row. */
export const BUNDLE_TABLE = 'CREATE TABLE bundle (ix INTEGER PRIMARY KEY, due INTEGER) STRICT;'

export type StoredEntry = { readonly index: number; readonly bytes: Uint8Array }

/** Bundles that are kept in memory: who reads page after page asks for one again and again. */
const KEPT = 16
const hasher = { sha256: (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest() }

/**
 * The part of the fleet's store that knows which entries are in the archive alone. Their rows stay, with their hash and what they are
 * looked up by; their bytes are empty, which no entry's are. Whoever reads them gets them from the archive, held against that hash.
 */
export class Archived implements ArchiveStore {
  readonly #sql
  readonly #archive: LogFiles | null
  readonly #bundles = new Map<number, readonly Uint8Array[] | null>()

  constructor(database: DatabaseSync, archive: LogFiles | null) {
    this.#archive = archive
    this.#sql = {
      entries: database.prepare(
        "SELECT ix AS 'index', bytes FROM entry WHERE ix >= ? AND ix < ? AND bytes <> x'' ORDER BY ix",
      ),
      leaf: database.prepare('SELECT leaf FROM entry WHERE ix = ?'),
      empty: database.prepare("UPDATE entry SET bytes = x'' WHERE ix = ?"),
      fill: database.prepare("UPDATE entry SET bytes = ? WHERE ix = ? AND bytes = x''"),
      newest: database.prepare('SELECT max(ix) AS ix FROM bundle'),
      due: database.prepare('SELECT ix FROM bundle WHERE due <= ? ORDER BY ix LIMIT ?'),
      put: database.prepare('INSERT INTO bundle VALUES (?, ?) ON CONFLICT DO UPDATE SET due = excluded.due'),
      forget: database.prepare('DELETE FROM bundle'),
      count: database.prepare(
        "SELECT count(*) AS count, min(ix) AS first, max(ix) AS last FROM entry WHERE bytes = x''",
      ),
    }
  }

  /** The rows with their bytes. Throws a `RefusalError` with `log-archived` when the archive is not there, or has other bytes. */
  async whole(rows: readonly StoredEntry[]): Promise<StoredEntry[]> {
    const there = await this.there(rows)
    if (there.length === rows.length) return there
    const had = new Set(there.map(({ index }) => index))
    const missing = rows.filter(({ index }) => !had.has(index)).map(({ index }) => index)
    throw new RefusalError(archived(missing[0] as number, missing.at(-1) as number))
  }

  /** The rows whose bytes can be had. */
  async there(rows: readonly StoredEntry[]): Promise<StoredEntry[]> {
    if (rows.every(({ bytes }) => bytes.length > 0)) return rows as StoredEntry[]
    const there: StoredEntry[] = []
    for (const row of rows) {
      const bytes = row.bytes.length > 0 ? row.bytes : await this.#fromArchive(row.index)
      if (bytes !== null) there.push({ index: row.index, bytes })
    }
    return there
  }

  async #fromArchive(index: number): Promise<Uint8Array | null> {
    const number = Math.floor(index / TILE_WIDTH)
    const known = this.#bundles.get(number)
    const bundle = known === undefined ? await this.#read(number) : known
    const bytes = bundle?.[index % TILE_WIDTH]
    if (bytes === undefined) return null
    // Nothing that the archive holds is believed: whoever could write there could write anything.
    const { leaf } = this.#sql.leaf.get(index) as { leaf: Uint8Array }
    return sameBytes(leafHash(hasher, bytes), leaf) ? bytes : null
  }

  async #read(number: number): Promise<readonly Uint8Array[] | null> {
    const path = tilePath({ level: 'entries', index: number, width: TILE_WIDTH })
    const file = (await this.#archive?.file(path)) ?? null
    const read = file === null ? null : readBundle(file, TILE_WIDTH)
    const bundle = read === null || read instanceof Misfit ? null : read
    // One that is not there now may be there in a moment.
    if (bundle === null) return null
    const [oldest] = this.#bundles.keys()
    if (this.#bundles.size >= KEPT) this.#bundles.delete(oldest as number)
    this.#bundles.set(number, bundle)
    return bundle
  }

  async atHand(from: number, to: number): Promise<StoredEntry[]> {
    return this.#sql.entries.all(from, to) as StoredEntry[]
  }

  async newest(): Promise<number> {
    return (this.#sql.newest.get() as { ix: number | null }).ix ?? -1
  }

  async due(now: Instant, limit: number): Promise<number[]> {
    return (this.#sql.due.all(now, limit) as { ix: number }[]).map(({ ix }) => ix)
  }

  async count(): Promise<ArchivedCount> {
    return this.#sql.count.get() as ArchivedCount
  }

  /** In the transaction of the decision. */
  apply({ archived = [], returned = [], bundles = [], bundlesForgotten = false }: ArchiveChange): void {
    if (bundlesForgotten) this.#sql.forget.run()
    for (const { index, due } of bundles) this.#sql.put.run(index, due)
    for (const index of archived) this.#sql.empty.run(index)
    for (const { index, bytes } of returned) this.#sql.fill.run(bytes, index)
  }
}

const archived = (first: number, last: number): Refusal =>
  refuse('log-archived', `entries ${first} to ${last}`, 'the archive that they were moved to', 'none that has them')

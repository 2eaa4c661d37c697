import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Keeping, OutboxItem, OwnLog } from '../../core/ledger/own-log-rows.ts'
import { firstHead, itemDigest, nextHead } from '../../core/ledger/site-chain.ts'
import type { GatewayChange } from '../../flows/ports.ts'

/** SHA-256 for the chain of a gateway's own log. */
const hash = { sha256: (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest()) }

/** Bytes that an item takes beside its own: its row, its head, its place in the index. */
const OVERHEAD = 100

const SIZE = `length(bytes) + ${OVERHEAD}`

/** Brings the outbox of before, whose items stood alone, into a chain that begins in front of the first of them. */
export function chainOutbox(database: DatabaseSync): void {
  database.exec(
    `ALTER TABLE outbox ADD COLUMN before BLOB NOT NULL DEFAULT x'';
     CREATE TABLE own_log (one INTEGER PRIMARY KEY CHECK (one = 1), acknowledged INTEGER NOT NULL, head BLOB NOT NULL,
       unsent INTEGER NOT NULL, sent INTEGER NOT NULL) STRICT;
     CREATE TABLE moving (place INTEGER PRIMARY KEY, kind TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
     CREATE TABLE told (controller TEXT PRIMARY KEY, key TEXT NOT NULL, told INTEGER NOT NULL, digest TEXT NOT NULL,
       sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  )
  const rows = database.prepare('SELECT sequence, kind, bytes FROM outbox ORDER BY sequence').all() as OutboxItem[]
  const given = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").get() as
    | { seq: number }
    | undefined
  const put = database.prepare('UPDATE outbox SET before = ? WHERE sequence = ?')
  let head = firstHead()
  let unsent = 0
  for (const { sequence, kind, bytes } of rows) {
    put.run(head, sequence)
    head = nextHead(hash, head, sequence, itemDigest(hash, kind, bytes))
    unsent += bytes.length + OVERHEAD
  }
  const acknowledged = rows[0] === undefined ? (given?.seq ?? 0) : rows[0].sequence - 1
  database.prepare('INSERT INTO own_log VALUES (1, ?, ?, ?, 0)').run(acknowledged, head, unsent)
}

/**
 * By which controller an item is found: its own word for it, as an entry or as what a controller signed. What is no JSON is about nobody; an
 * index that could not be made would keep the item from being written.
 */
const ABOUT = `CASE WHEN json_valid(CAST(bytes AS TEXT)) THEN coalesce(
  json_extract(CAST(bytes AS TEXT), '$.controller'), json_extract(CAST(bytes AS TEXT), '$.signed.controller')) END`

/** Finds the items of one controller without reading those of the others: the log of a site that was by itself for months is long. */
export const ITEMS_BY_CONTROLLER = `CREATE INDEX outbox_about ON outbox (${ABOUT}, sequence);`

type State = { acknowledged: number; head: Uint8Array; unsent: number; sent: number }

/**
 * A gateway's own log in its database: the chain of its items, those that the fleet has acknowledged among them, both parts within
 * their limits. Everything here happens inside the transaction of a commit.
 */
export class SqliteOwnLog {
  readonly #keep: Keeping
  readonly #sql

  constructor(database: DatabaseSync, keep: Keeping) {
    this.#keep = keep
    this.#sql = {
      state: database.prepare('SELECT acknowledged, head, unsent, sent FROM own_log'),
      putState: database.prepare('UPDATE own_log SET acknowledged = ?, head = ?, unsent = ?, sent = ?'),
      last: database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'"),
      forgetLast: database.prepare("DELETE FROM sqlite_sequence WHERE name = 'outbox'"),
      putLast: database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)"),
      move: database.prepare(
        'INSERT INTO moving (kind, bytes) SELECT kind, bytes FROM outbox WHERE sequence > ? ORDER BY sequence',
      ),
      moved: database.prepare('SELECT place, kind, bytes FROM moving WHERE place > ? ORDER BY place LIMIT 1'),
      forgetMoved: database.prepare('DELETE FROM moving'),
      dropBehind: database.prepare('DELETE FROM outbox WHERE sequence > ?'),
      first: database.prepare('SELECT min(sequence) AS sequence FROM outbox'),
      behind: database.prepare(
        'SELECT sequence, kind, bytes, before FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?',
      ),
      about: database.prepare(
        `SELECT sequence, kind, bytes, before FROM outbox WHERE ${ABOUT} = ? ORDER BY sequence DESC LIMIT ?`,
      ),
      add: database.prepare('INSERT INTO outbox (kind, bytes, before) VALUES (?, ?, ?)'),
      size: database.prepare(
        `SELECT coalesce(sum(${SIZE}), 0) AS bytes FROM outbox WHERE sequence > ? AND sequence <= ?`,
      ),
      oldest: database.prepare(
        `SELECT sequence, ${SIZE} AS bytes FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT 1`,
      ),
      drop: database.prepare('DELETE FROM outbox WHERE sequence = ?'),
    }
  }

  /** Items behind a number, each with the head in front of it. */
  behind(sequence: number, limit: number): OutboxItem[] {
    return this.#sql.behind.all(sequence, limit) as OutboxItem[]
  }

  /** The newest items about a controller, oldest first. */
  about(controller: string, limit: number): OutboxItem[] {
    return (this.#sql.about.all(controller, limit) as OutboxItem[]).reverse()
  }

  unsent(limit: number): OutboxItem[] {
    return this.behind(this.#state().acknowledged, limit)
  }

  last(): number {
    return (this.#sql.last.get() as { seq: number } | undefined)?.seq ?? 0
  }

  read(): OwnLog {
    const { acknowledged, head, unsent, sent } = this.#state()
    const { sequence } = this.#sql.first.get() as { sequence: number | null }
    const last = this.last()
    const next = this.behind(acknowledged, 1)[0]?.sequence ?? last + 1
    // What stands in front of the first that is there, and was not handed over, is gone.
    const lostFrom = next > acknowledged + 1 ? { lostFrom: acknowledged + 1 } : {}
    return {
      first: sequence ?? 0,
      acknowledged,
      last,
      head,
      unsentBytes: unsent,
      sentBytes: sent,
      ...lostFrom,
    }
  }

  apply({ outbox = [], acknowledged, rewound, continued }: GatewayChange): void {
    if (outbox.length === 0 && acknowledged === undefined && rewound === undefined && continued === undefined) return
    const state = this.#state()
    if (rewound !== undefined && rewound < state.acknowledged) this.#place(state, rewound)
    if (continued !== undefined) this.#renumber(state, continued, outbox)
    else for (const { kind, bytes } of outbox) this.#append(state, kind, bytes)
    if (acknowledged !== undefined && acknowledged > state.acknowledged) this.#place(state, acknowledged)
    this.#bound(state)
    this.#sql.putState.run(state.acknowledged, state.head, state.unsent, state.sent)
  }

  #state(): State {
    return { ...(this.#sql.state.get() as State) }
  }

  /** AUTOINCREMENT: a number that was given is never given again, whatever was dropped. */
  #append(state: State, kind: string, bytes: Uint8Array): void {
    const { lastInsertRowid } = this.#sql.add.run(kind, bytes, state.head)
    state.head = nextHead(hash, state.head, Number(lastInsertRowid), itemDigest(hash, kind, bytes))
    state.unsent += bytes.length + OVERHEAD
  }

  /** Moves the end of what the fleet has. */
  #place(state: State, acknowledged: number): void {
    state.acknowledged = acknowledged
    state.sent = (this.#sql.size.get(0, acknowledged) as { bytes: number }).bytes
    state.unsent = (this.#sql.size.get(acknowledged, Number.MAX_SAFE_INTEGER) as { bytes: number }).bytes
  }

  /**
   * Goes on behind another end: what is still to be handed over gets new numbers there, behind what is said of it. What the fleet
   * never took had numbers as well; they are given again, to what it will take.
   */
  #renumber(
    state: State,
    to: NonNullable<GatewayChange['continued']>,
    first: NonNullable<GatewayChange['outbox']>,
  ): void {
    this.#sql.move.run(state.acknowledged)
    this.#sql.dropBehind.run(Math.min(state.acknowledged, to.sequence))
    this.#sql.forgetLast.run()
    this.#sql.putLast.run(to.sequence)
    state.head = to.head
    for (const { kind, bytes } of first) this.#append(state, kind, bytes)
    for (let next = 0; ; ) {
      const moved = this.#sql.moved.get(next) as { place: number; kind: string; bytes: Uint8Array } | undefined
      if (moved === undefined) break
      next = moved.place
      this.#append(state, moved.kind, moved.bytes)
    }
    this.#sql.forgetMoved.run()
    this.#place(state, to.sequence)
  }

  /** The oldest go first: of what the fleet has, then of what it has not. */
  #bound(state: State): void {
    while (state.sent > this.#keep.sentBytes) {
      const oldest = this.#sql.oldest.get(0) as { sequence: number; bytes: number } | undefined
      if (oldest === undefined || oldest.sequence > state.acknowledged) break
      this.#sql.drop.run(oldest.sequence)
      state.sent -= oldest.bytes
    }
    while (state.unsent > this.#keep.unsentBytes) {
      const oldest = this.#sql.oldest.get(state.acknowledged) as { sequence: number; bytes: number } | undefined
      // The newest stays, however large it is: it is what says that others are gone.
      if (oldest === undefined || oldest.sequence === this.last()) break
      this.#sql.drop.run(oldest.sequence)
      state.unsent -= oldest.bytes
    }
  }
}

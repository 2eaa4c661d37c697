import type { DatabaseSync } from 'node:sqlite'
import type { LetterRow, WebhookChange, WebhookRow } from '../../core/ledger/webhook-rows.ts'
import type { WebhookStore } from '../../flows/webhook-ports.ts'

export const WEBHOOK_TABLES = `CREATE TABLE webhook (id TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, site TEXT,
     secret BLOB NOT NULL, by TEXT NOT NULL, since INTEGER NOT NULL, next INTEGER NOT NULL, failures INTEGER NOT NULL,
     due INTEGER NOT NULL, fault TEXT) STRICT;
   CREATE TABLE letter (webhook TEXT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE, ix INTEGER NOT NULL,
     at INTEGER NOT NULL, fault TEXT NOT NULL, again INTEGER NOT NULL, PRIMARY KEY (webhook, ix)) STRICT, WITHOUT ROWID;`

const WEBHOOK = 'id, url, events, site, secret, by, since, next, failures, due, fault'
const LETTER = 'webhook, ix AS "index", at, fault, again'

/** Subscriptions in the fleet's database. */
export class SqliteWebhooks implements WebhookStore {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      webhook: database.prepare(`SELECT ${WEBHOOK} FROM webhook WHERE id = ?`),
      webhooks: database.prepare(`SELECT ${WEBHOOK} FROM webhook ORDER BY id`),
      letter: database.prepare(`SELECT ${LETTER} FROM letter WHERE webhook = ? AND ix = ?`),
      letters: database.prepare(`SELECT ${LETTER} FROM letter WHERE webhook = ? AND ix > ? ORDER BY ix LIMIT ?`),
      countLetters: database.prepare('SELECT count(*) AS count FROM letter WHERE webhook = ?'),
      put: database.prepare(
        `INSERT INTO webhook (${WEBHOOK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
         SET next = excluded.next, failures = excluded.failures, due = excluded.due, fault = excluded.fault`,
      ),
      drop: database.prepare('DELETE FROM webhook WHERE id = ?'),
      putLetter: database.prepare(
        `INSERT INTO letter VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
         SET at = excluded.at, fault = excluded.fault, again = excluded.again`,
      ),
      dropLetter: database.prepare('DELETE FROM letter WHERE webhook = ? AND ix = ?'),
    }
  }

  async webhook(id: string): Promise<WebhookRow | null> {
    const row = this.#sql.webhook.get(id) as StoredWebhook | undefined
    return row === undefined ? null : webhookOf(row)
  }

  async webhooks(): Promise<WebhookRow[]> {
    return (this.#sql.webhooks.all() as StoredWebhook[]).map(webhookOf)
  }

  async letter(webhook: string, index: number): Promise<LetterRow | null> {
    const row = this.#sql.letter.get(webhook, index) as StoredLetter | undefined
    return row === undefined ? null : letterOf(row)
  }

  async letters(webhook: string, behind: number | null, limit: number): Promise<LetterRow[]> {
    return (this.#sql.letters.all(webhook, behind ?? -1, limit) as StoredLetter[]).map(letterOf)
  }

  async countLetters(webhook: string): Promise<number> {
    return (this.#sql.countLetters.get(webhook) as { count: number }).count
  }

  /** In the transaction of the decision. */
  apply({ webhooks = [], webhooksGone = [], letters = [], lettersTaken = [] }: WebhookChange): void {
    for (const row of webhooks) {
      const { id, url, events, site, secret, by, since, next, failures, due, fault } = row
      this.#sql.put.run(id, url, JSON.stringify(events), site, secret, by, since, next, failures, due, fault)
    }
    for (const id of webhooksGone) this.#sql.drop.run(id)
    for (const { webhook, index, at, fault, again } of letters) {
      this.#sql.putLetter.run(webhook, index, at, fault, again ? 1 : 0)
    }
    for (const { webhook, index } of lettersTaken) this.#sql.dropLetter.run(webhook, index)
  }
}

type StoredWebhook = Omit<WebhookRow, 'events'> & { readonly events: string }
type StoredLetter = Omit<LetterRow, 'again'> & { readonly again: number }

const webhookOf = (row: StoredWebhook): WebhookRow => ({ ...row, events: JSON.parse(row.events) as string[] })
const letterOf = (row: StoredLetter): LetterRow => ({ ...row, again: row.again === 1 })

import type { DatabaseSync } from 'node:sqlite'
import type { AccountChange, AccountRow, KeptCredential, PasskeyRow } from '../../core/fleet/account-rows.ts'

/** The tables of accounts, as a migration. Passwords stand apart: no list of accounts can bring them along. */
export const ACCOUNT_TABLES = `CREATE TABLE account (id TEXT PRIMARY KEY, account BLOB NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE password (account TEXT PRIMARY KEY REFERENCES account (id), hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE credential (id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id), credential BLOB NOT NULL,
     used INTEGER) STRICT, WITHOUT ROWID;
   CREATE INDEX credential_account ON credential (account, id);`

/** Passkeys, as a migration. One credential of an authenticator belongs to one account. */
export const PASSKEY_TABLE = `CREATE TABLE passkey (id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id),
     passkey BLOB NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX passkey_account ON passkey (account, id);`

/** The part of the fleet's store that holds accounts. It writes inside the store's own transaction. */
export class Accounts {
  readonly #sql

  constructor(database: DatabaseSync) {
    this.#sql = {
      account: database.prepare('SELECT id, account FROM account WHERE id = ?'),
      accounts: database.prepare('SELECT id, account FROM account ORDER BY id'),
      password: database.prepare('SELECT hash FROM password WHERE account = ?'),
      credential: database.prepare('SELECT id, account, credential, used FROM credential WHERE id = ?'),
      credentials: database.prepare(
        'SELECT id, account, credential, used FROM credential WHERE account = ? ORDER BY account, id',
      ),
      putAccount: database.prepare(
        'INSERT INTO account VALUES (?, ?) ON CONFLICT DO UPDATE SET account = excluded.account',
      ),
      putPassword: database.prepare(
        'INSERT INTO password VALUES (?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash',
      ),
      dropPassword: database.prepare('DELETE FROM password WHERE account = ?'),
      putCredential: database.prepare(
        `INSERT INTO credential (id, account, credential) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET credential = excluded.credential WHERE account = excluded.account`,
      ),
      forget: database.prepare('DELETE FROM credential WHERE id = ?'),
      passkey: database.prepare('SELECT id, account, passkey FROM passkey WHERE id = ?'),
      passkeys: database.prepare('SELECT id, account, passkey FROM passkey WHERE account = ? ORDER BY account, id'),
      putPasskey: database.prepare(
        `INSERT INTO passkey VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET passkey = excluded.passkey WHERE account = excluded.account`,
      ),
      dropPasskey: database.prepare('DELETE FROM passkey WHERE id = ?'),
      use: database.prepare('UPDATE credential SET used = max(coalesce(used, 0), ?) WHERE id = ?'),
    }
  }

  account(id: string): AccountRow | null {
    return (this.#sql.account.get(id) as AccountRow | undefined) ?? null
  }

  all(): AccountRow[] {
    return this.#sql.accounts.all() as AccountRow[]
  }

  password(account: string): string | null {
    return (this.#sql.password.get(account) as { hash: string } | undefined)?.hash ?? null
  }

  credential(id: string): KeptCredential | null {
    return (this.#sql.credential.get(id) as KeptCredential | undefined) ?? null
  }

  credentials(account: string): KeptCredential[] {
    return this.#sql.credentials.all(account) as KeptCredential[]
  }

  passkey(id: string): PasskeyRow | null {
    return (this.#sql.passkey.get(id) as PasskeyRow | undefined) ?? null
  }

  passkeys(account: string): PasskeyRow[] {
    return this.#sql.passkeys.all(account) as PasskeyRow[]
  }

  apply(change: AccountChange): void {
    for (const { id, account } of change.accounts ?? []) this.#sql.putAccount.run(id, account)
    for (const { account, hash } of change.passwords ?? []) {
      if (hash === null) this.#sql.dropPassword.run(account)
      else this.#sql.putPassword.run(account, hash)
    }
    for (const { id, account, credential } of change.credentials ?? []) {
      this.#sql.putCredential.run(id, account, credential)
    }
    for (const id of change.forgotten ?? []) this.#sql.forget.run(id)
    for (const { id, account, passkey } of change.passkeys ?? []) this.#sql.putPasskey.run(id, account, passkey)
    for (const id of change.droppedPasskeys ?? []) this.#sql.dropPasskey.run(id)
    for (const { id, at } of change.uses ?? []) this.#sql.use.run(at, id)
  }
}

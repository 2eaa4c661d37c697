import { ACCOUNT_TABLES, PASSKEY_TABLE } from './accounts.ts'
import { ANSWER_TABLE } from './answers.ts'
import { BUNDLE_TABLE } from './archived.ts'
import { ASKING_TABLE, ATTENTION_INDEX } from './attention.ts'
import { BEHIND_TABLE } from './behind.ts'
import { COPY_TABLE } from './copy.ts'
import type { Migration } from './database.ts'
import { GATHERED_TABLES } from './gathered.ts'
import { HISTORY_TABLES } from './histories.ts'
import { IMPORT_FAULTS, IMPORT_TABLES } from './imports.ts'
import { fillInventory } from './inventory-rows.ts'
import { INVENTORY_TABLES, LABEL_INDEX } from './inventory-schema.ts'
import { PATCH_TABLES } from './patches.ts'
import { PERSON_TABLES } from './persons.ts'
import { SIEM_TABLES } from './siem.ts'
import { FIRST_SOUGHT, makeSought } from './sought-made.ts'
import { makeTiles } from './tiles.ts'
import { TURN_TABLES } from './turns.ts'
import { WEBHOOK_TABLES } from './webhooks.ts'

/** What brings a file from each version to the next. Append only. */
export const FLEET_MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE file (repo TEXT NOT NULL, path TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (repo, path)) STRICT, WITHOUT ROWID;
   CREATE TABLE site (id TEXT PRIMARY KEY, site BLOB NOT NULL, gateway_key BLOB NOT NULL, upstream INTEGER NOT NULL) STRICT;
   CREATE TABLE controller (site TEXT NOT NULL REFERENCES site (id), id TEXT NOT NULL, class TEXT NOT NULL, hardware TEXT NOT NULL,
     report_key BLOB NOT NULL, report BLOB, sequence INTEGER NOT NULL, PRIMARY KEY (site, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE campaign (id TEXT PRIMARY KEY, plan BLOB NOT NULL, state TEXT NOT NULL) STRICT;
   CREATE TABLE entry (ix INTEGER PRIMARY KEY, bytes BLOB NOT NULL, leaf BLOB NOT NULL, kind TEXT NOT NULL,
     site TEXT, controller TEXT, campaign TEXT) STRICT;
   CREATE INDEX entry_controller ON entry (site, controller, ix) WHERE controller IS NOT NULL;
   CREATE INDEX entry_campaign ON entry (campaign, ix) WHERE campaign IS NOT NULL;
   CREATE TABLE log (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, range BLOB NOT NULL, checkpoint TEXT NOT NULL) STRICT;
   INSERT INTO log VALUES (1, 0, x'', '');`,
  `ALTER TABLE controller ADD COLUMN decryption_key BLOB;
   CREATE TABLE wrap (envelope TEXT NOT NULL, site TEXT NOT NULL, controller TEXT NOT NULL, wrap BLOB NOT NULL,
     PRIMARY KEY (envelope, site, controller), FOREIGN KEY (site, controller) REFERENCES controller (site, id)) STRICT, WITHOUT ROWID;`,
  // Kept in the same transaction that puts the next key in its place: no writer can forget it, and no power loss comes between.
  `CREATE TABLE former_key (site TEXT NOT NULL, controller TEXT NOT NULL, report_key BLOB NOT NULL,
     PRIMARY KEY (site, controller, report_key)) STRICT, WITHOUT ROWID;
   CREATE TRIGGER report_key_replaced AFTER UPDATE OF report_key ON controller WHEN OLD.report_key <> NEW.report_key
   BEGIN
     INSERT INTO former_key SELECT OLD.site, OLD.id, OLD.report_key WHERE NOT EXISTS
       (SELECT 1 FROM former_key WHERE site = OLD.site AND controller = OLD.id AND report_key = OLD.report_key);
   END;`,
  database => {
    database.exec(INVENTORY_TABLES)
    database.exec(IMPORT_TABLES)
    fillInventory(database)
  },
  ANSWER_TABLE,
  ACCOUNT_TABLES,
  TURN_TABLES,
  WEBHOOK_TABLES,
  `${IMPORT_FAULTS} ${LABEL_INDEX}`,
  makeTiles,
  SIEM_TABLES,
  `${COPY_TABLE} ${BEHIND_TABLE}`,
  GATHERED_TABLES,
  BUNDLE_TABLE,
  PERSON_TABLES,
  HISTORY_TABLES,
  FIRST_SOUGHT,
  PASSKEY_TABLE,
  ATTENTION_INDEX,
  makeSought,
  PATCH_TABLES,
  ASKING_TABLE,
]

/** The version of the tables: what a backup names, and a restore compares. */
export const FLEET_DATA = FLEET_MIGRATIONS.length

/**
 * The fleet's inventory as queries need it: one narrow row for each controller, and roll-ups over them. Everything below the
 * first table is kept by triggers, in the transaction that changes the row: no writer can forget it, and no power loss comes
 * between.
 *
 * - `name_set`: sets of labels and of key ids, each once: a million controllers accept the same few keys. Set 0 is empty.
 * - `inventory`: `standing` is imported, enrolled or removed (not, or no longer, in its site's description). `said`,
 *   `version` and `version_key` are the version that counts: the attested one, or else the claimed one. An empty version has
 *   an empty key, below all others; a counter of -1 and a time of 0 stand for what nobody knows.
 * - `site_tally`, `fleet_tally`: how many controllers are alike in everything that fleets are asked for, by site and by
 *   region. With 10,000 sites of 100 controllers they have about 75,000 and a few hundred rows.
 * - `label_tally`: which sites have controllers of a label.
 * - `version_history`: each version that a controller attested or that was claimed of it, once for each change.
 * - `experience`: how long each version was watched, and what happened to it (core/fleet/incidents.ts).
 */

const KEY = ['class', 'version_key', 'region', 'said', 'version', 'counter', 'state', 'anchors'] as const
const SITE_KEY = ['class', 'version_key', 'site', 'said', 'version', 'counter', 'state', 'anchors', 'region'] as const

type Row = 'OLD' | 'NEW'

const of = (row: Row, columns: readonly string[]): string => columns.map(column => `${row}.${column}`).join(', ')
const same = (row: Row, columns: readonly string[]): string =>
  columns.map(column => `${column} = ${row}.${column}`).join(' AND ')

const TALLIES = [
  ['site_tally', SITE_KEY],
  ['fleet_tally', KEY],
] as const

const LABELS = (row: Row): string => `json_each((SELECT names FROM name_set WHERE id = ${row}.labels))`

const enters = (row: Row): string =>
  TALLIES.map(
    ([table, key]) => `INSERT INTO ${table} VALUES (${of(row, key)}, 1) ON CONFLICT DO UPDATE SET n = n + 1;`,
  ).join('\n')

const leaves = (row: Row): string =>
  TALLIES.map(
    ([table, key]) =>
      `UPDATE ${table} SET n = n - 1 WHERE ${same(row, key)}; DELETE FROM ${table} WHERE ${same(row, key)} AND n = 0;`,
  ).join('\n')

const labelled = (row: Row): string =>
  `INSERT INTO label_tally SELECT value, ${row}.site, 1 FROM ${LABELS(row)} WHERE true ON CONFLICT DO UPDATE SET n = n + 1;`

const unlabelled = (row: Row): string =>
  `UPDATE label_tally SET n = n - 1 WHERE site = ${row}.site AND label IN (SELECT value FROM ${LABELS(row)});
   DELETE FROM label_tally WHERE site = ${row}.site AND n = 0;`

const there = (row: Row): string => `${row}.standing <> 'removed'`
const changed = `(${of('OLD', SITE_KEY)}) IS NOT (${of('NEW', SITE_KEY)})`

const trigger = (name: string, on: string, when: string, does: string): string =>
  `CREATE TRIGGER ${name} AFTER ${on} ON inventory WHEN ${when} BEGIN ${does} END;`

const attests = `INSERT INTO version_history (site, id, at, said, version, digest)
  VALUES (NEW.site, NEW.id, NEW.seen_at, 'attested', NEW.version, NEW.digest);`
const claims = `INSERT INTO version_history (site, id, at, said, version, digest)
  VALUES (NEW.site, NEW.id, NEW.claimed_at, 'claimed', NEW.claimed_version, x'');`

/** Counts the rows of a site anew: one statement after the other, each for the site. */
export const RECOUNT_SITE = [
  'DELETE FROM site_tally WHERE site = ?',
  `INSERT INTO site_tally SELECT ${SITE_KEY.join(', ')}, count(*) FROM inventory
   WHERE site = ? AND standing <> 'removed' GROUP BY ${SITE_KEY.join(', ')}`,
  'DELETE FROM label_tally WHERE site = ?',
  `INSERT INTO label_tally SELECT value, site, count(*) FROM inventory, json_each((SELECT names FROM name_set WHERE id = labels))
   WHERE site = ? AND labels <> 0 AND standing <> 'removed' GROUP BY value, site`,
]
export const RECOUNT_FLEET = [
  'DELETE FROM fleet_tally',
  `INSERT INTO fleet_tally SELECT ${KEY.join(', ')}, sum(n) FROM site_tally GROUP BY ${KEY.join(', ')}`,
]

/** Later: without it, whoever leaves a site's labels reads those of the whole fleet. */
export const LABEL_INDEX = `CREATE INDEX label_tally_site ON label_tally (site);`

/** The records claim another version than the controller attests. Word for word what the index of them is made with. */
export const DIFFERS = "said = 'attested' AND claimed_version <> '' AND claimed_version <> version"

export const INVENTORY_TABLES = `
CREATE TABLE name_set (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO name_set VALUES (0, '[]');
CREATE TABLE inventory (site TEXT NOT NULL, id TEXT NOT NULL, region TEXT NOT NULL, class TEXT NOT NULL,
  hardware TEXT NOT NULL, cabinet TEXT, rack TEXT, labels INTEGER NOT NULL DEFAULT 0, standing TEXT NOT NULL,
  decrypts INTEGER NOT NULL DEFAULT 0, said TEXT NOT NULL DEFAULT 'nothing', version TEXT NOT NULL DEFAULT '',
  version_key BLOB NOT NULL DEFAULT x'', state TEXT NOT NULL DEFAULT '', counter INTEGER NOT NULL DEFAULT -1,
  anchors INTEGER NOT NULL DEFAULT 0, running_sequence INTEGER NOT NULL DEFAULT 0, digest BLOB NOT NULL DEFAULT x'',
  report INTEGER NOT NULL DEFAULT 0, attested_at INTEGER NOT NULL DEFAULT 0, seen_at INTEGER NOT NULL DEFAULT 0,
  claimed_version TEXT NOT NULL DEFAULT '', claimed_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (site, id)) STRICT, WITHOUT ROWID;
CREATE INDEX inventory_labels ON inventory (site, labels) WHERE labels <> 0;
CREATE INDEX inventory_seen ON inventory (seen_at);
CREATE INDEX inventory_differs ON inventory (site, id) WHERE ${DIFFERS};
CREATE TABLE site_tally (class TEXT NOT NULL, version_key BLOB NOT NULL, site TEXT NOT NULL, said TEXT NOT NULL,
  version TEXT NOT NULL, counter INTEGER NOT NULL, state TEXT NOT NULL, anchors INTEGER NOT NULL, region TEXT NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY (${SITE_KEY.join(', ')})) STRICT, WITHOUT ROWID;
CREATE INDEX site_tally_site ON site_tally (site);
CREATE INDEX site_tally_counter ON site_tally (counter, site);
CREATE INDEX site_tally_state ON site_tally (state, site);
CREATE INDEX site_tally_anchors ON site_tally (anchors, said, site);
CREATE TABLE fleet_tally (class TEXT NOT NULL, version_key BLOB NOT NULL, region TEXT NOT NULL, said TEXT NOT NULL,
  version TEXT NOT NULL, counter INTEGER NOT NULL, state TEXT NOT NULL, anchors INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (${KEY.join(', ')})) STRICT, WITHOUT ROWID;
CREATE TABLE label_tally (label TEXT NOT NULL, site TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (label, site)) STRICT, WITHOUT ROWID;
CREATE TABLE version_history (n INTEGER PRIMARY KEY, site TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
  said TEXT NOT NULL, version TEXT NOT NULL, digest BLOB NOT NULL) STRICT;
CREATE INDEX version_history_controller ON version_history (site, id);
CREATE TABLE experience (class TEXT NOT NULL, version TEXT NOT NULL, watched INTEGER NOT NULL, revert INTEGER NOT NULL,
  golden INTEGER NOT NULL, refusal INTEGER NOT NULL, watchdog INTEGER NOT NULL, alarm INTEGER NOT NULL,
  PRIMARY KEY (class, version)) STRICT, WITHOUT ROWID;
${trigger('inventory_enters', 'INSERT', there('NEW'), enters('NEW'))}
${trigger('inventory_leaves', 'DELETE', there('OLD'), leaves('OLD'))}
${trigger('inventory_changes_from', 'UPDATE', `${there('OLD')} AND (NOT ${there('NEW')} OR ${changed})`, leaves('OLD'))}
${trigger('inventory_changes_to', 'UPDATE', `${there('NEW')} AND (NOT ${there('OLD')} OR ${changed})`, enters('NEW'))}
${trigger('labels_enter', 'INSERT', `NEW.labels <> 0 AND ${there('NEW')}`, labelled('NEW'))}
${trigger('labels_leave', 'DELETE', `OLD.labels <> 0 AND ${there('OLD')}`, unlabelled('OLD'))}
${trigger('labels_change_from', 'UPDATE', `OLD.labels <> 0 AND ${there('OLD')} AND (NOT ${there('NEW')} OR OLD.labels <> NEW.labels)`, unlabelled('OLD'))}
${trigger('labels_change_to', 'UPDATE', `NEW.labels <> 0 AND ${there('NEW')} AND (NOT ${there('OLD')} OR OLD.labels <> NEW.labels)`, labelled('NEW'))}
${trigger('version_begins', 'INSERT', "NEW.said = 'attested'", attests)}
${trigger('version_changes', 'UPDATE', "NEW.said = 'attested' AND (OLD.said <> 'attested' OR OLD.version <> NEW.version OR OLD.digest <> NEW.digest)", attests)}
${trigger('claim_begins', 'INSERT', "NEW.claimed_version <> ''", claims)}
${trigger('claim_changes', 'UPDATE', "NEW.claimed_version <> '' AND NEW.claimed_version <> OLD.claimed_version", claims)}
`

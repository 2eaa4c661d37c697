// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const MANIFEST = 'src/core/fleet/backup.ts'
const FOLDER = 'src/adapters/backup-folder.ts'
const CONFIRM = 'src/flows/confirm.ts'
const SERVE = 'src/apps/fleet/serve.ts'
const REPORT = 'src/flows/report.ts'
const CATCH_UP = 'src/flows/catch-up.ts'
const COPY = 'src/adapters/store-sqlite/copy.ts'
const FILES = 'tests/apps/backup.test.ts'
const SERVERS = 'tests/apps/restore.test.ts'
const OLDER = 'tests/flows/confirm.test.ts'

const ARCHIVE = 'src/flows/archive.ts'
const ARCHIVED = 'src/adapters/store-sqlite/archived.ts'
const LOG = 'tests/flows/archive.test.ts'

/** The guards of backups, and of what an older copy may do when it is brought back. */
export const BACKUP_GUARDS: readonly Guard[] = [
  {
    stops: 'a backup that somebody else has signed',
    file: MANIFEST,
    text: "if (!crypto.verify(key, file.message, file.signature, 'der')) {",
    without: 'if (file.signature.length === 0) {',
    tests: FILES,
  },
  {
    stops: 'a file of a backup that was changed',
    file: FOLDER,
    text: '    if (copied.sha256 !== file.sha256) {',
    without: '    if (copied.sha256.length === 0) {',
    tests: FILES,
  },
  {
    stops: 'a name in a backup that leads out of the folder',
    file: MANIFEST,
    text: '(?!.*(?:^|\\/)\\.{1,2}(?:\\/|$))',
    without: '',
    tests: FILES,
  },
  {
    stops: 'a link in a backup that leads out of it',
    file: FOLDER,
    text: 'constants.O_RDONLY | constants.O_NOFOLLOW',
    without: 'constants.O_RDONLY',
    tests: FILES,
  },
  {
    stops: 'a copy over a file that is there',
    file: COPY,
    text: "openSync(path, 'wx', 0o600)",
    without: "openSync(path, 'w', 0o600)",
    tests: SERVERS,
  },
  {
    stops: 'a restored store that goes on by itself',
    file: SERVE,
    text: '  if (older !== null) return older\n',
    without: '',
    tests: SERVERS,
  },
  {
    stops: 'a restored log that is shorter than what was seen',
    file: CONFIRM,
    text: '  if (newest !== null && newest.size > size) {',
    without: '  if (newest === null && size < 0) {',
    tests: SERVERS,
  },
  {
    stops: 'a restored log of another history',
    file: CONFIRM,
    text: '    if (fault !== undefined) return fault\n',
    without: '',
    tests: OLDER,
  },
  {
    stops: 'a restored log that is confirmed against nothing',
    file: CONFIRM,
    text: '  if (seen.length === 0 && !unwitnessed) {',
    without: '  if (seen.length < 0) {',
    tests: SERVERS,
  },
  {
    stops: 'a revoked token that comes back with a backup',
    file: CONFIRM,
    text: '      credentials.push({ id: row.id, account: id, credential })\n',
    without: '',
    tests: OLDER,
  },
  {
    stops: 'a password that was changed and comes back with a backup',
    file: CONFIRM,
    text: '    if ((await world.store.password(id)) !== null) passwords.push({ account: id, hash: null })\n',
    without: '',
    tests: OLDER,
  },
  {
    stops: 'a disabled account that comes back with a backup',
    file: CONFIRM,
    text: "!kept.has(id) && standing.at === 'active'",
    without: "!kept.has(id) && standing.at === 'disabled'",
    tests: OLDER,
  },
  {
    stops: 'a halted campaign that runs again after a restore',
    file: CONFIRM,
    text: '    await advance.commit()\n    const more',
    without: '    const more',
    tests: OLDER,
  },
  {
    stops: 'a version that is signed twice after a restore',
    file: CONFIRM,
    text: 'const above = Math.floor(now / 1000)',
    without: 'const above = 0',
    tests: SERVERS,
  },
  {
    stops: 'a gap in an outbox that the log does not tell of',
    file: REPORT,
    text: '    if (gap !== null) intake.miss(gap)\n',
    without: '',
    tests: OLDER,
  },
  {
    stops: 'a turn that a restored gateway gives blindly',
    file: CATCH_UP,
    text: '  if (silent.length > 0) {',
    without: '  if (silent.length < 0) {',
    tests: 'tests/flows/catch-up.test.ts',
  },
  {
    stops: 'a fleet that was set back and says nothing',
    file: 'src/flows/upstream.ts',
    text: 'const ahead = acknowledged !== null && acknowledged > taken',
    without: 'const ahead = acknowledged !== null && acknowledged < 0',
    tests: OLDER,
  },
  {
    stops: 'an entry that leaves the database for an archive that has another one',
    file: ARCHIVE,
    text: '    if (isRefusal(kept)) return kept\n',
    without: '    if (isRefusal(kept)) continue\n',
    tests: LOG,
  },
  {
    stops: 'an archive that tells another entry than the one that was sealed',
    file: ARCHIVED,
    text: 'sameBytes(leafHash(hasher, bytes), leaf) ? bytes : null',
    without: 'leaf.length > 0 ? bytes : null',
    tests: LOG,
  },
  {
    stops: 'an archive that tells nothing, and a reader who takes that for the end',
    file: ARCHIVED,
    text: '    throw new RefusalError(archived(missing[0] as number, missing.at(-1) as number))\n',
    without: '    return missing.length > 0 ? there : there\n',
    tests: LOG,
  },
  {
    stops: 'an entry of the store that was changed, beside those that are in the archive',
    file: 'src/core/ledger/read-log.ts',
    text: 'if (isAway && leaf !== undefined && bytes.length === 0) so',
    without: 'if (isAway && leaf !== undefined) so',
    tests: LOG,
  },
  {
    stops: 'an entry that leaves before its time',
    file: ARCHIVE,
    text: 'if (at !== null && at <= now) archived.push(row.index)',
    without: 'if (at !== null) archived.push(row.index)',
    tests: LOG,
  },
  {
    stops: 'a copy of the log that is no continuation of the restored one',
    file: 'src/flows/bring-forward.ts',
    text: '  if (forked !== null) return forked\n',
    without: '',
    tests: OLDER,
  },
]

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are source code
import type { Guard } from './guard.ts'

const START = 'tests/flows/log-start.test.ts'
const COPY = 'tests/flows/copy-log.test.ts'
const FILES = 'tests/flows/log-files.test.ts'
const AUDIT = 'tests/flows/audit.test.ts'
const SEQUENCE = 'tests/flows/sequence.test.ts'
const SERVE = 'tests/apps/fleet/log-start.test.ts'
const API = 'tests/apps/fleet/api.test.ts'

/** What keeps the log one log: what it is built on, what it is gone on with, in which order its copies are written. */
export const LOG_GUARDS: readonly Guard[] = [
  {
    stops: 'a tile of the log that is built on hashes which somebody changed',
    file: 'src/core/ledger/tile-growth.ts',
    text: 'if (found.every((hash, at) => sameBytes(hash, range[at] as Uint8Array))) return hashes',
    without: 'if (range.length >= 0 && found.length >= 0) return hashes',
    tests: AUDIT,
  },
  {
    stops: 'a log that is gone on with over a missing entry',
    file: 'src/flows/log-start.ts',
    text: 'if (gap >= 0) {',
    without: 'if (gap >= size) {',
    tests: START,
  },
  {
    stops: 'a log that is gone on with although entries stand behind its checkpoint',
    file: 'src/flows/log-start.ts',
    text: "return beyond === undefined ? null : refuse('log-overlong', name, `${size} entries`, `entry ${beyond.index}`)",
    without: 'return beyond === undefined ? null : null',
    tests: START,
  },
  {
    stops: 'a log that is gone on with although its tiles and last entries are not those that were signed',
    file: 'src/flows/log-start.ts',
    text: '    if (isRefusal(entries)) return entries',
    without: '',
    tests: START,
  },
  {
    stops: 'a key that was retired and would be gone on with as unknown',
    file: 'src/apps/fleet/serve.ts',
    text: 'key: auditSigner.key, retired }',
    without: 'key: auditSigner.key, retired: [] }',
    tests: SERVE,
  },
  {
    stops: 'another key of the log over an end that the key of before did not sign',
    file: 'src/flows/audit.ts',
    text: 'checkEnd(log, { name: origin, key: last }, crypto)',
    without: 'checkEnd(log, { name: origin, key: signer.key }, crypto)',
    tests: SERVE,
  },
  {
    stops: 'a log whose times go back behind those that it has',
    file: 'src/flows/log-start.ts',
    text: 'if (entry.at - now <= CORRECTION) return null',
    without: 'if (entry.at >= 0) return null',
    tests: START,
  },
  {
    stops: 'a fleet server that starts with a log that cannot be gone on with',
    file: 'src/apps/fleet/serve.ts',
    text: '  if (stopped !== null) {',
    without: '  if (stopped === undefined) {',
    tests: SERVE,
  },
  {
    stops: 'entries behind the signed checkpoint that are given out',
    file: 'src/flows/log-files.ts',
    text: '      if (first + width > size) return null',
    without: '',
    tests: FILES,
  },
  {
    stops: 'a copy of the log that is gone on with by another log',
    file: 'src/flows/copy-log.ts',
    text: '  if (verifyConsistency(crypto, claim, proof)) return null',
    without: '  if (claim.from > 0) return null',
    tests: COPY,
  },
  {
    stops: 'a checkpoint in a folder before the tiles that it speaks of have lasted',
    file: 'src/flows/copy-log.ts',
    text: '  // What the checkpoints speak of lasts before they do.\n  await folder.sync()',
    without: '',
    tests: COPY,
  },
  {
    stops: 'a checkpoint of witnesses that is copied beside a log which does not continue it',
    file: 'src/flows/copy-log.ts',
    text: "  return (await refuseFork(files, head, next, 'that the witnesses have signed', crypto)) ?? next",
    without: '  return next',
    tests: COPY,
  },
  {
    stops: 'an older checkpoint of witnesses in the place of a newer one',
    file: 'src/flows/copy-log.ts',
    text: '  if (before !== null && next.size < before.size) return null',
    without: '',
    tests: COPY,
  },
  {
    stops: 'a copied checkpoint of witnesses without the tiles that it speaks of',
    file: 'src/flows/copy-log.ts',
    text: ', ...partialOf(witnessed?.size ?? 0, head.size)]',
    without: ']',
    tests: COPY,
  },
  {
    stops: 'a caller who waits for a turn behind everything that was ever gathered',
    file: 'src/flows/sequence.ts',
    text: 'this.#waiting.splice(0, MOST)',
    without: 'this.#waiting.splice(0)',
    tests: SEQUENCE,
  },
  {
    stops: 'a caller who is answered before their entry is durable',
    file: 'src/flows/sequence.ts',
    text: '      await this.#sequence.write(batch.map(({ item }) => item))',
    without: '      void this.#sequence.write(batch.map(({ item }) => item)).catch(() => {})',
    tests: SEQUENCE,
  },
  {
    stops: 'an entry that fails because it came together with a bad one',
    file: 'src/flows/sequence.ts',
    text: 'if (batch.length > 1 && this.#sequence.isOfOne(error)) {',
    without: 'if (batch.length > MOST && this.#sequence.isOfOne(error)) {',
    tests: SEQUENCE,
  },
  {
    stops: 'a gateway that reads what is told of other sites',
    file: 'src/wire/routes/log.ts',
    text: "  access: may('read-audit'),",
    without: "  access: gatewaysOr('read-audit'),",
    tests: API,
  },
]

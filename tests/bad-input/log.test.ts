import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { inflateNode } from '../../src/adapters/inflate-node.ts'
import { openDatabase } from '../../src/adapters/store-sqlite/database.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { FLEET_MIGRATIONS } from '../../src/adapters/store-sqlite/fleet-migrations.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { type AuditEntry, entryBytes, MAX_ENTRY_BYTES, parseEntry } from '../../src/core/ledger/entry.ts'
import { noWitness } from '../../src/core/ledger/log-policy.ts'
import { consistencyProof, inclusionProof } from '../../src/core/ledger/merkle.ts'
import { verifyPack } from '../../src/core/ledger/pack/verify.ts'
import { writeProof } from '../../src/core/ledger/tlog-proof.ts'
import { openProof, openSigned } from '../../src/core/ledger/trusted-head.ts'
import { judgeRequest } from '../../src/core/ledger/witness-request.ts'
import { isRefusal, type Refusal, sentence } from '../../src/core/refusal/refusal.ts'
import { registry } from '../../src/core/refusal/registry.ts'
import { refuseClock, refuseToGoOn } from '../../src/flows/log-start.ts'
import { verifyFiles } from '../../src/flows/prove.ts'
import { logKey, ORIGIN } from '../core/ledger/keys.ts'
import { realEntry, realLog, signedLog } from '../core/ledger/signed-log.ts'
import { toldLog } from '../core/ledger/told-log.ts'
import { campaignEntries, packOf, zipOf } from '../worlds/evidence-log.ts'
import { BEGUN, entryNumber, lengthen, storeFolder } from '../worlds/stored-log.ts'
import { judge, type Row } from './rows.ts'

const SIZE = 600
const folder = storeFolder('bad-log')
const LOG = realLog(40)
const OTHER = signedLog(Array.from({ length: 40 }, (_, at) => realEntry(at + 1000)))
const ALONE = noWitness(logKey(1))
const PACK = zipOf(await packOf({ entries: campaignEntries({ sites: 1, controllers: 1, months: 1 }), query: {} }))

/** One text would be cut. */
const MUCH = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, 'a'.repeat(3900)]))

let copies = 0
/** A copy of the stored log, with something done to its file that no Voltseal does; and what is asked of it then. */
async function at<T>(
  spoil: (database: DatabaseSync) => void,
  ask: (store: SqliteFleetStore) => Promise<T>,
): Promise<T> {
  const path = join(folder, `${++copies}.sqlite`)
  copyFileSync(join(folder, 'whole.sqlite'), path)
  const schema = { version: FLEET_MIGRATIONS.length, migrations: FLEET_MIGRATIONS }
  const database = openDatabase(path, schema)
  if (isRefusal(database)) return assert.fail(database.code)
  spoil(database)
  database.close()
  const store = openFleetStore(path)
  if (isRefusal(store)) return assert.fail(store.code)
  try {
    return await ask(store)
  } finally {
    store.close()
  }
}

const untouched = (): void => undefined
const run =
  (statement: string) =>
  (database: DatabaseSync): void =>
    database.exec(statement)
const started =
  (spoil: (database: DatabaseSync) => void, seed = 1, retired: readonly number[] = []) =>
  () =>
    at(spoil, store => {
      const keys = { ...logKey(seed), retired: retired.map(one => logKey(one).key) }
      return refuseToGoOn(store, keys, crypto) as Promise<Refusal>
    })

const proofOf = (log: typeof LOG): string =>
  writeProof({
    index: 7,
    path: inclusionProof(crypto, log.leaves, 7) as Uint8Array[],
    checkpoint: LOG.checkpoint(),
    extra: realEntry(7),
  })

/** What a witness that signed so many entries says to a log of so many. */
const witness = (signed: number, size: number, old = signed) => {
  const proof = old < size ? (consistencyProof(crypto, LOG.leaves.slice(0, size), old) as Uint8Array[]) : []
  const root = openSigned(LOG.checkpoint(signed), ALONE, crypto)
  const last = isRefusal(root) ? assert.fail(root.code) : { size: signed, root: root.checkpoint.root }
  return judgeRequest(crypto, { old, proof, checkpoint: LOG.checkpoint(size) }, [logKey(1)], last) as Refusal
}

function judged(pack: Uint8Array): Refusal {
  const verifying = verifyPack(crypto, pack, inflateNode, { policy: ALONE, eventsOnly: false })
  for (let step = verifying.next(); ; step = verifying.next()) {
    if (step.done) return step.value.findings[0] ?? assert.fail('a sound pack')
  }
}

/** Entries of one gateway, one behind the other. */
const TOLD = toldLog(Array.from({ length: 600 }, () => ({ what: 'own', site: 0, device: 0, n: 1 }) as const)).slice(1)

/** What is found of a log whose files lack one. */
async function judgedWithout(path: string, told: readonly AuditEntry[]): Promise<readonly Refusal[]> {
  const { files } = signedLog(told.map(entry => entryBytes(entry) as Uint8Array))
  const log = { file: async (asked: string) => (asked === path ? null : (files.get(asked) ?? null)) }
  const verified = await verifyFiles(log, ALONE, crypto)
  return isRefusal(verified) ? assert.fail(verified.code) : verified.verdict.findings
}

/** What can be wrong with a log, at the place where somebody meets it first. `docs/audit.md` has the same rows. */
const ROWS: readonly Row<null>[] = [
  {
    name: 'an entry over 64 KiB that somebody would write',
    code: 'entry-too-large',
    exit: 65,
    subject: /^entry controller-report$/,
    expected: /^at most 65535 bytes$/,
    actual: /^\d{5}$/,
    meet: async () => entryBytes({ ...entryNumber(1), detail: MUCH }) as Refusal,
  },
  {
    name: 'an entry over 64 KiB that somebody has in a log',
    code: 'entry-too-large',
    exit: 65,
    subject: /^entry 7$/,
    expected: /^at most 65535 bytes$/,
    actual: /^65536$/,
    meet: async () => parseEntry(new Uint8Array(MAX_ENTRY_BYTES + 1).fill(0x20), 'entry 7') as Refusal,
  },
  {
    name: 'a clock that has gone back behind the log, when a server starts',
    code: 'log-clock-behind',
    exit: 75,
    subject: new RegExp(`^entry ${SIZE - 1}$`),
    expected: /^a clock at 2026-09-21T\d{2}:\d{2}:\d{2}Z or later$/,
    actual: /^2026-09-2\dT/,
    meet: () => at(untouched, store => refuseClock(store, instant(BEGUN - 3_600_000)) as Promise<Refusal>),
  },
  {
    name: 'an index that is missing between others',
    code: 'log-index-gap',
    exit: 20,
    subject: new RegExp(`^${ORIGIN}$`),
    expected: new RegExp(`^entry ${SIZE - 9}$`),
    actual: new RegExp(`^entry ${SIZE - 8}$`),
    meet: started(run(`DELETE FROM entry WHERE ix = ${SIZE - 9}`)),
  },
  {
    name: 'a tile that was changed on the disk',
    code: 'log-tile-altered',
    exit: 20,
    subject: /^tile\/0\/001$/,
    expected: /^the hash [0-9a-f]{16}…$/,
    actual: /^[0-9a-f]{16}…$/,
    meet: started(run('UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND ix = 1')),
  },
  {
    name: 'a checkpoint that a retired key signed, at the server whose key it was',
    code: 'checkpoint-key-retired',
    exit: 20,
    subject: new RegExp(`^checkpoint of ${ORIGIN}$`),
    expected: /^a signature of the key of now$/,
    actual: /^one of a key that was retired$/,
    meet: started(untouched, 2, [1]),
  },
  {
    name: 'a checkpoint that a retired key signed, for anybody else',
    code: 'checkpoint-key-unknown',
    exit: 20,
    subject: new RegExp(`^checkpoint of ${ORIGIN}$`),
    expected: /^a signature of key [0-9a-f]{8}$/,
    actual: /^key [0-9a-f]{8}$/,
    meet: async () => openSigned(LOG.checkpoint(40, 2), ALONE, crypto) as Refusal,
  },
  {
    name: 'a witness that is behind what it is asked to go on from',
    code: 'witness-size-differs',
    exit: 75,
    subject: new RegExp(`^${ORIGIN}$`),
    expected: /^10$/,
    actual: /^20$/,
    meet: async () => witness(10, 30, 20),
  },
  {
    name: 'a witness that is ahead of the log',
    code: 'log-behind-witness',
    exit: 20,
    subject: new RegExp(`^${ORIGIN}$`),
    expected: /^at least the 30 entries that were signed$/,
    actual: /^20 entries$/,
    meet: async () => witness(30, 20),
  },
  {
    name: 'a bundle of entries that a server says it has archived',
    code: 'log-tile-missing',
    exit: 66,
    subject: /^tile\/entries\/000$/,
    expected: /^the bundle$/,
    actual: /^none$/,
    meet: () => judgedWithout('tile/entries/000', TOLD).then(([first]) => first as Refusal),
  },
  {
    name: 'an entry of a gateway that is missing behind entries that are not at hand',
    code: 'log-origin-gap',
    exit: 20,
    subject: /^entry 400$/,
    expected: /^quay 401$/,
    actual: /^quay 402$/,
    meet: () => judgedWithout('tile/entries/000', TOLD.toSpliced(400, 1)).then(([, second]) => second as Refusal),
  },
  {
    name: 'a proof for another tree',
    code: 'log-proof-invalid',
    exit: 20,
    subject: new RegExp(`^entry 7 of ${ORIGIN}$`),
    expected: /^a path to the root of 40 entries$/,
    actual: /^another root$/,
    meet: async () => openProof(proofOf(OTHER), ALONE, crypto) as Refusal,
  },
  {
    name: 'a pack that is cut short',
    code: 'pack-truncated',
    exit: 65,
    subject: /^the pack$/,
    expected: /^the end of a ZIP file$/,
    actual: /^none$/,
    meet: async () => judged(PACK.subarray(0, PACK.length - 99)),
  },
]

describe('bad input at the audit log: a code, a sentence, and what to do', () => {
  before(async () => {
    const store = openFleetStore(join(folder, 'whole.sqlite'))
    if (isRefusal(store)) return assert.fail(store.code)
    await lengthen(store, SIZE)
    assert.equal(await refuseToGoOn(store, { ...logKey(1), retired: [] }, crypto), null)
    store.close()
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const row of ROWS) {
    it(`${row.name}: ${row.code}`, async () => {
      const refusal = (await row.meet(null)) as Refusal
      judge(row, refusal)
      const whole = sentence(refusal)
      assert.ok(whole.includes(registry[row.code].title) && whole.endsWith(registry[row.code].fix), whole)
    })
  }

  it('what is whole is none of these', () => {
    assert.ok(!isRefusal(openProof(proofOf(LOG), ALONE, crypto)))
    assert.ok(!isRefusal(witness(10, 30)))
  })

  it('stands with each code in docs/audit.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/audit.md'), 'utf8')
    for (const { name, code } of ROWS)
      assert.ok(page.includes(`| ${name} | \`${code}\` |`), `| ${name} | \`${code}\` |`)
  })
})

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { folderLog } from '../../src/adapters/log-folder.ts'
import { PlainFiles } from '../../src/adapters/repository-folder.ts'
import { openFleetStore, type SqliteFleetStore } from '../../src/adapters/store-sqlite/fleet.ts'
import { fromUtf8, utf8 } from '../../src/core/encoding/bytes.ts'
import { writeBundle } from '../../src/core/ledger/bundle.ts'
import { noWitness, readPolicy } from '../../src/core/ledger/log-policy.ts'
import { verifyConsistency } from '../../src/core/ledger/merkle.ts'
import { parseVerifierKey, verifierKey } from '../../src/core/ledger/signed-note.ts'
import { consistencyIn } from '../../src/core/ledger/tile-reader.ts'
import { writeProof } from '../../src/core/ledger/tlog-proof.ts'
import { openProof, openSigned } from '../../src/core/ledger/trusted-head.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { sealEntries } from '../../src/flows/audit.ts'
import { copyLog } from '../../src/flows/copy-log.ts'
import { readFiles, storedLog } from '../../src/flows/log-files.ts'
import { proveEntry, verifyFiles } from '../../src/flows/prove.ts'
import { logKey, ORIGIN, testSigner } from '../core/ledger/keys.ts'
import {
  auditEntry,
  cosigned,
  LOG_KEY,
  realEntry,
  realLog,
  type SignedLog,
  witnessKey,
} from '../core/ledger/signed-log.ts'
import { writeLog } from '../worlds/log-folder.ts'

/**
 * Our logs and golang.org/x/mod/sumdb, which invented notes, tiles and these proofs: it verifies what we make, and we verify what it
 * makes (tests/peers/sumdb/main.go). Run by `npm run test:peers`.
 */

const folder = mkdtempSync(join(tmpdir(), 'voltseal-peers-'))
const at = (...names: string[]): string => join(folder, ...names)
/** With a whole tile of hashes at level 1 and more, with none, with one entry. */
/** Entries that are sealed at once. */
const MOST = 3000
const SIZES = [1, 2, 255, 256, 257, 1000, 66_000]
const logs = new Map<number, SignedLog>()

type Ran = { readonly ok: boolean; readonly out: string; readonly err: string }
function peer(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(at('peer'), args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  return { ok: status === 0, out: stdout, err: stderr }
}
function told(...args: string[]): string {
  const { ok, out, err } = peer(...args)
  assert.ok(ok, `${args[0]}: ${err}`)
  return out.trimEnd()
}
const indexesOf = (size: number): number[] => [...new Set([0, Math.floor(size / 3), size - 1])]
const lines = (hashes: readonly Uint8Array[]): string => hashes.map(hash => `${hash.toBase64()}\n`).join('')

before(async () => {
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '', GOCACHE: at('cache') }
  execFileSync('go', ['build', '-o', at('peer'), '.'], { cwd: join(import.meta.dirname, 'sumdb'), env })
  const store = orThrow(openFleetStore(at('fleet.sqlite')))
  for (const size of SIZES) {
    logs.set(size, realLog(size))
    await grow(store, size)
    const target = { files: folderLog(at(`${size}`)), folder: new PlainFiles(at(`${size}`)) }
    orThrow(await copyLog(storedLog(store), target, logKey(1), crypto))
  }
  store.close()
})

/** Appends as the fleet server does it: entries, tiles and checkpoint sealed together. */
async function grow(store: SqliteFleetStore, size: number): Promise<void> {
  for (let { size: from } = await store.log(); from < size; from = Math.min(size, from + MOST)) {
    const entries = Array.from({ length: Math.min(size - from, MOST) }, (_, number) => auditEntry(from + number))
    const signer = { origin: ORIGIN, signer: testSigner(1) }
    await store.commit(orThrow(await sealEntries(store, entries, signer, crypto)))
  }
}
after(() => rmSync(folder, { recursive: true, force: true }))

describe('sumdb verifies a log of ours', () => {
  for (const size of SIZES) {
    test(`of ${size} entries: signature, root, every tile and every entry`, () => {
      const root = logs.get(size)?.head.root.toBase64()
      assert.equal(told('log', LOG_KEY, at(`${size}`)), `${ORIGIN} ${size} ${root}`)
    })

    test(`of ${size} entries: proofs of entries, and the path that it makes itself is ours`, async () => {
      const log = folderLog(at(`${size}`))
      for (const index of indexesOf(size)) {
        const { proof, entry } = orThrow(await proveEntry(log, noWitness(logKey(1)), crypto, { index }))
        writeFileSync(at('entry.tlog-proof'), writeProof(proof))
        const expected = `${ORIGIN} ${size} ${index} ${fromUtf8(entry)}`
        assert.equal(told('proof', LOG_KEY, at('entry.tlog-proof')), expected)
        assert.equal(told('prove', at(`${size}`), `${index}`), lines(proof.path).trimEnd())
      }
    })

    test(`of ${size} entries: proofs that it continues an older one, and its own are ours`, async () => {
      const { head, checkpoint } = logs.get(size) as SignedLog
      for (const older of indexesOf(size).map(index => index + 1)) {
        const proof = orThrow(await readFiles(folderLog(at(`${size}`)), consistencyIn(crypto, head, older)))
        for (const [name, text] of Object.entries({ old: checkpoint(older), new: checkpoint(), proof: lines(proof) }))
          writeFileSync(at(name), text)
        assert.equal(told('grew', LOG_KEY, at('old'), at('new'), at('proof')), `${older} ${size}`)
        assert.equal(told('growth', at(`${size}`), `${older}`), lines(proof).trimEnd())
      }
    })
  }

  test('cosignatures of our witnesses', async () => {
    const { checkpoint } = logs.get(257) as SignedLog
    writeFileSync(at('cosigned'), await cosigned(checkpoint(), 'harbour', 5, 1_790_000_000))
    assert.equal(told('witness', witnessKey('harbour', 5), at('cosigned')), 'harbour 1790000000')
    assert.ok(!peer('witness', witnessKey('harbour', 6), at('cosigned')).ok)
  })

  const log = (): SignedLog => logs.get(1000) as SignedLog
  const rows: [name: string, changes: () => Record<string, Uint8Array | null>][] = [
    ['an entry was changed', () => ({ 'tile/entries/001': writeBundle(log().entries.slice(257, 513)) })],
    ['a hash was changed', () => ({ 'tile/0/001': log().files.get('tile/0/002') as Uint8Array })],
    ['an upper tile was cut', () => ({ 'tile/1/000.p/3': new Uint8Array(32) })],
    ['the checkpoint is of another key', () => ({ checkpoint: utf8(log().checkpoint(1000, 2)) })],
  ]
  for (const [index, [name, changes]] of rows.entries()) {
    test(`attack: both see that ${name}`, async () => {
      writeLog(at(`bad-${index}`), log().files, changes())
      assert.ok(!peer('log', LOG_KEY, at(`bad-${index}`)).ok)
      const verified = await verifyFiles(folderLog(at(`bad-${index}`)), noWitness(logKey(1)), crypto)
      assert.ok(isRefusal(verified) || !verified.verdict.sound)
    })
  }
})

describe('we verify a log of sumdb', () => {
  const NAME = 'sumdb.example/log'
  for (const size of SIZES) {
    const older = Math.max(1, Math.floor(size / 2))
    const index = Math.floor(size / 3)
    const dir = at(`go-${size}`)
    let [vkey, witness] = ['', '']
    before(() => {
      const entries = Array.from({ length: size }, (_, number) => realEntry(number + 1))
      writeFileSync(at('entries'), Buffer.concat(entries.map(entry => writeBundle([entry]))))
      ;[vkey = '', witness = ''] = told('make', NAME, dir, at('entries'), `${older}`, `${index}`).split('\n')
    })

    test(`of ${size} entries, its witness, an older checkpoint of it, and its proofs`, async () => {
      const policy = orThrow(readPolicy(`log ${vkey}\nwitness it ${witness}\nquorum it\n`, crypto))
      const known = orThrow(openSigned(readFileSync(join(dir, 'older'), 'utf8'), policy, crypto)).checkpoint
      const { verdict, head, cosigned: by } = orThrow(await verifyFiles(folderLog(dir), policy, crypto, { known }))
      assert.deepEqual(verdict.findings, [])
      assert.deepEqual([verdict.size, head.checkpoint.origin], [size, NAME])
      assert.deepEqual([...by], [['it', 1_790_000_000]])

      const proven = orThrow(openProof(readFileSync(join(dir, 'entry.tlog-proof'), 'utf8'), policy, crypto))
      assert.deepEqual([proven.index, proven.entry.detail], [index, { number: index + 1 }])

      const growth = readFileSync(join(dir, 'growth'), 'utf8')
        .split('\n')
        .filter(line => line !== '')
      const { size: to, root: toRoot } = head.checkpoint
      const claim = { from: known.size, fromRoot: known.root, to, toRoot }
      assert.ok(
        verifyConsistency(
          crypto,
          claim,
          growth.map(line => Uint8Array.fromBase64(line)),
        ),
      )
    })
  }

  test('keys are spelt alike', () => {
    const key = parseVerifierKey(crypto, LOG_KEY)
    assert.ok(key !== null)
    assert.equal(verifierKey(crypto, key), LOG_KEY)
  })
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { noWitness } from '../../src/core/ledger/log-policy.ts'
import { writeProof } from '../../src/core/ledger/tlog-proof.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { registry } from '../../src/core/refusal/registry.ts'
import { proveEntry } from '../../src/flows/prove.ts'
import { logKey } from '../core/ledger/keys.ts'
import { LOG_KEY, realEntry, realLog } from '../core/ledger/signed-log.ts'
import { writeLog } from '../worlds/log-folder.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/audit.md'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block as string)
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'voltseal-by-hand-'))
const LOG = realLog(300)

/** Runs a block of the page as a person would; answers the lines that it prints. */
function byHand(block: number): string[] {
  const env = { ...process.env, KEY: LOG_KEY, LC_ALL: 'C.UTF-8' }
  const out = execFileSync('sh', ['-eu', '-c', blocks[block] as string], {
    cwd: folder,
    env,
    encoding: 'utf8',
    stdio: 'pipe',
  })
  return out.trimEnd().split('\n')
}
const put = (files = LOG.files): void => writeLog(join(folder, 'audit'), files)

before(() => put())
after(() => rmSync(folder, { recursive: true, force: true }))

describe('the log, verified with common tools as docs/audit.md says', () => {
  test('the page has its three blocks, and names only codes that there are', () => {
    assert.equal(blocks.length, 3)
    const named = [...page.matchAll(/`((?:log|checkpoint|cosignature|cosignatures|entry|answer)-[a-z-]+)`/g)].map(
      ([, code]) => code,
    )
    assert.ok(named.length > 20)
    for (const code of named) assert.ok(code !== undefined && code in registry, `${code}`)
  })

  test('the signature over the checkpoint; attack: a checkpoint of another key', () => {
    assert.deepEqual(byHand(0), ['Signature Verified Successfully'])
    writeFileSync(join(folder, 'audit', 'checkpoint'), LOG.checkpoint(300, 2))
    assert.throws(() => byHand(0))
    put()
  })

  test('the first entry and its hash; attack: another entry', () => {
    const [entry = '', hash = ''] = byHand(1)
    assert.equal(entry, LOG.leaves[0]?.toHex())
    assert.equal(hash, entry)
    assert.deepEqual(readFileSync(join(folder, 'entry.json')), Buffer.from(realEntry(0)))
    put(new Map([...LOG.files, ['tile/entries/000', LOG.files.get('tile/entries/001.p/44') as Uint8Array]]))
    const [other = '', sealed = ''] = byHand(1)
    assert.notEqual(other, sealed)
    put()
  })

  test('the path of a proof; attack: another entry in it', async () => {
    const files = { file: async (path: string) => LOG.files.get(path) ?? null }
    for (const index of [0, 255, 256, 299]) {
      const text = writeProof(orThrow(await proveEntry(files, noWitness(logKey(1)), crypto, { index })).proof)
      writeFileSync(join(folder, 'entry.tlog-proof'), text)
      const root = LOG.head.root.toHex()
      assert.deepEqual(byHand(2), [root, root])
      writeFileSync(join(folder, 'entry.tlog-proof'), text.replace(/extra .*/, `extra ${realEntry(7).toBase64()}`))
      const [led = '', signed = ''] = byHand(2)
      assert.notEqual(led, signed)
    }
  })
})

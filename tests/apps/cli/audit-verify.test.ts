import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { writeBundle } from '../../../src/core/ledger/bundle.ts'
import { entryBytes } from '../../../src/core/ledger/entry.ts'
import { verifierKey } from '../../../src/core/ledger/signed-note.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { logKey, ORIGIN } from '../../core/ledger/keys.ts'
import { cosigned, LOG_KEY, realEntry, realLog, signedLog, witnessKey } from '../../core/ledger/signed-log.ts'
import { toldLog } from '../../core/ledger/told-log.ts'
import { commandLine, type Ran } from '../../worlds/command-line.ts'
import { writeLog } from '../../worlds/log-folder.ts'

const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'voltseal-audit-'))
const at = (name: string): string => join(folder, name)
const LOG = realLog(600)

type Told = Ran & { readonly json: Record<string, unknown> }

async function audit(...argv: string[]): Promise<Told> {
  const ran = await commandLine(['audit', ...argv])
  return { ...ran, json: argv.includes('--json') ? JSON.parse(ran.out) : {} }
}
const verify = (where: string, ...more: string[]): Promise<Told> => audit('verify', where, '--key', LOG_KEY, ...more)

before(() => writeLog(at('log'), LOG.files))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('voltseal audit verify', () => {
  test('a folder, for people and for programs', async () => {
    const { exit, out } = await verify(at('log'))
    assert.equal(exit, 0)
    assert.match(out, /entries +600\n(?:.*\n)*verdict +sound\n/)
    const { json } = await verify(at('log'), '--json')
    assert.deepEqual([json.sound, json.size, json.origin, json.findings], [true, 600, ORIGIN, []])
    assert.equal(json.root, LOG.head.root.toHex())
  })

  test('tells how far it is, of a log that takes a while', async () => {
    const entry = realEntry(0)
    const long = signedLog(Array.from({ length: 6000 }, () => entry))
    writeLog(at('long'), long.files)
    const { exit, err } = await verify(at('long'))
    assert.equal(exit, 0, err)
    assert.match(err, / 34 % {2}2048 of 6000 entries\n/)
    assert.match(err, /100 % {2}6000 of 6000 entries\n$/)
  })

  const other = signedLog(Array.from({ length: 600 }, (_, index) => realEntry(index + 9000)))
  const rows: [name: string, changes: Record<string, Uint8Array | null>, exit: number, said: RegExp][] = [
    ['no log', { checkpoint: null }, 66, /there is no log here/],
    [
      'an entry changed on the disk',
      { 'tile/entries/000': writeBundle([realEntry(5), ...LOG.entries.slice(1, 256)]) },
      20,
      /entry 0 of tile\/entries\/000/,
    ],
    ['a tile cut short', { 'tile/0/001': (LOG.files.get('tile/0/001') as Uint8Array).subarray(1) }, 20, /tile\/0\/001/],
    [
      'a bundle of another log',
      { 'tile/entries/001': other.files.get('tile/entries/001') ?? null },
      20,
      /entries\/001/,
    ],
    ['a checkpoint of a retired key', { checkpoint: utf8(LOG.checkpoint(600, 2)) }, 20, /another key of that name/],
    [
      'a checkpoint over other entries',
      { checkpoint: utf8(other.checkpoint()) },
      20,
      /do not add up to the signed root/,
    ],
    ['a page in place of the checkpoint', { checkpoint: utf8('<!doctype html>') }, 20, /form of a signed checkpoint/],
    ['a tile as long as a film', { 'tile/0/001': new Uint8Array(1 << 20) }, 65, /tile\/0\/001/],
  ]
  for (const [name, changes, code, said] of rows) {
    test(`attack: ${name}`, async () => {
      const folder = at(name)
      writeLog(folder, LOG.files, changes)
      const { exit, err } = await verify(folder)
      assert.match(err, said)
      assert.equal(exit, code, err)
    })
  }

  test('with a checkpoint from before; attack: the log was rewritten since', async () => {
    writeFileSync(at('older'), LOG.checkpoint(400))
    const { exit, out } = await verify(at('log'), '--known', at('older'))
    assert.equal(exit, 0)
    assert.match(out, /continues +400 entries/)
    writeLog(at('rewritten'), other.files)
    assert.equal((await verify(at('rewritten'))).exit, 0)
    const rewritten = await verify(at('rewritten'), '--known', at('older'))
    assert.match(rewritten.err, /does not continue the one that was seen before.*400 entries/s)
    assert.equal(rewritten.exit, 20)
    writeLog(at('shorter'), realLog(300).files)
    assert.match((await verify(at('shorter'), '--known', at('older'))).err, /at least 400 entries/)
    // What is known must be signed by the same log.
    writeFileSync(at('forged'), LOG.checkpoint(400, 2))
    assert.match(
      (await verify(at('log'), '--known', at('forged'))).err,
      /forged: checkpoint of .* another key|another key.*forged/s,
    )
  })

  test('with witnesses by policy; attack: one of two is missing', async () => {
    const policy = [
      `log ${LOG_KEY}`,
      `witness harbour ${witnessKey('harbour', 5)}`,
      `witness regulator ${witnessKey('regulator', 6)}`,
      'group both all harbour regulator',
      'quorum both',
    ]
    writeFileSync(at('policy'), `${policy.join('\n')}\n`)
    const one = await cosigned(LOG.checkpoint(), 'harbour', 5, 1_790_000_000)
    const two = await cosigned(one, 'regulator', 6, 1_790_000_001)
    writeLog(at('witnessed'), LOG.files, { checkpoint: utf8(two) })
    const { exit, json } = await audit('verify', at('witnessed'), '--policy', at('policy'), '--json')
    assert.deepEqual([exit, json.cosigned], [0, { harbour: 1_790_000_000, regulator: 1_790_000_001 }])
    writeLog(at('half'), LOG.files, { checkpoint: utf8(one) })
    const half = await audit('verify', at('half'), '--policy', at('policy'))
    assert.match(half.err, /too few witnesses.*2 of harbour, regulator; got harbour/s)
    assert.equal(half.exit, 20)
    assert.equal((await verify(at('half'))).exit, 0, 'who asks for no witness needs none')
  })

  test('a fleet’s own policy names no log: the key does', async () => {
    writeFileSync(at('own'), `witness harbour ${witnessKey('harbour', 5)}\nquorum harbour\n`)
    writeLog(at('own-log'), LOG.files, {
      checkpoint: utf8(await cosigned(LOG.checkpoint(), 'harbour', 5, 1_790_000_000)),
    })
    assert.equal((await verify(at('own-log'), '--policy', at('own'))).exit, 0)
    assert.match((await verify(at('log'), '--policy', at('own'))).err, /too few witnesses/)
    const other = verifierKey(crypto, logKey(2)) as string
    assert.match((await audit('verify', at('own-log'), '--key', other, '--policy', at('own'))).err, /another key/)
    assert.match((await audit('verify', at('own-log'), '--policy', at('own'))).err, /profile/)
  })

  test('by the newest checkpoint that enough have signed, while the very newest waits for its witnesses', async () => {
    const witnessed = utf8(await cosigned(LOG.checkpoint(500), 'harbour', 5, 1_790_000_000))
    // As a server has it: the partial tiles of the older size are there too.
    writeLog(at('waiting'), realLog(500).files)
    writeLog(at('waiting'), LOG.files, { 'checkpoint.witnessed': witnessed })
    const { exit, json } = await verify(at('waiting'), '--policy', at('own'), '--json')
    assert.deepEqual([exit, json.size, json.cosigned], [0, 500, { harbour: 1_790_000_000 }])
    assert.equal((await verify(at('waiting'), '--json')).json.size, 600, 'who asks for no witness waits for none')
    const proof = ['--key', LOG_KEY, '--policy', at('own'), '-o', at('waiting.tlog-proof')]
    assert.equal((await audit('prove', '499', at('waiting'), ...proof)).exit, 0)
    assert.equal((await audit('prove', '500', at('waiting'), ...proof)).exit, 66)
    const forged = utf8(await cosigned(LOG.checkpoint(500, 2), 'harbour', 5, 1_790_000_000))
    writeLog(at('waiting'), LOG.files, { 'checkpoint.witnessed': forged })
    assert.equal((await verify(at('waiting'), '--policy', at('own'))).exit, 20)
  })

  describe('where entries are in an archive', () => {
    const own = { what: 'own', site: 0, device: 0, n: 1 } as const
    const told = toldLog(Array.from({ length: 700 }, () => own)).map(entry => orThrow(entryBytes(entry)))
    const logOf = (name: string, entries: readonly Uint8Array[], without: readonly string[] = []): string => {
      const log = signedLog(entries)
      writeLog(at(name), log.files, Object.fromEntries(without.map(path => [path, null])))
      return at(name)
    }
    const FIRST = 'tile/entries/000'

    test('one that is not at hand is a finding, and behind it all is judged that can be', async () => {
      const where = logOf('archived', told, [FIRST])
      const { exit, out, err } = await verify(where)
      assert.equal(exit, 66)
      assert.match(err, /tile\/entries\/000/)
      assert.match(out, /verdict +NOT SOUND\n(?:.*\n)*passed over +256 entries, by their hashes: 0 to 255\n/)
      assert.match(out, /sites +judged, but for 1 sequence \(below\)\n/)
      assert.match(out, /quay +its gateway +256 +255 of 1 to 255 +0\n/)
      const { json } = await verify(where, '--json')
      assert.deepEqual(
        [json.sitesJudged, json.passedOver],
        [false, { entries: 256, stretches: [{ from: 0, to: 255 }], more: 0 }],
      )
    })

    test('attack: a gap behind entries that a server says are archived', async () => {
      const { json } = await verify(logOf('archived-gap', told.toSpliced(500, 1), [FIRST]), '--json')
      const codes = (json.findings as { code: string }[]).map(({ code }) => code)
      assert.deepEqual(codes, ['log-tile-missing', 'log-origin-gap'])
    })

    test('with the archive all is judged; attack: another archive, and one in which an entry was changed', async () => {
      const where = logOf('moved', told, [FIRST])
      const archive = logOf('archive', told)
      const whole = await verify(where, '--archive', archive, '--json')
      assert.deepEqual([whole.exit, whole.json.sitesJudged, whole.json.unjudged], [0, true, []])
      const proof = ['--key', LOG_KEY, '-o', at('archived.tlog-proof')]
      assert.equal((await audit('prove', '7', where, ...proof)).exit, 66)
      assert.equal((await audit('prove', '7', where, '--archive', archive, ...proof)).exit, 0)
      const another = await verify(where, '--archive', logOf('another', [...told].reverse()), '--json')
      assert.match(JSON.stringify(another.json.findings), /log-bundle-foreign/)
      const changed = await verify(where, '--archive', logOf('changed', told.with(9, told[10] as Uint8Array)), '--json')
      assert.match(JSON.stringify(changed.json.findings), /log-entry-altered.*entry 9 /)
    })
  })

  test('refuses a key that is none', async () => {
    assert.match((await audit('verify', at('log'), '--key', 'a+b+c')).err, /the key of the log/)
  })
})

describe('a log at an address', () => {
  let server: Server
  let url = ''
  const told: string[] = []
  before(async () => {
    server = createServer((request, response) => {
      told.push(request.url ?? '')
      const bytes = LOG.files.get((request.url ?? '').replace('/log/', ''))
      if (bytes === undefined) response.writeHead(404).end('none')
      else response.end(bytes)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`
  })
  after(() => server.close())

  test('is verified as a folder is', async () => {
    const { exit, json } = await verify(url, '--json')
    assert.deepEqual([exit, json.sound, json.size], [0, true, 600])
    assert.equal(told.length, new Set(told).size, 'each file was fetched once')
  })

  test('gives the proof of an entry with a few files of it', async () => {
    told.length = 0
    const { exit } = await audit('prove', '300', url, '--key', LOG_KEY, '-o', at('300.tlog-proof'))
    assert.equal(exit, 0)
    assert.deepEqual(new Set(told.map(path => path.replace('/log/', ''))).size, told.length)
    assert.ok(!told.includes('/log/tile/entries/000'), told.join(' '))
  })
})

describe('the proof of an entry', () => {
  const PROOF = at('proof')
  const prove = (entry: string, ...more: string[]): Promise<Told> =>
    audit('prove', entry, at('log'), '--key', LOG_KEY, '-o', PROOF, ...more)
  const check = (...more: string[]): Promise<Told> => audit('verify-proof', PROOF, '--key', LOG_KEY, ...more)

  test('by index and by hash, verified offline', async () => {
    const { exit, json } = await prove('555', '--json')
    assert.deepEqual([exit, json.index, json.size], [0, 555, 600])
    const byIndex = readFileSync(PROOF)
    assert.match((await check()).out, /entry +555 of 600\n(?:.*\n)*detail +\{"number":555\}\nverdict +proven\n/)
    await prove((LOG.leaves[555] as Uint8Array).toHex())
    assert.deepEqual(readFileSync(PROOF), byIndex)
    const { json: told } = await check('--json')
    assert.deepEqual((told.entry as { detail: object }).detail, { number: 555 })
  })

  const rows: [name: string, entry: string, exit: number, said: RegExp][] = [
    ['an index beyond the size', '600', 66, /has no such entry.*below 600; got 600/s],
    ['a hash that the log has not', 'ab'.repeat(32), 66, /no entry of that hash/],
    ['no entry at all', 'latest', 64, /an index such as/],
    ['an index that no number holds', '9'.repeat(20), 64, /an index such as/],
  ]
  for (const [name, entry, code, said] of rows) {
    test(`refuses ${name}, and writes nothing`, async () => {
      rmSync(PROOF, { force: true })
      const { exit, err } = await prove(entry)
      assert.match(err, said)
      assert.equal(exit, code)
      assert.ok(!existsSync(PROOF))
    })
  }

  test('attack: a log whose tile was changed gives no proof', async () => {
    const changed = (LOG.files.get('tile/0/001') as Uint8Array).with(7, 1)
    writeLog(at('changed'), LOG.files, { 'tile/0/001': changed })
    const { exit, err } = await audit('prove', '300', at('changed'), '--key', LOG_KEY, '-o', at('none'))
    assert.match(err, /tile\/0\/001/)
    assert.deepEqual([exit, existsSync(at('none'))], [20, false])
  })

  test('attack: a proof by another key, of another entry, cut short', async () => {
    await prove('7')
    const text = readFileSync(PROOF, 'utf8')
    const other = verifierKey(crypto, logKey(2)) as string
    assert.equal((await audit('verify-proof', PROOF, '--key', other)).exit, 20)
    writeFileSync(at('8'), realEntry(8))
    const wrong = await check('--entry', at('8'))
    assert.match(wrong.err, /does not lead from the entry to the signed root/)
    writeFileSync(PROOF, text.slice(0, 200))
    assert.equal((await check()).exit, 65)
    writeFileSync(PROOF, text.replace(/extra .*\n/, ''))
    assert.match((await check()).err, /--entry FILE/)
    writeFileSync(at('7'), realEntry(7))
    assert.equal((await check('--entry', at('7'))).exit, 0)
  })
})

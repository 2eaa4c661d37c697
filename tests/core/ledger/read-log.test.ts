import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat, fromUtf8, utf8 } from '../../../src/core/encoding/bytes.ts'
import { readBundle, writeBundle } from '../../../src/core/ledger/bundle.ts'
import { leafHash, treeOf } from '../../../src/core/ledger/merkle.ts'
import { readLog } from '../../../src/core/ledger/read-log.ts'
import { tilePath } from '../../../src/core/ledger/tiles.ts'
import {
  beginVerification,
  endVerification,
  type LogVerdict,
  type Verification,
} from '../../../src/core/ledger/verify.ts'
import { detailOf } from '../../../src/core/refusal/refusal.ts'
import { logKey } from './keys.ts'
import { realEntry, realLog, type SignedLog, signedLog } from './signed-log.ts'

type Files = ReadonlyMap<string, Uint8Array>

/** Reads a log from files in memory. `asked`: how often each path was wanted. */
function read(
  { head, checkpoint }: SignedLog,
  files: Files,
  so: Verification = beginVerification(crypto),
  asked = new Map<string, number>(),
): LogVerdict {
  const reading = readLog(crypto, head, so)
  let step = reading.next([])
  while (!step.done) {
    const paths = step.value.wanted.map(tilePath)
    for (const path of paths) asked.set(path, (asked.get(path) ?? 0) + 1)
    step = reading.next(paths.map(path => files.get(path) ?? null))
  }
  return endVerification(crypto, step.value, checkpoint(), logKey(1))
}

const LOG = realLog(2345)
const OTHER = signedLog(Array.from({ length: 2345 }, (_, at) => realEntry(at + 5000)))
const fileOf = (path: string, log = LOG): Uint8Array => log.files.get(path) as Uint8Array

/** The log with some of its files in another form; null takes one away. */
const damaged = (changes: Readonly<Record<string, Uint8Array | null>>): Files => {
  const files = new Map(LOG.files)
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes === null) files.delete(path)
    else files.set(path, bytes)
  }
  return files
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes[at] as number) ^ 1)
const entriesOf = (path: string): Uint8Array[] => readBundle(fileOf(path), 256) as Uint8Array[]

describe('reading a whole log from its files', () => {
  for (const size of [0, 1, 2, 255, 256, 257, 2048, 2049]) {
    test(`a log of ${size} entries is sound, and each bundle and each tile of hashes is fetched once`, () => {
      const log = realLog(size)
      const asked = new Map<string, number>()
      const { sound, size: found, findings } = read(log, log.files, undefined, asked)
      assert.ok(sound, findings.map(detailOf).join('\n'))
      assert.equal(found, size)
      const once = [...log.files.keys()].filter(path => path.startsWith('tile/entries/') || /^tile\/0\/\d+$/.test(path))
      for (const path of once) assert.equal(asked.get(path), 1, path)
    })
  }

  const swapped = entriesOf('tile/entries/003')
  const changed = writeBundle([realEntry(1), ...entriesOf('tile/entries/003').slice(1)])
  const changedTile = concat(leafHash(crypto, realEntry(1)), fileOf('tile/0/003').subarray(32))
  const rows: [name: string, files: Files, first: [code: string, detail: RegExp], root: boolean][] = [
    [
      'an entry was changed',
      damaged({ 'tile/entries/003': changed }),
      ['log-entry-altered', /^entry 768 of tile\/entries\/003: /],
      false,
    ],
    [
      'two entries changed places',
      damaged({ 'tile/entries/003': writeBundle([swapped[1]!, swapped[0]!, ...swapped.slice(2)]) }),
      ['log-entry-altered', /^entry 768 of tile\/entries\/003: /],
      false,
    ],
    [
      'an entry was changed, and its hash with it',
      damaged({ 'tile/entries/003': changed, 'tile/0/003': changedTile }),
      ['log-tile-altered', /^tile\/0\/003: expected the hash /],
      false,
    ],
    [
      'a bundle is that of another log',
      damaged({ 'tile/entries/003': fileOf('tile/entries/003', OTHER) }),
      ['log-bundle-foreign', /^tile\/entries\/003: expected entries 768 to 1023 of the log/],
      false,
    ],
    [
      'a bundle is another one of this log',
      damaged({ 'tile/entries/003': fileOf('tile/entries/004') }),
      ['log-bundle-foreign', /^tile\/entries\/003: /],
      false,
    ],
    [
      'a bundle was cut short',
      damaged({ 'tile/entries/003': fileOf('tile/entries/003').subarray(0, -3) }),
      ['log-bundle-malformed', /^tile\/entries\/003: .* entry 255/],
      true,
    ],
    [
      'a bundle is a page in HTML',
      damaged({ 'tile/entries/003': utf8('<!doctype html><title>404</title>') }),
      ['log-bundle-malformed', /^tile\/entries\/003: /],
      true,
    ],
    ['a bundle is gone', damaged({ 'tile/entries/003': null }), ['log-tile-missing', /^tile\/entries\/003: /], true],
    [
      'a hash of a full tile was changed',
      damaged({ 'tile/0/003': flipped(fileOf('tile/0/003'), 5 * 32) }),
      ['log-tile-altered', /^hash 5 of tile\/0\/003: .*, that of its entry/],
      true,
    ],
    [
      'a hash of the last tile was changed',
      damaged({ 'tile/0/009.p/41': flipped(fileOf('tile/0/009.p/41'), 40 * 32 + 31) }),
      ['log-root-mismatch', /^the tiles of the log: /],
      true,
    ],
    [
      'a tile was cut short',
      damaged({ 'tile/0/003': fileOf('tile/0/003').subarray(32) }),
      ['log-tile-malformed', /^tile\/0\/003: expected 8192 bytes; got 8160 bytes/],
      true,
    ],
    [
      'a hash of an upper tile was changed',
      damaged({ 'tile/1/000.p/9': flipped(fileOf('tile/1/000.p/9'), 2 * 32) }),
      ['log-root-mismatch', /^the tiles of the log: /],
      true,
    ],
    ['an upper tile is gone', damaged({ 'tile/1/000.p/9': null }), ['log-tile-missing', /^tile\/1\/000\.p\/9: /], true],
    ['all of it is another log', OTHER.files, ['log-root-mismatch', /^the tiles of the log: /], false],
    [
      'the end is gone',
      damaged({ 'tile/entries/009.p/41': null, 'tile/0/009.p/41': null }),
      ['log-tile-missing', /^tile\/0\/009\.p\/41: /],
      false,
    ],
  ]
  for (const [name, files, [code, detail], root] of rows) {
    test(`attack: ${name}`, () => {
      const { sound, findings, root: found } = read(LOG, files)
      const [first] = findings
      assert.ok(!sound && first !== undefined)
      const all = findings.map(one => `${one.code} ${detailOf(one)}`).join('\n')
      assert.equal(first.code, code, all)
      assert.match(detailOf(first), detail, all)
      // Whether the entries are the true ones although a copy of the log is damaged.
      assert.equal(found === LOG.head.root.toHex(), root, all)
    })
  }

  test('of the last tile and of an upper one it is said which hash was changed', () => {
    const last = read(LOG, damaged({ 'tile/0/009.p/41': flipped(fileOf('tile/0/009.p/41'), 40 * 32 + 31) }))
    assert.ok(last.findings.some(one => /^hash 40 of tile\/0\/009\.p\/41: /.test(detailOf(one))))
    const upper = read(LOG, damaged({ 'tile/1/000.p/9': flipped(fileOf('tile/1/000.p/9'), 2 * 32) }))
    assert.ok(upper.findings.some(one => /^hash 2 of tile\/1\/000\.p\/9: .*that of tile\/0\/002/.test(detailOf(one))))
  })

  test('one damaged file does not hide another', () => {
    const { findings } = read(
      LOG,
      damaged({ 'tile/entries/001': null, 'tile/entries/003': changed, 'tile/0/008': null }),
    )
    assert.deepEqual(
      findings.map(({ code, subject }) => `${code} ${subject.replace(/.* of /, '')}`),
      [
        'log-tile-missing tile/entries/001',
        'log-entry-altered tile/entries/003',
        'log-tile-missing tile/0/008',
        `log-root-mismatch ${logKey(1).name}`,
      ],
    )
  })

  test('attack: a byte of any file, whatever it becomes', () => {
    const log = realLog(300)
    const paths = [...log.files.keys()].filter(path => path !== 'checkpoint')
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.nat(), fc.integer({ min: 1, max: 255 }), (path, place, bits) => {
        const bytes = fileOf(path, log)
        const at = place % bytes.length
        const { sound } = read(log, new Map([...log.files, [path, bytes.with(at, (bytes[at] as number) ^ bits)]]))
        assert.ok(!sound, `${path} at ${at}: ${fromUtf8(bytes.subarray(at, at + 10))}`)
      }),
      { numRuns: 60, seed: 6 },
    )
  })

  test('a log of three levels, from where it was read to; attack: a full upper tile was changed', () => {
    const entry = realEntry(0)
    // Sixty-five thousand entries that are one: the tree does not mind.
    const log = signedLog(Array.from({ length: 65_836 }, () => entry))
    const from = 63_488
    const tree = treeOf(crypto, log.leaves.slice(0, from))
    const so = (): Verification => ({ ...beginVerification(crypto), tree })
    assert.ok(read(log, log.files, so()).sound)
    const full = fileOf('tile/1/000', log)
    const { findings } = read(log, new Map([...log.files, ['tile/1/000', flipped(full, 32 * 250)]]), so())
    assert.deepEqual(
      findings.map(({ code, subject }) => `${code} ${subject}`),
      ['log-tile-altered tile/1/000', 'log-tile-altered hash 250 of tile/1/000'],
    )
  })
})

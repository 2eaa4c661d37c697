import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat, utf8 } from '../../../src/core/encoding/bytes.ts'
import { Misfit } from '../../../src/core/encoding/shape.ts'
import { MAX_BUNDLED_BYTES, readBundle, writeBundle } from '../../../src/core/ledger/bundle.ts'
import { consistencyProof, inclusionProof, rootOfLeaves } from '../../../src/core/ledger/merkle.ts'
import { nodesOf } from '../../../src/core/ledger/subtrees.ts'
import { consistencyIn, entriesIn, hashesIn, inclusionIn } from '../../../src/core/ledger/tile-reader.ts'
import { parseTilePath, type Tile, tilePath, tilesBetween } from '../../../src/core/ledger/tiles.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { entryOf, type LogFiles, logFiles, readFrom } from './tile-files.ts'

const size = (max: number) => fc.oneof(fc.constantFrom(1, 2, 255, 256, 257, 511, 512, 700), fc.integer({ min: 1, max }))

/** Logs are made once for each size. */
const made = new Map<number, LogFiles>()
function log(size: number): LogFiles {
  const known = made.get(size) ?? logFiles(size)
  made.set(size, known)
  return known
}

describe('tiles of a log', () => {
  test('paths, as the specification spells them', () => {
    const rows: [Tile, string][] = [
      [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
      [{ level: 1, index: 0, width: 17 }, 'tile/1/000.p/17'],
      [{ level: 'entries', index: 273, width: 112 }, 'tile/entries/273.p/112'],
      [{ level: 5, index: 1000, width: 1 }, 'tile/5/x001/000.p/1'],
    ]
    for (const [tile, path] of rows) {
      assert.equal(tilePath(tile), path)
      assert.deepEqual(parseTilePath(path), tile)
    }
  })

  for (const path of [
    'tile/0/1',
    'tile/00/001',
    'tile/64/001',
    'tile/-1/001',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/001.p/0',
    'tile/0/001.p/256',
    'tile/0/001.p/01',
    'tile/0/001.p',
    'tile/0/../001',
    'tile/entries/x9999/001',
    'tile/0/x999/x999/x999/x999/x999/999',
    'checkpoint',
    '',
  ]) {
    test(`no tile: ${JSON.stringify(path)}`, () => assert.equal(parseTilePath(path), null))
  }

  test('a log of 70,000 entries has the tiles that the specification counts', () => {
    const all = [...tilesBetween(0, 70_000)]
    const counted = (level: Tile['level'], full: boolean) =>
      all.filter(tile => tile.level === level && (tile.width === 256) === full).map(({ width }) => width)
    assert.equal(counted(0, true).length, 273)
    assert.deepEqual(counted(0, false), [112])
    assert.deepEqual([counted(1, true).length, counted(1, false)], [1, [17]])
    assert.deepEqual([counted(2, true).length, counted(2, false)], [0, [1]])
    assert.equal(counted('entries', true).length, 273)
    assert.deepEqual(counted('entries', false), [112])
  })

  test('a log of 256 has a full tile, and one of a single hash above it', () => {
    assert.deepEqual([...tilesBetween(0, 256)].map(tilePath), ['tile/entries/000', 'tile/0/000', 'tile/1/000.p/1'])
  })

  test('what a log has grown by is what it has and had not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 70_000 }), (from, more) => {
        const paths = (before: number, now: number) => new Set([...tilesBetween(before, now)].map(tilePath))
        const had = paths(0, from)
        const grown = [...paths(0, from + more)].filter(path => !had.has(path))
        assert.deepEqual(paths(from, from + more), new Set(grown))
      }),
      { numRuns: 30 },
    )
  })
})

describe('bundles of entries', () => {
  test('are read as they were written, also the first few alone', () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 })
    fc.assert(
      fc.property(entries, fc.nat(), (all, few) => {
        const count = few % (all.length + 1)
        const read = readBundle(writeBundle(all), count)
        assert(!(read instanceof Misfit))
        assert.deepEqual(
          read.map(entry => [...entry]),
          all.slice(0, count).map(entry => [...entry]),
        )
      }),
    )
  })

  test('an entry of 65,535 bytes fits, one more does not', () => {
    const largest = new Uint8Array(MAX_BUNDLED_BYTES).fill(7)
    assert.deepEqual(readBundle(writeBundle([largest]), 1), [largest])
    assert.throws(() => writeBundle([new Uint8Array(MAX_BUNDLED_BYTES + 1)]), RangeError)
  })

  const bundle = writeBundle([utf8('one'), utf8('two')])
  for (const [name, bytes, count] of [
    ['cut short', bundle.subarray(0, -1), 2],
    ['half a length', bundle.subarray(0, 6), 1],
    ['fewer entries than there must be', bundle, 3],
    ['more entries than a bundle holds', writeBundle(Array.from({ length: 257 }, () => utf8('x'))), 1],
  ] as const) {
    test(`attack: a bundle with ${name}`, () => assert(readBundle(bytes, count) instanceof Misfit))
  }
})

describe('a log that is read from its tiles', () => {
  test('the paths to the root are those that are made from all leaves', () => {
    fc.assert(
      fc.property(size(900), fc.nat(), (entries, some) => {
        const { leaves, files, head } = log(entries)
        const index = some % entries
        assert.deepEqual(readFrom(inclusionIn(crypto, head, index), files), inclusionProof(crypto, leaves, index))
        const from = (some % entries) + 1
        assert.deepEqual(readFrom(consistencyIn(crypto, head, from), files), consistencyProof(crypto, leaves, from))
      }),
      { numRuns: 60 },
    )
  })

  test('a large log is read from a few tiles', () => {
    const { leaves, files, head } = log(66_000)
    const asked: string[] = []
    assert.deepEqual(readFrom(inclusionIn(crypto, head, 300), files, asked), inclusionProof(crypto, leaves, 300))
    // The last of each level, and on the way up from entry 300 the tiles that are full.
    assert.deepEqual(asked.toSorted(), [
      'tile/0/001',
      'tile/0/257.p/208',
      'tile/1/000',
      'tile/1/001.p/1',
      'tile/2/000.p/1',
    ])
    const older = 65_700
    assert.deepEqual(readFrom(consistencyIn(crypto, head, older), files), consistencyProof(crypto, leaves, older))
  })

  test('ranges of every shape are hashed as RFC 6962 defines them', () => {
    const { leaves, files, head } = log(700)
    for (const range of [
      { start: 0, end: 700 },
      { start: 512, end: 700 },
      { start: 256, end: 512 },
      { start: 699, end: 700 },
    ]) {
      const [hash] = orThrow(readFrom(hashesIn(crypto, head, [range]), files))
      assert.deepEqual(hash, rootOfLeaves(crypto, leaves.slice(range.start, range.end)))
    }
    assert.deepEqual(nodesOf({ start: 0, end: 2 ** 53 - 1 }).length, 53)
  })

  test('entries are those whose hashes are in the tree', () => {
    const { files, head } = log(700)
    const read = orThrow(readFrom(entriesIn(crypto, head, { start: 600, end: 700 }), files))
    assert.deepEqual(
      read.map(bytes => [...bytes]),
      Array.from({ length: 100 }, (_, at) => [...entryOf(600 + at)]),
    )
  })

  test('an empty log has no tiles, and a root', () => {
    assert.deepEqual(readFrom(hashesIn(crypto, { size: 0, root: crypto.sha256(new Uint8Array(0)) }, []), new Map()), [])
    assert.deepEqual(readFrom(consistencyIn(crypto, log(3).head, 0), new Map()), [])
  })

  test('a full tile stands in for a partial one that was taken away', () => {
    const [small, large] = [log(300), log(512)]
    const files = new Map(large.files)
    // Whoever serves the log answers the full tile where the partial one was asked for.
    for (const path of ['tile/0/001', 'tile/entries/001']) files.set(`${path}.p/44`, files.get(path) as Uint8Array)
    files.set('tile/1/000.p/1', small.files.get('tile/1/000.p/1') as Uint8Array)
    assert.deepEqual(readFrom(inclusionIn(crypto, small.head, 290), files), inclusionProof(crypto, small.leaves, 290))
    assert.equal(orThrow(readFrom(entriesIn(crypto, small.head, { start: 256, end: 300 }), files)).length, 44)
  })

  test('attack: a byte of any tile that is read is changed', () => {
    const { files, head } = log(700)
    for (const [path, bytes] of files) {
      if (path.startsWith('tile/entries')) continue
      const changed = new Map(files).set(
        path,
        bytes.map((byte, at) => (at === 40 % bytes.length ? byte ^ 1 : byte)),
      )
      const ranges = Array.from({ length: 700 }, (_, at) => ({ start: at, end: at + 1 }))
      const read = readFrom(hashesIn(crypto, head, ranges), changed)
      assert(isRefusal(read), path)
      assert.equal(read.code, path.includes('.p/') ? 'log-root-mismatch' : 'log-tile-altered', path)
    }
  })

  test('attack: an entry is changed, and one is put in the place of another', () => {
    const { files, head, entries } = log(700)
    for (const [at, entry] of [
      [17, utf8('entry 99')],
      [600, entryOf(601)],
    ] as const) {
      const index = Math.floor(at / 256)
      const own = entries.slice(index * 256, (index + 1) * 256)
      const path = tilePath({ level: 'entries', index, width: own.length })
      const changed = new Map(files).set(path, writeBundle(own.with(at % 256, entry)))
      const read = readFrom(entriesIn(crypto, head, { start: index * 256, end: index * 256 + own.length }), changed)
      assert(isRefusal(read))
      assert.deepEqual([read.code, read.subject], ['log-entry-altered', `entry ${at}`])
    }
  })

  const one = log(700)
  for (const [name, path, bytes, code] of [
    ['is not there', 'tile/0/001', null, 'log-tile-missing'],
    ['is cut short', 'tile/0/001', one.files.get('tile/0/001')?.subarray(32) ?? null, 'log-tile-malformed'],
    ['is longer', 'tile/0/002.p/188', new Uint8Array(189 * 32), 'log-tile-malformed'],
    ['has no entries', 'tile/entries/001', null, 'log-tile-missing'],
    [
      'has half an entry',
      'tile/entries/001',
      one.files.get('tile/entries/001')?.subarray(0, 50) ?? null,
      'log-bundle-malformed',
    ],
    [
      'is without end',
      'tile/entries/001',
      concat(new Uint8Array(256 * (MAX_BUNDLED_BYTES + 2) + 1)),
      'log-bundle-malformed',
    ],
  ] as const) {
    test(`attack: a part of the log ${name}`, () => {
      const files = new Map(one.files)
      if (bytes === null) files.delete(path)
      else files.set(path, bytes)
      const start = path.includes('002') ? 600 : 300
      const read = readFrom(entriesIn(crypto, one.head, { start, end: start + 1 }), files)
      assert(isRefusal(read))
      assert.deepEqual([read.code, read.subject], [code, path])
    })
  }

  test('an entry that the log has not is refused', () => {
    for (const reading of [inclusionIn(crypto, one.head, 700), consistencyIn(crypto, one.head, 701)]) {
      const read = readFrom(reading, one.files)
      assert(isRefusal(read) && read.code === 'log-index-beyond')
    }
  })
})

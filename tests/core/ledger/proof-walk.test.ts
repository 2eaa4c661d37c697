import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { concat } from '../../../src/core/encoding/bytes.ts'
import { writeBundle } from '../../../src/core/ledger/bundle.ts'
import { leafHash, rootOfLeaves, verifyInclusion } from '../../../src/core/ledger/merkle.ts'
import { type ProofWalk, SIGNED_ROOT, walkProof } from '../../../src/core/ledger/proof-walk.ts'
import { inclusionIn } from '../../../src/core/ledger/tile-reader.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { entryOf, type LogFiles, logFiles, readFrom } from './tile-files.ts'

const LOG = logFiles(70_000)
/** The files of the log with some that are others; null: not there. */
function files(change: Readonly<Record<string, Uint8Array | null>>): ReadonlyMap<string, Uint8Array> {
  const given = new Map(LOG.files)
  for (const [path, bytes] of Object.entries(change)) bytes === null ? given.delete(path) : given.set(path, bytes)
  return given
}
const walk = (log: LogFiles, index: number, given: ReadonlyMap<string, Uint8Array> = log.files): ProofWalk =>
  orThrow(readFrom(walkProof(crypto, log.head, index), given))
const told = ({ steps }: ProofWalk): string[] =>
  steps.flatMap(({ fault, over }) =>
    fault === null ? [] : [`${fault.code} ${fault.subject} at ${over.start}-${over.end}`],
  )

/** A tile with one hash that is another. */
const altered = (path: string, at: number): Uint8Array => {
  const bytes = (LOG.files.get(path) as Uint8Array).slice()
  bytes[at * 32 + 5] = (bytes[at * 32 + 5] as number) ^ 1
  return bytes
}
/** The bundle of entry 1234 with another entry in its place. */
const forgedBundle = writeBundle(LOG.entries.slice(1024, 1280).with(1234 - 1024, entryOf(9)))

describe('the way of an entry to the root', () => {
  test('of every entry of logs of many sizes it is the audit path, and arrives', () => {
    for (const size of [1, 2, 3, 7, 255, 256, 257, 300, 512, 700]) {
      const log = logFiles(size)
      for (const index of [0, 1, 2, 6, 254, 255, 256, 299, 511, size - 1].filter(one => one < size)) {
        const { steps, path, bytes, arrives } = walk(log, index)
        assert.ok(arrives && path !== null)
        assert.deepEqual(bytes, log.entries[index])
        assert.deepEqual(path, readFrom(inclusionIn(crypto, log.head, index), log.files))
        const claim = { index, size, leaf: leafHash(crypto, entryOf(index)), root: log.head.root }
        assert.ok(verifyInclusion(crypto, claim, path))
        assert.ok(steps.every(({ standing }) => standing === 'holds'))
        assert.equal(steps.at(-1)?.held, SIGNED_ROOT)
        for (const { over, hash } of steps) {
          assert.deepEqual(hash, rootOfLeaves(crypto, log.leaves.slice(over.start, over.end)))
        }
      }
    }
  })

  test('is held against each tile on its way, and asks for no other file', () => {
    const asked: string[] = []
    const { steps } = orThrow(readFrom(walkProof(crypto, LOG.head, 1234), LOG.files, asked))
    assert.deepEqual(
      steps.flatMap(({ held }) => held ?? []),
      ['tile/0/004', 'tile/1/000', 'tile/2/000.p/1', SIGNED_ROOT],
    )
    assert.ok(asked.length <= 8, asked.join(' '))
    assert.ok(isRefusal(walkProof(crypto, LOG.head, 70_000).next([]).value))
  })

  const breaks: [name: string, given: Record<string, Uint8Array | null>, fault: string, holds: number][] = [
    ['the entry was forged', { 'tile/entries/004': forgedBundle }, 'log-entry-altered entry 1234 at 1234-1235', 0],
    [
      'the entry was forged, and its hash with it',
      {
        'tile/entries/004': forgedBundle,
        'tile/0/004': concat(...LOG.leaves.slice(1024, 1280).with(1234 - 1024, leafHash(crypto, entryOf(9)))),
      },
      'log-tile-altered tile/0/004 at 1024-1280',
      1,
    ],
    [
      'a hash beside the way was altered',
      { 'tile/0/004': altered('tile/0/004', 3) },
      'log-tile-altered tile/0/004 at 1024-1280',
      1,
    ],
    [
      'a tile higher up was altered',
      { 'tile/1/000': altered('tile/1/000', 200) },
      'log-tile-altered tile/1/000 at 0-65536',
      9,
    ],
    [
      'the end of the log was altered',
      { 'tile/1/001.p/17': altered('tile/1/001.p/17', 2) },
      'log-root-mismatch the tiles of the log at 0-70000',
      17,
    ],
    ['the bundle is not there', { 'tile/entries/004': null }, 'log-tile-missing tile/entries/004 at 1234-1235', 0],
    ['a tile is not there', { 'tile/0/004': null }, 'log-tile-missing tile/0/004 at 1234-1235', 0],
    ['a tile is cut short', { 'tile/1/000': new Uint8Array(31) }, 'log-tile-malformed tile/1/000 at 1024-1280', 1],
    [
      'the bundle is something else',
      { 'tile/entries/004': new Uint8Array(7).fill(9) },
      'log-bundle-malformed tile/entries/004 at 1234-1235',
      0,
    ],
  ]
  for (const [name, given, fault, holds] of breaks) {
    test(`attack: ${name}: it breaks there`, () => {
      const found = walk(LOG, 1234, files(given))
      assert.equal(told(found)[0], fault)
      assert.equal(found.arrives, false)
      const standings = found.steps.map(({ standing }) => standing)
      assert.equal(standings.filter(one => one === 'breaks').length, 1)
      assert.equal(
        standings.indexOf('breaks'),
        found.steps.findIndex(step => step.fault !== null),
      )
      assert.equal(standings.filter(one => one === 'holds').length, holds)
      assert.ok(
        standings.slice(holds).every(one => one !== 'holds'),
        'nothing holds behind it',
      )
    })
  }

  test('attack: a tile that is false about an entry that is true: the tile is to blame, and the entry is proven', () => {
    const found = walk(LOG, 1234, files({ 'tile/0/004': altered('tile/0/004', 1234 - 1024) }))
    assert.ok(found.arrives)
    assert.deepEqual(told(found), ['log-tile-altered tile/0/004 at 1234-1235'])
    assert.deepEqual([...new Set(found.steps.slice(1).map(({ standing }) => standing))], ['holds'])
  })
})

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { folderLog } from '../../src/adapters/log-folder.ts'
import { type DiskStep, PlainFiles } from '../../src/adapters/repository-folder.ts'
import { fromUtf8, sameBytes, utf8 } from '../../src/core/encoding/bytes.ts'
import { checkpointText } from '../../src/core/ledger/checkpoint.ts'
import { tilePath, tilesBetween } from '../../src/core/ledger/tiles.ts'
import { isRefusal, orThrow, type Refusal } from '../../src/core/refusal/refusal.ts'
import { type Copied, copyLog } from '../../src/flows/copy-log.ts'
import type { LogFiles } from '../../src/flows/log-files.ts'
import { logKey, ORIGIN, signedBy, testLogKey } from '../core/ledger/keys.ts'
import { entryOf, logFilesOf } from '../core/ledger/tile-files.ts'
import { assertSynced, contentOf, cutsOf, passageOf } from '../worlds/plain-passage.ts'

const above = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'voltseal-copy-'))
let folders = 0
const newFolder = (): string => join(above, String(++folders))

/** The files of a log of that many entries, with its signed checkpoint. `other`: from this entry on it tells something else. */
function served(size: number, { key = 1, other = size } = {}): Map<string, Uint8Array> {
  const entries = Array.from({ length: size }, (_, at) => (at < other ? entryOf(at) : utf8(`another ${at}`)))
  const { files, head } = logFilesOf(entries)
  const text = checkpointText({ origin: ORIGIN, ...head, extensions: [] })
  return files.set('checkpoint', utf8(signedBy(testLogKey(key), text)))
}
/** As `served`, beside what witnesses have signed of it: its first `witnessed` entries. */
const signedUpTo = (witnessed: number, files: Map<string, Uint8Array>): Map<string, Uint8Array> =>
  new Map(files).set('checkpoint.witnessed', served(witnessed).get('checkpoint')!)
const SMALL = signedUpTo(280, served(300))
const LARGE = signedUpTo(590, served(600))
/** With every width of the partial tiles that a checkpoint of theirs speaks of. */
const EVERY = new Map([...served(280), ...served(300), ...served(590), ...served(600)])

const log = (files: ReadonlyMap<string, Uint8Array>): LogFiles => ({ file: async path => files.get(path) ?? null })

const copied = (
  files: ReadonlyMap<string, Uint8Array>,
  path: string,
  step: (step: DiskStep) => void = () => {},
): Promise<Copied | Refusal> =>
  copyLog(log(files), { files: folderLog(path), folder: new PlainFiles(path, step) }, logKey(1), crypto)

const noteOf = (files: ReadonlyMap<string, Uint8Array>): string => fromUtf8(files.get('checkpoint.witnessed')!) ?? ''

const sizeOf = (files: ReadonlyMap<string, Uint8Array>, name: string): number =>
  Number(fromUtf8(files.get(name) ?? new Uint8Array(0))?.split('\n')[1])

/**
 * The size of the log that a folder holds, every file of it there and right, and every one of what its witnesses have signed; or what
 * is wrong with it.
 */
function seen(files: ReadonlyMap<string, Uint8Array>): number | string {
  const size = sizeOf(files, 'checkpoint')
  const witnessed = sizeOf(files, 'checkpoint.witnessed')
  if (![280, 590].includes(witnessed) || witnessed > size) return `witnessed up to ${witnessed}`
  for (const tile of [...tilesBetween(0, size), ...tilesBetween(0, witnessed)]) {
    const path = tilePath(tile)
    const full = tilePath({ ...tile, width: 256 })
    const exact = files.get(path)
    const stands = exact ?? files.get(full)
    if (stands === undefined || !sameBytes(stands, EVERY.get(exact === undefined ? full : path)!)) return path
  }
  return size
}

/** Every state on the way from the small log to the large one. */
async function passage() {
  const folder = newFolder()
  orThrow(await copied(SMALL, folder))
  return passageOf(folder, async step => orThrow(await copied(LARGE, folder, step)))
}

describe('a log as plain files', () => {
  after(() => rmSync(above, { recursive: true, force: true }))

  test('has every file of the log, goes on when it has grown, and drops what it has outgrown', async () => {
    const folder = newFolder()
    // What is full, and the tile above; and for each of the two checkpoints its second bundle, and the tile above that.
    assert.deepEqual(await copied(SMALL, folder), { size: 300, before: 0, files: 7 })
    const whole = new Map([...SMALL, ...[...served(280)].filter(([path]) => path.includes('.p/24'))])
    assert.deepEqual(
      contentOf(folder),
      new Map([...whole].toSorted().map(([path, bytes]) => [path, new Uint8Array(bytes)])),
    )
    assert.deepEqual(await copied(SMALL, folder), { size: 300, before: 300, files: 0 })
    assert.deepEqual(await copied(LARGE, folder), { size: 600, before: 300, files: 7 })
    assert.equal(seen(contentOf(folder)), 600)
    assert.equal(sizeOf(contentOf(folder), 'checkpoint.witnessed'), 590)
    assert(!existsSync(join(folder, 'tile/0/001.p')), 'the full tile stands in its place')
  })

  test('attack: between any two steps a reader finds the log of before or the new one, whole', async () => {
    const { states } = await passage()
    const found = states.map(seen)
    const turn = found.indexOf(600)
    assert(turn > 0 && states.length > 15)
    assert.deepEqual(found, [...found.slice(0, turn).fill(300), ...found.slice(turn).fill(600)])
  })

  test('attack: a cut of power at any step leaves one or the other, whichever of the names have lasted', async () => {
    const way = await passage()
    for (const { files, at } of cutsOf(way)) {
      const end = seen(files)
      assert(end === 300 || end === 600, `${at}: ${end}`)
    }
    assertSynced(way)
  })

  test('a copy that was cut, or found the disk full, at any step is finished by the next one', async () => {
    const { steps } = await passage()
    const errors = [new Error('power lost'), Object.assign(new Error('full'), { code: 'ENOSPC' })] as const
    for (let cut = 0; cut < steps.length; cut += 1) {
      const error = errors[cut % 2]!
      const folder = newFolder()
      orThrow(await copied(SMALL, folder))
      let left = cut
      const cutting = copied(LARGE, folder, () => {
        if (left-- === 0) throw error
      })
      await assert.rejects(cutting, error)
      const between = seen(contentOf(folder))
      assert(between === 300 || between === 600)
      orThrow(await copied(LARGE, folder))
      assert.equal(seen(contentOf(folder)), 600)
    }
  })

  const changed = (path: string): Map<string, Uint8Array> => {
    const bytes = LARGE.get(path)!
    return new Map(LARGE).set(path, bytes.with(9, bytes[9]! ^ 1))
  }
  test('the checkpoint that witnesses have signed never gives way to an older one, and comes when it is there', async () => {
    const folder = newFolder()
    const witnessed = async (files: Map<string, Uint8Array>): Promise<number> => {
      orThrow(await copied(files, folder))
      return sizeOf(contentOf(folder), 'checkpoint.witnessed')
    }
    assert.equal(await witnessed(served(300)), Number.NaN)
    // The log has not grown; its witnesses have signed meanwhile.
    assert.equal(await witnessed(SMALL), 280)
    assert.equal(await witnessed(signedUpTo(260, served(300))), 280)
    assert.equal(await witnessed(served(600)), 280)
    // One of a key that signs the log no more is left where it is.
    const former = served(590, { key: 2 }).get('checkpoint')!
    assert.equal(await witnessed(new Map(served(600)).set('checkpoint.witnessed', former)), 280)
    assert.equal(await witnessed(LARGE), 590)
    assert.equal(seen(contentOf(folder)), 600)
  })

  const rows: [name: string, files: Map<string, Uint8Array>, code: string][] = [
    ['another history of the same size', served(300, { other: 299 }), 'log-forked'],
    ['another history that has grown', served(600, { other: 200 }), 'log-forked'],
    ['an older log', served(299), 'log-forked'],
    ['a log of another key', served(600, { key: 2 }), 'checkpoint-key-unknown'],
    ['a full tile that was changed', changed('tile/0/001'), 'log-tile-altered'],
    ['a partial tile that was changed', changed('tile/1/000.p/2'), 'log-root-mismatch'],
    ['an entry that was changed', changed('tile/entries/001'), 'log-entry-altered'],
    ['no checkpoint', new Map([...LARGE].filter(([path]) => path !== 'checkpoint')), 'log-tile-missing'],
    [
      'another history that the witnesses have signed',
      new Map(LARGE).set('checkpoint.witnessed', served(590, { other: 1 }).get('checkpoint')!),
      'log-forked',
    ],
    ['a witnessed checkpoint that is ahead of it', signedUpTo(601, served(600)), 'log-forked'],
    [
      'a witnessed checkpoint that was changed',
      new Map(LARGE).set('checkpoint.witnessed', utf8(noteOf(LARGE).replace('\n590\n', '\n591\n'))),
      'checkpoint-signature-invalid',
    ],
  ]
  for (const [name, files, code] of rows) {
    test(`attack: the copy is not gone on with by ${name}`, async () => {
      const folder = newFolder()
      orThrow(await copied(SMALL, folder))
      const refused = await copied(files, folder)
      assert(isRefusal(refused))
      assert.equal(refused.code, code)
      assert.equal(seen(contentOf(folder)), 300)
    })
  }

  test('goes on under a new key with what a former one signed, when the log continues it', async () => {
    const by = (files: ReadonlyMap<string, Uint8Array>, path: string, former: readonly number[]) => {
      const target = { files: folderLog(path), folder: new PlainFiles(path), former: former.map(logKey) }
      return copyLog(log(files), target, logKey(2), crypto)
    }
    const folder = newFolder()
    orThrow(await copied(SMALL, folder))
    const strange = await by(served(600, { key: 2 }), folder, [])
    assert(isRefusal(strange) && strange.code === 'checkpoint-key-unknown')
    const other = await by(served(600, { key: 2, other: 200 }), folder, [3, 1])
    assert(isRefusal(other) && other.code === 'log-forked')
    const witnessed = served(590, { key: 2 }).get('checkpoint')!
    const next = new Map(served(600, { key: 2 })).set('checkpoint.witnessed', witnessed)
    assert.equal(orThrow(await by(next, folder, [3, 1])).before, 300)
    assert.equal(seen(contentOf(folder)), 600)
    assert.equal(sizeOf(contentOf(folder), 'checkpoint.witnessed'), 590)
  })

  test('attack: a checkpoint in the folder that nobody signed is not gone on from', async () => {
    const folder = newFolder()
    orThrow(await copied(SMALL, folder))
    writeFileSync(join(folder, 'checkpoint'), served(300, { key: 2 }).get('checkpoint')!)
    const refused = await copied(LARGE, folder)
    assert(isRefusal(refused) && refused.code === 'checkpoint-key-unknown')
  })
})

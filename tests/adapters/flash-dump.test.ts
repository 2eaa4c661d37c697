import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { type ReadAt, readDump, scanDump } from '../../src/adapters/flash-dump.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { encodeCell, type HistoryEntry } from '../../src/core/slot/history.ts'

const PAGE = 4096
const MIB = 1 << 20
const folder = mkdtempSync(join(tmpdir(), 'voltseal-dump-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const codeOf = (value: unknown): string => (isRefusal(value) ? value.code : 'no refusal')

const entry: HistoryEntry = {
  ...{ decision: 1, at: 0, event: 'boot', phase: 'boot', reset: 'power-on', slot: 'a' },
  ...{ sequence: 1, version: '1.0.0', digest: '', cause: '' },
}
const cell = (decision: number): Uint8Array =>
  encodeCell({ ...entry, decision }, message => nodeCrypto.hmacSha256(new Uint8Array(32), message))

/** A device of erased pages with cells at some of them; the pages of `broken` answer EIO. */
function device(bytes: number, cells: readonly number[], broken: (page: number) => boolean = () => false): ReadAt {
  const flash = new Uint8Array(bytes).fill(0xff)
  for (const [index, place] of cells.entries()) flash.set(cell(index + 1), place)
  return (buffer, position) => {
    const end = Math.min(position + buffer.length, bytes)
    for (let page = Math.floor(position / PAGE); page * PAGE < end; page += 1) {
      if (broken(page)) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    }
    buffer.set(flash.subarray(position, end))
    return Math.max(0, end - position)
  }
}

describe('reading a dump', () => {
  it('loses the pages that cannot be read, and nothing beside them', () => {
    const cells = [PAGE, 3 * PAGE, 5 * PAGE, 2 * MIB]
    const read = orThrow(
      scanDump(
        'mtd0',
        device(3 * MIB, cells, page => page === 3 || page === 4),
        null,
      ),
    )
    assert.deepEqual(
      read.finds.cells.map(find => find.offset),
      [PAGE, 5 * PAGE, 2 * MIB],
    )
    assert.deepEqual([read.unreadable, read.finds.bytes], [2 * PAGE, 3 * MIB])
  })

  it('gives a device up that cannot be read at all', () => {
    assert.equal(
      codeOf(
        scanDump(
          'mtd0',
          device(64 * MIB, [], () => true),
          null,
        ),
      ),
      'file-unreadable',
    )
  })

  it('finds what lies over the edge between two reads', () => {
    const cells = [MIB - 16, 2 * MIB - 144]
    assert.equal(orThrow(scanDump('mtd0', device(3 * MIB, cells), null)).finds.cells.length, 2)
  })

  it('a folder: each file by itself, in the order of their names, folders below it too', () => {
    mkdirSync(at('board/flash'), { recursive: true })
    writeFileSync(at('board/flash/record0'), cell(1))
    writeFileSync(at('board/flash/history'), cell(2))
    writeFileSync(at('board/agent.yaml'), 'class: bms\n')
    symlinkSync('1234', at('board/stage.lock'))
    const parts = orThrow(readDump(at('board'), null, nodeCrypto))
    assert.deepEqual(
      parts.map(part => [part.file, part.finds.cells.map(find => find.value.decision)]),
      [
        [at('board/agent.yaml'), []],
        [at('board/flash/history'), [2]],
        [at('board/flash/record0'), [1]],
      ],
    )
  })

  it('refuses what is not there, and a folder of far too many files', () => {
    assert.equal(codeOf(readDump(at('gone'), null, nodeCrypto)), 'file-missing')
    mkdirSync(at('many'))
    for (let index = 0; index < 65; index += 1) writeFileSync(at(`many/${index}`), '')
    assert.equal(codeOf(readDump(at('many'), null, nodeCrypto)), 'file-unreadable')
  })
})

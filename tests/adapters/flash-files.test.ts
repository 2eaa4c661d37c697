import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { AreaFile, type FileCalls, type Trouble } from '../../src/adapters/flash-files/area-file.ts'
import { FlashFiles } from '../../src/adapters/flash-files/flash-files.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { areasOf, type FlashArea, type Geometry } from '../../src/core/slot/layout.ts'

const GEOMETRY: Geometry = {
  record: { size: 4096, sector: 4096 },
  slot: { size: 16_384, sector: 1024 },
  golden: { size: 8192, sector: 1024 },
  history: { size: 4096, sector: 1024 },
  parts: [{ size: 2048, sector: 512 }],
  imageOffset: 2048,
}

describe('flash in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-flash-'))
  const path = (area: FlashArea): string => join(folder, `${area}.bin`)
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('is made erased, each area in a file of its own that nobody else may read', () => {
    const flash = orThrow(FlashFiles.create(GEOMETRY, path))
    for (const [area, { size, sector }] of areasOf(GEOMETRY)) {
      assert.deepEqual([flash.size(area), flash.sector(area)], [size, sector])
      assert.ok((flash.read(area, 0, size) as Uint8Array).every(byte => byte === 0xff))
      assert.deepEqual([statSync(path(area)).size, statSync(path(area)).mode & 0o777], [size, 0o600])
    }
    flash.program('golden', 0, new Uint8Array([1, 2, 3]))
    flash.close()
  })

  it('keeps what was programmed, and erases by sector', () => {
    const flash = orThrow(FlashFiles.open(GEOMETRY, path))
    flash.program('a', 1000, new Uint8Array(100).fill(7))
    flash.close()
    const again = orThrow(FlashFiles.open(GEOMETRY, path))
    assert.deepEqual(again.read('a', 999, 3), new Uint8Array([0xff, 7, 7]))
    again.erase('a', 0, 1024)
    assert.deepEqual(again.read('a', 1023, 2), new Uint8Array([0xff, 7]))
    assert.throws(() => again.erase('a', 512, 1024), /not by sector/)
    assert.throws(() => again.read('a', 16_000, 1000), /not in it/)
    again.close()
  })

  it('does not write what is erased already', () => {
    const flash = orThrow(FlashFiles.open(GEOMETRY, path))
    flash.erase('b', 0, 16_384)
    const before = statSync(path('b'), { bigint: true }).mtimeNs
    flash.erase('b', 0, 16_384)
    assert.equal(statSync(path('b'), { bigint: true }).mtimeNs, before)
    flash.close()
  })

  it('has golden open for reading only', () => {
    const flash = orThrow(FlashFiles.open(GEOMETRY, path))
    flash.program('golden', 0, new Uint8Array([0]))
    flash.erase('golden', 0, 1024)
    assert.deepEqual(readFileSync(path('golden')).subarray(0, 3), Buffer.from([1, 2, 3]))
    flash.close()
  })

  it('answers null where a file has grown shorter while it was open', () => {
    const flash = orThrow(FlashFiles.open(GEOMETRY, path))
    truncateSync(path('history'), 2048)
    assert.equal(flash.read('history', 1024, 2048), null)
    assert.notEqual(flash.read('history', 0, 2048), null)
    flash.close()
  })

  it('has a stand-in for a file that is too short, or not there: it reads null and takes no write', () => {
    rmSync(path('record1'))
    const heard: string[] = []
    const flash = orThrow(
      FlashFiles.open(GEOMETRY, path, ({ area, during, code }) => heard.push(`${area} ${during} ${code}`)),
    )
    for (const area of ['history', 'record1'] as const) {
      flash.program(area, 0, new Uint8Array(4))
      flash.erase(area, 0, flash.sector(area))
      flash.program(area, 0, new Uint8Array(4))
      assert.equal(flash.read(area, 0, 4), null)
    }
    flash.close()
    assert.deepEqual(heard, ['record1 open ENOENT', 'history open short', 'history write ENXIO', 'record1 write ENXIO'])
    assert.equal(statSync(path('history')).size, 2048)
  })

  it('is refused only when neither a slot nor golden is there', () => {
    for (const area of ['a', 'b'] as const) rmSync(path(area))
    orThrow(FlashFiles.open(GEOMETRY, path)).close()
    truncateSync(path('golden'), 10)
    const refused = FlashFiles.open(GEOMETRY, path)
    assert.ok(isRefusal(refused))
    assert.equal(refused.code, 'board-area-missing')
  })
})

describe('an area whose disk fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-area-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const sizes = { size: 4096, sector: 1024 }
  const failure = Object.assign(new Error('the disk'), { code: 'EIO' })
  const fail = (): never => {
    throw failure
  }

  /** An area over a real file, some of whose calls fail, and what it says. */
  function areaWith(calls: Partial<FileCalls>): { area: AreaFile; heard: string[]; calls: FileCalls } {
    const path = join(folder, 'area')
    writeFileSync(path, new Uint8Array(4096).fill(0xff))
    const heard: string[] = []
    const all = { readSync, writeSync, fdatasyncSync, ...calls }
    const hear = ({ during, code }: Trouble): void => void heard.push(`${during} ${code}`)
    return { area: new AreaFile(sizes, openSync(path, 'r+'), null, hear, all), heard, calls: all }
  }

  it('reads null where it cannot be read', () => {
    const { area, heard } = areaWith({ readSync: fail })
    assert.equal(area.read(0, 16), null)
    assert.deepEqual(heard, ['read EIO'])
    area.close()
  })

  it('does not throw for a write that fails', () => {
    const { area, heard } = areaWith({ writeSync: fail })
    area.write(0, new Uint8Array(16))
    area.fill(1024, 1024, 0)
    assert.deepEqual(heard, ['write EIO', 'write EIO'])
    area.close()
  })

  it('does not believe the page cache about what was not made durable, until it is', () => {
    const { area, heard, calls } = areaWith({ fdatasyncSync: fail })
    area.write(100, new Uint8Array(16).fill(7))
    assert.equal(area.read(100, 16), null)
    assert.equal(area.read(0, 101), null)
    assert.deepEqual(area.read(0, 100), new Uint8Array(100).fill(0xff))
    assert.deepEqual(area.read(116, 4), new Uint8Array(4).fill(0xff))
    area.fill(0, 1024, 0xff)
    assert.equal(area.read(0, 1), null)
    assert.deepEqual(heard, ['write EIO', 'write EIO'])
    Object.assign(calls, { fdatasyncSync })
    area.fill(0, 1024, 0xff)
    assert.deepEqual(area.read(0, 1024), new Uint8Array(1024).fill(0xff))
    area.close()
  })
})

/** A block device over a file, when this machine and this user can have one; null otherwise. */
function loopDevice(file: string): string | null {
  const { status, stdout } = spawnSync('losetup', ['--find', '--show', file])
  return status === 0 ? stdout.toString().trim() : null
}

describe('flash on block devices', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-loop-'))
  const image = join(folder, 'image')
  writeFileSync(image, new Uint8Array(32_768))
  const device = loopDevice(image)
  after(() => {
    if (device !== null) spawnSync('losetup', ['--detach', device])
    rmSync(folder, { recursive: true, force: true })
  })
  const skip = device === null ? 'NOT TESTED: no block device can be made here' : false

  it('is made erased up to the size of the area, and keeps what is programmed', { skip }, () => {
    const path = (area: FlashArea): string => (area === 'a' ? (device as string) : join(folder, `${area}.bin`))
    const made = orThrow(FlashFiles.create(GEOMETRY, path))
    made.program('a', 2048, new Uint8Array(1000).fill(5))
    made.close()
    const flash = orThrow(FlashFiles.open(GEOMETRY, path))
    assert.deepEqual(flash.read('a', 2047, 2), new Uint8Array([0xff, 5]))
    flash.erase('a', 2048, 1024)
    assert.ok((flash.read('a', 0, 16_384) as Uint8Array).every(byte => byte === 0xff))
    flash.close()
    // What the device has behind the area is somebody else's.
    assert.ok(
      readFileSync(device as string)
        .subarray(16_384)
        .every(byte => byte === 0),
    )
  })

  it('is refused when the device is smaller than the area', { skip }, () => {
    const larger: Geometry = { ...GEOMETRY, slot: { size: 65_536, sector: 1024 } }
    const path = (area: FlashArea): string => (area === 'a' ? (device as string) : join(folder, `${area}.bin`))
    const refused = FlashFiles.create(larger, path)
    assert.ok(isRefusal(refused))
    assert.equal(refused.code, 'board-area-short')
  })
})

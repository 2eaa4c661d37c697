import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { DiskBlobs } from '../../src/adapters/blobs-disk.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import type { BlobId } from '../../src/flows/ports.ts'

const root = mkdtempSync(join(tmpdir(), 'voltseal-blobs-'))
let folders = 0

const content = new Uint8Array(100_000).map((_, index) => index % 253)
const id: BlobId = { sha256: createHash('sha256').update(content).digest('hex'), length: content.length }

async function* chunks(bytes: Uint8Array, size = 7000, breaks = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    if (at >= breaks) throw new Error('the line broke')
    yield bytes.subarray(at, at + size)
  }
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

function make() {
  const folder = join(root, String(++folders))
  const at = (...names: string[]): string => join(folder, ...names)
  return {
    folder,
    at,
    named: at(id.sha256.slice(0, 2), id.sha256),
    part: at('part', id.sha256),
    blobs: new DiskBlobs(folder),
  }
}

describe('blobs on a disk', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  it('takes a blob in, and gives it back whole and in parts', async () => {
    const { blobs, named, part } = make()
    assert.equal(await blobs.has(id), false)
    assert.equal(await blobs.append(id, 0, chunks(content)), null)
    assert.equal(await blobs.has(id), true)
    assert.equal(await blobs.size(id.sha256), id.length)
    assert.equal(await blobs.verify(id), null)
    assert.deepEqual(await blobs.read(id), content)
    assert.deepEqual(await whole(blobs.stream(id, 10, 5000)), content.subarray(10, 5000))
    assert.ok(existsSync(named) && !existsSync(part))
  })

  it('a transfer that ends early keeps what came, and goes on from it in a new process', async () => {
    const { blobs, folder, named } = make()
    const refusal = await blobs.append(id, 0, chunks(content.subarray(0, 21_000)))
    assert.deepEqual(
      [refusal?.code, refusal?.expected, refusal?.actual],
      ['download-truncated', '100000 bytes', '21000 bytes'],
    )
    assert.equal(await blobs.has(id), false)
    const again = new DiskBlobs(folder)
    assert.equal(await again.partial(id), 21_000)
    assert.equal(await again.append(id, 21_000, chunks(content.subarray(21_000))), null)
    assert.deepEqual(new Uint8Array(readFileSync(named)), content)
  })

  it('a line that breaks with an error keeps what came, too', async () => {
    const { blobs } = make()
    await assert.rejects(blobs.append(id, 0, chunks(content, 7000, 14_000)), /the line broke/)
    assert.equal(await blobs.partial(id), 14_000)
  })

  it('what is gone on from an earlier place forgets what was behind it, and gives out what is unfinished', async () => {
    const { blobs } = make()
    await blobs.append(id, 0, chunks(content.subarray(0, 21_000)))
    assert.equal((await blobs.append(id, 10_000, chunks(content.subarray(10_000, 15_000))))?.code, 'download-truncated')
    assert.equal(await blobs.partial(id), 15_000)
    assert.deepEqual(await whole(blobs.unfinished(id, 9000, 15_000)), content.subarray(9000, 15_000))
    assert.deepEqual(await whole(blobs.unfinished(id, 15_000, 15_000)), new Uint8Array(0))
  })

  it('a whole part that was not named before a crash is verified and named', async () => {
    const { blobs, at, part, named } = make()
    mkdirSync(at('part'), { recursive: true })
    writeFileSync(part, content)
    assert.equal(await blobs.append(id, id.length, chunks(new Uint8Array(0))), null)
    assert.ok(existsSync(named))
  })

  it('attack: bytes that are not the ones that were signed for leave nothing', async () => {
    const { blobs, part, named } = make()
    const other = new Uint8Array(content)
    other[50_000]! ^= 1
    const refusal = await blobs.append(id, 0, chunks(other))
    assert.equal(refusal?.code, 'blob-digest-mismatch')
    assert.equal(refusal?.expected, `SHA-256 ${id.sha256}`)
    assert.ok(!existsSync(part) && !existsSync(named))
    assert.equal(await blobs.append(id, 0, chunks(content)), null, 'the right ones are welcome after it')
  })

  it('attack: endless data is ended at the length that was signed for', async () => {
    const { blobs, part } = make()
    let given = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      // Endless as far as a reader can tell: who does not stop is stopped before the disk is full.
      while (given < 10_000_000) {
        given += 7000
        yield new Uint8Array(7000)
      }
    }
    assert.equal((await blobs.append(id, 0, endless()))?.code, 'download-too-long')
    assert.ok(given < 110_000, 'and not read further')
    assert.ok(!existsSync(part), 'none of it is gone on from')
  })

  it('attack: path traversal in a name', async () => {
    const { blobs, at } = make()
    mkdirSync(at('..', 'outside'), { recursive: true })
    for (const sha256 of [
      '../outside',
      '..',
      '',
      `../${id.sha256}`,
      id.sha256.toUpperCase(),
      `${id.sha256}/x`,
      `${id.sha256}\0`,
    ]) {
      const bad = { sha256, length: id.length }
      assert.equal(await blobs.size(sha256), null)
      await assert.rejects(blobs.has(bad), /not a SHA-256 name/)
      await assert.rejects(blobs.append(bad, 0, chunks(content)), /not a SHA-256 name/)
      await assert.rejects(blobs.read(bad), /not a SHA-256 name/)
      assert.throws(() => blobs.stream(bad, 0, 1), /not a SHA-256 name/)
    }
    assert.deepEqual(readdirSync(at('..', 'outside')), [])
  })

  it('attack: a blob that is changed on the disk is found, and set aside once', async () => {
    const { blobs, at, named } = make()
    assert.equal(await blobs.append(id, 0, chunks(content)), null)
    const changed = new Uint8Array(content)
    changed[0]! ^= 0x80
    writeFileSync(named, changed)
    assert.equal((await blobs.verify(id))?.code, 'blob-digest-mismatch')
    const read = await blobs.read(id)
    assert.ok(isRefusal(read) && read.code === 'blob-digest-mismatch')
    assert.deepEqual([await blobs.quarantine(id), await blobs.quarantine(id)], [true, false])
    assert.deepEqual(readdirSync(at('quarantine')), [id.sha256])
    assert.equal((await blobs.verify(id))?.code, 'blob-missing')
  })

  it('the right bytes under another length are not the blob', async () => {
    const { blobs } = make()
    assert.equal(await blobs.append(id, 0, chunks(content)), null)
    const wrong = { ...id, length: 1 }
    assert.equal(await blobs.has(wrong), false)
    for (const refusal of [await blobs.verify(wrong), await blobs.read(wrong)]) {
      assert.ok(isRefusal(refusal))
      assert.deepEqual(
        [refusal.code, refusal.expected, refusal.actual],
        ['blob-digest-mismatch', '1 bytes', '100000 bytes'],
      )
    }
  })

  it('a blob that was cut short on the disk is not there', async () => {
    const { blobs, named } = make()
    assert.equal(await blobs.append(id, 0, chunks(content)), null)
    writeFileSync(named, content.subarray(0, 10))
    assert.equal(await blobs.has(id), false)
    assert.equal(await blobs.append(id, 0, chunks(content)), null)
    assert.deepEqual(await blobs.read(id), content)
  })

  it('two transfers of one blob do not write into one another', async () => {
    const { blobs, named } = make()
    const results = await Promise.all([1, 2, 3].map(n => blobs.append(id, 0, chunks(content, 1000 * n))))
    assert.deepEqual(results, [null, null, null])
    assert.deepEqual(new Uint8Array(readFileSync(named)), content)
  })

  it('a full disk: no-space, and the name is not given', { skip: !existsSync('/dev/full') }, async () => {
    const { blobs, at, part, named } = make()
    mkdirSync(at('part'), { recursive: true })
    symlinkSync('/dev/full', part)
    const refusal = await blobs.append(id, 0, chunks(content))
    assert.deepEqual([refusal?.code, refusal?.subject, refusal?.actual], ['no-space', part, 'ENOSPC'])
    assert.ok(!existsSync(named))
    rmSync(part)
    assert.equal(await blobs.append(id, 0, chunks(content)), null)
    assert.equal(statSync(named).size, id.length)
  })
})

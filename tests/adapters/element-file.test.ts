import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { FileElement } from '../../src/adapters/element-file.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { agreeWith, p256Pair } from '../worlds/wrapping.ts'

const anchor = (kid: string) => ({ kid, key: { alg: 'ecdsa-p256', spki: new Uint8Array([1, 2, 3]) } }) as const

describe('a secure element in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voltseal-element-'))
  const path = join(folder, 'element.json')
  const element = FileElement.create(path)
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('is readable by its owner alone', () => {
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  it('has a counter that only rises, over a restart too', () => {
    element.raise(4)
    element.raise(2)
    assert.equal(element.counter(), 4)
    assert.equal(orThrow(FileElement.open(path)).counter(), 4)
    assert.throws(() => element.raise(2 ** 32), /out of range/)
  })

  it('never gives a number of a report twice, whenever it is opened again', () => {
    const numbers: number[] = []
    for (let restart = 0; restart < 4; restart += 1) {
      const opened = orThrow(FileElement.open(path))
      for (let report = 0; report < 70; report += 1) numbers.push(opened.nextReport() as number)
    }
    assert.equal(new Set(numbers).size, numbers.length)
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )
  })

  it('agrees by its decryption key, which one of before has not', () => {
    const { privateKey, spki } = p256Pair()
    const point = spki.subarray(-65)
    assert.deepEqual(element.agree(point), agreeWith(privateKey, (element.decryptionKey as Uint8Array).subarray(-65)))
    assert.equal(element.agree(point.with(40, (point[40] as number) ^ 1)), null, 'no point of the curve')
    assert.deepEqual(orThrow(FileElement.open(path)).decryptionKey, element.decryptionKey)
    const { decryptionKey: _, ...before } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    const older = join(folder, 'older.json')
    writeFileSync(older, JSON.stringify(before), { mode: 0o600 })
    const opened = orThrow(FileElement.open(older))
    assert.deepEqual([opened.decryptionKey, opened.agree(point)], [null, null])
  })

  it('accepts two keys at most, and never none', () => {
    element.addAnchor(anchor('aa'))
    element.addAnchor(anchor('aa'))
    element.addAnchor(anchor('bb'))
    assert.throws(() => element.addAnchor(anchor('cc')), /no place/)
    element.revokeAnchor('aa')
    element.revokeAnchor('aa')
    assert.deepEqual(orThrow(FileElement.open(path)).anchors(), [anchor('bb')])
    assert.throws(() => element.revokeAnchor('bb'), /last key/)
  })

  it('answers that nothing was done, and gives no number, while its file cannot be written', () => {
    const frozen = join(folder, 'frozen.json')
    FileElement.create(frozen).addAnchor(anchor('aa'))
    const opened = orThrow(FileElement.open(frozen))
    // Where the new file is put before it takes the place of the old one.
    mkdirSync(`${frozen}.new`)
    assert.deepEqual(
      [opened.raise(3), opened.addAnchor(anchor('bb')), opened.raise(0), opened.addAnchor(anchor('aa'))],
      [false, false, true, true],
    )
    assert.equal(opened.nextReport(), null)
    assert.deepEqual([opened.counter(), opened.anchors()], [0, [anchor('aa')]])
    rmdirSync(`${frozen}.new`)
    assert.deepEqual([opened.raise(3), opened.nextReport()], [true, 1])
    assert.deepEqual([opened.addAnchor(anchor('bb')), opened.revokeAnchor('aa')], [true, true])
    assert.equal(orThrow(FileElement.open(frozen)).counter(), 3)
  })

  it('pins golden once', () => {
    element.pinGolden('11'.repeat(32))
    element.pinGolden('11'.repeat(32))
    assert.throws(() => element.pinGolden('22'.repeat(32)), /pinned already/)
    assert.equal(orThrow(FileElement.open(path)).goldenDigest(), '11'.repeat(32))
  })

  it('makes the same MAC after a restart, and signs what its public key verifies', () => {
    const message = new Uint8Array([9, 8, 7])
    const again = orThrow(FileElement.open(path))
    assert.deepEqual(again.mac(message), element.mac(message))
    const key = createPublicKey({ key: Buffer.from(again.reportKey.spki), format: 'der', type: 'spki' })
    assert.ok(verify('sha256', message, key, again.signReport(message)))
  })

  it('refuses a file that is gone, cut off, or of another kind', () => {
    const whole = readFileSync(path)
    const rows: readonly (readonly [string, string | Buffer])[] = [
      ['cut off', whole.subarray(0, 100)],
      ['another kind', '{"kind":"voltseal-elephant"}'],
      ['a key that is none', whole.toString().replace(/BEGIN PRIVATE KEY/, 'BEGIN NOTHING')],
      ['a counter that is none', whole.toString().replace('"counter": 4', '"counter": "4"')],
    ]
    for (const [name, content] of rows) {
      const other = join(folder, 'other.json')
      writeFileSync(other, content)
      chmodSync(other, 0o600)
      const opened = FileElement.open(other)
      assert.ok(isRefusal(opened), name)
      assert.equal(opened.code, 'element-unreadable', name)
    }
    const gone = FileElement.open(join(folder, 'gone.json'))
    assert.ok(isRefusal(gone))
    assert.equal(gone.code, 'element-unreadable')
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plainOnes } from '../../../src/core/delta/search/plain.ts'

describe('a cover whose references are none', () => {
  // A table that looks like calls, and has moved as it is; the rest moved by 64 as well.
  const old = new Uint8Array(4096)
  for (let at = 1000; at < 2000; at += 4) old.set([0x00, 0xf0, at & 0x3f, 0xf8], at)
  const covers = [
    { old: 0, new: 0, length: 500 },
    { old: 500, new: 564, length: 500 },
    { old: 1000, new: 1072, length: 1000 },
    { old: 2000, new: 2064, length: 2000 },
  ]
  const now = new Uint8Array(4200)
  for (const { old: from, new: to, length } of covers) now.set(old.subarray(from, from + length), to)

  it('is made plain, and one whose bytes are right either way is not', () => {
    const plain = plainOnes({ old, now, architecture: 'cortex-m', load: 0 }, covers)
    assert.equal(plain[2]?.plain, true)
    assert.equal(plain[0]?.plain, undefined)
    assert.deepEqual(
      plain.map(({ old: from, new: to, length }) => ({ old: from, new: to, length })),
      covers,
    )
  })

  it('is not looked for where there are no references', () => {
    assert.equal(plainOnes({ old, now, architecture: 'none', load: 0 }, covers), covers)
  })
})

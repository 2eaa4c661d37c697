import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { notRead } from '../../../src/core/refusal/not-read.ts'

describe('a file that was not read', () => {
  const rows = [
    ['EACCES', 'file-not-permitted'],
    ['EPERM', 'file-not-permitted'],
    ['EISDIR', 'file-unreadable'],
    ['EIO', 'file-unreadable'],
  ] as const
  for (const [system, code] of rows) {
    test(`${system} is ${code}`, () => {
      const refusal = notRead('keys/ana.pem', system)
      assert.deepEqual([refusal.code, refusal.subject, refusal.actual], [code, 'keys/ana.pem', system])
    })
  }
})

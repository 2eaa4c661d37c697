import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, it } from 'node:test'
import { refusalOf, refuseNoRoom, unlessNotWritten } from '../../../src/apps/process/disk.ts'

const fault = (code: string, syscall: string, path?: string): Error =>
  Object.assign(new Error(code), { code, syscall, ...(path === undefined ? {} : { path }) })

describe('an error of the file system', () => {
  const rows: readonly (readonly [Error, string | null, string])[] = [
    [fault('EACCES', 'mkdir', '/a'), 'file-not-permitted', '/a'],
    [fault('EPERM', 'open', '/a'), 'file-not-permitted', '/a'],
    [fault('EROFS', 'open', '/a'), 'file-not-permitted', '/a'],
    [fault('ENOSPC', 'write'), 'no-space', 'b'],
    [fault('EDQUOT', 'write'), 'no-space', 'b'],
    [fault('EISDIR', 'rename', '/a'), 'file-exists', '/a'],
    [fault('ENOTDIR', 'open', '/a/b'), 'file-exists', '/a/b'],
    [fault('ENOENT', 'mkdir', '/proc/a'), 'file-not-permitted', '/proc/a'],
    [fault('ENOENT', 'open', '/a'), null, ''],
    // Of a port, a process or a dead disk: another story, or nobody's to mend.
    [fault('EACCES', 'listen'), null, ''],
    [fault('EPERM', 'kill'), null, ''],
    [fault('EIO', 'read', '/a'), null, ''],
    [new TypeError('a bug'), null, ''],
  ]
  for (const [error, code, subject] of rows) {
    it(`${error.message} of ${(error as NodeJS.ErrnoException).syscall ?? 'nothing'}: ${code}`, () => {
      const refusal = refusalOf(error, 'b')
      assert.equal(refusal?.code ?? null, code)
      if (refusal !== null) assert.equal(refusal.subject, subject)
    })
  }

  it('a disk without room for what is to come is refused before that', () => {
    assert.equal(refuseNoRoom(tmpdir(), 1), null)
    assert.equal(refuseNoRoom(tmpdir(), Number.MAX_SAFE_INTEGER)?.code, 'no-space')
  })

  it('is a refusal where a disk takes no write, and thrown where it is anything else', () => {
    const writing = (error?: Error) => () =>
      unlessNotWritten('b', () => {
        if (error !== undefined) throw error
      })
    assert.equal(writing()(), null)
    assert.equal(writing(fault('ENOSPC', 'write'))()?.code, 'no-space')
    assert.equal(writing(fault('EROFS', 'open'))()?.code, 'file-not-permitted')
    assert.equal(writing(fault('EIO', 'write'))()?.code, 'file-not-permitted')
    assert.throws(writing(new TypeError('a bug')), /a bug/)
  })
})

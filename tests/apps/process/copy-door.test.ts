import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { askForCopy, type CopyDoor, serveCopies } from '../../../src/apps/process/copy-door.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-door-'))
const path = join(folder, 'copies.sock')
const nothing = (): void => undefined
const codeOf = (said: unknown): unknown => (isRefusal(said) ? said.code : said)

/** A store whose copy takes as long as the test says. */
class Slow {
  readonly begun = Promise.withResolvers<void>()
  readonly #step = Promise.withResolvers<void>()
  end = (): void => this.#step.resolve()
  copy = async (_path: string, goesOn: (done: number, total: number) => boolean) => {
    this.begun.resolve()
    while (goesOn(1, 2)) await Promise.race([this.#step.promise, new Promise(resolve => setImmediate(resolve))])
    return null
  }
}

describe('the door that copies of a store are asked for at', () => {
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('gives one copy at a time: the second is told to wait', async () => {
    const slow = new Slow()
    const door = (await serveCopies(path, slow.copy)) as CopyDoor
    const first = askForCopy(path, join(folder, 'one'), nothing)
    await slow.begun.promise
    assert.equal(codeOf(await askForCopy(path, join(folder, 'two'), nothing)), 'backup-under-way')
    await door.close()
    await first
  })

  it('ends a copy that nobody waits for any more, and is free for the next one', async () => {
    const slow = new Slow()
    let copies = 0
    const copy: Slow['copy'] = async (to, goesOn) => {
      copies += 1
      return copies === 1 ? slow.copy(to, goesOn) : null
    }
    const door = (await serveCopies(path, copy)) as CopyDoor
    const gone = connect({ path })
    gone.write(`${JSON.stringify({ to: join(folder, 'gone') })}\n`)
    await slow.begun.promise
    gone.destroy()
    let said: unknown = 'backup-under-way'
    while (said === 'backup-under-way') said = codeOf(await askForCopy(path, join(folder, 'again'), nothing))
    assert.equal(said, null)
    await door.close()
  })

  it('a server that ends in the middle says nothing, and that is no copy', async () => {
    const door = (await serveCopies(path, () => Promise.reject(new Error('dead')))) as CopyDoor
    assert.equal(codeOf(await askForCopy(path, join(folder, 'dead'), nothing)), 'backup-interrupted')
    await door.close()
    assert.equal(await askForCopy(path, join(folder, 'none'), nothing), 'not-running')
  })

  it('a folder that the server does not see, or may not write, is said to be that', async () => {
    for (const code of ['ENOENT', 'EACCES', 'EROFS']) {
      const copy = () => Promise.reject(Object.assign(new Error(code), { code, syscall: 'open' }))
      const door = (await serveCopies(path, copy)) as CopyDoor
      assert.equal(codeOf(await askForCopy(path, join(folder, 'unseen'), nothing)), 'file-not-permitted')
      await door.close()
    }
  })

  it('attack: what is no request is refused or cut off', async () => {
    const door = (await serveCopies(path, async () => null)) as CopyDoor
    assert.equal(codeOf(await askForCopy(path, 'relative', nothing)), 'request-malformed')
    assert.equal(codeOf(await askForCopy(path, '/a\0b', nothing)), 'request-malformed')
    assert.equal(codeOf(await askForCopy(path, `/${'a'.repeat(9000)}`, nothing)), 'backup-interrupted')
    await door.close()
  })
})

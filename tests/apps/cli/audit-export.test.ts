import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { takeLock } from '../../../src/adapters/file-lock.ts'
import { isRefusal } from '../../../src/core/refusal/refusal.ts'
import { LOG_KEY, realLog } from '../../core/ledger/signed-log.ts'
import { commandLine, type Ran } from '../../worlds/command-line.ts'
import { writeLog } from '../../worlds/log-folder.ts'
import { storeFolder } from '../../worlds/stored-log.ts'

const folder = storeFolder('export')
const at = (name: string): string => join(folder, name)

const audit = (...argv: string[]): Promise<Ran> => commandLine(['audit', ...argv])
const exported = (to: string, from: string, ...more: string[]) =>
  audit('export', at(to), at(from), '--key', LOG_KEY, ...more)

describe('voltseal audit export', () => {
  before(() => {
    writeLog(at('small'), realLog(300).files)
    writeLog(at('large'), realLog(600).files)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('writes a folder that verifies by itself, and goes on with it', async () => {
    const first = JSON.parse((await exported('copy', 'small', '--json')).out)
    assert.deepEqual([first.entries, first.before, first.key], [300, 0, LOG_KEY])
    const { exit, out, err } = await exported('copy', 'large')
    assert.equal(exit, 0, err)
    assert.match(out, /entries +600\nof them new +300\n/)
    assert.match(err, /100 % {2}5 of 5 files\n/)
    assert.equal((await audit('verify', at('copy'), '--key', LOG_KEY)).exit, 0)
  })

  test('an older log does not take the place of a newer one', async () => {
    await exported('newest', 'large')
    const { exit, err } = await exported('newest', 'small')
    assert.equal(exit, 20)
    assert.match(err, /log-forked/)
    assert.equal(readFileSync(join(at('newest'), 'checkpoint'), 'utf8').split('\n')[1], '600')
  })

  test('a second one at once is told to wait, and one that was killed keeps nobody off', async () => {
    mkdirSync(at('busy'))
    const lock = takeLock(join(at('busy'), '.lock'))
    assert(lock !== null && !isRefusal(lock))
    const { exit, err } = await exported('busy', 'small')
    assert.equal(exit, 75)
    assert.match(err, /data-folder-in-use/)
    assert.deepEqual(readdirSync(at('busy')), ['.lock'])
    lock.release()
    assert.equal((await exported('busy', 'small')).exit, 0)
  })

  test('a folder with the files of somebody else stays as it is', async () => {
    mkdirSync(at('photos'))
    writeFileSync(join(at('photos'), 'cat.jpg'), 'cat')
    const { exit, err } = await exported('photos', 'small')
    assert.equal(exit, 73)
    assert.match(err, /cat\.jpg/)
    assert.deepEqual(readdirSync(at('photos')), ['cat.jpg'])
  })
})

import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { VirtualClock } from '../../../sim/clock/virtual-clock.ts'
import { generateKeyFile, loadSigner } from '../../../src/adapters/signer-file.ts'
import { fleetFiles } from '../../../src/apps/fleet/files.ts'
import { replaceLogKey, retiredLogKeys } from '../../../src/apps/fleet/log-key.ts'
import { serveFleet } from '../../../src/apps/fleet/serve.ts'
import { parseEntry } from '../../../src/core/ledger/entry.ts'
import { parseVerifierKey, verifierKey } from '../../../src/core/ledger/signed-note.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { headOf } from '../../../src/flows/audit.ts'
import { changeLogKey } from '../../../src/flows/log-key.ts'
import { verifyStore } from '../../../src/flows/prove.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const keyOf = ({ world }: QuietFleet) => ({ name: world.name, key: world.auditSigner.key })

describe('the key of the log is replaced', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
  })
  after(() => fleet.close())
  const at = (): string => join(fleet.folder, 'fleet')
  const replace = async () => {
    fleet.shut()
    return replaceLogKey(at(), fleet.clock)
  }
  const next = (): void => void orThrow(generateKeyFile(fleetFiles(at()).nextKey('audit'), 'ed25519'))
  const wordOf = (): string =>
    verifierKey(fleet.world.crypto, { name: fleet.world.name, key: fleet.world.auditSigner.key }) as string

  test('the log goes on, tells of it, and is verified by the new key', async () => {
    const known = orThrow(headOf(await fleet.world.store.log(), keyOf(fleet), fleet.world.crypto))
    const before = wordOf()
    const missing = await replace()
    assert(isRefusal(missing) && missing.code === 'file-missing', 'without a next key nothing is done')
    next()
    const replaced = orThrow(await replace())
    fleet.open()
    assert.deepEqual([replaced.before, replaced.key], [before, wordOf()])
    assert.deepEqual(retiredLogKeys(at(), fleet.world.crypto), [parseVerifierKey(fleet.world.crypto, before)?.key])
    const verdict = orThrow(await verifyStore(fleet.world.store, keyOf(fleet), fleet.world.crypto, known))
    assert.deepEqual(verdict.findings, [])
    const [last] = await fleet.world.store.entries(verdict.size - 1, verdict.size)
    const { kind, detail } = orThrow(parseEntry(last!.bytes, 'last'))
    assert.deepEqual([kind, detail.from, detail.to], ['key-event', before, wordOf()])
  })

  test('attack: the database of before is put back, and the server does not go on with it', async () => {
    const database = fleetFiles(at()).database
    fleet.shut()
    copyFileSync(database, join(fleet.folder, 'older'))
    next()
    orThrow(await replace())
    for (const end of ['-wal', '-shm', '']) rmSync(`${database}${end}`, { force: true })
    copyFileSync(join(fleet.folder, 'older'), database)
    const refusal = await serveFleet(at(), fleet.clock)
    assert.equal(refusal?.code, 'checkpoint-key-retired')
  })
})

describe('a log whose key is being replaced', () => {
  test('power fails between the commit and the new key’s place: the same command goes on, and says it once', async () => {
    const fleet = await QuietFleet.make()
    const at = join(fleet.folder, 'fleet')
    const files = fleetFiles(at)
    orThrow(generateKeyFile(files.nextKey('audit'), 'ed25519'))
    const signer = orThrow(loadSigner(files.nextKey('audit')))
    assert.equal(await changeLogKey(fleet.world, signer), null)
    const { size } = await fleet.world.store.log()
    assert.equal(await changeLogKey(fleet.world, signer), null)
    fleet.shut()
    assert.equal((await serveFleet(at, fleet.clock))?.code, 'checkpoint-key-unknown', 'the old key is not gone on with')
    assert.equal(orThrow(await replaceLogKey(at, fleet.clock)).size, size)
    fleet.open()
    assert(orThrow(await verifyStore(fleet.world.store, keyOf(fleet), fleet.world.crypto)).sound)
    const same = await changeLogKey(fleet.world, fleet.world.auditSigner)
    assert(isRefusal(same) && same.code === 'log-signer-unsuitable')
    fleet.close()
  })
})

describe('a fleet server does not start', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
  })
  after(() => fleet.close())

  /** Starts as `fleet serve` does; what it refuses, it refuses before it listens. */
  async function started(clock = fleet.clock): Promise<string | undefined> {
    fleet.shut()
    const refusal = await serveFleet(join(fleet.folder, 'fleet'), clock)
    fleet.open()
    return refusal?.code
  }

  test('with a clock that stands before its log', async () => {
    assert.equal(await started(new VirtualClock(fleet.clock.now() - 3_600_000)), 'log-clock-behind')
  })

  test('attack: with a log that somebody took an entry out of', async () => {
    fleet.beside('UPDATE entry SET ix = ix + 1 WHERE ix = (SELECT max(ix) FROM entry)')
    assert.equal(await started(), 'log-index-gap')
  })
})

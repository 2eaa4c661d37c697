import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { toHex } from '../../src/core/encoding/bytes.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

/** `fleet backup`, as it is run in production, is killed while it copies. */
describe('kill -9 of a backup', () => {
  let fleet: QuietFleet
  const at = (...names: string[]): string => join(fleet.folder, ...names)
  const left = (): string[] => readdirSync(fleet.folder).filter(name => name.endsWith('.partial'))
  const backUp = () => {
    const main = join(import.meta.dirname, '../../src/apps/cli/main.ts')
    const argv = ['--disable-warning=ExperimentalWarning', main, 'fleet', 'backup', at('fleet'), at('copy')]
    return spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  }
  before(async () => {
    fleet = await QuietFleet.make()
    fleet.shut()
    // Enough for the kill to come while it is copied.
    for (let n = 0; n < 8; n += 1) {
      const bytes = new Uint8Array(8 << 20).fill(n)
      const name = toHex(crypto.sha256(bytes))
      mkdirSync(at('fleet', 'blobs', name.slice(0, 2)), { recursive: true })
      writeFileSync(at('fleet', 'blobs', name.slice(0, 2), name), bytes)
    }
  })
  after(() => fleet?.close())

  it('leaves no backup of that name; the next one clears up and is whole', async () => {
    const killed = backUp()
    for await (const said of killed.stderr) if (String(said).includes('blobs')) break
    killed.kill('SIGKILL')
    const [, signal] = (await once(killed, 'exit')) as [number | null, string | null]
    assert.equal(signal, 'SIGKILL', 'it was not killed in the middle')
    assert.deepEqual([existsSync(at('copy')), left().length], [false, 1])
    const [code] = (await once(backUp(), 'exit')) as [number | null]
    assert.deepEqual([code, existsSync(at('copy', 'backup.json')), left()], [0, true, []])
  })
})

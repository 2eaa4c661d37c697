import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { nodeCipher } from '../../src/adapters/cipher-node.ts'
import { systemClock } from '../../src/adapters/clock-system.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { agentFiles } from '../../src/apps/agent/files.ts'
import { type AgentSetup, initAgent } from '../../src/apps/agent/init.ts'
import { requestAnew } from '../../src/apps/agent/request.ts'
import { fromBase64 } from '../../src/core/encoding/bytes.ts'
import { refuseDecryptionKey } from '../../src/core/fleet/decryption-key.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { p256Pair } from '../worlds/wrapping.ts'
import { CLASS, HARDWARE, Maker, VENDOR } from './releases.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-init-'))
const at = (name: string): string => join(folder, name)
after(() => rmSync(folder, { recursive: true, force: true }))

describe('a board that is made', () => {
  let setup: AgentSetup
  let group = ''
  let encrypted = ''
  before(async () => {
    const maker = new Maker(folder)
    const golden = await maker.release({ version: '0.1.0', sequence: 1, counter: 0, image: 'golden' })
    const factory = await maker.release({ version: '1.0.0', sequence: 2, image: 'factory '.repeat(1000) })
    const further = [{ name: 'agent', image: new Uint8Array(100) }]
    group = (await maker.release({ version: '1.0.1', sequence: 3, image: 'group', further })).folder
    const encrypt = { keys: [p256Pair().spki], cipher: nodeCipher }
    encrypted = (await maker.release({ version: '1.0.2', sequence: 4, image: 'secret', encrypt })).folder
    setup = {
      ...{ id: 'bms-1', site: 'quay', vendor: VENDOR, class: CLASS, hardware: HARDWARE },
      ...{ anchors: [`${maker.keyFile}.pub`], golden: golden.folder, factory: factory.folder },
      ...{ slot: 64 * 1024, secondStage: 0, sector: 4096, devices: {} },
    }
  })

  const rows: readonly (readonly [string, () => Partial<AgentSetup>, string])[] = [
    ['an image of another class', () => ({ class: 'ems' }), 'release-wrong-class'],
    ['an image that does not fit', () => ({ slot: 1 }), 'release-larger-than-slot'],
    ['a group as golden', () => ({ golden: group, secondStage: 4096 }), 'release-wrong-components'],
    ['a ciphertext for its factory', () => ({ factory: encrypted }), 'release-encrypted'],
    ['one image where there is room for two', () => ({ secondStage: 4096 }), 'release-wrong-components'],
  ]
  it('of before gets its decryption key when it asks to be enrolled anew, and keeps it', async () => {
    const path = at('older')
    const first = orThrow(await initAgent(path, setup, systemClock))
    const { element } = agentFiles(path)
    const { decryptionKey: _, ...before } = JSON.parse(readFileSync(element, 'utf8')) as Record<string, unknown>
    writeFileSync(element, JSON.stringify(before), { mode: 0o600 })
    const asked = orThrow(await requestAnew(path))
    assert.equal(asked.reportKey, first.reportKey)
    assert.ok(asked.decryption !== undefined && asked.decryption.key !== first.decryption?.key)
    const bytes = [asked.decryption.key, asked.decryption.signature, asked.reportKey].map(fromBase64)
    const [key, signature, reportKey] = bytes as [Uint8Array, Uint8Array, Uint8Array]
    assert.equal(refuseDecryptionKey(key, signature, reportKey, nodeCrypto, 'bms-1'), null)
    assert.equal(orThrow(await requestAnew(path)).decryption?.key, asked.decryption.key)
    const written = JSON.parse(readFileSync(agentFiles(path).enrolment, 'utf8')) as { controllers: (typeof asked)[] }
    assert.equal(written.controllers[0]?.decryption?.key, asked.decryption.key)
    rmSync(path, { recursive: true })
  })

  for (const [name, change, code] of rows) {
    for (const there of [false, true]) {
      it(`with ${name} is refused, and leaves ${there ? 'the empty folder' : 'no folder'}`, async () => {
        const path = at('refused')
        if (there) mkdirSync(path)
        const made = await initAgent(path, { ...setup, ...change() }, systemClock)
        assert.ok(isRefusal(made))
        assert.equal(made.code, code)
        assert.equal(existsSync(path), there)
        if (there) assert.deepEqual(readdirSync(path), [])
        rmSync(path, { recursive: true, force: true })
        orThrow(await initAgent(path, setup, systemClock))
        rmSync(path, { recursive: true })
      })
    }
  }
})

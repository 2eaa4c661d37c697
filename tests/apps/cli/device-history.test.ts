import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { generateKeyFile, publicKeyFile } from '../../../src/adapters/signer-file.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { AgentBench } from '../../agent/bench.ts'
import { bench, settle, stage, update, V2, V3 } from '../../sim/bench-board.ts'
import { commandLine, type Ran } from '../../worlds/command-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-device-'))
const at = (name: string): string => join(folder, name)

const voltseal = (...argv: string[]): Promise<Ran> => commandLine(argv)
const device = (...argv: string[]): Promise<Ran> => voltseal('controller', 'history', ...argv)

describe('the technician’s view', () => {
  before(() => {
    const on = bench({ folder: at('rack-1') })
    update(on, V2)
    on.controller.application = digest =>
      digest === V3.facts.imageDigest ? { is: 'unhealthy', probe: 'cell-voltages' } : { is: 'healthy' }
    stage(on.controller, V3)
    orThrow(on.controller.activate())
    settle(on)
    on.controller.flash.close()
    orThrow(generateKeyFile(at('other.key'), 'ecdsa-p256'))
    const flash = readFileSync(at('rack-1/flash.bin'))
    writeFileSync(at('cut.bin'), flash.subarray(0, 3000))
    writeFileSync(at('empty.bin'), '')
    writeFileSync(at('erased.bin'), new Uint8Array(65_536).fill(0xff))
    writeFileSync(at('key.hex'), `${JSON.parse(readFileSync(at('rack-1/element.json'), 'utf8')).recordKey}\n`)
    writeFileSync(at('other.hex'), 'ab'.repeat(32))
    writeFileSync(at('short.hex'), 'ab'.repeat(31))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('of an empty folder is nothing, and names it', async () => {
    mkdirSync(at('no-areas'))
    const { exit, err } = await device('--device', at('no-areas'))
    assert.equal(exit, 65)
    assert.match(err, /^Refused: \S+no-areas: .*got an empty folder/)
  })

  it('without a key: what runs, the slots, the history, and that nothing of it is authenticated', async () => {
    const { exit, out, err } = await device('--device', at('rack-1/flash.bin'))
    assert.equal(exit, 0)
    assert.match(err, /^Not authenticated/)
    assert.match(out, /^boot record +\d+ at flash\.bin\+0x[0-9a-f]+, not authenticated$/m)
    assert.match(out, /^runs +b 2\.0\.0$/m)
    assert.match(out, /^failed versions +sequence 30 /m)
    assert.match(out, /10 +2026-01-01T\S+ +reverted +health +a +3\.0\.0 +probe-failed cell-voltages +software/)
    assert.match(out, /a +3\.0\.0 +30 +2 +2700 +bms-rack, SHA-256 [0-9a-f]{16}… +whole +not verified/)
  })

  for (const key of ['key.hex', 'rack-1/element.json']) {
    it(`with the record key from ${key}, of the file or of its folder`, async () => {
      for (const path of ['rack-1/flash.bin', 'rack-1']) {
        const { exit, out, err } = await device('--device', at(path), '--record-key', at(key))
        assert.deepEqual([exit, err], [0, ''])
        assert.match(out, /under the device’s MAC/)
      }
    })
  }

  it('an agent’s folder, as it was made', async () => {
    const board = await AgentBench.make()
    try {
      const key = ['--record-key', join(board.folder, 'element.json')]
      const { exit, out, err } = await device('--device', board.folder, ...key)
      assert.deepEqual([exit, err], [0, ''])
      assert.match(out, /^boot record +1 at record0\.bin\+0x0, under the device’s MAC$/m)
      assert.match(out, /^runs +a 1\.0\.0$/m)
      assert.match(out, /^ +1 +\S+ +manufactured +– +a +1\.0\.0 /m)
      assert.match(out, /^a\.bin\+0x0 +a +1\.0\.0 .*\ngolden\.bin\+0x0 +– +0\.1\.0 /m)
    } finally {
      await board.close()
    }
  })

  it('--json is one document with the same in it', async () => {
    const { exit, out } = await device('--device', at('rack-1'), '--record-key', at('key.hex'), '--json')
    assert.equal(exit, 0)
    const view = JSON.parse(out)
    assert.deepEqual([view.authenticated, view.running.slot, view.history.at(-1).event], [true, 'b', 'boot'])
    assert.deepEqual(
      view.history.map((line: { decision: number }) => line.decision),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    )
  })

  it('attack: an envelope that our anchors did not sign shows as such', async () => {
    const { out } = await device('--device', at('rack-1'), '--anchor', publicKeyFile(at('other.key')))
    assert.match(out, /envelope-signers-unknown/)
    assert.doesNotMatch(out, /signed by/)
  })

  it('a dump that was cut off shows what is left of it, and says so', async () => {
    const { exit, out, err } = await device('--device', at('cut.bin'), '--record-key', at('key.hex'))
    assert.equal(exit, 0)
    assert.match(err, /ends inside/)
    assert.match(out, /under the device’s MAC/)
  })

  const bad: [name: string, code: string, argv: string[]][] = [
    ['no dump', 'file-missing', ['--device', at('gone')]],
    ['an empty dump', 'dump-holds-nothing', ['--device', at('empty.bin')]],
    ['erased flash', 'dump-holds-nothing', ['--device', at('erased.bin')]],
    [
      'the key of another device',
      'dump-not-authenticated',
      ['--device', at('rack-1'), '--record-key', at('other.hex')],
    ],
    ['a key that is none', 'record-key-malformed', ['--device', at('rack-1'), '--record-key', at('short.hex')]],
    [
      'a file of something else as the key',
      'record-key-malformed',
      ['--device', at('rack-1'), '--record-key', at('rack-1/flash.bin')],
    ],
    ['a controller and a dump', 'usage-error', ['harbour/bms-1', '--device', at('rack-1')]],
    ['neither', 'usage-error', []],
  ]
  for (const [name, code, argv] of bad) {
    it(`${code}: ${name}`, async () => {
      const { exit, out, err } = await device(...argv, '--json')
      assert.notEqual(exit, 0)
      assert.equal(JSON.parse(out).code, code, err)
    })
  }
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { stringify } from 'yaml'
import type { BoardFile } from '../../../src/apps/agent/board-file.ts'
import { Device } from '../../../src/apps/agent/device.ts'
import { agentFiles } from '../../../src/apps/agent/files.ts'
import { readOffer } from '../../../src/apps/agent/link/offer.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { millis } from '../../../src/core/encoding/units.ts'
import { isRefusal, orThrow } from '../../../src/core/refusal/refusal.ts'
import { FIRST_AGENT_CONFIG, type ProbeConfig } from '../../../src/wire/agent-config.ts'
import { bench, stage, V2 } from '../../sim/bench-board.ts'

const folder = mkdtempSync(join(tmpdir(), 'voltseal-turn-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('a turn to restart', () => {
  it('attack: is not taken up when it is over: a slow probe, or somebody at the slot, took too long', async () => {
    const { controller, clock } = bench()
    stage(controller, V2)
    const probe = (): ProbeConfig => ({ kind: 'command', run: ['true'], timeoutMillis: 5000 })
    const config = { ...FIRST_AGENT_CONFIG, probes: { 'ems-link': probe(), 'cell-voltages': probe() } }
    writeFileSync(agentFiles(folder).config, stringify(config))
    let steady = 1000
    const device = new Device({
      folder,
      made: { id: 'bms-1', site: 'quay', token: 't' } as unknown as BoardFile,
      config,
      board: controller.board,
      running: controller.running()!,
      clock: { now: () => clock.now(), quality: 'simulated', steady: () => millis(steady) },
    })
    steady = 1001
    const late = await device.activate(1000)
    assert.ok(isRefusal(late) && late.code === 'turn-over', JSON.stringify(late))
    assert.equal(device.memory?.state.at, 'candidate', 'nothing is armed: the next reset tries nothing')
    assert.equal(orThrow(await device.activate(1001)).state.at, 'armed')
  })

  const OFFER = {
    assignment: 'spring/x/1',
    envelope: 'AAAA',
    payload: { sha256: 'a'.repeat(64), length: 1 },
    activate: true,
  }
  for (const within of [undefined, -1, '5', null]) {
    it(`attack: without an end is none: ${JSON.stringify(within)}`, () => {
      const read = readOffer(utf8(JSON.stringify({ ...OFFER, within })), 'an offer')
      assert.ok(isRefusal(read) && read.code === 'answer-unexpected')
    })
  }
  it('has an end, and an order to stage has none', () => {
    const read = (more: object) => orThrow(readOffer(utf8(JSON.stringify({ ...OFFER, ...more })), 'an offer'))
    assert.equal(read({ within: 5 }).within, 5)
    assert.equal(read({ within: 5, activate: false }).within, undefined)
  })
})

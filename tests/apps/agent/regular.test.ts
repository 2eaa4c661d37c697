import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../../src/adapters/crypto-node.ts'
import type { HttpsClient } from '../../../src/adapters/link-https/client.ts'
import type { Device } from '../../../src/apps/agent/device.ts'
import { Work } from '../../../src/apps/agent/work.ts'
import { utf8 } from '../../../src/core/encoding/bytes.ts'
import { millis } from '../../../src/core/encoding/units.ts'
import { orThrow, refuse } from '../../../src/core/refusal/refusal.ts'
import { openReport, type Report } from '../../../src/core/trust/report.ts'
import { bench } from '../../sim/bench-board.ts'

const STEP = 70_000

/** The agent's work on a simulated board, its gateway asked `asks` times, `STEP` apart; answers what it reported. */
async function reported(asks: number, gateway: 'answers' | 'gone'): Promise<Report[]> {
  const { controller, clock } = bench()
  const stop = new AbortController()
  const reports: Report[] = []
  let steady = 0
  let left = asks
  const call = async (method: string, path: string, { body }: { body?: Uint8Array } = {}) => {
    // Its history is told: the work is what is looked at here.
    const next = (controller.history().at(-1)?.decision ?? 0) + 1
    if (path === '/v1/history') return { status: 200, body: utf8(JSON.stringify({ next })) }
    if (method === 'POST') {
      const key = controller.element.reportKey
      reports.push(orThrow(openReport(body!, { site: 'harbour', controller: controller.id, key }, nodeCrypto)))
      return { status: 200, body: new Uint8Array(0) }
    }
    steady += STEP
    left -= 1
    if (left <= 0) stop.abort()
    return gateway === 'gone' ? refuse('not-reachable', 'the gateway', 'an answer', 'none') : { status: 204 }
  }
  const device = {
    site: 'harbour',
    board: controller.board,
    clock: { now: () => clock.now(), quality: 'simulated', steady: () => millis(steady) },
    status: () => controller.status(),
    history: () => controller.history(),
  } as unknown as Device
  const work = new Work({
    device,
    config: { reportMillis: 60_000 },
    client: { call, origin: 'https://gateway' } as unknown as HttpsClient,
    note: () => {},
    stop: stop.signal,
    random: () => 0.5,
  })
  assert.equal(await work.run(), 'stopped')
  return reports
}

describe('the agent’s regular reports', () => {
  it('are sent in their rhythm while there is no work, with what the controller counts', async () => {
    const reports = await reported(5, 'answers')
    assert.deepEqual(
      reports.map(({ event }) => event),
      ['regular', 'regular', 'regular', 'regular'],
    )
    const { figures } = reports[0]!
    assert.deepEqual(Object.keys(figures ?? {}).sort(), ['application-ends', 'decisions'])
    assert.ok((figures?.decisions ?? 0) > 0)
  })

  it('are not sent while the gateway does not answer', async () => {
    assert.deepEqual(await reported(4, 'gone'), [])
  })
})

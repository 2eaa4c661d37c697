import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HttpsClient } from '../../../../src/adapters/link-https/client.ts'
import { BackOff } from '../../../../src/apps/agent/link/back-off.ts'
import type { LinkEvent } from '../../../../src/apps/agent/link/events.ts'
import { Reporter } from '../../../../src/apps/agent/link/reporter.ts'
import { orThrow } from '../../../../src/core/refusal/refusal.ts'
import { bench } from '../../../sim/bench-board.ts'

describe('a report whose number cannot be kept', () => {
  it('is said when it can be, under a number of its own, and the agent goes on until then', async () => {
    const { controller, clock } = bench()
    const status = orThrow(controller.status())
    const events: LinkEvent[] = []
    let unkept = 2
    const reporter = new Reporter({
      site: 'harbour',
      controller: {
        element: {
          signReport: message => controller.element.signReport(message),
          nextReport: () => {
            unkept -= 1
            return unkept >= 0 ? null : controller.element.nextReport()
          },
        },
        status: () => status,
      },
      client: { call: async () => ({}) } as unknown as HttpsClient,
      clock: { now: () => clock.now(), quality: 'simulated' },
      backOff: new BackOff(() => 0),
      stop: new AbortController().signal,
      note: event => events.push(event),
    })
    reporter.say({ event: 'boot' })
    await reporter.delivered()
    assert.deepEqual(
      events.map(event => (event.event === 'not-reported' ? event.code : event.event)),
      ['element-command-not-done', 'element-command-not-done', 'reported'],
    )
  })
})

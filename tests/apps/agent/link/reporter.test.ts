import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HttpsClient } from '../../../../src/adapters/link-https/client.ts'
import { BackOff } from '../../../../src/apps/agent/link/back-off.ts'
import type { LinkEvent } from '../../../../src/apps/agent/link/events.ts'
import { Reporter } from '../../../../src/apps/agent/link/reporter.ts'
import { orThrow, refuse } from '../../../../src/core/refusal/refusal.ts'
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
        history: () => [],
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

describe('a regular report', () => {
  const saying = (answers: (object | 'gone')[]) => {
    const { controller, clock } = bench()
    const events: string[] = []
    const reporter = new Reporter({
      site: 'harbour',
      controller,
      client: {
        call: async () => {
          const answer = answers.shift() ?? {}
          return answer === 'gone' ? refuse('not-reachable', 'the gateway', 'an answer', 'none') : answer
        },
      } as unknown as HttpsClient,
      clock: { now: () => clock.now(), quality: 'simulated' },
      backOff: new BackOff(() => 0),
      stop: new AbortController().signal,
      note: event => events.push('report' in event ? `${event.event} ${event.report}` : event.event),
    })
    return { reporter, events, controller }
  }

  it('is said once: where the link fails it is not tried again', async () => {
    const { reporter, events } = saying(['gone'])
    reporter.say({ event: 'regular' })
    await reporter.delivered()
    assert.deepEqual(events, ['not-reported regular'])
    reporter.say({ event: 'regular' })
    await reporter.delivered()
    assert.deepEqual(events, ['not-reported regular', 'reported regular'])
  })

  it('takes no place of an event that is still to be said', async () => {
    const { reporter, events } = saying(['gone', 'gone'])
    reporter.say({ event: 'reverted' })
    reporter.say({ event: 'regular' })
    await reporter.delivered()
    assert.deepEqual(events, ['not-reported reverted', 'not-reported reverted', 'reported reverted'])
  })

  it('programs and erases no flash', async () => {
    const { reporter, events, controller } = saying([])
    const before = JSON.stringify(controller.history())
    const image = controller.flash.operations
    for (let n = 0; n < 20; n += 1) {
      reporter.say({ event: 'regular' })
      await reporter.delivered()
    }
    assert.equal(events.length, 20)
    assert.equal(controller.flash.operations, image)
    assert.equal(JSON.stringify(controller.history()), before)
  })
})

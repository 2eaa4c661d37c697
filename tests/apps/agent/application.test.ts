import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Application } from '../../../src/apps/agent/application.ts'
import type { AgentEvent } from '../../../src/apps/agent/events.ts'

describe('an application that cannot be started', () => {
  it('is told with the reason, and tried again: the agent goes on', async () => {
    const events: AgentEvent[] = []
    const twice = Promise.withResolvers<void>()
    const application = new Application({
      // Longer than the system takes (execve(2), E2BIG): an error that is thrown, and not an event.
      config: { arguments: [], environment: { LONG: 'x'.repeat(200_000) }, stopMillis: 100, restartMillis: 1 },
      token: '0'.repeat(32),
      version: '1.0.0',
      slot: 'a',
      trial: false,
      prepare: () => '/bin/true',
      note: event => {
        events.push(event)
        if (events.length === 2) twice.resolve()
      },
      log: () => {},
    })
    application.start()
    await twice.promise
    await application.stop()
    assert.deepEqual(events.slice(0, 2), [
      { event: 'application-ended', how: 'not started: E2BIG', times: 1 },
      { event: 'application-ended', how: 'not started: E2BIG', times: 2 },
    ])
  })

  it('does not end the agent when the disk fails while it is put in its place', async () => {
    const events: AgentEvent[] = []
    const ended = Promise.withResolvers<void>()
    const application = new Application({
      config: { arguments: [], environment: {}, stopMillis: 100, restartMillis: 1 },
      token: '0'.repeat(32),
      version: '1.0.0',
      slot: 'a',
      trial: false,
      prepare: () => {
        throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
      },
      note: event => {
        events.push(event)
        if (event.event === 'application-ended') ended.resolve()
      },
      log: () => {},
    })
    application.start()
    await ended.promise
    await application.stop()
    assert.deepEqual(events.slice(0, 2), [
      {
        event: 'application-refused',
        code: 'runtime-unusable',
        detail: 'the application: expected a disk that can be used; got ENOSPC',
      },
      { event: 'application-ended', how: 'not started: runtime-unusable', times: 1 },
    ])
  })
})

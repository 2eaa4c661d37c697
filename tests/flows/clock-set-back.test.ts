import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { instant } from '../../src/core/encoding/units.ts'
import { appendEntries, type Event } from '../../src/flows/audit.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'

const MINUTE = 60_000

describe('a fleet server whose clock goes back', () => {
  let fleet: QuietFleet
  before(async () => {
    fleet = await QuietFleet.make()
  })
  after(() => fleet?.close())

  const actor = { kind: 'fleet', id: 'quiet' } as const
  const event: Event = { kind: 'siem-tested', actor, detail: { receiver: 'soc' } }
  /** The kinds and times of what is written when this happens. */
  async function told(what: readonly Event[] = [event]) {
    const before = (await fleet.entries()).length
    await appendEntries(fleet.world, what)
    return (await fleet.entries()).slice(before)
  }
  const kinds = async () => (await told()).map(({ kind }) => kind)

  it('attack: an entry that is dated back is followed by one that says so, once', async () => {
    assert.deepEqual(await kinds(), ['siem-tested'])
    const before = fleet.clock.now()
    fleet.clock.jump(-10 * MINUTE)
    const [first, second, ...more] = await told()
    assert.deepEqual([first?.kind, second?.kind, more.length], ['siem-tested', 'clock-set-back', 0])
    assert.equal(first?.at, before - 10 * MINUTE, 'it keeps the time that the clock showed')
    assert.deepEqual(second?.detail, { before, now: before - 10 * MINUTE, behind: 10 * MINUTE })
    assert.deepEqual(await kinds(), ['siem-tested'], 'the times go forward from there')
  })

  it('attack: the clock is set back while the server is off', async () => {
    fleet.clock.jump(-MINUTE)
    fleet.open()
    assert.deepEqual(await kinds(), ['siem-tested', 'clock-set-back'])
    fleet.open()
    assert.deepEqual(await kinds(), ['siem-tested'])
  })

  it('a correction of a second is none, and neither is a gateway whose clock is ahead', async () => {
    fleet.clock.jump(-1000)
    assert.deepEqual(await kinds(), ['siem-tested'])
    const item = 'ab'.repeat(32)
    const origin = { gateway: 'quay', sequence: 1, kind: 'entry', item, head: item } as const
    const ahead = {
      kind: 'link-lost',
      actor: { kind: 'gateway', id: 'quay' },
      site: 'quay',
      detail: {},
      origin,
    } as const
    await appendEntries(fleet.world, [{ ...ahead, at: instant(fleet.clock.now() + 3_600_000), clock: 'free' } as Event])
    assert.deepEqual(await kinds(), ['siem-tested'])
    fleet.open()
    assert.deepEqual(await kinds(), ['siem-tested'])
  })
})

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ClientTls } from '../../../src/adapters/link-https/client.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { editAccount, revokeCredential } from '../../../src/flows/appoint.ts'
import { record } from '../../../src/flows/audit.ts'
import type { FleetStore } from '../../../src/flows/ports.ts'
import { type EventReader, openStream, type ReadEvent } from '../../worlds/event-reader.ts'
import { grants, PeopleDoor } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

describe('streams of events, and who reads them', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  /** Reads of the log since somebody else had their turn, and the most there were. */
  let [reads, most] = [0, 0]
  before(async () => {
    fleet = await QuietFleet.make()
    const through = (store: FleetStore): FleetStore =>
      new Proxy(store, {
        get: (target, name) => {
          const member = Reflect.get(target, name)
          if (name !== 'entries') return typeof member === 'function' ? member.bind(target) : member
          return (from: number, to: number) => {
            reads += 1
            most = Math.max(most, reads)
            setImmediate(() => {
              reads = 0
            })
            return target.entries(from, to)
          }
        },
      })
    fleet.open([], through)
    await fleet.site('quay')
    await fleet.site('reef')
    door = await PeopleDoor.open(fleet)
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  const actor = { kind: 'fleet', id: 'quiet' } as const
  const happens = (site: string, count = 1): Promise<void> =>
    fleet.world.store.exclusive(() =>
      record(
        fleet.world,
        {},
        Array.from({ length: count }, () => ({ kind: 'link-lost', actor, site, detail: {} }) as const),
      ),
    )
  const open = (tls: Partial<ClientTls>, last?: number): Promise<EventReader> =>
    openStream(`${door.url}/v1/events`, { ca: door.ca, ...tls }, last)
  /** What comes up to the last event, and that one. */
  async function ending(events: EventReader): Promise<{ seen: ReadEvent[]; why: unknown }> {
    const seen: ReadEvent[] = []
    for (;;) {
      const event = await events.next()
      if (event.event === 'cut-off') return { seen, why: (event.data as { why: unknown }).why }
      seen.push(event)
    }
  }

  it('attack: an open stream of who is disabled, revoked or lost the role, and goes on listening', async () => {
    const administrator = await door.who('administrator')
    const outs: readonly (readonly [string, (id: string, token: string) => Promise<unknown>, string])[] = [
      ['una', id => editAccount(fleet.world, administrator, id, { disabled: 'left' }), 'account-disabled'],
      [
        'ulf',
        (id, token) => revokeCredential(fleet.world, administrator, id, token.split('_')[2]!),
        'credential-revoked',
      ],
      ['uma', id => editAccount(fleet.world, administrator, id, { grants: [] }), 'role-missing'],
      ['udo', async () => fleet.clock.advance(3_600_000), 'credential-expired'],
    ]
    for (const [id, out, code] of outs) {
      await door.account(id, ['auditor@fleet'])
      const token = await door.token(id)
      const events = await open({ bearer: token })
      assert.equal((await events.next()).event, 'snapshot')
      await happens('quay')
      assert.equal((await events.next()).event, 'link-lost', id)
      await out(id, token)
      await happens('reef')
      const { seen, why } = await ending(events)
      assert.deepEqual([seen.length, why], [0, code], `${id} hears nothing of what happened then`)
      events.close()
    }
  })

  it('attack: a stream that goes on with sites that were taken away from its reader', async () => {
    await door.account('vic', ['operator@site:quay', 'operator@site:reef'])
    const events = await open(await door.certificate('vic'))
    assert.equal((await events.next()).event, 'snapshot')
    await happens('reef')
    assert.equal((await events.next()).event, 'link-lost')
    const administrator = await door.who('administrator')
    orThrow(await editAccount(fleet.world, administrator, 'vic', { grants: grants('operator@site:quay') }))
    await happens('reef')
    await happens('quay')
    const next = await events.next()
    assert.equal((next.data as { site: string }).site, 'quay')
    events.close()
  })

  it('attack: forty streams asked for at once, by who may have eight', async () => {
    await door.account('max', ['auditor@fleet'])
    const tls = await door.certificate('max')
    const all = await Promise.all(Array.from({ length: 40 }, () => open(tls)))
    assert.equal(all.filter(({ status }) => status === 200).length, 8)
    for (const one of all) one.close()
  })

  it('attack: the whole log, over and over, by who may see two entries of it: others have their turn', async () => {
    await door.account('pia', ['technician@site:quay'])
    await happens('reef', 2000)
    await happens('quay')
    ;[reads, most] = [0, 0]
    const events = await open(await door.certificate('pia'), 0)
    const { size } = await fleet.world.store.log()
    for (let at = -1; at < size - 1; ) at = (await events.next()).id ?? at
    assert.ok(most <= 2, `${most} pages in a row`)
    events.close()
  })
})

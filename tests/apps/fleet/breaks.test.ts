import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { breakAlarms, breaks } from '../../../src/apps/fleet/breaks.ts'
import { type Instant, instant } from '../../../src/core/encoding/units.ts'
import { orThrow } from '../../../src/core/refusal/refusal.ts'
import { sentence } from '../../../src/core/refusal/sentence.ts'
import { PeopleDoor, send } from '../../worlds/people-door.ts'
import { QuietFleet } from '../../worlds/quiet-fleet.ts'

const DAY = 86_400_000

describe('where what sites tell does not go on, as people are shown it', () => {
  let fleet: QuietFleet
  let door: PeopleDoor
  let begin: Instant
  const put = (controller: string, code: string, at: Instant, from = 3, to = 9) =>
    fleet.world.store.commit({ breaks: [{ site: 'quay', controller, code, from, to, at }] })
  const alarms = async (): Promise<string[]> => (await breakAlarms(fleet.world)).map(({ code }) => code)

  before(async () => {
    fleet = await QuietFleet.make()
    await fleet.site('quay', 2)
    door = await PeopleDoor.open(fleet)
    begin = fleet.clock.now()
    await put('c0', 'history-lost', begin)
    await put('c0', 'history-withheld', begin)
    await put('', 'upstream-forked', begin, 4, 4)
    await put('c1', 'history-gap', instant(begin + DAY))
  })
  after(async () => {
    await door?.close()
    fleet?.close()
  })

  it('says of each whose it is, from where to where, and what to do', async () => {
    const said = (await breakAlarms(fleet.world)).map(sentence)
    assert.match(
      said[0] ?? '',
      /^history of quay\/c1: decisions of a controller were never told.*decisions 3 to 9: never told/,
    )
    assert.match(said[1] ?? '', /^log of the gateway of quay: .*item 4: something else now.*voltseal gateway continue/)
  })

  it('is what an operator and a monitor are told', async () => {
    await door.account('olga', ['operator@fleet'])
    const olga = door.client({ bearer: await door.token('olga') })
    const status = JSON.parse(Buffer.from(orThrow(await send(olga, 'GET', '/v1/status')).body).toString('utf8'))
    const codes = status.alarms.map(({ code }: { code: string }) => code)
    assert.deepEqual(codes.slice(-4), ['history-gap', 'upstream-forked', 'history-withheld', 'history-lost'])
    const metrics = Buffer.from(orThrow(await send(olga, 'GET', '/metrics')).body).toString('utf8')
    assert.match(metrics, /^voltseal_breaks\{code="history-gap"\} 1$/m)
    assert.match(metrics, /^voltseal_histories_behind 0$/m)
  })

  it('is told of for 30 days, and as long as it is open; the list has all', async () => {
    fleet.clock.advance(31 * DAY + 1)
    assert.deepEqual(await alarms(), ['upstream-forked', 'history-withheld'])
    const mended = [
      { site: 'quay', controller: '', to: 4 },
      { site: 'quay', controller: 'c0', to: 8 },
    ]
    await fleet.world.store.commit({ mended })
    assert.deepEqual(await alarms(), ['history-withheld'], 'it was told up to 8 only')
    await fleet.world.store.commit({ mended: [{ site: 'quay', controller: 'c0', to: 9 }] })
    assert.deepEqual(await alarms(), [])
    const { items } = orThrow(await breaks(fleet.world, {}))
    assert.deepEqual(
      items.map(({ controller, code }) => [controller, code]),
      [
        ['c0', 'history-lost'],
        ['c1', 'history-gap'],
      ],
    )
    assert.deepEqual(orThrow(await breaks(fleet.world, { site: 'reef' })).items, [])
  })
})

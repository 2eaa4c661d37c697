import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../../sim/clock/virtual-clock.ts'
import { openGatewayStore } from '../../src/adapters/store-sqlite/gateway.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { Meter, metered } from '../../src/flows/meter.ts'
import type { FleetLink } from '../../src/flows/ports.ts'

const ZONE = 'Europe/Amsterdam'

async function* parts(...lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const length of lengths) yield new Uint8Array(length)
}

const link = (body: () => AsyncIterable<Uint8Array>): FleetLink =>
  ({ blob: async () => body(), file: async () => new Uint8Array(300) }) as unknown as FleetLink

describe('the month of a link', () => {
  it('counts files and blobs, and begins anew with the site’s month', async () => {
    const store = orThrow(openGatewayStore(':memory:'))
    const clock = new VirtualClock(Date.parse('2026-11-30T22:00:00Z'))
    const meter = await Meter.of(store, clock, ZONE)
    const counted = metered(
      link(() => parts(1000, 500)),
      meter,
    )
    await counted.file('image', 'root.json', 1000)
    assert.equal(meter.spent, 300)
    for await (const _ of (await counted.blob({ sha256: '', length: 1500 }, 0)) as AsyncIterable<Uint8Array>);
    assert.equal(meter.spent, 1800)
    assert.equal((await Meter.of(store, clock, ZONE)).spent, 1800, 'across a start')
    clock.advance(3_600_000)
    assert.equal(meter.spent, 0)
    clock.jump(-7_200_000)
    await meter.count(5)
    assert.equal(meter.spent, 5, 'a clock that is set back does not bring the month before back')
    store.close()
  })

  it('a loss of power counts too much, a little, and never too little', async () => {
    const store = orThrow(openGatewayStore(':memory:'))
    const clock = new VirtualClock(Date.parse('2026-11-10T12:00:00Z'))
    const meter = await Meter.of(store, clock, ZONE)
    const body = metered(
      link(() => parts(...Array.from({ length: 100 }, () => 1000))),
      meter,
    ).blob({ sha256: '', length: 1e5 }, 0)
    let came = 0
    for await (const part of (await body) as AsyncIterable<Uint8Array>) {
      came += part.length
      // The power fails here: what the next start knows.
      const { spent } = await Meter.of(store, clock, ZONE)
      assert.ok(spent >= came && spent <= came + 16 * 1024, `${spent} after ${came}`)
    }
    assert.equal((await Meter.of(store, clock, ZONE)).spent, 100_000)
    store.close()
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Stream, sharedStream, type Told } from '../../console/live/shared-stream.ts'

/** Locks and channels are Node's own, which are those of browsers; a tab is one that asked for the stream. */
describe('one stream of events for all tabs', () => {
  let names = 0

  /** A browser with tabs. `streams`: those that are open, each with the way to tell something by it. */
  function browser() {
    names += 1
    const name = `stream ${names}`
    const streams: { readonly tell: (told: Told) => void }[] = []
    const stream: Stream = tell => {
      const mine = { tell }
      streams.push(mine)
      return () => void streams.splice(streams.indexOf(mine), 1)
    }
    let now = 0
    const ticks = new Set<() => void>()
    const ticking = {
      now: () => now,
      every: (_: number, work: () => void) => {
        ticks.add(work)
        return () => void ticks.delete(work)
      },
    }
    const open = (asleep = false) => {
      const told: string[] = []
      const waiting = new Set<() => void>()
      const mine = asleep ? { now: () => now, every: () => () => {} } : ticking
      const close = sharedStream(
        name,
        stream,
        one => {
          told.push(one.at === 'happened' ? one.happening.kind : one.at === 'line' ? `open ${one.open}` : one.at)
          for (const look of waiting) look()
        },
        mine,
      )
      /** Until so much was told. */
      const heard = async (...expected: string[]): Promise<void> => {
        while (told.length < expected.length) {
          await new Promise<void>(done => {
            waiting.add(done)
          })
          waiting.clear()
        }
        assert.deepEqual(told.splice(0), expected)
      }
      return { close, heard, told }
    }
    /** Until a stream is open. */
    const opened = async (): Promise<(told: Told) => void> => {
      while (streams.length === 0) await new Promise(setImmediate)
      return streams[0]!.tell
    }
    const pass = (millis: number): void => {
      now += millis
      for (const work of [...ticks]) work()
    }
    return { name, open, opened, streams, pass }
  }
  const happened = (kind: string): Told => ({ at: 'happened', happening: { kind } })

  it('is held by one tab, and told to all; who comes later is told that anything may have changed', async () => {
    const { open, opened, streams } = browser()
    const first = open()
    const tell = await opened()
    tell({ at: 'line', open: true })
    tell(happened('snapshot'))
    await first.heard('open true', 'snapshot')
    const others = Array.from({ length: 8 }, () => open())
    for (const other of others) await other.heard('unknown')
    assert.equal(streams.length, 1)
    tell(happened('campaign-started'))
    for (const tab of [first, ...others]) await tab.heard('campaign-started')
    assert.deepEqual(first.told, [])
    for (const tab of [first, ...others]) tab.close()
    assert.equal(streams.length, 0)
  })

  it('passes to another tab when the one that held it goes: its snapshot is everybody’s', async () => {
    const { open, opened, streams } = browser()
    const first = open()
    await opened()
    const [second, third] = [open(), open()]
    await second.heard('unknown')
    await third.heard('unknown')
    first.close()
    const tell = await opened()
    assert.equal(streams.length, 1)
    tell(happened('snapshot'))
    await second.heard('snapshot')
    await third.heard('snapshot')
    tell({ at: 'unknown' })
    await second.heard('unknown')
    await third.heard('unknown')
    second.close()
    third.close()
    assert.equal(streams.length, 0)
  })

  it('while the tab that holds it sleeps, another one opens one of its own, until it is heard again', async () => {
    const { open, opened, streams, pass } = browser()
    const asleep = open(true)
    const tell = await opened()
    const awake = open()
    await awake.heard('unknown')
    pass(15_000)
    assert.equal(streams.length, 1, 'not yet')
    pass(1)
    assert.equal(streams.length, 2)
    streams[1]?.tell(happened('snapshot'))
    await awake.heard('snapshot')
    tell(happened('campaign-paused'))
    await awake.heard('campaign-paused')
    assert.equal(streams.length, 1)
    asleep.close()
    awake.close()
  })

  it('the tab that holds it says so again and again: nobody opens another one because nothing happens', async () => {
    const { name, open, opened, streams, pass } = browser()
    const first = open()
    await opened()
    const second = open()
    await second.heard('unknown')
    const ear = new BroadcastChannel(name)
    for (let n = 0; n < 10; n += 1) {
      const said = new Promise<unknown>(done => {
        ear.onmessage = ({ data }: MessageEvent) => done(data)
      })
      pass(5000)
      assert.deepEqual(await said, { at: 'here' })
      // What one channel has heard, the others hear in the same turn.
      await new Promise(setImmediate)
    }
    ear.close()
    assert.equal(streams.length, 1)
    first.close()
    second.close()
  })

  it('a tab that goes before its turn leaves nothing behind', async () => {
    const { open, opened, streams } = browser()
    const first = open()
    await opened()
    open().close()
    first.close()
    const last = open()
    const tell = await opened()
    assert.equal(streams.length, 1)
    tell(happened('snapshot'))
    await last.heard('snapshot')
    last.close()
  })
})

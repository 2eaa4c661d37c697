import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { utf8 } from '../../src/core/encoding/bytes.ts'
import { instant } from '../../src/core/encoding/units.ts'
import { orThrow } from '../../src/core/refusal/refusal.ts'
import { appendEntries, type Event, record } from '../../src/flows/audit.ts'
import type { FleetChange, FleetStore } from '../../src/flows/ports.ts'
import { verifyStore } from '../../src/flows/prove.ts'
import { Sequencer } from '../../src/flows/sequence.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { refused } from '../worlds/stored-log.ts'

const event = (number: number): Event => ({
  kind: 'intrusion-signal',
  actor: { kind: 'fleet', id: 'quiet' },
  detail: { number },
})

const verdict = ({ world }: QuietFleet) =>
  verifyStore(world.store, { name: world.name, key: world.auditSigner.key }, world.crypto).then(orThrow)

describe('a sequencer', () => {
  /** One turn at a time, each of which waits until it is let go. */
  function line() {
    let last: Promise<unknown> = Promise.resolve()
    const written: (readonly number[])[] = []
    const gates: (() => void)[] = []
    const sequencer = new Sequencer<number>({
      turn: work => {
        const turn = last.then(work)
        last = turn
        return turn
      },
      write: async items => {
        await new Promise<void>(open => gates.push(open))
        if (items.includes(13)) throw new RangeError('13')
        written.push(items)
      },
      isOfOne: error => error instanceof RangeError,
    })
    /** Lets the write that is under way end, once there is one. */
    const next = async (): Promise<void> => {
      while (gates.length === 0) await new Promise(resolve => setImmediate(resolve))
      gates.shift()?.()
    }
    return { sequencer, written, next }
  }

  test('what arrives while a turn is under way is written together in the next one, in order', async () => {
    const { sequencer, written, next } = line()
    const first = sequencer.add(1)
    await new Promise(resolve => setImmediate(resolve))
    const rest = [2, 3, 4].map(item => sequencer.add(item))
    let answered = 0
    for (const one of rest) void one.then(() => (answered += 1))
    await next()
    await first
    assert.equal(answered, 0, 'nobody is answered before their own turn has ended')
    await next()
    await Promise.all(rest)
    assert.deepEqual(written, [[1], [2, 3, 4]])
  })

  test('a turn is bounded, and the others get the next ones', async () => {
    const { sequencer, written, next } = line()
    const all = Array.from({ length: 2500 }, (_, item) => sequencer.add(item + 100))
    for (let turn = 0; turn < 3; turn += 1) await next()
    await Promise.all(all)
    assert.deepEqual(
      written.map(items => items.length),
      [1000, 1000, 500],
    )
    assert.deepEqual(
      written.flat(),
      Array.from({ length: 2500 }, (_, item) => item + 100),
    )
  })

  test('one that cannot be written fails alone', async () => {
    const { sequencer, written, next } = line()
    const all = Promise.allSettled([1, 13, 2].map(item => sequencer.add(item)))
    for (let turn = 0; turn < 4; turn += 1) await next()
    const ends = await all
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(written, [[1], [2]])
  })
})

describe('entries that are appended to a fleet’s log', () => {
  let fleet: QuietFleet
  const commits: FleetChange[] = []
  before(async () => {
    fleet = await QuietFleet.make()
    const counted = (store: FleetStore): FleetStore =>
      new Proxy(store, {
        get: (on, name) => {
          const value = Reflect.get(on, name) as unknown
          if (typeof value !== 'function') return value
          return (...args: unknown[]) => {
            if (name === 'commit') commits.push(args[0] as FleetChange)
            return value.apply(on, args)
          }
        },
      })
    fleet.open([], counted)
  })
  after(() => fleet.close())

  test('together, they are one commit with one checkpoint', async () => {
    const { size } = await fleet.world.store.log()
    commits.length = 0
    await Promise.all(Array.from({ length: 300 }, (_, number) => appendEntries(fleet.world, [event(number)])))
    assert.equal((await fleet.world.store.log()).size, size + 300)
    assert(commits.length <= 2, `${commits.length} commits`)
  })

  test('beside decisions, none is lost and none stands twice', async () => {
    const { size } = await fleet.world.store.log()
    const { store } = fleet.world
    const mixed = Array.from({ length: 120 }, (_, number) =>
      number % 3 === 0
        ? store.exclusive(() => record(fleet.world, {}, [event(1000 + number)]))
        : appendEntries(fleet.world, [event(1000 + number)]),
    )
    await Promise.all(mixed)
    const rows = await store.entries(size, size + 1000)
    const numbers = rows.map(({ bytes }) => Number(/"number":(\d+)/.exec(Buffer.from(bytes).toString())?.[1]))
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: 120 }, (_, number) => 1000 + number),
    )
    assert((await verdict(fleet)).sound)
  })

  test('an entry that is too large fails alone, with its code', async () => {
    const { size } = await fleet.world.store.log()
    const texts = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`text-${at}`, 'x'.repeat(4000)]))
    const ends = await Promise.allSettled([
      appendEntries(fleet.world, [event(1)]),
      appendEntries(fleet.world, [{ ...event(2), detail: texts }]),
      appendEntries(fleet.world, [event(3)]),
    ])
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert(refused('entry-too-large')((ends[1] as PromiseRejectedResult).reason))
    assert.equal((await fleet.world.store.log()).size, size + 2)
  })

  test('in a request that may be repeated they are a part of it, and nobody waits for themselves', async () => {
    const { size } = await fleet.world.store.log()
    const request = {
      person: 'ada',
      key: 'k'.repeat(20),
      fingerprint: new Uint8Array(32),
      now: instant(1000),
      expires: instant(2000),
    }
    const work = async () => {
      await appendEntries(fleet.world, [event(7)])
      return { done: true }
    }
    const once = () => fleet.world.store.once(request, work, result => utf8(JSON.stringify(result)))
    await Promise.all([once(), appendEntries(fleet.world, [event(8)]), once()])
    assert.equal((await fleet.world.store.log()).size, size + 2, 'carried out once')
    assert((await verdict(fleet)).sound)
  })
})

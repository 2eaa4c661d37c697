import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { CONFIRM, MOST_UNCONFIRMED, PATIENCE, SETTLE } from '../../src/core/ledger/siem-standing.ts'
import { EXAMPLE_ENTERPRISE } from '../../src/core/ledger/syslog.ts'
import { isRefusal, orThrow, type Refusal, RefusalError, refuse } from '../../src/core/refusal/refusal.ts'
import { record } from '../../src/flows/audit.ts'
import { Forwarding, noteReceivers, type SiemReceiver, testSiem } from '../../src/flows/forward.ts'
import type { SiemLine, SiemLink } from '../../src/flows/siem-ports.ts'
import { QuietFleet } from '../worlds/quiet-fleet.ts'
import { FrameReader, type Heard, readMessage } from '../worlds/syslog-reader.ts'
import { Died, Interruptor, type Mode } from './interruption/interruptor.ts'

const LOST = refuse('siem-connection-lost', 'siem soc', 'a connection that holds', 'a cut')

/**
 * A receiver as the world has them: what is sent to it lies in buffers first (`late` messages of it), it reads them in its order,
 * closes when it has read to the end of a connection, and loses what lies in the buffers when it is cut.
 */
class Receiver implements SiemLink {
  readonly read: Heard[] = []
  /** Messages that lie in buffers, of the connection that stands. */
  flying: Buffer[] = []
  late = 0
  lines = 0
  /** The most messages that one connection has carried. */
  most = 0
  refuses: Refusal | null = null
  /** Takes so many messages more, and then the connection breaks. */
  breaksAfter = Number.POSITIVE_INFINITY
  #cut: (() => void) | null = null

  async open(): Promise<SiemLine | Refusal> {
    if (this.refuses !== null) return this.refuses
    this.lines += 1
    const frames = new FrameReader()
    let fault: Refusal | null = null
    let carried = 0
    this.#cut = () => {
      fault ??= LOST
      this.flying = []
    }
    const arrive = (held: number): void => {
      while (this.flying.length > held) this.read.push(readMessage(this.flying.shift()!))
    }
    return {
      fault: () => fault,
      send: async bytes => {
        if (this.breaksAfter <= 0) {
          this.cut()
          this.breaksAfter = Number.POSITIVE_INFINITY
        }
        if (fault !== null) return fault
        this.breaksAfter -= 1
        carried += 1
        this.most = Math.max(this.most, carried)
        frames.take(bytes)
        this.flying.push(...frames.messages.splice(0))
        arrive(this.late)
        return null
      },
      end: async () => {
        if (fault !== null) return fault
        fault = LOST
        arrive(0)
        return null
      },
      drop: () => this.#cut?.(),
    }
  }

  cut(): void {
    this.#cut?.()
  }

  get indices(): number[] {
    return this.read.map(heard => Number(dataOf(heard).get('index')))
  }
}

const dataOf = (heard: Heard): ReadonlyMap<string, string> => heard.data.get(`voltseal@${EXAMPLE_ENTERPRISE}`)!
const upTo = (size: number, from = 0): number[] => Array.from({ length: size - from }, (_, n) => from + n)

describe('forwarding the log to a SIEM', () => {
  let fleet: QuietFleet
  let receiver: Receiver
  beforeEach(async () => {
    fleet = await QuietFleet.make({ approvers: 1, threshold: 1 })
    receiver = new Receiver()
  })
  afterEach(() => fleet.close())

  const soc = (change: Partial<SiemReceiver> = {}): SiemReceiver => ({
    name: 'soc',
    target: { host: 'soc.example', port: 6514 },
    from: 'beginning',
    format: { log: 'quiet', host: 'fleet.example', enterprise: EXAMPLE_ENTERPRISE, maxBytes: 8192 },
    link: receiver,
    ...change,
  })
  /** A process that forwards, from what is in the store. */
  const begun = async (change: Partial<SiemReceiver> = {}): Promise<Forwarding> => {
    await noteReceivers(fleet.world, fleet.siem, [soc(change)])
    return Forwarding.of(fleet.world, fleet.siem, soc(change), () => 1)
  }
  const happen = (count: number) =>
    fleet.world.store.exclusive(() =>
      record(
        fleet.world,
        {},
        Array.from({ length: count }, (_, n) => {
          return { kind: 'log-opened', actor: { kind: 'fleet', id: 'f' }, detail: { anchors: [n] } } as const
        }),
      ),
    )
  const size = async (): Promise<number> => (await fleet.world.store.log()).size
  const settled = async (): Promise<number> => (await fleet.siem.receiver('soc'))!.settled
  /** Rounds and time, until everything has been read and is settled. */
  const through = async (one: Forwarding): Promise<void> => {
    for (let n = 0; n < 100; n += 1) {
      await one.round()
      fleet.clock.advance(1000)
      if ((await one.state()).settled === (await size())) return
    }
    assert.fail('it does not come to an end')
  }
  const kinds = async (): Promise<string[]> => (await fleet.entries()).map(({ kind }) => kind)

  test('a receiver that dies with what it has read, behind the end of a connection, is noticed by the next one', async () => {
    const one = await begun()
    await happen(50)
    await one.round()
    fleet.clock.advance(CONFIRM)
    assert.equal(await one.round(), null)
    assert.equal((await one.state()).confirmed, await size())
    // All of it was read, and nothing of it written.
    receiver.read.splice(0)
    receiver.cut()
    assert(isRefusal(await one.round()))
    await through(one)
    assert.deepEqual(receiver.indices, upTo(await size()))
  })

  test('sends the log in order, each entry once, and the entries as they are', async () => {
    await happen(300)
    const one = await begun()
    await through(one)
    assert.deepEqual(receiver.indices, upTo(await size()))
    for (const { index, bytes } of await fleet.world.store.entries(0, await size())) {
      const leaf = createHash('sha256')
        .update(Buffer.from([0]))
        .update(bytes)
        .digest('hex')
      assert.equal(dataOf(receiver.read[index]!).get('leaf'), leaf)
      assert.deepEqual(receiver.read[index]!.msg, Buffer.from(bytes))
    }
    assert.equal((await one.state()).repeated, 0)
    // Nothing more to say: no connection is ended for nothing.
    const { lines } = receiver
    fleet.clock.advance(10 * CONFIRM)
    for (let n = 0; n < 5; n += 1) await one.round()
    assert.equal(receiver.lines, lines)
  })

  test('a new receiver hears of its own beginning, in the log and as its first message when it begins now', async () => {
    await happen(5)
    const before = await size()
    const one = await begun({ from: 'now' })
    await through(one)
    assert.deepEqual(receiver.indices, upTo(await size(), before))
    const [entry] = (await fleet.entries()).slice(before)
    const after = entry?.detail.after
    const target = { host: 'soc.example', port: 6514 }
    assert.deepEqual(entry?.detail, { policy: 'siem', receiver: 'soc', before: null, after, ...target, from: 'now' })
  })

  test('where the log goes is in the log: a change, an end, and nothing for a mere start', async () => {
    const one = await begun()
    await through(one)
    const at = await settled()
    await begun()
    assert.equal(await size(), at)
    await begun({ target: { host: 'elsewhere.example', port: 6514 } })
    assert.equal(await settled(), at, 'the same receiver at another place goes on')
    await noteReceivers(fleet.world, fleet.siem, [])
    assert.equal(await fleet.siem.receiver('soc'), null)
    const entries = (await fleet.entries()).slice(at)
    const told = entries.map(({ kind, detail }) => [kind, detail.host ?? detail.removed])
    assert.deepEqual(told, [
      ['policy-changed', 'elsewhere.example'],
      ['policy-changed', true],
    ])
    const [moved, gone] = entries.map(({ detail }) => detail)
    assert.match(`${moved?.before} ${moved?.after}`, /^[0-9a-f]{64} [0-9a-f]{64}$/)
    assert.deepEqual([gone?.before, gone?.after], [moved?.after, null], 'each begins where the one before it ended')
  })

  test('a cut loses nothing, and brings again only what was under way', async () => {
    await happen(50)
    const one = await begun()
    await through(one)
    const before = await settled()
    receiver.late = 7
    await happen(40)
    await one.round()
    const { sent } = await one.state()
    receiver.cut()
    const arrived = receiver.indices.length
    assert.ok(arrived < (await size()), 'something was lost in the buffers')
    assert.ok(isRefusal(await one.round()))
    assert.equal(await one.round(), null, 'not before its time')
    assert.equal(receiver.indices.length, arrived)
    await through(one)
    const [first, again] = [receiver.indices.slice(0, arrived), receiver.indices.slice(arrived)]
    assert.deepEqual(first, upTo(arrived))
    assert.deepEqual(again, upTo(await size(), before), 'from what had been settled')
    assert.equal((await one.state()).repeated, sent - before)
  })

  test('what ended in order a moment before a break comes again: its reader may not have written it', async () => {
    await happen(5)
    const one = await begun()
    await one.hurry()
    await one.round()
    await one.round()
    const { confirmed, settled: before, connected } = await one.state()
    assert.deepEqual([confirmed, before, connected], [await size(), 0, true])
    fleet.clock.advance(SETTLE - 1)
    receiver.cut()
    assert.ok(isRefusal(await one.round()))
    assert.equal((await one.state()).sent, 0)
  })

  test('waits as long as it has to, and no longer', async () => {
    const one = await begun()
    assert.equal(one.waits(1000), 1000)
    receiver.refuses = LOST
    await one.round()
    assert.equal(one.waits(250), 250)
    assert.equal(one.waits(5000), 1000)
    await one.hurry()
    assert.equal(one.waits(1000), 1000)
    receiver.refuses = null
    await happen(2000)
    await one.round()
    assert.equal(one.waits(1000), 0, 'there is more')
  })

  test('tells the log when it takes nothing for a quarter of an hour, and when it takes entries again', async () => {
    let one = await begun()
    await through(one)
    receiver.refuses = refuse('siem-tls-refused', 'siem soc', 'a certificate', 'another')
    receiver.cut()
    const rounds = async (millis: number): Promise<void> => {
      for (let waited = 0; waited < millis; waited += 30_000) {
        await one.round()
        fleet.clock.advance(30_000)
      }
    }
    await rounds(PATIENCE - 60_000)
    assert.equal((await kinds()).includes('siem-lost'), false)
    assert.equal(await one.alarm(), null)
    await rounds(4 * 60_000)
    const lost = (await fleet.entries()).find(({ kind }) => kind === 'siem-lost')
    assert.deepEqual([lost?.code, lost?.detail.receiver], ['siem-tls-refused', 'soc'])
    assert.equal((await one.alarm())?.code, 'siem-tls-refused')
    // A start does not mend it, and does not tell it twice.
    one = await begun()
    await rounds(20 * 60_000)
    assert.equal((await kinds()).filter(kind => kind === 'siem-lost').length, 1)
    assert.equal((await kinds()).includes('siem-restored'), false)
    receiver.refuses = null
    await through(one)
    assert.deepEqual((await kinds()).slice(-2), ['siem-lost', 'siem-restored'])
    assert.equal(await one.alarm(), null)
    assert.deepEqual(receiver.indices, upTo(await size()), 'the receiver hears of both')
  })

  test('is an alarm when it takes entries, but not fast enough', async () => {
    const one = await begun()
    await through(one)
    const level = (await one.state()).standing.levelAt
    await happen(1500)
    await one.round()
    fleet.clock.advance(level + PATIENCE - 1 - fleet.clock.now())
    assert.equal(await one.alarm(), null)
    fleet.clock.advance(1)
    assert.equal((await one.alarm())?.code, 'siem-behind')
    await through(one)
    assert.equal(await one.alarm(), null)
  })

  test('entries in an archive that is not there are waited for, and not told to be gone', async () => {
    await happen(20)
    await noteReceivers(fleet.world, fleet.siem, [soc()])
    let isThere = false
    const entries: typeof fleet.world.store.entries = async (from, to) => {
      if (isThere) return fleet.world.store.entries(from, to)
      throw new RefusalError(refuse('log-archived', 'entry 0', 'an archive', 'none'))
    }
    const store = new Proxy(fleet.world.store, {
      get: (on, name) => {
        const value: unknown = name === 'entries' ? entries : Reflect.get(on, name)
        return typeof value === 'function' ? value.bind(on) : value
      },
    })
    const one = await Forwarding.of({ ...fleet.world, store }, fleet.siem, soc(), () => 1)
    const said = await one.round()
    assert.equal(isRefusal(said) && said.code, 'log-archived')
    for (let n = 0; n < 5; n += 1) {
      fleet.clock.advance(1000)
      await one.round()
    }
    assert.deepEqual([await settled(), receiver.read.length], [0, 0])
    isThere = true
    await through(one)
    assert.deepEqual(receiver.indices, upTo(await size()))
  })

  test('a person has an entry made that goes the way of all others, and is seen at once', async () => {
    const one = await begun()
    await through(one)
    const { index } = orThrow(await testSiem(fleet.world, fleet.siem, 'ada', 'soc'))
    await one.hurry()
    await one.round()
    assert.equal((await one.state()).confirmed, index + 1)
    assert.equal(receiver.read.at(-1)?.msgid, 'siem-tested')
    const unknown = await testSiem(fleet.world, fleet.siem, 'ada', 'nobody')
    assert.equal(isRefusal(unknown) && unknown.code, 'not-found')
  })

  test('the server dies at each step: every entry comes, in order, and twice only what was not settled', async () => {
    await happen(40)
    const before = await begun()
    await through(before)
    for (const mode of ['lost', 'unanswered'] as const satisfies readonly Mode[]) {
      for (let at = 1; at <= 3; at += 1) {
        const from = await settled()
        await happen(10)
        receiver.read.length = 0
        receiver.late = 3
        const interruptor = new Interruptor(at, mode)
        const dying = { ...fleet.world, store: interruptor.store(fleet.world.store) }
        const one = await Forwarding.of(dying, fleet.siem, soc(), () => 1)
        const dies = async (): Promise<void> => {
          for (let n = 0; n < 40 && !interruptor.dead; n += 1) {
            await one.round()
            if (n % 13 === 12) await happen(3)
            fleet.clock.advance(1000)
          }
          if (!interruptor.dead) throw new Died()
        }
        await assert.rejects(dies(), Died)
        receiver.cut()
        await through(await begun())
        const [first, twice] = [new Set(receiver.indices), receiver.indices.length]
        assert.deepEqual(
          [...first].toSorted((a, b) => a - b),
          upTo(await size(), from),
          `${mode} ${at}`,
        )
        assert.ok(twice <= 2 * first.size)
      }
    }
  })

  test('is stopped in the middle, and the next one goes on', async () => {
    await happen(100)
    const one = await begun()
    receiver.late = 20
    await one.round()
    one.stop()
    assert.equal(await one.round(), null)
    const { lines } = receiver
    await one.round()
    assert.equal(receiver.lines, lines, 'it makes no connection any more')
    await through(await begun())
    assert.deepEqual(
      [...new Set(receiver.indices)].toSorted((a, b) => a - b),
      upTo(await size()),
    )
  })

  test('a connection carries no more than may come twice', async () => {
    await happen(MOST_UNCONFIRMED + 500)
    const one = await begun()
    receiver.late = 10
    for (let n = 0; n < 5; n += 1) await one.round()
    assert.ok(receiver.lines > 1, 'it was ended to see it arrive')
    assert.equal(receiver.most, MOST_UNCONFIRMED)
    receiver.breaksAfter = 100
    await happen(500)
    assert.ok(isRefusal(await one.round()))
    await through(one)
    assert.deepEqual(
      [...new Set(receiver.indices)].toSorted((a, b) => a - b),
      upTo(await size()),
    )
  })

  test('entries that the store has no more are told, from where to where, and the rest comes', async () => {
    await happen(600)
    fleet.beside('DELETE FROM entry WHERE ix < 30 OR ix BETWEEN 100 AND 300')
    const one = await begun()
    await through(one)
    const gaps = receiver.read.filter(({ msgid }) => msgid === 'siem-gap').map(dataOf)
    assert.deepEqual(
      gaps.map(gap => [gap.get('first'), gap.get('last')]),
      [
        ['0', '29'],
        ['100', '300'],
      ],
    )
    const told = receiver.indices.filter(index => !Number.isNaN(index))
    assert.deepEqual(told, [...upTo(100, 30), ...upTo(await size(), 301)])
  })
})

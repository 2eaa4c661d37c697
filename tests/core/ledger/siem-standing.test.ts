import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Instant, instant } from '../../../src/core/encoding/units.ts'
import {
  begin,
  broke,
  CONFIRM,
  confirmedOf,
  ended,
  handed,
  hurry,
  isBehind,
  isLost,
  MOST_UNCONFIRMED,
  opened,
  PATIENCE,
  roomOf,
  SETTLE,
  type Standing,
  settle,
  wantsEnd,
} from '../../../src/core/ledger/siem-standing.ts'
import { refuse } from '../../../src/core/refusal/refusal.ts'

const at = (millis: number): Instant => instant(millis)
const FAULT = refuse('siem-connection-lost', 'siem soc', 'a', 'b')

describe('where a receiver stands', () => {
  test('is confirmed by an orderly end, and settled when nothing broke for a while behind it', () => {
    let one = handed(opened(begin(5, false, at(0)), at(0)), 9, 9, at(100))
    assert.deepEqual([one.settled, confirmedOf(one), one.next], [5, 5, 9])
    assert.equal(wantsEnd(one, at(99 + CONFIRM)), false)
    assert.equal(wantsEnd(one, at(100 + CONFIRM)), true)
    one = ended(one, at(11_000))
    assert.deepEqual([one.settled, confirmedOf(one), one.next], [5, 9, 9])
    assert.equal(settle(one, at(10_999 + SETTLE)).settled, 5)
    assert.equal(settle(one, at(11_000 + SETTLE)).settled, 9)
  })

  test('goes back to what is settled when a connection breaks, also behind one that ended in order', () => {
    const first = ended(handed(opened(begin(5, false, at(0)), at(0)), 9, 20, at(1)), at(2))
    const second = handed(opened(first, at(3)), 15, 20, at(4))
    // A process that dies at 5 takes what it read at 2 with it.
    assert.equal(broke(second, FAULT, at(5), 1).next, 5)
    assert.equal(broke(second, FAULT, at(2 + SETTLE), 1).next, 9)
  })

  test('ends a connection when it has carried as much as may come twice, and when somebody waits', () => {
    const one = opened(begin(0, false, at(0)), at(0))
    assert.equal(roomOf(one), MOST_UNCONFIRMED)
    const full = handed(one, MOST_UNCONFIRMED, 1_000_000, at(1))
    assert.deepEqual([roomOf(full), wantsEnd(full, at(1))], [0, true])
    assert.equal(wantsEnd(hurry(one, 1, at(1)), at(1)), false, 'nothing was carried')
    const waited = hurry(handed(one, 1, 1, at(1)), 1, at(1))
    assert.equal(wantsEnd(waited, at(1)), true)
    assert.equal(ended(waited, at(2)).hurried, null)
    // Somebody comes when the page before their entry is under way: it is not ended before their entry is on it, nor forgotten behind it.
    const early = hurry(handed(one, 1, 1, at(1)), 2, at(1))
    assert.equal(wantsEnd(early, at(1)), false)
    assert.equal(ended(early, at(2)).hurried, 2)
    assert.equal(wantsEnd(begin(0, false, at(0)), at(1e9)), false, 'there is none')
  })

  test('tries again later and later, by chance between half and all of it, and at once when somebody waits', () => {
    let one = begin(0, false, at(0))
    const pauses: number[] = []
    for (let n = 0; n < 9; n += 1) {
      one = broke(one, FAULT, at(0), 1)
      pauses.push(one.due)
    }
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
    assert.equal(broke(begin(0, false, at(0)), FAULT, at(0), 0).due, 500)
    assert.equal(hurry(one, 1, at(3)).due, 3)
    for (let n = 0; n < 5000; n += 1) one = broke(one, FAULT, at(0), 1)
    assert.equal(one.due, 60_000)
  })

  test('is in trouble from the first failure to the first thing that shows that it is not', () => {
    const failing = broke(broke(begin(0, false, at(0)), FAULT, at(10), 1), FAULT, at(500), 1)
    assert.deepEqual([failing.troubledSince, failing.failures], [10, 2])
    assert.deepEqual([isLost(failing, at(9 + PATIENCE)), isLost(failing, at(10 + PATIENCE))], [false, true])
    // A connection alone shows nothing: a receiver that does not take our certificate closes it a moment later.
    const connected = opened(failing, at(1000))
    assert.equal(settle(connected, at(999 + SETTLE)).fault, FAULT)
    assert.equal(settle(connected, at(1000 + SETTLE)).fault, null)
    const carries = handed(connected, 3, 3, at(1001))
    assert.equal(settle(carries, at(1e6)).fault, FAULT, 'what it carries may be lost as well')
    assert.deepEqual([ended(carries, at(1002)).fault, ended(carries, at(1002)).failures], [null, 0])
    assert.equal(isLost(begin(0, true, at(0)), at(PATIENCE)), true, 'what the log says holds at a start')
  })

  test('is behind when it had not everything for a quarter of an hour', () => {
    const one = handed(opened(begin(0, false, at(0)), at(0)), 9, 9, at(100))
    assert.equal(isBehind(handed(one, 12, 500, at(200)), at(99 + PATIENCE)), false)
    assert.equal(isBehind(handed(one, 12, 500, at(200)), at(100 + PATIENCE)), true)
    assert.equal(isBehind(handed(one, 500, 500, at(300)), at(100 + PATIENCE)), false)
  })

  /**
   * A receiver that reads and writes late, dies with what it has not written, and loses what is in its buffers. Whatever the order
   * of things: it has written everything that counts as settled.
   */
  test('whatever happens, what is settled has arrived, and only what is not comes twice', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 50 }) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), millis: fc.nat(12_000) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), arrived: fc.nat(50) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('die' as const), arrived: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), steps => {
        let now = 0
        let standing: Standing = opened(begin(0, false, at(0)), at(0))
        /** Under way on the connection; read and not written, with the time; written. */
        let [flying, read, written] = [[] as number[], [] as [number, number][], new Set<number>()]
        const write = (): void => {
          // It writes within less than the time that is allowed it.
          for (const [index, since] of read) if (now - since >= SETTLE) written.add(index)
          read = read.filter(([index]) => !written.has(index))
        }
        const arrives = (count: number): void => {
          for (const index of flying.splice(0, count)) read.push([index, now])
        }
        const breaks = (): void => {
          flying = []
          standing = opened(broke(standing, FAULT, at(now), 1), at(now))
        }
        for (const one of steps) {
          if (one.do === 'send') {
            for (let n = 0; n < one.count; n += 1) flying.push(standing.next + n)
            standing = handed(standing, standing.next + one.count, standing.next + one.count, at(now))
          } else if (one.do === 'end') {
            arrives(flying.length)
            standing = opened(ended(standing, at(now)), at(now))
          } else if (one.do === 'wait') now += one.millis
          else if (one.do === 'cut') {
            arrives(one.arrived)
            breaks()
          } else if (one.do === 'die') {
            arrives(one.arrived)
            write()
            read = []
            breaks()
          } else {
            const { settled } = standing
            breaks()
            standing = opened(begin(settled, false, at(now)), at(now))
          }
          write()
          standing = settle(standing, at(now))
          for (let index = 0; index < standing.settled; index += 1) assert.ok(written.has(index), `${index} is lost`)
          assert.ok(standing.settled <= confirmedOf(standing) && confirmedOf(standing) <= standing.next)
        }
      }),
      { seed: 6, numRuns: 300 },
    )
  })
})

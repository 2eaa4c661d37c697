import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Board as Wired } from '../../src/flows/boot.ts'
import type { Flash, SecureElement } from '../../src/flows/ports.ts'
import { singles } from './enumerate.ts'
import { BOARDS, type Board } from './geometries.ts'
import { Stand } from './run.ts'
import { parseSeed, seedText } from './seed.ts'
import { count, emptyTally, type Tally } from './tally.ts'

/** Does the harness see? Each row breaks a board by what stands between the flows and its hardware, and must be caught. */

const SMALL = BOARDS.find(({ name }) => name === 'small') as Board

/** The flash of a board, with some of its calls changed. */
const withFlash =
  (change: (flash: Flash) => Partial<Flash>) =>
  (board: Wired): Wired => {
    const { flash } = board
    const plain: Flash = {
      size: area => flash.size(area),
      sector: area => flash.sector(area),
      read: (area, offset, length) => flash.read(area, offset, length),
      program: (area, offset, data) => flash.program(area, offset, data),
      erase: (area, offset, length) => flash.erase(area, offset, length),
    }
    return { ...board, flash: { ...plain, ...change(flash) } }
  }

const withElement =
  (change: (element: SecureElement) => Partial<SecureElement>) =>
  (board: Wired): Wired => {
    const { element } = board
    const plain: SecureElement = {
      counter: () => element.counter(),
      counterLimit: element.counterLimit,
      raise: value => element.raise(value),
      anchors: () => element.anchors(),
      addAnchor: anchor => element.addAnchor(anchor),
      revokeAnchor: kid => element.revokeAnchor(kid),
      goldenDigest: () => element.goldenDigest(),
      pinGolden: digest => element.pinGolden(digest),
      mac: message => element.mac(message),
      reportKey: element.reportKey,
      signReport: message => element.signReport(message),
      nextReport: () => element.nextReport(),
    }
    return { ...board, element: { ...plain, ...change(element) } }
  }

const isRecord = (area: string): boolean => area === 'record0' || area === 'record1'

type Row = {
  readonly bug: string
  readonly phase: string
  readonly wrap: (board: Wired) => Wired
  /** Called before each run, for a bug that remembers something. */
  readonly begin?: () => void
  readonly rules: readonly string[]
}

let sticky = false
const forget = (): void => {
  sticky = false
}

const ROWS: readonly Row[] = [
  {
    bug: 'records are never read back: what was asked for is answered instead',
    phase: 'confirm',
    wrap: withFlash(flash => {
      let last = { at: '', data: new Uint8Array(0) as Uint8Array }
      return {
        program: (area, offset, data) => {
          flash.program(area, offset, data)
          last = { at: isRecord(area) ? `${area} ${offset}` : '', data }
        },
        read: (area, offset, length) => {
          const found = flash.read(area, offset, length)
          return last.at === `${area} ${offset}` && last.data.length === length ? last.data : found
        },
      }
    }),
    rules: ['the counter follows its record', 'comes to its end', 'a confirmation stands', 'the history is whole'],
  },
  {
    bug: 'the counter rises before the record is written',
    phase: 'confirm',
    wrap: board => {
      const { flash, element } = board
      return withFlash(() => ({
        program: (area, offset, data) => {
          // Byte 5 of a record is its state, 24 its floor: a confirmation is about to be written.
          const floor = isRecord(area) && data[5] === 1 ? (data[24] ?? 0) : 0
          if (floor > (element.counter() ?? 0)) element.raise(floor)
          flash.program(area, offset, data)
        },
      }))(board)
    },
    rules: ['the counter follows its record'],
  },
  {
    bug: 'the block of the newest record is erased',
    phase: 'compaction',
    wrap: withFlash(flash => ({
      erase: (area, offset, length) => {
        if (area === 'record0') flash.erase('record1', offset, length)
        else if (area === 'record1') flash.erase('record0', offset, length)
        flash.erase(area, offset, length)
      },
    })),
    rules: ['writes only where it may'],
  },
  {
    bug: 'the slot that runs is touched by an erase of the other',
    phase: 'download',
    wrap: withFlash(flash => ({
      erase: (area, offset, length) => {
        flash.erase(area, offset, length)
        if (area === 'b') flash.erase('a', 0, flash.sector('a'))
      },
    })),
    rules: ['writes only where it may'],
  },
  {
    bug: 'the history is not written',
    phase: 'arm',
    wrap: withFlash(flash => ({
      program: (area, offset, data) => {
        if (area !== 'history') flash.program(area, offset, data)
      },
    })),
    rules: ['the history is whole'],
  },
  {
    bug: 'the budget of tries is not kept to',
    phase: 'tries-spent',
    wrap: board => ({ ...board, budget: { tries: 200, losses: 200 } }),
    rules: ['unconfirmed runs are bounded', 'comes to its end'],
  },
  {
    bug: 'no watchdog is started for a trial',
    phase: 'tries-spent',
    wrap: board => ({ ...board, watchdog: { start: () => {}, kick: () => {}, stop: () => {} } }),
    rules: ['comes to its end'],
  },
  {
    bug: 'the counter is never raised',
    phase: 'counter-raise',
    wrap: withElement(() => ({ raise: () => true })),
    rules: ['comes to its end'],
  },
  {
    bug: 'the key in use is revoked with the other',
    phase: 'key-added',
    wrap: withElement(element => ({
      addAnchor: anchor => {
        element.addAnchor(anchor)
        for (const { kid } of element.anchors()) if (kid !== anchor.kid) element.revokeAnchor(kid)
        return true
      },
    })),
    rules: ['the key in use stays', 'what runs was signed', 'something runs'],
  },
  {
    bug: 'one ECC fault in the history, and no slot is ever read again',
    phase: 'arm',
    begin: forget,
    wrap: withFlash(flash => ({
      read: (area, offset, length) => {
        const found = flash.read(area, offset, length)
        sticky ||= area === 'history' && found === null
        return sticky && (area === 'a' || area === 'b') ? null : found
      },
    })),
    rules: ['something runs'],
  },
  {
    bug: 'a fault in the slot that does not run has the other one given up',
    phase: 'trial',
    begin: forget,
    wrap: withFlash(flash => ({
      read: (area, offset, length) => {
        const found = flash.read(area, offset, length)
        sticky ||= area === 'b' && found === null
        return sticky && area === 'a' ? null : found
      },
    })),
    rules: ['something runs'],
  },
  {
    bug: 'a slot is given up at the first read that goes wrong',
    phase: 'boot',
    begin: forget,
    wrap: withFlash(flash => ({
      read: (area, offset, length) => {
        const found = flash.read(area, offset, length)
        sticky ||= area === 'b' && found === null
        return sticky && area === 'b' ? null : found
      },
    })),
    rules: ['something runs', 'a confirmation stands'],
  },
  {
    bug: 'one ECC fault in the history, and the records are erased',
    phase: 'arm',
    wrap: withFlash(flash => ({
      read: (area, offset, length) => {
        const found = flash.read(area, offset, length)
        if (area === 'history' && found === null) {
          for (const block of ['record0', 'record1'] as const) flash.erase(block, 0, flash.size(block))
        }
        return found
      },
    })),
    rules: ['writes only where it may'],
  },
  {
    bug: 'a record block is erased for one read of it that failed',
    phase: 'revert',
    wrap: withFlash(flash => ({
      read: (area, offset, length) => {
        const found = flash.read(area, offset, length)
        if (isRecord(area) && found === null) flash.erase(area, 0, flash.size(area))
        return found
      },
    })),
    rules: ['writes only where it may'],
  },
  {
    bug: 'an image that was good once is never hashed again',
    phase: 'trial',
    wrap: board => {
      const good = board.crypto.sha256Stream
      let last: Uint8Array | null = null
      return {
        ...board,
        crypto: {
          ...board.crypto,
          // A hash that was right once is right for ever.
          sha256Stream: () => {
            const stream = good()
            const self = {
              update: (bytes: Uint8Array) => {
                stream.update(bytes)
                return self
              },
              digest: (): Uint8Array => {
                const digest: Uint8Array = last ?? stream.digest()
                last = digest
                return digest
              },
            }
            return self
          },
        },
      }
    },
    rules: ['what runs was signed'],
  },
]

/** Every single fault of one phase on the small board, with a bug in it. */
async function hunted({ phase, wrap, begin = () => {} }: Row): Promise<Tally> {
  const stand = await Stand.of(SMALL)
  const run = stand.run.bind(stand)
  stand.run = (...about) => {
    begin()
    return run(...about)
  }
  stand.device.board = wrap(stand.device.board)
  const tally = emptyTally()
  singles(stand, phase, done => count(tally, done))
  return tally
}

describe('the judge sees', () => {
  for (const row of ROWS) {
    it(row.bug, async () => {
      let found: Record<string, number>
      try {
        found = (await hunted(row)).violations
      } catch (error) {
        // It shows even when nothing goes wrong.
        found = { [/fault: (.*?):/.exec((error as Error).message)?.[1] ?? String(error)]: 1 }
      }
      assert.ok(
        Object.keys(found).some(rule => row.rules.includes(rule)),
        `expected ${row.rules.join(' or ')}, found ${JSON.stringify(found)}`,
      )
    })
  }

  it('a fault that does not strike', async () => {
    const stand = await Stand.of(SMALL)
    const plan = [{ at: 100_000, mode: 'cut-before', variant: 0 }]
    const { violation, struck } = stand.run('withdraw', plan, { until: 'done' })
    assert.equal(violation?.rule, 'every fault strikes')
    assert.deepEqual(struck, [])
  })
})

describe('a seed', () => {
  it('reads as it was written, and nothing else does', () => {
    for (const text of [
      'small/confirm/3.cut-after.0/done',
      'ecc/arm/1.~77+0.bit-rot.2+12.~5/settled',
      'page/boot//done',
    ]) {
      const seed = parseSeed(text)
      assert.ok(seed !== null, text)
      assert.equal(seedText(seed), text)
    }
    for (const text of [
      '',
      'small',
      'small/confirm/3.cut-after/done',
      'small/confirm/x.~1/done',
      'a/b/1.~1/later',
      'a/b/1.~1/done/x',
    ]) {
      assert.equal(parseSeed(text), null, text)
    }
  })

  it('repeats a run bit by bit', async () => {
    const end = async (): Promise<string> => {
      const stand = await Stand.of(SMALL)
      const lines: string[] = []
      stand.tell = line => lines.push(line)
      const plan = [
        { at: 4, draw: 371_442 },
        { at: 9, draw: 9_118 },
        { at: 17, draw: 77_405 },
      ]
      const { violation } = stand.run('compaction', plan, { until: 'settled' })
      assert.equal(violation, null)
      return `${lines.join('\n')}${stand.device.flash.snapshot().toHex()}`
    }
    assert.equal(await end(), await end())
  })
})

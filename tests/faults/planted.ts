import type { Flash, SecureElement } from '../../src/core/slot/hardware.ts'
import type { Board as Wired } from '../../src/flows/boot.ts'
import type { ObservedFlash } from './observed-flash.ts'

/** Boards that are broken on purpose, by what stands between the flows and their hardware. Each must be caught. */

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
      get decryptionKey() {
        return element.decryptionKey
      },
      agree: point => element.agree(point),
      reportKey: element.reportKey,
      signReport: message => element.signReport(message),
      nextReport: () => element.nextReport(),
    }
    return { ...board, element: { ...plain, ...change(element) } }
  }

const isRecord = (area: string): boolean => area === 'record0' || area === 'record1'

/** Bytes of a record or of a cell of the history, changed, with the MAC of the device on them. */
function signedAnew({ element }: Wired, data: Uint8Array, change: (copy: DataView) => void): Uint8Array {
  const copy = data.slice()
  change(new DataView(copy.buffer))
  const end = copy.length === 512 ? 480 : 144
  copy.set(element.mac(copy.subarray(0, end)).subarray(0, copy.length - end), end)
  return copy
}

/** Every decision that is written to some areas says `boot` and slot a, with a good MAC; and reads back as it was asked for. */
function reworded(board: Wired, wanted: (area: string) => boolean): Wired {
  let last = { at: '', data: new Uint8Array(0) as Uint8Array }
  return withFlash(flash => ({
    program: (area, offset, data) => {
      const at = area === 'history' ? 8 : isRecord(area) ? 344 : null
      if (at === null || !wanted(area)) return flash.program(area, offset, data)
      const words = signedAnew(board, data, copy => {
        copy.setUint8(at + 16, 1)
        copy.setUint8(at + 19, 0)
      })
      flash.program(area, offset, words)
      last = { at: `${area} ${offset}`, data }
    },
    read: (area, offset, length) => {
      const found = flash.read(area, offset, length)
      return last.at === `${area} ${offset}` && last.data.length === length ? last.data : found
    },
  }))(board)
}

export type Row = {
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

export const ROWS: readonly Row[] = [
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
    rules: ['keys follow their record'],
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
    bug: 'an erase of the history erases all of its ring',
    phase: 'losses-spent',
    wrap: withFlash(flash => ({
      erase: (area, offset, length) => {
        if (area !== 'history') return flash.erase(area, offset, length)
        const sector = flash.sector(area)
        for (let at = 0; at < flash.size(area); at += sector) flash.erase(area, at, sector)
      },
    })),
    rules: ['the history is whole'],
  },
  {
    bug: 'the history is begun anew where it is full, and nobody sees the erase',
    phase: 'losses-spent',
    wrap: board => {
      const inner = board.flash as ObservedFlash
      return withFlash(flash => ({
        erase: (area, offset, length) => {
          flash.erase(area, offset, length)
          if (area === 'history') for (let at = 0; at < flash.size(area); at += 1) inner.cells(area)[at] = 0xff
        },
      }))(board)
    },
    rules: ['the history is whole'],
  },
  {
    bug: 'every line of history says that slot a was booted',
    phase: 'confirm',
    wrap: board => reworded(board, area => area === 'history'),
    rules: ['the history is whole'],
  },
  {
    bug: 'every decision is told as a boot of slot a, by the record too',
    phase: 'confirm',
    wrap: board => reworded(board, () => true),
    rules: ['a decision tells what happened'],
  },
  {
    bug: 'the counter is raised by one more than the release has signed',
    phase: 'confirm',
    wrap: withElement(element => ({ raise: value => element.raise(value + 1) })),
    rules: ['the counter follows its record'],
  },
  {
    bug: 'the record and the counter agree on a floor that nobody signed',
    phase: 'confirm',
    wrap: board => {
      const lower = (value: number): number => Math.max(1, value - 1)
      return withElement(element => ({ raise: value => element.raise(lower(value)) }))(
        withFlash(flash => ({
          program: (area, offset, data) => {
            if (!isRecord(area)) return flash.program(area, offset, data)
            flash.program(
              area,
              offset,
              signedAnew(board, data, copy => copy.setUint8(24, lower(data[24] as number))),
            )
          },
        }))(board),
      )
    },
    rules: ['the counter follows its record', 'comes to its end'],
  },
  {
    bug: 'another key is added than the one that the release names',
    phase: 'key-added',
    wrap: withElement(element => ({
      addAnchor: ({ kid, key }) => element.addAnchor({ kid: `ff${kid.slice(2)}`, key }),
    })),
    rules: ['keys follow their record'],
  },
  {
    bug: 'the key that stays is revoked in the place of the other',
    phase: 'key-retired',
    wrap: withElement(element => ({
      revokeAnchor: kid => element.revokeAnchor(element.anchors().find(each => each.kid !== kid)?.kid ?? kid),
    })),
    rules: ['keys follow their record'],
  },
  {
    bug: 'a key goes before the counter has risen',
    phase: 'key-retired',
    wrap: withElement(element => ({
      raise: value => {
        const old = element.anchors()[0]
        if (element.anchors().length > 1 && old !== undefined) element.revokeAnchor(old.kid)
        return element.raise(value)
      },
    })),
    rules: ['keys follow their record'],
  },
  {
    bug: 'the newest record is cleared before the next one is written',
    phase: 'arm',
    wrap: withFlash(flash => {
      let last: readonly [area: 'record0' | 'record1', offset: number] | null = null
      return {
        program: (area, offset, data) => {
          if (area !== 'record0' && area !== 'record1') return flash.program(area, offset, data)
          if (last !== null && (last[0] !== area || last[1] !== offset)) flash.program(...last, new Uint8Array(4))
          last = [area, offset]
          flash.program(area, offset, data)
        },
      }
    }),
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

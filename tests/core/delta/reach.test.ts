import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AddressMap } from '../../../src/core/delta/address-map.ts'
import type { Cover } from '../../../src/core/delta/covers.ts'
import { expectedImage, foreseen } from '../../../src/core/delta/references.ts'

const LOAD = 0x1000
/** What stands behind 0x1000 has moved by so many bytes, what stands before by nothing. */
const by = (distance: number, end = 0x2000): Cover[] => [
  { old: 0, new: 0, length: 0x1000 },
  { old: 0x1000, new: 0x1000 + distance, length: end - 0x1000 },
]
/** The halves have changed places, with a little put between. */
const SWAPPED: Cover[] = [
  { old: 0, new: 0x1010, length: 0x1000 },
  { old: 0x1000, new: 0, length: 0x1000 },
]

/** An instruction, where it stands, and what it is expected to be; without that, what it was. */
type Row = readonly [what: string, at: number, old: readonly number[], now?: readonly number[]]

/** Holds each row by itself, for what stands beside an instruction may tell what it is: as a part of the image, and cut out of it. */
function hold(architecture: 'arm' | 'cortex-m', covers: readonly Cover[], rows: readonly Row[], length = 0x2000): void {
  const bytes = architecture === 'arm' ? 4 : 2
  const map = new AddressMap(covers)
  for (const [what, at, old, now = old] of rows) {
    const image = new Uint8Array(length)
    const put = new DataView(image.buffer)
    for (const [k, part] of old.entries()) {
      if (bytes === 4) put.setUint32(at + 4 * k, part, true)
      else put.setUint16(at + 2 * k, part, true)
    }
    const addressed = { length, load: LOAD, map }
    const alone = { at, length: bytes * old.length, by: map.to(at) - at }
    const whole = expectedImage(architecture, image, addressed).subarray(at, at + alone.length)
    for (const out of [whole, foreseen(architecture, image, alone, addressed)]) {
      const view = new DataView(out.buffer, out.byteOffset)
      const found = now.map((_, k) => (bytes === 4 ? view.getUint32(4 * k, true) : view.getUint16(2 * k, true)))
      assert.deepEqual(
        found.map(part => part.toString(16)),
        now.map(part => part.toString(16)),
        what,
      )
    }
  }
}

describe('an instruction of Thumb that says how far something near is', () => {
  it('is foreseen as far as it reaches, and beyond stays as it is', () => {
    hold('cortex-m', by(0x20), [
      ['BEQ forwards, as far as it goes', 0xf40, [0xd06f], [0xd07f]],
      ['BEQ forwards, farther', 0xf40, [0xd070]],
      ['BEQ backwards, as far as it goes', 0x1040, [0xd090], [0xd080]],
      ['BEQ backwards, farther', 0x1040, [0xd08f]],
      ['B forwards, as far as it goes', 0xa00, [0xe3ef], [0xe3ff]],
      ['B forwards, farther', 0xa00, [0xe3f0]],
      ['B backwards, as far as it goes', 0x1200, [0xe410], [0xe400]],
      ['B backwards, farther', 0x1200, [0xe40f]],
      ['CBZ, as far as it goes', 0xfb0, [0xb378], [0xb3f8]],
      ['CBZ, farther', 0xfb0, [0xb380]],
      ['LDR, as far as it goes', 0xe00, [0x49f7], [0x49ff]],
      ['LDR, farther', 0xe00, [0x49f8]],
      ['ADR, farther', 0xe00, [0xa2f8]],
      ['LDR.W, as far as it goes', 0x200, [0xf8df, 0x3fdf], [0xf8df, 0x3fff]],
      ['LDR.W, farther', 0x200, [0xf8df, 0x3fe0]],
      ['VLDR, as far as it goes', 0xe00, [0xed9f, 0x7af7], [0xed9f, 0x7aff]],
      ['VLDR, farther', 0xe00, [0xed9f, 0x7af8]],
    ])
  })

  it('is foreseen on a condition as far as that reaches: a mebibyte', () => {
    const end = 0x12_0000
    hold(
      'cortex-m',
      by(0x20, end),
      [
        ['BEQ.W forwards, as far as it goes', 0xffc, [0xf03f, 0xafef], [0xf03f, 0xafff]],
        ['BEQ.W forwards, farther', 0xffc, [0xf03f, 0xaff0]],
        ['BEQ.W backwards, as far as it goes', 0x10_0f00, [0xf400, 0x8010], [0xf400, 0x8000]],
        ['BEQ.W backwards, farther', 0x10_0f00, [0xf400, 0x800f]],
      ],
      end,
    )
  })

  it('stays as it is where it would have to look back and cannot', () => {
    hold('cortex-m', SWAPPED, [
      ['BEQ, too far', 0xff0, [0xd010]],
      ['CBZ', 0xff0, [0xb178]],
      ['LDR', 0xff0, [0x4908]],
      ['ADR', 0xff0, [0xa208]],
      ['LDR.W', 0xff0, [0xf8df, 0x3020]],
      ['VLDR', 0xff0, [0xed9f, 0x7a08]],
    ])
  })

  it('stays as it is where what it leads to has moved by less than it counts in', () => {
    hold('cortex-m', by(0x22), [
      ['BEQ, in twos', 0xff0, [0xd00a], [0xd01b]],
      ['LDR, in fours', 0xff4, [0x4906]],
      ['ADR, in fours', 0xff8, [0xa204]],
      ['VLDR, in fours', 0xf40, [0xed9f, 0x7a40]],
      ['LDR.W, in ones', 0xf20, [0xf8df, 0x30f0], [0xf8df, 0x3112]],
    ])
    hold('cortex-m', by(0x21), [
      ['BEQ', 0xff0, [0xd00a]],
      ['B', 0xf00, [0xe080]],
      ['CBZ', 0xfe4, [0xb178]],
      ['BEQ.W', 0xf10, [0xf000, 0x80a0]],
      ['LDR.W', 0xf20, [0xf8df, 0x30f0], [0xf8df, 0x3111]],
    ])
  })

  it('stays as it is where it leads out of the image', () => {
    hold('cortex-m', by(0x20), [
      ['BEQ.W behind it', 0xf00, [0xf001, 0x8082]],
      ['BEQ.W before it', 0x1010, [0xf47e, 0xaf76]],
      ['B before it, by as little as that', 0x1100, [0xf47e, 0xaf7d]],
    ])
  })

  it('puts its own bytes back where it seems to begin in one that is foreseen', () => {
    hold('cortex-m', by(0x20), [
      ['LDR.W', 0x4fc, [0, 0, 0xf8df, 0xdb0a], [0, 0, 0xf8df, 0xdb2a]],
      ['LDR.W, and in it what may be BLT', 0x4fc, [0xf800, 0xf800, 0xf8df, 0xdb0a]],
    ])
  })

  it('attack: instructions of two halfwords to the end of what is at hand are read no further', () => {
    for (const first of [0xf8df, 0xed9f, 0xf03f, 0xf7ff]) {
      const image = new Uint8Array(Uint16Array.from({ length: 0x1800 }, () => first).buffer)
      for (const end of [image.length, image.length - 1, image.length - 2]) {
        const cut = image.subarray(0, end)
        const map = new AddressMap(by(0x20, end))
        assert.equal(expectedImage('cortex-m', cut, { length: end, load: LOAD, map }).length, end)
      }
    }
  })
})

describe('an instruction of 32-bit Arm that says how far something is', () => {
  it('is foreseen as far as it reaches, and beyond stays as it is', () => {
    hold('arm', by(0x20), [
      ['LDR forwards, as far as it goes', 0x200, [0xe59f_0fdf], [0xe59f_0fff]],
      ['LDR forwards, farther', 0x200, [0xe59f_0fe0]],
      ['LDR backwards, as far as it goes', 0x1f00, [0xe51f_0fdf], [0xe51f_0fff]],
      ['LDR backwards, farther', 0x1f00, [0xe51f_0fe0]],
      ['what would be one if it had a condition', 0xf30, [0xf59f_00d8]],
    ])
    hold('arm', SWAPPED, [['LDR that looks back now', 0xff0, [0xe59f_0020]]])
  })

  it('looks the other way where what it loads is on the other side now', () => {
    const nearer: Cover[] = [
      { old: 0, new: 0x100, length: 0x1000 },
      { old: 0x1000, new: 0, length: 0x100 },
    ]
    hold('arm', nearer, [['LDR', 0x20, [0xe59f_0fe0], [0xe51f_0120]]])
  })

  it('stays as it is where what it leads to has moved by less than it counts in', () => {
    hold('arm', by(0x22), [
      ['BL', 0xf00, [0xeb00_0042]],
      ['BLX, which would have to lead to another half', 0xf20, [0xfb00_003a]],
      ['LDR', 0xf30, [0xe59f_00d8], [0xe59f_00fa]],
    ])
  })

  it('stays as it is where it leads out of the image', () => {
    hold('arm', by(0x20), [
      ['B behind it', 0xf00, [0xea00_0440]],
      ['B before it', 0x1100, [0xeaff_fbb0]],
    ])
    hold('arm', by(-0x20), [['LDR behind it', 0xff0, [0xe59f_0fff]]], 0x1800)
    const all: Cover[] = [
      { old: 0, new: 0, length: 0x10 },
      { old: 0x10, new: 0x30, length: 0x1ff0 },
    ]
    hold('arm', all, [['LDR before it', 0x100, [0xe51f_0200]]])
  })

  it('attack: an image that ends in the midst of a word is read no further', () => {
    for (const end of [0x1ffd, 0x1ffe, 0x1fff]) {
      const image = new Uint8Array(end).fill(0xeb)
      const map = new AddressMap(by(0x20, end))
      assert.equal(expectedImage('arm', image, { length: end, load: LOAD, map }).length, end)
    }
  })
})

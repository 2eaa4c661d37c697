import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { inflateBrowser } from '../../../console/verifier/inflate.ts'
import { inflateNode } from '../../../src/adapters/inflate-node.ts'
import { packZip } from '../../../src/adapters/zip-files.ts'
import { concat, utf8 } from '../../../src/core/encoding/bytes.ts'
import { instant } from '../../../src/core/encoding/units.ts'
import { readZip, unpack, type ZipFault, type ZipLimits, type ZipMember } from '../../../src/core/encoding/zip.ts'

const LIMITS: ZipLimits = { bytes: 1 << 20, files: 5, unpacked: 8 << 20, ratio: 100, name: /^[a-z]{1,8}\.txt$/ }
const AT = instant(Date.UTC(2026, 2, 1, 12))
const FILES = new Map([
  ['a.txt', utf8('first')],
  ['b.txt', utf8('second '.repeat(100))],
])
const ZIP = packZip(FILES, AT)

const members = (zip: Uint8Array, limits = LIMITS): ZipMember[] => {
  const read = readZip(zip, limits)
  assert.ok(Array.isArray(read), JSON.stringify(read))
  return read
}
const faultOf = (zip: Uint8Array, limits = LIMITS): ZipFault => {
  const read = readZip(zip, limits)
  assert.ok(!Array.isArray(read), 'it was read')
  return read
}

const END = ZIP.length - 22
const DIRECTORY = new DataView(ZIP.buffer, ZIP.byteOffset).getUint32(END + 16, true)
/** The line of the second file in the directory, and what stands before it. */
const SECOND_LINE = DIRECTORY + 46 + 5
const SECOND = new DataView(ZIP.buffer, ZIP.byteOffset).getUint32(SECOND_LINE + 42, true)

const edited = (at: number, ...bytes: number[]): Uint8Array => {
  const zip = ZIP.slice()
  zip.set(bytes, at)
  return zip
}
const letter = (text: string): number => text.charCodeAt(0)

const ATTACKS: readonly (readonly [what: string, zip: Uint8Array, why: ZipFault['why'], expected: RegExp])[] = [
  ['no ZIP file at all', utf8('%PDF-1.7 is something else'), 'malformed', /a ZIP file/],
  ['nothing', new Uint8Array(0), 'malformed', /a ZIP file/],
  [
    'two files of one name',
    edited(SECOND_LINE + 46, letter('a')).map((byte, at) => (at === SECOND + 30 ? letter('a') : byte)),
    'malformed',
    /each name once/,
  ],
  ['another name before a file than in the directory', edited(SECOND + 30, letter('c')), 'malformed', /the same name/],
  ['another size before a file than in the directory', edited(SECOND + 22, 1), 'malformed', /the same before a file/],
  ['another way of packing before a file', edited(SECOND + 8, 0), 'malformed', /the same before a file/],
  [
    'a name that climbs out',
    edited(SECOND_LINE + 46, letter('.')).map((byte, at) => (at === SECOND + 30 ? letter('.') : byte)),
    'malformed',
    /a name/,
  ],
  [
    'an encrypted file',
    edited(DIRECTORY + 8, 1).map((byte, at) => (at === 6 ? 1 : byte)),
    'malformed',
    /stored or deflated/,
  ],
  [
    'something before the first file',
    concat(utf8('PK\u0003\u0004junk'), ZIP),
    'malformed',
    /a directory up to the end/,
  ],
  ['something behind the end', concat(ZIP, utf8('#!/bin/sh')), 'cut', /the end/],
  ['a comment', edited(ZIP.length - 2, 1), 'malformed', /without a comment/],
  ['a gap before the directory', edited(SECOND_LINE + 42, 9), 'malformed', /without gaps/],
  ['fewer files than the directory has', edited(END + 8, 1, 0, 1, 0), 'malformed', /1 files in the directory/],
  ['more files than the directory has', edited(END + 8, 3, 0, 3, 0), 'malformed', /a file in the directory/],
  ['a file on another disk', edited(END + 4, 1), 'malformed', /one file without/],
  ['a file that reaches into the directory', edited(SECOND_LINE + 20, 255, 255), 'cut', /bytes of b.txt/],
  ['an end that was cut off', ZIP.subarray(0, ZIP.length - 1), 'cut', /the end/],
]

describe('readZip', () => {
  test('reads what was packed, in its order, with either unpacker', () => {
    const read = members(ZIP)
    assert.deepEqual(
      read.map(({ name }) => name),
      [...FILES.keys()],
    )
    for (const inflate of [inflateNode, inflateBrowser]) {
      for (const member of read) assert.deepEqual(unpack(member, inflate), FILES.get(member.name))
    }
  })

  test('law: any files that are packed are read again', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}\.txt$/)
    const files = fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 500 })), {
      maxLength: 5,
      selector: ([one]) => one,
    })
    fc.assert(
      fc.property(files, some => {
        const packed = new Map(some)
        if (packed.size === 0) return
        const read = members(packZip(packed, AT))
        for (const inflate of [inflateNode, inflateBrowser]) {
          assert.deepEqual(new Map(read.map(one => [one.name, unpack(one, inflate)])), packed)
        }
      }),
      { numRuns: 60 },
    )
  })

  for (const [what, zip, why, expected] of ATTACKS) {
    test(`attack: ${what}`, () => {
      const fault = faultOf(zip)
      assert.equal(fault.why, why, JSON.stringify(fault))
      assert.match(fault.expected, expected)
    })
  }

  test('attack: too many bytes, too many files, too much when it is unpacked', () => {
    assert.equal(faultOf(ZIP, { ...LIMITS, bytes: ZIP.length - 1 }).why, 'large')
    assert.equal(faultOf(ZIP, { ...LIMITS, files: 1 }).why, 'large')
    assert.equal(faultOf(ZIP, { ...LIMITS, unpacked: 700 }).why, 'large')
  })

  test('attack: a bomb of one byte, two million times', () => {
    const bomb = packZip(new Map([['a.txt', new Uint8Array(2 << 20)]]), AT)
    assert.match(faultOf(bomb).expected, /100 times/)
    assert.equal(members(bomb, { ...LIMITS, ratio: 2000 }).length, 1)
  })

  test('attack: a file that unpacks to more than it says, or to less', () => {
    const packed = new Uint8Array(deflateRawSync(new Uint8Array(1000)))
    for (const inflate of [inflateNode, inflateBrowser]) {
      for (const size of [0, 1, 999, 1001, 1 << 20]) {
        assert.equal(unpack({ name: 'a.txt', stored: false, size, packed }, inflate), null, `${size}`)
      }
      assert.equal(unpack({ name: 'a.txt', stored: false, size: 1000, packed }, inflate)?.length, 1000)
      assert.equal(unpack({ name: 'a.txt', stored: false, size: 1000, packed: utf8('no deflate') }, inflate), null)
      assert.equal(unpack({ name: 'a.txt', stored: false, size: 1000, packed: packed.subarray(0, 5) }, inflate), null)
    }
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { typeTables } from '../../../src/core/delta/search/btf.ts'
import { concat, utf8 } from '../../../src/core/encoding/bytes.ts'

const FLOAT = 16
const STRUCTURE = 4

type Parts = {
  readonly types: readonly number[]
  readonly names?: Uint8Array
  /** What the header says, where that is not the truth: magic, length of itself, of the types, of the names. */
  readonly magic?: number
  readonly header?: number
  readonly typesLength?: number
  readonly namesAt?: number
  readonly namesLength?: number
}

/** A table of types: its header, the words of the types, the names. */
function table({ types, names = utf8('\0'), magic = 0x0001_eb9f, ...said }: Parts): Uint8Array {
  const words = new Uint8Array(Uint32Array.from(types).buffer)
  const { header = 24, typesLength = words.length, namesAt = words.length, namesLength = names.length } = said
  const head = Uint32Array.from([magic, header, 0, typesLength, namesAt, namesLength])
  return concat(new Uint8Array(head.buffer), words, names)
}

/** A number of a floating point kind, without members: three words. */
const type = (name: number): number[] => [name, FLOAT << 24, 4]
const ONE = table({ types: type(0) })
const hashOf = (bytes: Uint8Array): number | undefined => typeTables(bytes)[0]?.hashes[1]

describe('a table of types', () => {
  it('is read where all that its header says is there', () => {
    const [one] = typeTables(concat(new Uint8Array(5), ONE))
    assert.deepEqual(one?.starts, [29, 29, 41])
    assert.equal(typeTables(ONE.subarray(0, ONE.length - 1)).length, 0, 'without the last byte of its names')
  })

  it('is none of another version, or with another order of bytes', () => {
    for (const magic of [0x0002_eb9f, 0x0101_eb9f, 0x0001_ea9f, 0x0001_9feb])
      assert.equal(typeTables(table({ types: type(0), magic })).length, 0, magic.toString(16))
  })

  it('attack: a header that leads behind the image is no table', () => {
    const short = { types: type(0), namesAt: 0, namesLength: 0, names: new Uint8Array(0) }
    assert.equal(typeTables(table(short)).length, 1)
    for (const typesLength of [16, 24, 2 ** 31, 2 ** 32 - 4])
      assert.equal(typeTables(table({ ...short, typesLength })).length, 0, `types: ${typesLength}`)
    for (const namesLength of [2, 2 ** 31, 2 ** 32 - 1])
      assert.equal(typeTables(table({ types: type(0), namesLength })).length, 0, `names: ${namesLength}`)
    for (const namesAt of [13, 2 ** 32 - 1])
      assert.equal(typeTables(table({ types: type(0), namesAt })).length, 0, `names at ${namesAt}`)
  })

  it('attack: a header that leads into itself, or to no types, is none, and the next is looked for behind it', () => {
    for (const header of [0, 4, 23]) assert.equal(typeTables(table({ types: type(0), header })).length, 0, `${header}`)
    for (const typesLength of [0, 8]) {
      const found = typeTables(concat(table({ types: [], typesLength }), ONE))
      assert.equal(found.length, 1, `${typesLength}`)
    }
  })

  it('attack: a type with more members than there are bytes is read no further', () => {
    const many = { types: [0, (STRUCTURE << 24) | 0xffff, 4], names: new Uint8Array(0), namesAt: 0, namesLength: 0 }
    assert.equal(typeTables(table(many)).length, 0)
    assert.equal(typeTables(table({ types: [...type(0), 7] })).length, 0, 'bytes behind the last type')
    assert.equal(typeTables(table({ types: [0, 31 << 24, 4] })).length, 0, 'a kind that there is none of')
  })

  it('attack: names are read to the end of the names, and for so many bytes', () => {
    const named = (names: Uint8Array, behind: number): Uint8Array =>
      concat(table({ types: type(1), names }), new Uint8Array(200).fill(behind))
    assert.equal(hashOf(named(utf8('\0abc'), 1)), hashOf(named(utf8('\0abc'), 2)), 'without an end')
    const long = (last: string): Uint8Array => utf8(`\0${'n'.repeat(128)}${last}\0`)
    assert.equal(hashOf(named(long('a'), 0)), hashOf(named(long('b'), 0)), 'longer than is read')
    assert.notEqual(hashOf(named(utf8('\0abc\0'), 0)), hashOf(named(utf8('\0abd\0'), 0)))
  })

  it('attack: types that are made of types that there are none of, and of themselves, end', () => {
    const PTR = 2 << 24
    assert.equal(typeTables(table({ types: [0, PTR, 1, 0, PTR, 0xffff_ffff, 0, PTR, 7] })).length, 1)
  })

  it('attack: of an image full of heads so many are looked at', () => {
    const heads = new Uint8Array(37 * 4200)
    for (let at = 0; at < heads.length; at += 37) heads.set(ONE, at)
    assert.equal(typeTables(heads).length, 4096)
    const bad = table({ types: [0, 31 << 24, 4] })
    for (let at = 0; at < 37 * 4096; at += 37) heads.set(bad, at)
    assert.equal(typeTables(heads).length, 0)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Cover } from '../../../src/core/delta/covers.ts'
import { typeTables } from '../../../src/core/delta/search/btf.ts'
import { withTypes } from '../../../src/core/delta/search/type-covers.ts'
import { concat, utf8 } from '../../../src/core/encoding/bytes.ts'
import { drawn } from './images.ts'

const STRUCTURE = 4
const POINTER = 2
const INTEGER = 1

/** A structure: what it is called, and the structures that its members point to. */
type Structure = { readonly name: string; readonly members: readonly string[] }

/** A table of an integer, and of each structure with a pointer to it behind it; and where each structure stands in it. */
function table(structures: readonly Structure[]): { bytes: Uint8Array; at: Map<string, number> } {
  const names: string[] = ['']
  const nameAt = new Map<string, number>([['', 0]])
  let namesLength = 1
  const nameOf = (name: string): number => {
    if (!nameAt.has(name)) {
      nameAt.set(name, namesLength)
      names.push(name)
      namesLength += name.length + 1
    }
    return nameAt.get(name)!
  }
  const numbers = new Map(structures.map(({ name }, k) => [name, 2 + 2 * k]))
  const at = new Map<string, number>()
  const words: number[] = [nameOf('int'), INTEGER << 24, 4, 32]
  for (const { name, members } of structures) {
    at.set(name, 24 + 4 * words.length)
    words.push(nameOf(name), (STRUCTURE << 24) | members.length, 8 * members.length)
    for (const [k, member] of members.entries()) words.push(nameOf(`to_${member}`), numbers.get(member)! + 1, 64 * k)
    words.push(0, POINTER << 24, numbers.get(name)!)
  }
  const types = new Uint8Array(Uint32Array.from(words).buffer)
  const texts = utf8(names.map(name => `${name}\0`).join(''))
  const header = new DataView(new ArrayBuffer(24))
  header.setUint32(0, 0x0001_eb9f, true)
  for (const [k, value] of [24, 0, types.length, types.length, texts.length].entries())
    header.setUint32(4 + 4 * k, value, true)
  return { bytes: concat(new Uint8Array(header.buffer), types, texts), at }
}

const STRUCTURES = Array.from({ length: 300 }, (_, k): Structure => {
  const noise = drawn(k + 1, 8)
  return { name: `kind_${k}`, members: Array.from(noise.slice(0, 1 + (noise[7]! % 6)), byte => `kind_${byte}`) }
})
const others = [...STRUCTURES.slice(120, 300), { name: 'fresh', members: ['kind_4'] }, ...STRUCTURES.slice(0, 120)]
const OLD = table(STRUCTURES)
const NOW = table(others)
const BEFORE = drawn(8, 777)

const fits = (covers: readonly Cover[], old: number, now: number): void => {
  let end = 0
  for (const cover of covers) {
    assert(cover.length > 0 && cover.new >= end && cover.old >= 0)
    end = cover.new + cover.length
    assert(end <= now && cover.old + cover.length <= old)
  }
}

describe('tables of types', () => {
  const old = concat(BEFORE, OLD.bytes, BEFORE)
  const now = concat(NOW.bytes, BEFORE)

  it('are alike type by type, in whatever order they stand', () => {
    const covers = withTypes(old, now, [{ old: 0, new: 0, length: now.length }])
    fits(covers, old.length, now.length)
    for (const [name, at] of NOW.at) {
      const cover = covers.find(one => one.new <= at && at < one.new + one.length)
      if (name === 'fresh') continue
      assert.equal((cover?.old ?? 0) + at - (cover?.new ?? 0), BEFORE.length + OLD.at.get(name)!, name)
    }
    const [head, tail] = [covers[0], covers.at(-1)]
    assert.deepEqual(head, { old: 0, new: 0, length: 24 }, 'what stands beside a table stays as it was found')
    const end = typeTables(now)[0]!.starts.at(-1)!
    assert.deepEqual(tail, { old: end, new: end, length: now.length - end })
  })

  it('are found only where they are whole', () => {
    assert.equal(typeTables(old).length, 1)
    assert.equal(typeTables(concat(OLD.bytes, OLD.bytes)).length, 2)
    assert.equal(typeTables(old.slice(0, 4000)).length, 0)
    const other = old.slice()
    other[BEFORE.length + 24 + 7] = 31
    assert.equal(typeTables(other).length, 0, 'a kind that there is none of')
    const covers = [{ old: 3, new: 4, length: 50 }]
    assert.equal(withTypes(BEFORE, now, covers), covers)
    assert.deepEqual(withTypes(old, BEFORE, covers), covers)
  })

  it('of types that are all alike, so many are tried', () => {
    const one: Structure = { name: 'one', members: [] }
    const last = { name: 'last', members: ['last', 'last', 'last'] }
    const fresh = { name: 'fresh', members: ['fresh', 'last'] }
    const isFound = (count: number): boolean => {
      const was = table([...Array.from({ length: count }, () => one), last])
      const is = table([fresh, one, last])
      // The last of all is the one that goes on as it does here.
      const [at, old] = [is.at.get('one')!, was.at.get('one')!]
      return withTypes(was.bytes, is.bytes, []).some(cover => cover.new === at && cover.old === old)
    }
    assert.equal(isFound(20), true)
    assert.equal(isFound(64), true)
    assert.equal(isFound(65), false)
  })

  it('attack: in whatever bytes, covers stay within both images, and it ends', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.nat(6000), value: fc.nat(255) }), { maxLength: 40 }), changes => {
        const [a, b] = [old.slice(), now.slice()]
        for (const { at, value } of changes) {
          a[(at + BEFORE.length) % a.length] = value
          b[(at * 7) % b.length] = value
        }
        fits(withTypes(a, b, [{ old: 5, new: 9, length: 3000 }]), a.length, b.length)
      }),
      { seed: 4, numRuns: 200 },
    )
  })
})

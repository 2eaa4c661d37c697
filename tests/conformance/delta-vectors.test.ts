import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { DELTA_VECTORS } from '../../conformance/delta-vectors.ts'
import { vectorText } from '../../conformance/vectors.ts'
import { nodeCrypto } from '../../src/adapters/crypto-node.ts'
import { PatchApplier } from '../../src/core/delta/apply.ts'
import { BitReader } from '../../src/core/delta/arithmetic.ts'
import { carryOut } from '../../src/core/delta/carry-out.ts'
import { CoverCoder } from '../../src/core/delta/covers.ts'
import { blocksOf, memoryOf, parseHeader } from '../../src/core/delta/patch.ts'
import { ARCHITECTURES } from '../../src/core/delta/references.ts'
import { deltaCodes } from '../../src/core/refusal/codes-delta.ts'
import { isRefusal, orThrow } from '../../src/core/refusal/refusal.ts'
import { MemorySlots } from '../core/delta/memory-slots.ts'

const folder = join(import.meta.dirname, '../../conformance/delta')

// biome-ignore lint/suspicious/noExplicitAny: the files are read as an outsider reads them, without our types.
const read = (name: string): any => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex)
const sha256 = (of: Uint8Array): string => createHash('sha256').update(of).digest('hex')
const PATCHES = Object.keys(DELTA_VECTORS).filter(name => !/refused|pieces/.test(name))

describe('the vectors of the delta format', () => {
  test('are all there, one for each architecture, and nothing else', () => {
    assert.deepEqual(readdirSync(folder).toSorted(), Object.keys(DELTA_VECTORS).toSorted())
    for (const architecture of ARCHITECTURES) assert(PATCHES.some(name => name.endsWith(`-${architecture}.json`)))
  })

  for (const [name, make] of Object.entries(DELTA_VECTORS)) {
    test(`${name} is what node conformance/write-vectors.ts writes`, () => {
      assert.equal(readFileSync(join(folder, name), 'utf8'), vectorText(make))
    })
  }

  for (const name of PATCHES) {
    test(`${name}: applied, to the digest, with each boundary as it says`, () => {
      const { base, target, patch, header: said, memory, blocks } = read(name)
      const header = orThrow(parseHeader(bytes(patch), name))
      assert.deepEqual([sha256(bytes(base)), sha256(bytes(target))], [said.baseDigest, said.targetDigest])
      assert.equal(memoryOf(header), memory)
      const means = { memory, room: said.targetLength }
      const applier = orThrow(PatchApplier.of(header, nodeCrypto, means))
      const slots = new MemorySlots(bytes(base), said.targetLength)
      for (const { at, bytes: length, kind, written, next, writtenSha256 } of blocks) {
        assert.equal(applier.wantsCovers, kind === 'covers')
        assert.equal(carryOut(applier.take(bytes(patch).subarray(at, at + length)), slots), null)
        assert.deepEqual(applier.progress, { written, next: bytes(next) })
        assert.equal(sha256(slots.written.subarray(0, slots.end)), writtenSha256)
      }
      assert(applier.isWhole)
      assert.deepEqual(slots.written, bytes(target))
    })

    test(`${name}: gone on with behind each block of bytes`, () => {
      const { base, target, patch, header: said, memory, blocks } = read(name)
      const all = [...blocksOf(bytes(patch))]
      const covers = blocks.filter(({ kind }: { kind: string }) => kind === 'covers').length
      for (let cut = covers; cut < all.length; cut += 1) {
        const applier = orThrow(
          PatchApplier.of(orThrow(parseHeader(bytes(patch), name)), nodeCrypto, { memory, room: said.targetLength }),
        )
        const slots = new MemorySlots(bytes(base), said.targetLength)
        const { written, next } = blocks[cut]
        slots.written.set(bytes(target).subarray(0, written))
        slots.end = written
        for (const block of all.slice(0, covers)) assert.equal(carryOut(applier.take(block), slots), null)
        assert.equal(carryOut(applier.resume({ written, next: bytes(next) }), slots), null)
        for (const block of all.slice(cut + 1)) assert.equal(carryOut(applier.take(block), slots), null)
        assert.deepEqual(slots.written, bytes(target), `behind block ${cut}`)
      }
    })
  }

  const refused = read(Object.keys(DELTA_VECTORS).find(name => name.includes('refused')) as string)

  /** What a controller does: everything that can be refused, in the order in which it is. */
  function judged(patch: Uint8Array, base: Uint8Array, memory: number, room: number): string {
    const header = parseHeader(patch, 'it')
    if (isRefusal(header)) return header.code
    const applier = PatchApplier.of(header, nodeCrypto, { memory, room })
    if (isRefusal(applier)) return applier.code
    if (sha256(base) !== Buffer.from(header.base.digest).toString('hex')) return 'patch-base-differs'
    const slots = new MemorySlots(base, header.target.length)
    for (const block of blocksOf(patch)) {
      const fault = carryOut(applier.take(block), slots)
      if (fault !== null) return fault.code
    }
    const digest = Buffer.from(header.target.digest).toString('hex')
    return applier.isWhole && sha256(slots.written) === digest ? 'applied' : 'patch-target-differs'
  }

  test('what is to be refused is, each for its reason', () => {
    const { base, memory, room, accepted } = refused
    assert.equal(judged(bytes(accepted.patch), bytes(base), memory, room), 'applied')
    for (const { why, code, patch, ...more } of refused.refused) {
      const got = judged(bytes(patch), bytes(more.base ?? base), more.memory ?? memory, more.room ?? room)
      assert.equal(got, code, why)
    }
  })

  test('there is one for each code that whoever applies a patch may give', () => {
    const given = new Set(refused.refused.map(({ code }: { code: string }) => code))
    const applying = ['malformed', 'newer', 'altered', 'base-differs', 'target-differs', 'memory-refused', 'no-room']
    assert.deepEqual([...given].toSorted(), applying.map(code => `patch-${code}`).toSorted())
    for (const code of given) assert(Object.hasOwn(deltaCodes, code as string), `${code}`)
  })

  test('the pieces: bits and covers are read as they were written', () => {
    const { arithmetic, covers } = read(Object.keys(DELTA_VECTORS).find(name => name.includes('pieces')) as string)
    const reader = new BitReader(bytes(arithmetic.bytes))
    const likely = arithmetic.probabilities.split(' ').map(Number) as number[]
    assert.equal(likely.map(one => reader.code(one)).join(''), arithmetic.bits)
    const coder = new CoverCoder(new BitReader(bytes(covers.payload)))
    for (const cover of covers.covers) assert.deepEqual(coder.code({ old: 0, new: 0, length: 1 }), cover)
  })
})

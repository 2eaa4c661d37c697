import { nodeCrypto as crypto } from '../src/adapters/crypto-node.ts'
import { PatchApplier } from '../src/core/delta/apply.ts'
import { BitWriter } from '../src/core/delta/arithmetic.ts'
import { carryOut } from '../src/core/delta/carry-out.ts'
import { type Cover, CoverCoder } from '../src/core/delta/covers.ts'
import { createPatch, type PatchOrder } from '../src/core/delta/create.ts'
import { probabilityOf } from '../src/core/delta/odds.ts'
import {
  BLOCK_HEAD_BYTES,
  blocksOf,
  CHAIN_BYTES,
  chainDigest,
  HEADER_BYTES,
  memoryOf,
  PATCH_VERSION,
  type PatchHeader,
  parseHeader,
  writeBlock,
  writeHeader,
} from '../src/core/delta/patch.ts'
import { ARCHITECTURES, type Architecture } from '../src/core/delta/references.ts'
import { NEXT, ODDS } from '../src/core/delta/tallies.ts'
import { concat, toHex } from '../src/core/encoding/bytes.ts'
import type { Json, JsonObject } from '../src/core/encoding/canonical-json.ts'
import { orThrow } from '../src/core/refusal/refusal.ts'
import { LOAD, linkedImage } from './delta-images.ts'

/** The vectors of the delta format, one file each: what a port of the applier is held against. The version of the format is in their names. */

const SOURCE = 'docs/delta-format.md'
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)
const BASE_ORDER = range(0, 100)
/** Some functions are gone, five are new, five have moved to the end: everything behind them has moved, and every call over them. */
const TARGET_ORDER = [...range(0, 4), 100, ...range(7, 50), ...range(101, 105), ...range(55, 100), ...range(50, 55)]

/** Little memory and small blocks: so that a small image shows places that are taken over, and many boundaries. */
const SMALL = { slotBits: 10, blockBytes: 40 } as const

function patchOf(order: PatchOrder): Uint8Array {
  const work = createPatch(crypto, order)
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/** A patch, what is in it, and where each of its blocks leaves the image. */
function patchVector(architecture: Architecture, old: Uint8Array, now: Uint8Array): Json {
  const patch = patchOf({ old, now, architecture, load: LOAD, ...SMALL })
  const header = orThrow(parseHeader(patch, 'the vectors'))
  return {
    source: SOURCE,
    base: toHex(old),
    target: toHex(now),
    patch: toHex(patch),
    header: {
      architecture,
      slotBits: header.slotBits,
      loadAddress: header.load,
      baseLength: header.base.length,
      baseDigest: toHex(header.base.digest),
      targetLength: header.target.length,
      targetDigest: toHex(header.target.digest),
      covers: header.covers,
      longestPayload: header.longest,
      firstBlock: toHex(header.first),
    },
    memory: memoryOf(header),
    blocks: boundaries(patch, header, old),
  }
}

/** Behind each block: what the journal keeps of it, and what is in the slot by then. */
function boundaries(patch: Uint8Array, header: PatchHeader, old: Uint8Array): JsonObject[] {
  const room = header.target.length
  const applier = orThrow(PatchApplier.of(header, crypto, { memory: memoryOf(header), room }))
  const now = new Uint8Array(room)
  const slots = {
    readOld: (at: number, length: number) => old.subarray(at, at + length),
    readNew: (at: number, length: number) => now.subarray(at, at + length),
    write: (at: number, bytes: Uint8Array) => {
      now.set(bytes, at)
      return null
    },
  }
  let offset = HEADER_BYTES
  return [...blocksOf(patch)].map(block => {
    const begin = offset
    const kind = applier.wantsCovers ? 'covers' : 'bytes'
    const fault = carryOut(applier.take(block), slots)
    if (fault !== null) throw new Error(fault.code)
    offset += block.length
    const { written, next } = applier.progress
    const sha256 = toHex(crypto.sha256(now.subarray(0, written)))
    return { at: begin, bytes: block.length, kind, written, next: toHex(next), writtenSha256: sha256 }
  })
}

type Payload = { readonly count: number; readonly payload: Uint8Array }

/** A patch of these payloads, whose digests fit. */
function forged(header: PatchHeader, payloads: readonly Payload[]): Uint8Array {
  let next: Uint8Array = new Uint8Array(CHAIN_BYTES)
  const blocks: Uint8Array[] = []
  for (const one of payloads.toReversed()) {
    const block = writeBlock({ ...one, next })
    blocks.unshift(block)
    next = chainDigest(crypto, block)
  }
  return concat(writeHeader({ ...header, first: next }), ...blocks)
}

/** Patches that must be refused: the base is that of the file, the means are what a controller has. */
function refusals(): Json {
  const base = linkedImage('none', range(0, 12))
  const target = linkedImage('none', [...range(3, 12), 1, ...range(100, 120)])
  const patch = patchOf({ old: base, now: target, architecture: 'none', load: 0, slotBits: 10 })
  const header = orThrow(parseHeader(patch, 'the vectors'))
  const payloads = [...blocksOf(patch)].map(
    (block): Payload => ({
      count: new DataView(block.buffer, block.byteOffset).getUint32(4, true),
      payload: block.slice(BLOCK_HEAD_BYTES),
    }),
  )
  const [covers, bytes] = payloads as [Payload, Payload]
  const changed = (at: number, value: number): Uint8Array => patch.with(at, value)
  const cover = (...all: Cover[]): Payload => {
    const writer = new BitWriter()
    const coder = new CoverCoder(writer)
    for (const one of all) coder.code(one)
    return { count: all.length, payload: writer.end() }
  }
  const one = (of: Cover): Uint8Array => forged({ ...header, covers: 1 }, [cover(of), bytes])
  const memory = memoryOf(header)
  const room = target.length
  const { length } = base
  const rows: readonly (readonly [why: string, code: string, patch: Uint8Array, more?: JsonObject])[] = [
    ['shorter than a header', 'patch-malformed', patch.slice(0, HEADER_BYTES - 1)],
    ['the letters at its beginning are others', 'patch-malformed', changed(0, 0x42)],
    ['a later version', 'patch-newer', changed(4, PATCH_VERSION + 1)],
    ['an architecture that is not known', 'patch-newer', changed(5, 200)],
    ['fewer slots than any model has', 'patch-malformed', changed(6, 9)],
    ['more slots than any model has', 'patch-malformed', changed(6, 23)],
    ['a reserved byte', 'patch-malformed', changed(7, 1)],
    ['a load address between words', 'patch-malformed', changed(8, 2)],
    ['a base of 2^31 bytes', 'patch-malformed', changed(15, 0x80)],
    ['a target of 2^31 bytes', 'patch-malformed', changed(19, 0x80)],
    ['more covers than the target has bytes', 'patch-malformed', changed(22, 0xff)],
    ['more memory than there is for it', 'patch-memory-refused', patch, { memory: memory - 1 }],
    ['more room than there is for its target', 'patch-no-room', patch, { room: room - 1 }],
    ['another base', 'patch-base-differs', patch, { base: toHex(base.with(9, base[9]! ^ 1)) }],
    ['a byte of a block changed on its way', 'patch-altered', changed(patch.length - 1, patch.at(-1)! ^ 1)],
    ['a block that is cut', 'patch-malformed', patch.slice(0, -1)],
    ['a block of nothing', 'patch-malformed', forged(header, [covers, { ...bytes, count: 0 }])],
    [
      'a block of more bytes than the target',
      'patch-malformed',
      forged(header, [covers, { ...bytes, count: room + 1 }]),
    ],
    ['a block of 2^32 − 1 bytes', 'patch-malformed', forged(header, [covers, { ...bytes, count: 0xffff_ffff }])],
    ['a longer payload than the header says', 'patch-malformed', forged({ ...header, longest: 3 }, payloads)],
    [
      'a payload that ends before its bits do',
      'patch-malformed',
      forged(header, [covers, { ...bytes, payload: bytes.payload.slice(0, bytes.payload.length >> 1) }]),
    ],
    [
      'more covers in a block than the header says',
      'patch-malformed',
      forged(header, [{ ...covers, count: covers.count + 1 }, bytes]),
    ],
    ['a block behind the last byte', 'patch-malformed', forged(header, [covers, bytes, bytes])],
    ['a cover before the base', 'patch-malformed', one({ old: -1, new: 0, length: 4 })],
    ['a cover across the end of the base', 'patch-malformed', one({ old: length - 3, new: 0, length: 4 })],
    ['a cover across the end of the target', 'patch-malformed', one({ old: 0, new: room - 3, length: 4 })],
    ['a cover that 32 bits do not hold', 'patch-malformed', one({ old: 0, new: 2 ** 31 - 2, length: 2 ** 31 - 1 })],
    [
      'blocks that make another image than the header says',
      'patch-target-differs',
      forged({ ...header, target: { length: room, digest: header.base.digest } }, payloads),
    ],
    ['blocks that make less than the header says', 'patch-target-differs', patch.slice(0, HEADER_BYTES)],
  ]
  return {
    source: SOURCE,
    base: toHex(base),
    memory,
    room,
    accepted: { patch: toHex(patch), target: toHex(target) },
    refused: rows.map(([why, code, bytes, more = {}]) => ({ why, code, patch: toHex(bytes), ...more })),
  }
}

/** The pieces by themselves, for whoever looks for the one that is wrong. */
function pieces(): Json {
  const bits = Array.from({ length: 400 }, (_, at): [number, number] => {
    const likely = 1 + ((at * at * 31 + at * 7) % 4095)
    return [likely, (at * 0x9e37) % 4096 < likely ? 1 : 0]
  })
  const writer = new BitWriter()
  for (const [likely, bit] of bits) writer.code(likely, bit)
  const all: Cover[] = [
    { old: 0, new: 0, length: 1 },
    { old: 1000, new: 1, length: 300 },
    { old: 900, new: 500, length: 65_536 },
    { old: 2 ** 30, new: 70_000, length: 2 ** 30 },
  ]
  const covers = new BitWriter()
  const coder = new CoverCoder(covers)
  for (const cover of all) coder.code(cover)
  return {
    source: SOURCE,
    arithmetic: {
      probabilities: bits.map(([likely]) => likely).join(' '),
      bits: bits.map(([, bit]) => bit).join(''),
      bytes: toHex(writer.end()),
    },
    covers: { covers: all.map(cover => ({ ...cover })), payload: toHex(covers.end()) },
    tallies: table([...NEXT]),
    logOdds: table([...ODDS]),
    probabilities: table(Array.from({ length: 256 }, (_, at) => probabilityOf(at - 128))),
  }
}

/** Every 64th number of a table, and the digest of all of them, of 16 bits each, the lowest byte first. */
function table(numbers: readonly number[]): Json {
  const bytes = new Uint8Array(2 * numbers.length)
  const view = new DataView(bytes.buffer)
  for (const [at, value] of numbers.entries()) view.setInt16(2 * at, value, true)
  const some = numbers.filter((_, at) => at % 64 === 0)
  return { numbers: numbers.length, every64th: some.join(' '), sha256: toHex(crypto.sha256(bytes)) }
}

const name = (what: string): string => `v${PATCH_VERSION}-${what}.json`

/** What `conformance/delta` holds. */
export const DELTA_VECTORS: Readonly<Record<string, () => Json>> = {
  ...Object.fromEntries(
    ARCHITECTURES.map(architecture => [
      name(architecture),
      () => patchVector(architecture, linkedImage(architecture, BASE_ORDER), linkedImage(architecture, TARGET_ORDER)),
    ]),
  ),
  [name('from-nothing')]: () => patchVector('none', new Uint8Array(0), linkedImage('cortex-m', range(0, 30))),
  [name('to-nothing')]: () => patchVector('none', linkedImage('cortex-m', range(0, 30)), new Uint8Array(0)),
  [name('refused')]: refusals,
  [name('pieces')]: pieces,
}

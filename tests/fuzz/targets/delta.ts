import { nodeCrypto as crypto } from '../../../src/adapters/crypto-node.ts'
import { type Means, PatchApplier, type Progress } from '../../../src/core/delta/apply.ts'
import { BitWriter } from '../../../src/core/delta/arithmetic.ts'
import { carryOut, type PatchSlots } from '../../../src/core/delta/carry-out.ts'
import { CoverCoder } from '../../../src/core/delta/covers.ts'
import {
  BLOCK_HEAD_BYTES,
  blocksOf,
  CHAIN_BYTES,
  chainDigest,
  HEADER_BYTES,
  type PatchHeader,
  parseHeader,
  writeHeader,
} from '../../../src/core/delta/patch.ts'
import { MARGIN } from '../../../src/core/delta/references/stretch.ts'
import { ARCHITECTURES } from '../../../src/core/delta/references.ts'
import { concat, sameBytes } from '../../../src/core/encoding/bytes.ts'
import { isRefusal, type Refusal, refuse } from '../../../src/core/refusal/refusal.ts'
import { drawn, patchOf } from '../../core/delta/images.ts'
import { MemorySlots } from '../../core/delta/memory-slots.ts'
import { realImage } from '../../core/delta/real-firmware.ts'
import type { Draw } from '../draw.ts'
import type { Target } from '../input.ts'
import { hold, outcomeOf, TAKEN } from '../outcome.ts'

/** What a small controller gives a patch. */
const MEANS: Means = { memory: 48 * 1024, room: 4096 }
const LOAD = 0x0800_8000

/** Code of a Cortex-M4 with branches and pointers, a little of it, moved and changed. */
const OLD = concat(
  realImage('essentialhub', '7-27').slice(0, 500),
  realImage('essentialhub', '7-27').slice(40_000, 40_500),
)
const NOW = concat(OLD.slice(0, 300), drawn(3, 70), OLD.slice(340, 900), OLD.slice(100, 260), drawn(4, 20))
/** Patches of each architecture, from nothing, and to nothing; most in many small blocks. */
const SEEDS: readonly Uint8Array[] = [
  ...ARCHITECTURES.map(architecture => ({ old: OLD, now: NOW, architecture, load: LOAD })),
  { old: OLD, now: OLD.slice(7), architecture: 'none', load: 0 } as const,
  { old: OLD.slice(0, 0), now: NOW.slice(0, 200), architecture: 'none', load: 0 } as const,
  { old: OLD, now: OLD.slice(0, 0), architecture: 'none', load: 0 } as const,
].map(order => patchOf({ ...order, slotBits: 10, blockBytes: 24 }))

/** Bases by their length and digest: what a controller holds against the header before it begins. */
const BASES = [OLD, OLD.slice(0, 0)]

const NUMBERS = [0, 1, 2, 3, 4, 23, 24, 107, 108, 255, 256, 500, 999, 1000, 1001, 4095, 4096, 4097, 65_535, 65_536]
const LARGE = [0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffc, 2 ** 30]

type Payload = { count: number; payload: Uint8Array }

/** A patch whose parts are changed by what they mean, mostly a little. */
function growPatch(draw: Draw): Uint8Array {
  const patch = draw.pick(SEEDS)
  const header = patch.slice(0, HEADER_BYTES)
  let blocks = partsOf(patch)
  for (let left = draw.few(); left > 0; left -= 1) blocks = draw.pick(CHANGES)(draw, blocks, header)
  return concat(header, ...blocks.map(({ count, payload }) => blockOf(payload.length, count, payload)))
}

const number = (draw: Draw): number =>
  draw.chance(0.6) ? draw.pick(NUMBERS) : draw.chance(0.4) ? draw.pick(LARGE) : draw.below(3000)

const CHANGES: readonly ((draw: Draw, blocks: Payload[], header: Uint8Array) => Payload[])[] = [
  (draw, blocks, header) => {
    const at = draw.pick([8, 12, 16, 20, 24])
    const view = new DataView(header.buffer)
    const value = draw.chance(0.5) ? view.getUint32(at, true) + draw.from(-2, 2) : number(draw)
    view.setUint32(at, value >>> 0, true)
    return blocks
  },
  (draw, blocks, header) => {
    header[draw.pick([5, 6, 6, 7])] = draw.chance(0.7) ? draw.below(4) + draw.pick([0, 9, 20]) : draw.below(256)
    return blocks
  },
  ...Array.from({ length: 4 }, () => (draw: Draw, blocks: Payload[]) => {
    const at = draw.below(blocks.length)
    return blocks.map(({ count, payload }, index) => ({
      count,
      payload: index === at ? spoiled(draw, payload) : payload,
    }))
  }),
  (draw, blocks) => {
    const at = draw.below(blocks.length)
    return blocks.map((block, index) => (index === at ? { ...block, count: number(draw) } : block))
  },
  (draw, blocks) => {
    const at = draw.below(blocks.length)
    const change = draw.pick([
      (payload: Uint8Array) => payload.slice(0, draw.below(payload.length + 1)),
      (payload: Uint8Array) => concat(payload, draw.bytes(draw.from(1, 9))),
      () => draw.bytes(draw.from(0, 24)),
      () => new Uint8Array(draw.below(24)).fill(draw.pick([0, 0xff])),
    ])
    return blocks.map((block, index) => (index === at ? { ...block, payload: change(block.payload) } : block))
  },
  (draw, blocks) => blocks.toSpliced(draw.below(blocks.length), draw.below(3)),
  (draw, blocks) =>
    blocks.toSpliced(draw.below(blocks.length), 0, draw.pick(blocks) ?? { count: 1, payload: draw.bytes(3) }),
  (draw, blocks) => [...blocks, ...partsOf(draw.pick(SEEDS)).slice(draw.below(4))],
  (draw, _, header) => {
    // Covers that nobody would write, and bytes behind them.
    const writer = new BitWriter()
    const coder = new CoverCoder(writer)
    const count = draw.few()
    let at = 0
    for (let left = count; left > 0; left -= 1) {
      const wild = draw.chance(0.1)
      const length = wild ? 1 + (draw.pick(LARGE) % (2 ** 31 - 1)) : 1 + draw.below(300)
      const old = wild ? draw.from(-2000, 5000) : draw.below(1000 - length > 0 ? 1000 - length : 1)
      coder.code({ old, new: at, length })
      at += length + (draw.chance(0.5) ? 0 : draw.below(50))
    }
    new DataView(header.buffer).setUint32(20, count, true)
    const bytes = Array.from({ length: draw.few() }, () => ({
      count: 1 + draw.below(600),
      payload: draw.bytes(draw.below(24)),
    }))
    return [{ count, payload: writer.end() }, ...bytes]
  },
]

function spoiled(draw: Draw, payload: Uint8Array): Uint8Array {
  const bytes = payload.slice()
  for (let left = draw.few(); left > 0 && bytes.length > 0; left -= 1) {
    bytes[draw.below(bytes.length)]! ^= draw.chance(0.5) ? 1 << draw.below(8) : draw.below(256)
  }
  return bytes
}

const partsOf = (patch: Uint8Array): Payload[] =>
  [...blocksOf(patch)].map(block => ({
    count: new DataView(block.buffer, block.byteOffset).getUint32(4, true),
    payload: block.slice(BLOCK_HEAD_BYTES),
  }))

function blockOf(length: number, count: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BLOCK_HEAD_BYTES + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, length, true)
  view.setUint32(4, count >>> 0, true)
  bytes.set(payload, BLOCK_HEAD_BYTES)
  return bytes
}

/** The same patch with digests that fit: as somebody makes one who holds the key, and what no digest stops. */
export function signed(patch: Uint8Array, header: PatchHeader): Uint8Array {
  let next = new Uint8Array(CHAIN_BYTES)
  const blocks = [...blocksOf(patch)].map(block => block.slice())
  for (const block of blocks.toReversed()) {
    if (block.length < BLOCK_HEAD_BYTES) continue
    block.set(next, 8)
    next = chainDigest(crypto, block) as Uint8Array<ArrayBuffer>
  }
  return concat(writeHeader({ ...header, first: next }), ...blocks)
}

/** Slots that count what is asked of them, beside refusing by a crash whatever is asked outside of them. */
class CountedSlots extends MemorySlots implements PatchSlots {
  asked = 0
  wanted = 0

  override readOld(at: number, length: number): Uint8Array {
    this.asked += 1
    this.wanted += length
    return super.readOld(at, length)
  }
}

type Applied = { readonly end: Refusal | null; readonly slots: CountedSlots; readonly journals: readonly Progress[] }

/** Applies a patch; `after`: a controller anew, whose journal says that it was behind a block of the whole. */
function applied(
  header: PatchHeader,
  patch: Uint8Array,
  base: Uint8Array,
  after: { readonly whole: Applied; readonly cut: number } | null = null,
): Applied {
  const { length } = header.target
  const applier = PatchApplier.of(header, crypto, MEANS)
  if (isRefusal(applier)) return { end: applier, slots: new CountedSlots(base, 0), journals: [] }
  const slots = new CountedSlots(base, length)
  const journals: Progress[] = []
  for (const [index, block] of [...blocksOf(patch)].entries()) {
    if (after !== null && !applier.wantsCovers && index <= after.cut) {
      if (index < after.cut) continue
      const journal = after.whole.journals[index] as Progress
      slots.written.set(after.whole.slots.written.subarray(0, journal.written))
      slots.end = journal.written
      const fault = carryOut(applier.resume(journal), slots)
      if (fault !== null) return { end: fault, slots, journals }
      continue
    }
    const { written } = applier.progress
    const end = carryOut(applier.take(block), slots)
    hold(applier.progress.written >= written, 'an application that goes back')
    journals.push(applier.progress)
    if (end !== null) return { end, slots, journals }
  }
  hold(slots.asked <= length, 'more questions than the image has bytes')
  hold(slots.wanted <= length + 2 * MARGIN * slots.asked, 'more bytes of the base than the image has')
  hold(slots.end === applier.progress.written, 'bytes written that nobody says were')
  const cut = refuse('patch-malformed', 'fuzz', 'all of its blocks', 'fewer')
  return { end: applier.isWhole ? null : cut, slots, journals }
}

/**
 * The applier of patches: as the bytes came, and with digests made to fit, so that what a digest stops is not all that is seen. It never asks for
 * bytes outside of the base, never writes out of order or beyond the image, never asks more often than the image has bytes, takes no more memory than it
 * states, and goes on behind a power cut to the same bytes.
 */
const patches: Target = {
  name: 'patch',
  form: { of: 'fields', grow: growPatch },
  // A patch has no length of its own beyond what its header says: whatever comes behind is refused block by block.
  limit: 1024 * 1024,
  share: 6,
  seeds: SEEDS,
  words: ['VSDP\u0001\u0001\u000a', 'VSDP\u0001\u0000\u000a'],
  read: bytes => {
    const header = parseHeader(bytes, 'fuzz')
    if (isRefusal(header)) return outcomeOf(header)
    const base = BASES.find(({ length }) => length === header.base.length)
    if (base === undefined) return 'another base'
    const asItCame = applied(header, bytes, base)
    const isTaken = asItCame.end === null && sameBytes(crypto.sha256(asItCame.slots.written), header.target.digest)
    if (isTaken) hold(isSameBehindACut(header, bytes, base, asItCame), 'another image behind a power cut')
    if (isTaken) return TAKEN
    const forged = signed(bytes, header)
    const opened = parseHeader(forged, 'fuzz')
    if (isRefusal(opened)) return outcomeOf(opened)
    const first = applied(opened, forged, base)
    if (first.end !== null) return outcomeOf(first.end)
    // Bits that no generator writes (a row said to differ that does not) are not learned again as they were: the image may be another one, and is
    // then refused by its digest. It is within its bounds all the same.
    return isSameBehindACut(opened, forged, base, first)
      ? 'another image'
      : 'another image, and another behind a power cut'
  },
}

/** Power fails behind a block that the bytes choose. */
function isSameBehindACut(header: PatchHeader, patch: Uint8Array, base: Uint8Array, whole: Applied): boolean {
  if (whole.journals.length === 0) return true
  const cut = (patch.length * 7 + (patch.at(-1) ?? 0)) % whole.journals.length
  const again = applied(header, patch, base, { whole, cut })
  return again.end === null && sameBytes(again.slots.written, whole.slots.written)
}

export const DELTA: readonly Target[] = [patches]

import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { AddressMap } from '../../src/core/delta/address-map.ts'
import { BitWriter } from '../../src/core/delta/arithmetic.ts'
import { type Cover, CoverCoder } from '../../src/core/delta/covers.ts'
import { ImageWalk } from '../../src/core/delta/image-walk.ts'
import { CHAIN_BYTES, chainDigest, writeBlock, writeHeader } from '../../src/core/delta/patch.ts'
import type { Architecture } from '../../src/core/delta/references.ts'
import { concat } from '../../src/core/encoding/bytes.ts'
import { Draw } from '../fuzz/draw.ts'
import type { Order } from './framed.ts'

/** Instructions of an architecture that refer to something: which bits are set, and which may be anything. */
const REFERENCES: Readonly<Record<Architecture, readonly (readonly [set: number, any: number])[]>> = {
  none: [[0, -1]],
  // As words, the first halfword lowest.
  'cortex-m': [
    [0xd000_f000, 0x2803_0403], // BL, near by
    [0x9000_f000, 0x6fff_07ff],
    [0x8000_f000, 0x2fff_07ff],
    [0xd100_b100, 0x0fff_0aff],
    [0xe000_d000, 0x07ff_0fff],
    [0x4800_a000, 0x07ff_07ff],
    [0x0000_f8df, 0x0fff_0000],
    [0x0a00_ed9f, 0xf1ff_0040],
    [0x2000_0000, 0x0000_ffff],
  ],
  aarch64: [
    [0x9400_0000, 0x0200_0fff],
    [0x1400_0000, 0x03ff_ffff],
    [0x9000_0000, 0x6000_0023],
    [0x9000_0003, 0x6000_0000],
    [0x9100_0060, 0x003f_ff83],
    [0x3900_0060, 0xc4ff_fc1f],
    [0x3d80_0060, 0xc07f_fc1f],
    [0xffff_ffff, 0],
    [0, 0],
  ],
  riscv: [
    [0x0000_00ef, 0x07ff_f000],
    [0x0000_006f, 0xffff_f000],
    [0x0000_0517, 0x0000_1000],
    [0x0005_0513, 0xfff0_0000],
    [0x0005_2583, 0xfff0_0000],
    [0x00a5_2023, 0xfe00_0f80],
    [0x0005_2507, 0xfff0_0000],
    [0x00a5_2027, 0xfe00_0f80],
    // A pair whose end looks like a jump.
    [0x0000_0f97, 0x0000_1000],
    [0x00ef_8f93, 0],
    [0x0005_00e7, 0xfff0_0000],
    [0, 0],
    // Behind such a pair: how far that jump would lead.
    [0, 0x0000_7ff0],
  ],
  arm: [
    [0xeb00_0000, 0x0000_07ff],
    [0xea00_0000, 0x00ff_ffff],
    [0xfa00_0000, 0x01ff_ffff],
    [0xe51f_0000, 0x0080_ffff],
    [0xf51f_0000, 0x0080_ffff],
    [0x2000_0000, 0x0000_ffff],
  ],
}

/** 6000 bytes of them, with addresses between. */
function codeOf(architecture: Architecture, load: number, seed: number): Uint8Array {
  const draw = new Draw(seed)
  const code = new DataView(new ArrayBuffer(6000))
  for (let at = 0; at + 4 <= code.byteLength; at += draw.pick([2, 4, 4, 4, 4, 4, 4])) {
    const [set, any] = draw.pick(REFERENCES[architecture])
    const random = Math.floor(draw.below(2 ** 16)) * 2 ** 16 + draw.below(2 ** 16)
    const isAddress = draw.chance(0.15)
    code.setUint32(at, isAddress ? load + draw.below(6200) : (set | (random & any)) >>> 0, true)
  }
  return new Uint8Array(code.buffer)
}

/** Stretches of it from anywhere, most of them at an even or aligned place. */
function coversOf(draw: Draw, length: number): Cover[] {
  const covers: Cover[] = []
  for (let at = 0; covers.length < 30; ) {
    const step = draw.pick([4, 4, 4, 2, 2, 1])
    const size = draw.from(1, 400)
    const now = Math.ceil((at + draw.pick([0, 0, 0, 3, 9])) / step) * step
    covers.push({ old: Math.floor(draw.below(length - size + 1) / step) * step, new: now, length: size })
    at = now + size
  }
  return covers
}

/** A patch of such code by covers that no search would find: what is foreseen is mostly wrong, and every byte of it counts all the same. */
export function denseOrder(of: {
  readonly architecture: Architecture
  readonly load: number
  readonly seed: number
}): Order {
  const { architecture, load, seed } = of
  const draw = new Draw(seed)
  const old = codeOf(architecture, load, seed + 100)
  const covers = coversOf(draw, old.length)
  const { new: last, length } = covers.at(-1) as Cover
  const now = draw.bytes(last + length + 5)
  for (const cover of covers) now.set(old.subarray(cover.old, cover.old + cover.length), cover.new)
  const writer = new BitWriter()
  const coder = new CoverCoder(writer)
  for (const cover of covers) coder.code(cover)
  const first = { count: covers.length, payload: writer.end() }
  const map = new AddressMap(covers)
  const walk = new ImageWalk({ architecture, slotBits: 10, covers, old: { length: old.length, load, map } })
  while (walk.at < now.length) {
    const step = walk.step(writer, now.slice(walk.at, walk.at + 512))
    for (let next = step.next(); !next.done; ) {
      next = step.next(old.subarray(next.value.at, next.value.at + next.value.length))
    }
  }
  const bytes = writeBlock({ count: now.length, payload: writer.end(), next: new Uint8Array(CHAIN_BYTES) })
  const blocks = [writeBlock({ ...first, next: chainDigest(crypto, bytes) }), bytes] as const
  const header = writeHeader({
    architecture,
    slotBits: 10,
    load,
    base: { length: old.length, digest: crypto.sha256(old) },
    target: { length: now.length, digest: crypto.sha256(now) },
    covers: covers.length,
    longest: Math.max(...blocks.map(block => block.length)),
    first: chainDigest(crypto, blocks[0]),
  })
  return { base: old, patch: concat(header, ...blocks), memory: 1 << 20, room: now.length, checked: true }
}

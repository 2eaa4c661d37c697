import { spawnSync } from 'node:child_process'
import { nodeCrypto as crypto } from '../../src/adapters/crypto-node.ts'
import { type Means, PatchApplier } from '../../src/core/delta/apply.ts'
import { carryOut } from '../../src/core/delta/carry-out.ts'
import type { Boundary } from '../../src/core/delta/journal.ts'
import { blocksOf, HEADER_BYTES, parseHeader } from '../../src/core/delta/patch.ts'
import { concat, sameBytes } from '../../src/core/encoding/bytes.ts'
import { isRefusal } from '../../src/core/refusal/refusal.ts'
import { MemorySlots } from '../core/delta/memory-slots.ts'

/**
 * A patch that is applied by each of both appliers. `checked`: with the digests of base and target, as a device does. `cut`: anew, behind the block
 * of this number, where a journal says that `written` is in flash.
 */
export type Order = Means & {
  readonly base: Uint8Array
  readonly patch: Uint8Array
  readonly checked?: true
  readonly cut?: { readonly block: number; readonly next: Uint8Array; readonly written: Uint8Array }
  /** How far from an aligned address the memory begins. */
  readonly askew?: number
}

/** What came of it: the code, all that is in flash, and each place that was journaled. */
export type Outcome = { readonly code: string; readonly written: Uint8Array; readonly places: readonly Boundary[] }

/** In the order of the C applier's. */
const CODES = [
  'ok',
  'patch-malformed',
  'patch-newer',
  'patch-altered',
  'patch-base-differs',
  'patch-target-differs',
  'patch-memory-refused',
  'patch-no-room',
]

const NO_CUT = 0xffff_ffff
const PLACE_BYTES = 24

function frameOf({ memory, room, base, patch, checked, cut, askew = 0 }: Order): Uint8Array {
  const written = cut?.written ?? new Uint8Array(0)
  const checks = checked === true ? 1 : 0
  const numbers = [memory, room, askew, checks, base.length, patch.length, written.length, cut?.block ?? NO_CUT]
  const head = new Uint8Array(4 * numbers.length)
  const view = new DataView(head.buffer)
  for (const [at, number] of numbers.entries()) view.setUint32(4 * at, number, true)
  return concat(head, cut?.next ?? new Uint8Array(16), base, patch, written)
}

/** What the C applier makes of them, all in one process. Throws when it ends otherwise than it should: by a sanitizer, or a crash. */
export function appliedInC(program: string, orders: readonly Order[]): Outcome[] {
  const { status, signal, stdout, stderr } = spawnSync(program, ['frames'], {
    input: concat(...orders.map(frameOf)),
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`the C applier ended with ${status ?? signal}: ${stderr}`)
  const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.length)
  let at = 0
  const take = (length: number): Uint8Array => {
    at += length
    return new Uint8Array(stdout.subarray(at - length, at))
  }
  const outcomes = orders.map(() => {
    const [code, length, count] = [0, 4, 8].map(number => view.getUint32(at + number, true)) as [number, number, number]
    at += 12
    const places = Array.from({ length: count }, () => {
      const [written, offset] = [view.getUint32(at, true), view.getUint32(at + 4, true)]
      return { written, offset, next: take(PLACE_BYTES).slice(8) }
    })
    return { code: CODES[code] ?? `${code}`, written: take(length), places }
  })
  if (at !== stdout.length) throw new Error(`the C applier answered ${stdout.length - at} bytes more`)
  return outcomes
}

/** What the reference applier makes of one, in the order in which a device goes about it. */
export function applied({ memory, room, base, patch, checked, cut }: Order): Outcome {
  const header = parseHeader(patch, 'it')
  const nothing = { written: new Uint8Array(0), places: [] }
  if (isRefusal(header)) return { code: header.code, ...nothing }
  const applier = PatchApplier.of(header, crypto, { memory, room })
  if (isRefusal(applier)) return { code: applier.code, ...nothing }
  const slots = new MemorySlots(base, header.target.length)
  slots.written.set(cut?.written ?? [])
  slots.end = cut?.written.length ?? 0
  const places: Boundary[] = []
  const ended = (code: string): Outcome => ({ code, written: slots.written.slice(0, slots.end), places })
  const differs = (bytes: Uint8Array, digest: Uint8Array): boolean =>
    checked === true && !sameBytes(crypto.sha256(bytes), digest)
  if (differs(base, header.base.digest)) return ended('patch-base-differs')
  let offset = HEADER_BYTES
  for (const [index, block] of [...blocksOf(patch)].entries()) {
    offset += block.length
    const { wantsCovers } = applier
    let fault = null
    if (cut === undefined || index > cut.block || wantsCovers) fault = carryOut(applier.take(block), slots)
    else if (index === cut.block) {
      fault = carryOut(applier.resume({ written: cut.written.length, next: cut.next }), slots)
    }
    if (fault !== null) return ended(fault.code)
    if (!wantsCovers && (cut === undefined || index > cut.block)) places.push({ ...applier.progress, offset })
  }
  const isTarget = applier.isWhole && !differs(slots.written, header.target.digest)
  return ended(isTarget ? 'ok' : 'patch-target-differs')
}

/** The same order, anew behind each of the places that its outcome journaled. */
export function cutBehindEach(order: Order, { written, places }: Outcome): Order[] {
  const covers = [...blocksOf(order.patch)].length - places.length
  return places.map((place, index) => ({
    ...order,
    cut: { block: covers + index, next: place.next, written: written.slice(0, place.written) },
  }))
}
